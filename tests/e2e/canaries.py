"""Canaries: secrets of one mark, planted in the gateways that tests start, which must not be seen again.

`planted` puts references to them into a configuration, `VARIABLES` is what these stand for, and `check` looks for them
in whatever came out of a gateway.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import yaml

MARK = "canary-q7xk9"
# The provider's is as short as a key for a server of one's own may be: what it is told by its looks cannot mask it.
VARIABLES: Mapping[str, str] = {
    "CANARY_CALLER_KEY": f"{MARK}-caller-k3y-of-8fT3kQz0Wm",
    "CANARY_PROVIDER_KEY": f"{MARK}-own",
    "CANARY_PEPPER": f"{MARK}-pepper-of-5yR1xVb7Nc",
    "CANARY_DATABASE_PASSWORD": f"{MARK}-database",
    # A provider that the environment alone offers.
    "GROQ_API_KEY": f"{MARK}-groq-from-the-environment",
}
PROVIDER_KEY = '"${CANARY_PROVIDER_KEY}"'
KEY = '{name: planted, key: "${CANARY_CALLER_KEY}"}'
PEPPER = '"${CANARY_PEPPER}"'
CREDENTIALS = {"api_keys", "access_token", "credentials", "access_key_id"}
# The tests' own database asks for no password, and takes any.
OPEN_DATABASE = "postgresql://postgres@"
CLOSED_DATABASE = "postgresql://postgres:${CANARY_DATABASE_PASSWORD}@"

# Where secrets may lie, since it is there that gateways read them.
CONFIGURATIONS = ("*.yaml", "*.json", "*.new")
MIN_SECRET_CHARACTERS = 16


# Planting.


class Planting:
    """A configuration's text, and what is to be put into it. Lines that it has stay where they are."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._changes: list[tuple[int, int, str]] = []

    def replace(self, node: yaml.Node, piece: str) -> None:
        """Write another value in the place of one."""
        self._changes.append((node.start_mark.index, node.end_mark.index, piece))

    def written(self, node: yaml.Node) -> str:
        return self._text[node.start_mark.index : node.end_mark.index]

    def append(self, node: yaml.CollectionNode, piece: str) -> None:
        """Add an entry at the end of a mapping or sequence, in the style that it is written in."""
        if node.flow_style:
            at = node.end_mark.index - 1
            self._changes.append((at, at, f", {piece}" if node.value else piece))
            return
        leaf = last_leaf(node)
        end = self._text.find("\n", leaf.end_mark.index)
        at = end if end >= 0 else len(self._text)
        is_mapping = isinstance(node, yaml.MappingNode)
        entry = piece if is_mapping else f"- {piece}"
        self._changes.append((at, at, f"\n{' ' * node.start_mark.column}{entry}"))

    def result(self) -> str:
        pieces, position = [], 0
        for start, end, piece in sorted(self._changes, key=lambda change: change[0]):
            pieces += [self._text[position:start], piece]
            position = end
        return "".join([*pieces, self._text[position:]])


def planted(text: str) -> str:
    """Return a configuration with canaries in it: a pepper, a caller's key, providers' keys, a database's password.

    Nobody is asked for a key who was not before, and what has a secret of the test's own keeps it.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return text  # the test is about that
    if not isinstance(root, yaml.MappingNode):
        return text
    planting, sections = Planting(text), entries(root)
    plant_in_providers(planting, entries(sections.get("providers")))
    url = entries(sections.get("store")).get("url")
    if url is not None:
        planting.replace(url, planting.written(url).replace(OPEN_DATABASE, CLOSED_DATABASE))
    plant_in_auth(planting, root, sections.get("auth"))
    return planting.result()


def plant_in_providers(planting: Planting, providers: Mapping[str, yaml.Node]) -> None:
    for provider in providers.values():
        settings = entries(provider)
        is_openai = "dialect" in settings and settings["dialect"].value == "openai"
        if is_openai and not CREDENTIALS & settings.keys():
            assert isinstance(provider, yaml.MappingNode)
            planting.append(provider, f'"api_keys": [{PROVIDER_KEY}]')
        keys = settings.get("api_keys")
        for key in keys.value if isinstance(keys, yaml.SequenceNode) else ():
            if key.value == "none":
                planting.replace(key, PROVIDER_KEY)


def plant_in_auth(planting: Planting, root: yaml.MappingNode, auth: yaml.Node | None) -> None:
    if auth is None:
        planting.append(root, f'"auth": {{"pepper": {PEPPER}}}')
        return
    settings = entries(auth)
    keys = settings.get("keys")
    if isinstance(keys, yaml.SequenceNode) and keys.value:
        planting.append(keys, KEY)
    if isinstance(auth, yaml.MappingNode) and "pepper" not in settings:
        planting.append(auth, f'"pepper": {PEPPER}')


def entries(node: yaml.Node | None) -> dict[str, yaml.Node]:
    """Return what a mapping holds, nothing where there is none."""
    return {key.value: value for key, value in node.value} if isinstance(node, yaml.MappingNode) else {}


def last_leaf(node: yaml.Node) -> yaml.Node:
    """Return the last of what a node is written as; what is in flow style ends where it says."""
    while isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(node, yaml.MappingNode) else last
    return node


# Looking.


def secrets_of(variables: Mapping[str, str]) -> Sequence[str]:
    """Return which of the variables that a test gives to a gateway are secrets: none that is short, or an address."""
    return [text for text in variables.values() if len(text) >= MIN_SECRET_CHARACTERS and "/" not in text]


def check(where: object, told: str | bytes, secrets: Iterable[str] = ()) -> None:
    """Fail if a canary is in what a gateway told, or one of the secrets that a test gave it."""
    text = told if isinstance(told, bytes) else told.encode()
    for secret in (MARK, *secrets):
        at = text.find(secret.encode())
        assert at < 0, f"{where} tells a secret: {text[max(at - 200, 0) : at + 100]!r}"


def check_folder(folder: Path) -> int:
    """Fail if a canary is in a file below a folder: a log, a ledger, a spool. Return how many files were read."""
    count = 0
    for path in folder.rglob("*"):
        if path.is_symlink() or not path.is_file() or any(map(path.match, CONFIGURATIONS)):
            continue
        check(path, path.read_bytes())
        count += 1
    return count
