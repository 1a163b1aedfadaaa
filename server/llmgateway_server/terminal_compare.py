"""What a person sees of several models that answer at once: side by side and live on a terminal, else in turn."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from llmgateway_server.terminal import AnswerWriter, describe_failure, printable
from llmgateway_server.terminal_text import dollars, one_line

if TYPE_CHECKING:
    from llmgateway import ComparedEvent, ComparedModel, Comparison
    from llmgateway.v1 import stream_pb2

# Narrower columns are hard to read: then models stand below each other.
LEAST_COLUMN_CHARACTERS = 36
# What is still seen of an answer where the terminal has no room for more.
LEAST_ANSWER_LINES = 3
REFRESH_S = 0.1
# Text that came at once has no speed.
LEAST_MEASURED_S = 0.05

Clock = Callable[[], float]


class Answer:
    """What a model has written by now, in pieces as they came; what is aside of the answer is dim."""

    def __init__(self) -> None:
        self._pieces: list[tuple[str, str]] = []
        self._writer = AnswerWriter(self._write, self._write_aside)

    def add(self, event: stream_pb2.GenerationEvent) -> None:
        """Add what an event brings."""
        self._writer.write(event)

    def said(self) -> str:
        """Return the answer alone, as the model wrote it."""
        return "".join(text for text, style in self._pieces if not style)

    def whole(self) -> Text:
        """Return all of it for a terminal."""
        text = Text.assemble(*((printable(text), style) for text, style in self._pieces))
        text.rstrip()
        return text

    def tail(self, console: Console, width: int, lines: int) -> Text:
        """Return its last lines for a terminal, wrapped."""
        pieces = deque[tuple[str, str]]()
        character_count = 0
        for text, style in reversed(self._pieces):
            pieces.appendleft((printable(text), style))
            character_count += len(text)
            # From the beginning of a line on: where lines are broken must not move while more comes.
            if character_count >= width * lines and "\n" in text:
                break
        ending = Text.assemble(*pieces)
        ending.rstrip()
        return Text("\n").join(ending.wrap(console, width, overflow="fold")[-lines:])

    def _write(self, text: str) -> None:
        self._pieces.append((text, ""))

    def _write_aside(self, text: str) -> None:
        self._pieces.append((text, "dim"))


class ModelView:
    """What is seen of one model. `target` is the gateway's address, `clock` is monotonic, in seconds."""

    def __init__(self, model: ComparedModel, target: str, clock: Clock) -> None:
        self.model = model
        self.answer = Answer()
        self._target = target
        self._clock = clock
        self._started_s = clock()
        self._first_content_s: float | None = None
        self._ended_s: float | None = None

    def see(self, event: stream_pb2.GenerationEvent | None) -> None:
        """Take in what came: an event, or the model's failure."""
        now_s = self._clock()
        if event is not None:
            self.answer.add(event)
        if self._first_content_s is None and self.model.content_came:
            self._first_content_s = now_s
        if self.model.has_ended:
            self._ended_s = now_s

    def head(self) -> Text:
        """Return its name, who answers for it, and how it stands."""
        head = Text.assemble((one_line(self.model.name), "bold"))
        if target := self.answered_by():
            head.append(f"  {target}", "dim")
        error = self.model.error
        return head.append(f"\n{self.ending()}", "red" if error is not None else "dim")

    def answered_by(self) -> str:
        """Return the target that answered, empty if that is what was asked, or is not known by now."""
        if not self.model.is_finished:
            return ""
        call_info = self.model.response.call
        target = one_line(f"{call_info.provider}/{call_info.model}")
        return "" if target in ("/", self.model.name) else target

    def ending(self, separator: str = "\n") -> str:
        """Return why it failed, or how soon it answered, how much, how fast, at which cost, as far as is known."""
        error = self.model.error
        if error is None:
            return separator.join(self._facts())
        reason = f"{error.reason_name.removeprefix('ERROR_REASON_').lower()}: " if error.reason else ""
        return reason + describe_failure(error, self._target)

    def _facts(self) -> Iterator[str]:
        first_content_s = self._first_content_after_s()
        if first_content_s is not None:
            yield f"{first_content_s:.2f} s to first content"
        if not self.model.is_finished:
            yield f"{'waiting' if first_content_s is None else 'writing'}, {self._clock() - self._started_s:.1f} s"
            return
        usage = self.model.response.usage
        yield self._written(usage.output_token_count)
        if usage.HasField("cost_usd_nanos"):
            yield dollars(usage.cost_usd_nanos)

    def _first_content_after_s(self) -> float | None:
        """Return how long its first content took: by the gateway's own clock as soon as it says so."""
        call_info = self.model.response.call if self.model.is_finished else None
        if call_info is not None and call_info.HasField("first_content_latency"):
            return call_info.first_content_latency.ToTimedelta().total_seconds()
        return None if self._first_content_s is None else self._first_content_s - self._started_s

    def _written(self, token_count: int) -> str:
        """Say how many tokens it wrote, and how fast if that could be measured."""
        written = f"{token_count:,} token{'' if token_count == 1 else 's'}"
        if self._first_content_s is None or self._ended_s is None:
            return written
        writing_s = self._ended_s - self._first_content_s
        return written if writing_s < LEAST_MEASURED_S else f"{written} at {token_count / writing_s:.0f}/s"


