"""What a person sees of a route that is explained: where a generation would go now, and why."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

from llmgateway.v1 import explain_pb2
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from llmgateway_server.terminal_text import dollars, one_line

# Where nothing bounds a line, this does: it only must not be reached.
UNBOUNDED_CHARACTERS = 100_000

Explained = explain_pb2.ExplainRouteResponse
Target = explain_pb2.TargetOutcome


def explanation(explained: Explained, asked: str) -> RenderableType:
    """Return all of it: the route, what is known of the request, the rules, and the targets. `asked` is its model."""
    tried = [target for target in explained.targets if not target.exclusion]
    left_out = [target for target in explained.targets if target.exclusion]
    return Group(
        heading(explained, asked),
        *([] if tried else [Text("No target would be tried.", "red")]),
        *section("Facts", facts_table(explained)),
        *section("Rules", rules_table(explained.rules)),
        *section("Targets, in the order in which they would be tried", tried_table(tried)),
        *section("Left out", left_out_table(left_out)),
    )


def plain_explanation(explained: Explained, asked: str) -> str:
    """Return the same as plain text, with no line broken."""
    console = Console(file=io.StringIO(), width=UNBOUNDED_CHARACTERS, color_system=None)
    with console.capture() as capture:
        console.print(explanation(explained, asked))
    return "".join(f"{line.rstrip()}\n" for line in capture.get().splitlines())


def heading(explained: Explained, asked: str) -> Text:
    """Return which route was followed, and how it orders its targets."""
    names = [asked] if asked == explained.route else [asked, explained.route]
    head = Text.assemble((" → ".join(one_line(name) for name in names), "bold"))
    if explained.strategy:
        head.append(f"  {one_line(explained.strategy)}")
    size = f"about {explained.input_token_count:,} tokens to read"
    return head.append(f"  {size}, configuration {explained.config_revision}", "dim")


def section(title: str, table: Table) -> Iterator[RenderableType]:
    """Yield a title and what stands below it; nothing where nothing does."""
    if table.row_count:
        yield Text.assemble("\n", (title, "bold"))
        yield Padding(table, (0, 0, 0, 2))


def facts_table(explained: Explained) -> Table:
    """Return the facts that rules may look at, by name."""
    table = columns("dim", "")
    for name, value in sorted(explained.facts.items()):
        table.add_row(one_line(name), one_line(value))
    return table


def rules_table(rules: Sequence[explain_pb2.RuleOutcome]) -> Table:
    """Return what each rule said, and where it leads."""
    table = columns("", "dim", "", "")
    for rule in rules:
        mark, style = ("!", "red") if rule.error else ("✓", "green") if rule.matched else ("✗", "dim")
        leads = f"skipped: {one_line(rule.error)}" if rule.error else f"→ {one_line(rule.target)}"
        table.add_row(
            Text(mark, style),
            one_line(rule.route),
            Text(one_line(rule.condition), "" if rule.matched else "dim"),
            Text(leads, "red" if rule.error else "bold" if rule.matched else "dim"),
        )
    return table


def tried_table(targets: Sequence[Target]) -> Table:
    """Return the targets that would be tried, each with the most that it could cost."""
    table = columns("dim", "bold", "", "", whole=1)
    for place, target in enumerate(targets, start=1):
        table.add_row(f"{place}", name_of(target), ", ".join(bounds_of(target)), one_line(target.description))
    return table


def left_out_table(targets: Sequence[Target]) -> Table:
    """Return the targets that would not be tried, each with why."""
    table = columns("dim", "dim", "dim", whole=0)
    for target in targets:
        about = ", ".join([*exclusion_of(target), *bounds_of(target)])
        table.add_row(name_of(target), about, one_line(target.description))
    return table


def columns(*styles: str, whole: int | None = None) -> Table:
    """Return a table without lines. The column numbered `whole` breaks its lines last of all."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for place, style in enumerate(styles):
        table.add_column(style=style, overflow="fold", no_wrap=place == whole)
    return table


def name_of(target: Target) -> str:
    """Return a target's name, and whether it is a fallback."""
    name = one_line(f"{target.provider}/{target.model}")
    return f"{name} (fallback)" if target.is_fallback else name


def exclusion_of(target: Target) -> Iterator[str]:
    """Yield the word for why a target is left out, if it is one that is known here."""
    if target.exclusion in Target.Exclusion.values():
        yield Target.Exclusion.Name(target.exclusion).removeprefix("EXCLUSION_").lower()


def bounds_of(target: Target) -> Iterator[str]:
    """Yield until when a target is left alone, and what it could cost at most, as far as is known."""
    if target.HasField("unhealthy_until_time"):
        yield f"until {target.unhealthy_until_time.ToDatetime():%H:%M:%S} UTC"
    if target.HasField("max_cost_usd_nanos"):
        yield f"at most {dollars(target.max_cost_usd_nanos)}"
