"""The measurement: contestants in turn, round after round, so that what the machine does to one it does to all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from tests.bench.contestants import Contestant, Gateway, Yardsticks
from tests.bench.load import LoadResult, run_driver

HTTP_DRIVER, GRPC_DRIVER = "tests.bench.http_load", "tests.bench.grpc_load"

Drive = Callable[[str, Sequence[str], float], LoadResult]


class BadAnswersError(Exception):
    """A contestant answered wrongly: its figures would mean nothing."""


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that is measured: contestants under the same load, the yardstick first.

    `most` is the ratio to reach, None where there is none.
    """

    name: str
    driver: str
    kind: str
    contestants: Sequence[Contestant]
    most: float | None = None


@dataclass(frozen=True, slots=True)
class Effort:
    """How much to measure: rounds, seconds of load in each, and connections at once."""

    round_count: int
    load_s: float
    warm_up_s: float
    connection_count: int


FULL = Effort(round_count=9, load_s=1.0, warm_up_s=0.2, connection_count=16)
QUICK = Effort(round_count=1, load_s=0.15, warm_up_s=0.05, connection_count=4)


@dataclass(frozen=True, slots=True)
class Sample:
    """One contestant in one round: CPU a call and rate under load; latency of one connection by itself."""

    cpu_us: float
    rate: float
    p50_ms: float
    p99_ms: float
    resident_mib: float


@dataclass(frozen=True, slots=True)
class Figures:
    """One contestant of a row over all rounds: medians; `ratios` are to the yardstick in the same round."""

    name: str
    cpu_us: float
    rate: float
    p50_ms: float
    p99_ms: float
    resident_mib: float
    ratios: Sequence[float]

    @property
    def ratio(self) -> float:
        """The median ratio."""
        return median(self.ratios)


@dataclass(frozen=True, slots=True)
class RowFigures:
    """A row with its contestants' figures, the yardstick first."""

    row: Row
    figures: Sequence[Figures]

    @property
    def is_reached(self) -> bool | None:
        """Whether every contestant but the yardstick has the ratio asked for; None where none is."""
        if self.row.most is None or len(self.figures) < 2:
            return None
        return all(figures.ratio <= self.row.most for figures in self.figures[1:])


def make_rows(yardsticks: Yardsticks, gateway: Gateway | None) -> list[Row]:
    """Return what is measured; without a gateway, the yardsticks by themselves.

    Streams have 100 tokens, embeddings 1,536 numbers.
    """
    rest = [yardsticks.rest] + ([gateway.rest] if gateway else [])
    channel = [yardsticks.rest] + ([gateway.rest_over_channel] if gateway else [])
    grpc = [yardsticks.grpc] + ([gateway.grpc] if gateway else [])
    return [
        Row("REST", HTTP_DRIVER, "chat", rest, most=1.6),
        Row("REST stream", HTTP_DRIVER, "stream", rest, most=0.7),
        Row("REST by channel", HTTP_DRIVER, "chat", channel),
        Row("REST stream by channel", HTTP_DRIVER, "stream", channel),
        Row("gRPC", GRPC_DRIVER, "chat", grpc, most=1.6),
        Row("gRPC stream", GRPC_DRIVER, "stream", grpc),
        Row("REST embedding", HTTP_DRIVER, "embed", rest),
    ]


def measure_row(row: Row, effort: Effort, drive: Drive = run_driver) -> RowFigures:
    """Measure a row. Raise `BadAnswersError` where an answer was not whole."""
    for contestant in row.contestants:
        drive(row.driver, load_arguments(row, contestant, effort.connection_count), effort.warm_up_s)
    rounds = [measure_round(row, effort, drive, backwards=number % 2 == 1) for number in range(effort.round_count)]
    figures = []
    for index, contestant in enumerate(row.contestants):
        samples = [samples_of_round[index] for samples_of_round in rounds]
        ratios = [samples_of_round[index].cpu_us / samples_of_round[0].cpu_us for samples_of_round in rounds]
        figures.append(summarize_samples(contestant.name, samples, ratios))
    return RowFigures(row, figures)


def measure_round(row: Row, effort: Effort, drive: Drive, *, backwards: bool) -> list[Sample]:
    """Measure every contestant once; every other round backwards, so that none always goes first."""
    order = list(enumerate(row.contestants))
    samples = {
        index: measure_once(row, contestant, effort, drive) for index, contestant in order[:: -1 if backwards else 1]
    }
    return [samples[index] for index in sorted(samples)]


def measure_once(row: Row, contestant: Contestant, effort: Effort, drive: Drive) -> Sample:
    """Measure one contestant in one round: under load, then with a single connection."""
    before = contestant.cost()
    loaded = drive(row.driver, load_arguments(row, contestant, effort.connection_count), effort.load_s)
    after = contestant.cost()
    single = drive(row.driver, load_arguments(row, contestant, 1), effort.load_s / 2)
    for result in (loaded, single):
        if result.failed_count or not result.call_count:
            raise BadAnswersError(
                f"{row.name}: {contestant.name} failed {result.failed_count} of {result.call_count} calls"
            )
    # A tick of the system's CPU clock is 10 ms: a run that short would cost nothing.
    cpu_s = max(after.cpu_s - before.cpu_s, 0.01)
    return Sample(
        cpu_us=1e6 * cpu_s / loaded.call_count,
        rate=loaded.rate,
        p50_ms=single.p50_ms,
        p99_ms=single.p99_ms,
        resident_mib=after.resident_mib,
    )


def load_arguments(row: Row, contestant: Contestant, connection_count: int) -> list[str]:
    """Return the driver's arguments."""
    return [str(contestant.port), row.kind, f"--connections={connection_count}"]


def summarize_samples(name: str, samples: Sequence[Sample], ratios: Sequence[float]) -> Figures:
    """Return the medians over all rounds; of memory, the most."""
    return Figures(
        name,
        cpu_us=median(sample.cpu_us for sample in samples),
        rate=median(sample.rate for sample in samples),
        p50_ms=median(sample.p50_ms for sample in samples),
        p99_ms=median(sample.p99_ms for sample in samples),
        resident_mib=max(sample.resident_mib for sample in samples),
        ratios=ratios,
    )