class ComparisonView:
    """What is seen of a comparison."""

    def __init__(self, models: Sequence[ComparedModel], target: str, clock: Clock) -> None:
        self.models = tuple(ModelView(model, target, clock) for model in models)
        self.has_begun = False

    def see(self, came: ComparedEvent) -> None:
        """Take in what came of one model."""
        self.has_begun = True
        self.models[came.model.index].see(came.event)

    def whole(self, console: Console) -> RenderableType:
        """Return all that has come, side by side as far as there is room."""
        rows = rows_of(self.models, console.width)
        inner = inner_width(console.width, len(rows[0]))
        return Group(*(table_of(row, inner, [view.answer.whole() for view in row]) for row in rows))

    def live(self, console: Console) -> RenderableType:
        """Return the ends of what has come, as much as the terminal shows at once."""
        rows = rows_of(self.models, console.width)
        inner = inner_width(console.width, len(rows[0]))
        return Group(*(live_table(row, console, inner, console.height // len(rows)) for row in rows))


def rows_of(views: Sequence[ModelView], width: int) -> list[Sequence[ModelView]]:
    """Return the models in rows of about as many each, none with more than have room side by side."""
    most = max(1, width // (LEAST_COLUMN_CHARACTERS + 3))
    row_count = -(-len(views) // most)
    in_row = -(-len(views) // row_count)
    return [views[start : start + in_row] for start in range(0, len(views), in_row)]


def inner_width(width: int, column_count: int) -> int:
    """Return how many characters of a line each column may fill: lines stand between them, and a space at each side."""
    return max(1, (width - (column_count - 1)) // column_count - 2)


def live_table(row: Sequence[ModelView], console: Console, inner: int, height: int) -> RenderableType:
    """Return one row of models in no more than `height` lines, if it can be."""
    head_lines = max(len(view.head().wrap(console, inner, overflow="fold")) for view in row)
    # Beside heads and answers there are a line between them and one below.
    lines = max(LEAST_ANSWER_LINES, height - head_lines - 2)
    return table_of(row, inner, [view.answer.tail(console, inner, lines) for view in row])


def table_of(row: Sequence[ModelView], inner: int, answers: Sequence[Text]) -> RenderableType:
    """Return one row of models: names and figures above, answers below."""
    table = Table(box=box.MINIMAL, show_edge=False, show_header=False, border_style="dim")
    for _ in row:
        table.add_column(width=inner, overflow="fold")
    table.add_row(*(view.head() for view in row), end_section=True)
    table.add_row(*answers)
    return Padding(table, (0, 0, 1, 0))


async def show_live(comparison: Comparison, view: ComparisonView, console: Console) -> None:
    """Show a comparison on a terminal while it runs, and leave the whole there, however it ends."""
    try:
        with Live(
            console=console, get_renderable=lambda: view.live(console), auto_refresh=False, transient=True
        ) as live:
            async with refreshing(live):
                async for came in comparison:
                    view.see(came)
    finally:
        if view.has_begun:
            console.print(view.whole(console))


@asynccontextmanager
async def refreshing(live: Live) -> AsyncIterator[None]:
    """Draw anew at intervals, from the event loop: a thread would read what is being written."""

    async def refresh() -> None:
        while True:
            live.refresh()
            await asyncio.sleep(REFRESH_S)

    task = asyncio.create_task(refresh())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
    if not task.cancelled():
        task.result()  # It draws for ever, unless it cannot.


async def write_plainly(comparison: Comparison, view: ComparisonView, write: Callable[[str], None]) -> None:
    """Write one model after the other, in their order: each once it and all before it have ended."""
    waiting = deque(view.models)
    async for came in comparison:
        view.see(came)
        while waiting and waiting[0].model.has_ended:
            write(block_of(waiting.popleft()) + ("\n" if waiting else ""))


def block_of(view: ModelView) -> str:
    """Return a model's name, its answer and how it ended, as plain text; thoughts and media are left to terminals."""
    answer, target = view.answer.said().removesuffix("\n"), view.answered_by()
    ending = view.ending(" · ")
    told = f"{target} · {ending}" if target else ending
    return "\n".join([f"=== {one_line(view.model.name)} ===", *([answer] if answer else []), f"[{told}]", ""])
