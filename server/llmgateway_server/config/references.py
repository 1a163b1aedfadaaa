"""`${NAME}`, `${NAME:-default}` and `${file:PATH}` in the configuration; `$${` is a literal `${`.

What a reference stands for may be a secret, so no message of this module or its users shows it: they show
the reference as it is written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath

from llmgateway_server.config.document import Document, Value, value_at
from llmgateway_server.config.problems import Path, Problem, show_text

MAX_REFERENCED_FILE_BYTES = 64 * 1024
HOW_TO_REFER = "a reference is ${NAME}, ${NAME:-default} or ${file:PATH}"

_REFERENCE = re.compile(r"\$\$\{|\$\{([^{}]*)\}|\$\{")
_VARIABLE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)


class UnresolvedReferenceError(Exception):
    """A reference that stands for nothing; the message names it and says what to do."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """A text with its references resolved.

    `is_reference` says whether some of it came from the environment or a file: a default is a literal.
    """

    text: str
    is_reference: bool


@dataclass(frozen=True, slots=True)
class References:
    """Resolves references against an environment; relative paths of files start at `folder`."""

    environment: Mapping[str, str]
    folder: FilePath

    def resolve(self, text: str) -> Resolution:
        """Replace every reference in `text`; raise `UnresolvedReferenceError` at the first that stands for nothing."""
        is_reference = False

        def replace(match: re.Match[str]) -> str:
            nonlocal is_reference
            if match[0] == "$${":
                return "${"
            if match[1] is None:
                raise UnresolvedReferenceError(f"{HOW_TO_REFER}; a plain ${{ is written $${{")
            value = self._look_up(match[0], match[1])
            is_reference = is_reference or value.is_reference
            return value.text

        return Resolution(_REFERENCE.sub(replace, text), is_reference)

    def _look_up(self, written: str, inner: str) -> Resolution:
        if inner.startswith("file:"):
            return Resolution(self._read_file(written, inner.removeprefix("file:")), is_reference=True)
        match = _VARIABLE.fullmatch(inner)
        if match is None:
            raise UnresolvedReferenceError(f"{show_text(written)} is no reference; {HOW_TO_REFER}")
        name, default = match[1], match[2]
        value = self.environment.get(name)
        if default is not None and not value:
            return Resolution(default, is_reference=False)
        if value is None:
            raise UnresolvedReferenceError(
                f"the environment variable of {show_text(written)} is not set; set it, or write ${{{name}:-default}}"
            )
        return Resolution(value, is_reference=True)

    def _read_file(self, written: str, path: str) -> str:
        """Return a file's text without its last newline."""
        shown = show_text(written)
        if not path:
            raise UnresolvedReferenceError(f"{shown} names no file")
        try:
            with (self.folder / path).open("rb") as file:
                content = file.read(MAX_REFERENCED_FILE_BYTES + 1)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else "the path is not valid"
            raise UnresolvedReferenceError(f"the file of {shown} cannot be read: {reason}") from error
        if len(content) > MAX_REFERENCED_FILE_BYTES:
            raise UnresolvedReferenceError(f"the file of {shown} is larger than {MAX_REFERENCED_FILE_BYTES} bytes")
        try:
            text = content.decode()
        except UnicodeDecodeError as error:
            raise UnresolvedReferenceError(f"the file of {shown} is not UTF-8") from error
        return text.removesuffix("\n").removesuffix("\r")


@dataclass(slots=True)
class ResolvedDocument:
    """A document with its references resolved.

    `written` holds, for each text that had a reference, how it stands in the file; `referenced` the places
    whose text came, at least in part, from the environment or a file.
    """

    source: Document
    value: Value = None
    written: dict[Path, str] = field(default_factory=dict)
    referenced: set[Path] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)

    def at(self, path: Path) -> Value:
        """Return the value at `path`, None if there is none."""
        return value_at(self.value, path)

    def text_at(self, path: Path) -> str | None:
        """Return the text at `path`, None if there is none."""
        value = self.at(path)
        return value if isinstance(value, str) else None

    def show(self, path: Path, text: str) -> str:
        """Quote the text at `path` for a message: as it is written, never what a reference stands for."""
        return show_text(self.written.get(path, text))

    def report(self, path: Path, message: str) -> None:
        """Add a problem with the value at `path`."""
        self.problems.append(self.source.problem(path, message))


def resolve_references(document: Document, references: References) -> ResolvedDocument:
    """Resolve every reference in the texts of `document`; one that fails is a problem, its text is left out."""
    resolved = ResolvedDocument(document, problems=list(document.problems))
    resolved.value = _resolve_value(document.value, (), references, resolved)
    return resolved


def _resolve_value(value: Value, path: Path, references: References, resolved: ResolvedDocument) -> Value:
    if isinstance(value, dict):
        return {key: _resolve_value(item, (*path, key), references, resolved) for key, item in value.items()}
    if isinstance(value, list):
        return [_resolve_value(item, (*path, index), references, resolved) for index, item in enumerate(value)]
    if not isinstance(value, str) or "${" not in value:
        return value
    resolved.written[path] = value
    try:
        resolution = references.resolve(value)
    except UnresolvedReferenceError as error:
        resolved.report(path, str(error))
        return None
    if resolution.is_reference:
        resolved.referenced.add(path)
    return resolution.text
