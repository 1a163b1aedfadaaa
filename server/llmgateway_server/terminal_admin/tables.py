"""Tables without lines, numbers at the right; on a pipe each row on a line of its own."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from llmgateway_server.terminal import write_to
from llmgateway_server.terminal_admin.documents import Document, Value
from llmgateway_server.terminal_text import dollars, one_line

# Where nothing bounds a line, this does: it only must not be reached.
UNBOUNDED_CHARACTERS = 100_000
LEAST_DECIMALS = 2
NANO_DECIMALS = 9


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table. Numbers stand at the right, and are never broken."""

    title: str
    is_number: bool = False


def table_of(columns: Sequence[Column], rows: Iterable[Sequence[str]], total: Sequence[str] = ()) -> Table:
    """Return a table of rows, and a line of totals below them if there is one."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(
            Text(one_line(column.title)),
            justify="right" if column.is_number else "left",
            no_wrap=column.is_number,
            overflow="fold",
        )
    for row in rows:
        table.add_row(*(Text(one_line(cell)) for cell in row))
    if total:
        table.add_row(*(Text(cell) for cell in total), style="bold")
    return table


def facts_of(document: Document) -> Table:
    """Return what is known of one object: a line a field, without what is absent or 0."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, value in document.items():
        if value:
            table.add_row(name.replace("_", " "), Text(one_line(text_of(value))))
    return table


def text_of(value: Value) -> str:
    """Return a value as people read it; an empty text for what is absent."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={each}" for name, each in value.items())
    if isinstance(value, list):
        return ", ".join(map(text_of, value))
    if isinstance(value, int):
        return f"{value:,}"
    return "" if value is None else str(value)


def dollar_column(amounts: Sequence[int]) -> Sequence[str]:
    """Write amounts of 1e-9 US dollars exactly, all with as many decimals as the longest needs."""
    decimals = max([LEAST_DECIMALS, *map(decimals_of, amounts)])
    return [with_decimals(amount, decimals) for amount in amounts]


def decimals_of(usd_nanos: int) -> int:
    """Return how many decimals an amount needs."""
    return len(dollars(usd_nanos).partition(".")[2])


def with_decimals(usd_nanos: int, decimals: int) -> str:
    """Write an amount with a number of decimals, the sign before the dollar."""
    whole, nanos = divmod(abs(usd_nanos), 10**NANO_DECIMALS)
    sign = "-" if usd_nanos < 0 else ""
    return f"{sign}${whole:,}.{nanos:0{NANO_DECIMALS}}"[: -(NANO_DECIMALS - decimals) or None]


def show(table: Table) -> None:
    """Print a table: in the terminal's width, or with no line broken where there is no terminal."""
    if sys.stdout.isatty():
        Console().print(table)
        return
    console = Console(file=io.StringIO(), width=UNBOUNDED_CHARACTERS, color_system=None)
    with console.capture() as capture:
        console.print(table)
    write_to(sys.stdout)("".join(f"{line.rstrip()}\n" for line in capture.get().splitlines()))


def show_json(value: Value) -> None:
    """Print a value as JSON."""
    write_to(sys.stdout)(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
