"""What a person at a terminal sees of answers, models and failures."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from llmgateway import GatewayError
    from llmgateway.v1 import generation_pb2, message_pb2, model_pb2, stream_pb2


def write_to(file: IO[str]) -> Callable[[str], None]:
    """Return a function that writes text at once; on a terminal without what would steer it."""
    is_terminal = file.isatty()

    def write(text: str) -> None:
        file.write(printable(text) if is_terminal else text)
        file.flush()

    return write


def printable(text: str) -> str:
    """Replace control characters other than line breaks and tabs: a model must not steer the terminal."""
    return "".join(c if c in "\n\t" or c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


class AnswerWriter:
    """Writes the events of one generation: text and tool calls to one side, thoughts to the other."""

    def __init__(self, write_out: Callable[[str], None], write_aside: Callable[[str], None]) -> None:
        self._write_out = write_out
        self._write_aside = write_aside
        # Open parts by candidate and index; with each, the pieces of what a tool is called with.
        self._parts: dict[tuple[int, int], message_pb2.Part] = {}
        self._inputs: dict[tuple[int, int], list[str]] = {}
        self._is_aside = False
        self._column_is_zero = True

    def write(self, event: stream_pb2.GenerationEvent) -> None:
        """Write what an event adds."""
        kind = event.WhichOneof("event")
        if kind == "part_started":
            key, part = (event.candidate_index, event.part_started.index), event.part_started.part
            self._parts[key] = part
            self._inputs[key] = [part.tool_call.arguments_json or part.tool_call.text]
            self._write_text(part, part.text or part.refusal or part.reasoning.text)
        elif kind == "part_delta":
            key = event.candidate_index, event.part_delta.index
            part = self._parts[key]
            if part.WhichOneof("content") == "tool_call":
                self._inputs[key].append(event.part_delta.arguments_json or event.part_delta.text)
            else:
                self._write_text(part, event.part_delta.text)
        elif kind == "part_finished":
            key = event.candidate_index, event.part_finished.index
            self._write_whole(self._parts.pop(key), "".join(self._inputs.pop(key)))

    def finish(self) -> None:
        """End the last line."""
        self._turn(aside=False)
        self._end_line()

    def _write_text(self, part: message_pb2.Part, text: str) -> None:
        if text:
            self._turn(aside=part.WhichOneof("content") == "reasoning")
            self._emit(text)

    def _write_whole(self, part: message_pb2.Part, tool_input: str) -> None:
        kind = part.WhichOneof("content")
        if kind == "tool_call":
            self._turn(aside=False)
            self._end_line()
            self._emit(f"{part.tool_call.name}({tool_input})\n")
        elif kind == "media":
            self._turn(aside=True)
            self._emit(f"[{part.media.mime_type}, {len(part.media.data)} bytes]\n")

    def _turn(self, *, aside: bool) -> None:
        """Go on at the other side, on a line of its own."""
        if aside != self._is_aside:
            self._end_line()
            self._is_aside = aside

    def _end_line(self) -> None:
        if not self._column_is_zero:
            self._emit("\n")

    def _emit(self, text: str) -> None:
        (self._write_aside if self._is_aside else self._write_out)(text)
        self._column_is_zero = text.endswith("\n")


def describe_usage(response: generation_pb2.GenerateResponse) -> str:
    """Say in one line who answered, what was read and written, and what it cost."""
    usage, call_info = response.usage, response.call
    facts = [f"{call_info.provider}/{call_info.model}", f"{usage.input_token_count} tokens read"]
    written = f"{usage.output_token_count} written"
    if usage.reasoning_token_count:
        written += f" ({usage.reasoning_token_count} of them thoughts)"
    facts.append(written)
    if usage.HasField("cost_usd_nanos"):
        facts.append(f"{Decimal(usage.cost_usd_nanos).scaleb(-9).normalize():f} US dollars")
    finish = response.candidates[0].provider_finish_reason if response.candidates else ""
    return printable(", ".join([*facts, finish] if finish else facts))


def describe_failure(error: GatewayError, target: str) -> str:
    """Say what went wrong, and what to do, in one line."""
    import grpc

    if not error.reason and error.code == grpc.StatusCode.UNAVAILABLE:
        return f"No gateway answers at {target}. Start one with `llmgateway serve`, or name another with --target."
    text = printable(" ".join(error.message.split()))
    if error.retry_after_s is not None:
        text += f" Try again in {error.retry_after_s:.3g} s."
    return f"{text} (call {error.call_id})" if error.call_id else text


def print_table(found: list[model_pb2.Model]) -> None:
    """Print models as a table."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("model", "can", "context tokens", "US dollars for a million tokens")
    for model in found:
        prices = [f"{price.token_kind} {price.usd_nanos_per_million / 1e9:.6g}" for price in model.prices]
        context = f"{model.context_token_count:,}" if model.context_token_count else ""
        cells = (model.id, ", ".join(capabilities_of(model)), context, ", ".join(prices))
        table.add_row(*(Text(printable(cell)) for cell in cells))
    Console().print(table)


def describe_model(model: model_pb2.Model) -> str:
    """Return all that is known of a model, a line each; what is unknown is left out."""
    facts = {
        "can": ", ".join(capabilities_of(model)),
        "cannot": ", ".join(model.missing_capabilities),
        "reads": ", ".join(model.input_modalities),
        "writes": ", ".join(model.output_modalities),
        "context": f"{model.context_token_count:,} tokens" if model.context_token_count else "",
        "output": f"at most {model.max_output_token_count:,} tokens" if model.max_output_token_count else "",
        "honours": ", ".join(model.accepted_parameters),
        **{f"price, {price.token_kind}{step_of(price)}": describe_price(price) for price in model.prices},
    }
    terms = model.billing
    for name, charge in (
        ("cancelled", terms.on_cancel),
        ("timed out", terms.on_timeout),
        ("failed", terms.on_server_error),
    ):
        if charge:
            word = type(terms).Charge.Name(charge).removeprefix("CHARGE_").lower()
            facts[f"bills if {name}"] = f"{word} ({terms.source})"
    lines = [f"{name}: {text}" for name, text in facts.items() if text]
    return printable("\n".join([model.id, *(f"  {line}" for line in lines)]))


def capabilities_of(model: model_pb2.Model) -> list[str]:
    """Return what a model can do, in words."""
    names = [type(model).Capability.Name(value) for value in model.capabilities]
    return [name.removeprefix("CAPABILITY_").lower() for name in names]


def step_of(price: model_pb2.Price) -> str:
    """Say from which size of a call on a price holds."""
    return f" above {price.above_input_token_count:,}" if price.above_input_token_count else ""


def describe_price(price: model_pb2.Price) -> str:
    """Say what a million tokens cost, by whom and when."""
    told = f"{Decimal(price.usd_nanos_per_million).scaleb(-9).normalize():f} US dollars for a million tokens"
    read = f", {price.read_time.ToDatetime().date()}" if price.HasField("read_time") else ""
    return f"{told} ({price.source}{read})" if price.source else told
