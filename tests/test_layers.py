"""The house's layers: who may import whom. From the source, so that an import in a function counts, too."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SERVER = ROOT / "server" / "llmgateway_server"
SHIM = ROOT / "gateway_http" / "llmgateway_http"
CLIENT = ROOT / "clients" / "python" / "llmgateway"

# From top to bottom. A room may import from lower rows, and from no other room of its own row.
LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"__main__"}),
    frozenset({"cli"}),
    frozenset({"admin_commands"}),
    frozenset({"client_commands"}),
    frozenset({"terminal_admin", "terminal_compare", "terminal_explain"}),
    frozenset({"terminal_text"}),
    frozenset({"app", "terminal"}),
    frozenset({"reloading"}),
    frozenset({"live", "loading"}),
    frozenset({"banner", "rpc", "snapshot", "tenancy", "trouble"}),
    frozenset({"ledgers", "providers", "rooms"}),
    frozenset({"admin", "pipeline"}),
    frozenset({"comparison", "heartbeat"}),
    frozenset({"attempts", "auth", "admission"}),
    frozenset({"quota", "routing", "upstream"}),
    frozenset({"dialects", "catalog", "store", "telemetry"}),
    frozenset({"endings", "tokens", "validation"}),
    frozenset({"call"}),
    frozenset({"config", "errors", "patterns"}),
)
ROW = {room: index for index, row in enumerate(LAYERS) for room in row}


def imported_modules(path: Path) -> Iterator[str]:
    """Yield the full names of what a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def server_files() -> list[Path]:
    return sorted(path for path in SERVER.rglob("*.py") if path != SERVER / "__init__.py")


def room_of(path: Path) -> str:
    return path.relative_to(SERVER).parts[0].removesuffix(".py")


def test_every_room_of_the_server_has_a_row() -> None:
    assert {room_of(path) for path in server_files()} <= set(ROW)


@pytest.mark.parametrize("path", server_files(), ids=lambda path: str(path.relative_to(SERVER)))
def test_a_room_imports_only_from_rooms_below(path: Path) -> None:
    room = room_of(path)
    for module in imported_modules(path):
        package, _, rest = module.partition(".")
        if package != "llmgateway_server" or not rest:
            continue
        other = rest.partition(".")[0]
        if other not in ROW:
            continue  # a name of the package itself
        assert other == room or ROW[other] > ROW[room], f"{room} imports {other}"


@pytest.mark.parametrize("path", server_files(), ids=lambda path: str(path.relative_to(SERVER)))
def test_grpc_is_imported_only_where_it_is_spoken(path: Path) -> None:
    if room_of(path) in ("rpc", "cli", "app", "terminal") or path == SERVER / "upstream" / "gateway.py":
        return
    assert not [
        module
        for module in imported_modules(path)
        if module.partition(".")[0] in ("grpc", "grpc_channelz", "grpc_health", "grpc_reflection")
    ]


@pytest.mark.parametrize("path", sorted(SHIM.rglob("*.py")), ids=lambda path: str(path.relative_to(SHIM)))
def test_the_shim_knows_nothing_of_the_server(path: Path) -> None:
    assert not [module for module in imported_modules(path) if module.startswith("llmgateway_server")]


@pytest.mark.parametrize("path", sorted(CLIENT.rglob("*.py")), ids=lambda path: str(path.relative_to(CLIENT)))
def test_the_client_needs_only_grpc_and_protobuf(path: Path) -> None:
    for module in imported_modules(path):
        package = module.partition(".")[0]
        assert package not in (
            "llmgateway_server",
            "llmgateway_http",
            "aiohttp",
            "msgspec",
            "pydantic",
            "click",
            "rich",
            "yaml",
        )


@pytest.mark.parametrize("path", server_files(), ids=lambda path: str(path.relative_to(SERVER)))
def test_no_module_keeps_changing_state(path: Path) -> None:
    """No `global`, and no empty list, dict or set at the top of a module: state is made in app.py and passed."""
    tree = ast.parse(path.read_text())
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Global)]
    for node in tree.body:
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        empty = (isinstance(value, ast.List | ast.Set) and not value.elts) or (
            isinstance(value, ast.Dict) and not value.keys
        )
        assert not empty, f"line {node.lineno}"
