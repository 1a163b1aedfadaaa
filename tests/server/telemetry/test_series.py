"""Our own counters and histograms are written out as the library writes its own."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st
from llmgateway_server.telemetry.series import Counts, Distributions
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

BOUNDS = (0.01, 0.5, 1, 1024, 1048576)
LABELS = st.tuples(st.sampled_from(["chat", "embeddings"]), st.sampled_from(["gpt-4o", 'odd "name"\n\\', ""]))
AMOUNTS = st.one_of(st.sampled_from([0.0, *map(float, BOUNDS), math.inf]), st.floats(0, 1e9))


def lines(registry: CollectorRegistry) -> list[str]:
    """Return what is read out, without the times at which the library made its series."""
    text = generate_latest(registry).decode()
    return sorted(line for line in text.splitlines() if "_created" not in line)


@given(st.lists(st.tuples(LABELS, AMOUNTS)))
def test_a_histogram_reads_as_the_library_s(observed: list[tuple[tuple[str, str], float]]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    mine = Distributions(ours, "a_seconds", "Some text.", ("operation", "model"), BOUNDS)
    library = Histogram("a_seconds", "Some text.", ("operation", "model"), registry=theirs, buckets=BOUNDS)
    for labels, amount in observed:
        mine.add(labels, amount)
        library.labels(*labels).observe(amount)
    assert lines(ours) == lines(theirs)


@given(st.lists(st.tuples(LABELS, st.floats(0, 1e9))))
def test_a_counter_reads_as_the_library_s(counted: list[tuple[tuple[str, str], float]]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    mine = Counts(ours, "a_calls", "Some text.", ("operation", "model"))
    library = Counter("a_calls", "Some text.", ("operation", "model"), registry=theirs)
    for labels, amount in counted:
        mine.add(labels, amount)
        library.labels(*labels).inc(amount)
    assert lines(ours) == lines(theirs)


def test_a_plain_count_adds_one() -> None:
    registry = CollectorRegistry()
    counts = Counts(registry, "a_calls", "Some text.", ("operation",))
    counts.add(("chat",))
    counts.add(("chat",))
    assert registry.get_sample_value("a_calls_total", {"operation": "chat"}) == 2
