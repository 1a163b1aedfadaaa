"""Writes a short text that a simple regular expression matches.

The subset: literals, escapes, classes, `.`, groups, alternation, `? * + {m,n}`, `^` and `$`. Look-around,
back references and Unicode properties are beyond it.
"""

from __future__ import annotations

import re
import string

MAX_REPEATS = 1_000
MAX_CHARACTERS = 10_000
LIMIT = re.compile(r"[0-9]{1,9}")
CLASS_CHARACTERS = {"d": string.digits, "w": string.ascii_letters + string.digits + "_", "s": " "}
CONTROL_CHARACTERS = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v", "0": "\0"}
# Tried in turn where a class says what it must not be.
CANDIDATES = "a0 -_.A~\n" + string.printable + "éλ"


class UnwritablePatternError(ValueError):
    """The pattern is beyond the subset, or nothing matches it."""


def write_match(pattern: str, repeats: int = 0) -> str:
    """Return a text that matches the whole of `pattern`; raise `UnwritablePatternError`.

    What may repeat is written as seldom as allowed, but `repeats` times where that is allowed.
    """
    reader = PatternReader(pattern, repeats)
    try:
        text = reader.read_alternatives()
    except RecursionError as error:
        raise UnwritablePatternError("nests too deep") from error
    if not reader.at_end:
        raise UnwritablePatternError(f"an unexpected {reader.peek!r}")
    return text


class PatternReader:
    """Reads a pattern from left to right and writes as it goes, always the first alternative."""

    def __init__(self, pattern: str, repeats: int) -> None:
        self._pattern = pattern
        self._repeats = repeats
        self._position = 0

    @property
    def at_end(self) -> bool:
        """Whether all has been read."""
        return self._position >= len(self._pattern)

    @property
    def peek(self) -> str:
        """The next character, empty at the end."""
        return self._pattern[self._position : self._position + 1]

    def take(self) -> str:
        """Read one character."""
        if self.at_end:
            raise UnwritablePatternError("it ends too early")
        character = self.peek
        self._position += 1
        return character

    def take_if(self, text: str) -> bool:
        """Read `text` if it comes next."""
        if not self._pattern.startswith(text, self._position):
            return False
        self._position += len(text)
        return True

    def read_alternatives(self) -> str:
        """Read `a|b|c` and return what the first needs."""
        first = self.read_sequence()
        while self.take_if("|"):
            self.read_sequence()
        return first

    def read_sequence(self) -> str:
        """Read up to a `|`, a `)` or the end."""
        text = ""
        while not self.at_end and self.peek not in "|)":
            if self.peek in "^$":
                self.take()
                continue
            atom = self.read_atom()
            text += self.repeat(atom)
        return text

    def read_atom(self) -> str:
        """Read one literal, class or group."""
        character = self.take()
        if character == "(":
            return self.read_group()
        if character == "[":
            return self.read_class()
        if character == "\\":
            return self.read_escape()[:1]
        if character in "*+?":
            raise UnwritablePatternError(f"{character!r} repeats nothing")
        return "a" if character == "." else character

    def read_group(self) -> str:
        if self.peek == "?" and not (self.take_if("?:") or self.take_group_name()):
            raise UnwritablePatternError("look-around is beyond the mock")
        text = self.read_alternatives()
        if not self.take_if(")"):
            raise UnwritablePatternError("a group is not closed")
        return text

    def take_group_name(self) -> bool:
        """Read `?<name>` or `?P<name>`."""
        if not (self.take_if("?P<") or self.take_if("?<")) or self.peek in ("=", "!"):
            return False
        while self.take() != ">":
            pass
        return True

    def read_escape(self) -> str:
        """Read what follows a backslash; return the characters that it stands for, empty for a word's border."""
        character = self.take()
        if character in CLASS_CHARACTERS:
            return CLASS_CHARACTERS[character]
        if character in "DWS":
            excluded = CLASS_CHARACTERS[character.lower()]
            return "".join(candidate for candidate in CANDIDATES if candidate not in excluded)
        if character in ("x", "u"):
            digits = "".join(self.take() for _ in range(2 if character == "x" else 4))
            try:
                return chr(int(digits, 16))
            except ValueError as error:
                raise UnwritablePatternError(f"a bad escape \\{character}{digits}") from error
        if character in "bB":
            return ""
        if character in "pPkAZ" or character in string.digits[1:]:
            raise UnwritablePatternError(f"the escape \\{character} is beyond the mock")
        return CONTROL_CHARACTERS.get(character, character)

    def read_class(self) -> str:
        """Read `[…]` and return one character of it."""
        excludes = self.take_if("^")
        members: list[str] = []
        while not self.take_if("]") or not members:
            low = self.read_class_member()
            if self.peek == "-" and self._pattern[self._position + 1 : self._position + 2] not in ("]", ""):
                self.take()
                high = self.read_class_member()
                members.append(low[:1] if not excludes else "".join(map(chr, range(ord(low[0]), ord(high[0]) + 1))))
            else:
                members.append(low)
        found = "".join(members)
        if not excludes:
            return found[:1]
        for candidate in CANDIDATES:
            if candidate not in found:
                return candidate
        raise UnwritablePatternError("a class that excludes everything")

    def read_class_member(self) -> str:
        character = self.take()
        return self.read_escape() if character == "\\" else character

    def repeat(self, atom: str) -> str:
        """Read a quantifier, if one follows, and return `atom` as often as it asks."""
        if self.take_if("*"):
            count = self._repeats
        elif self.take_if("+"):
            count = max(1, self._repeats)
        elif self.take_if("?"):
            count = min(1, self._repeats)
        elif self.peek == "{" and (bounds := self.take_bounds()) is not None:
            count = min(max(bounds[0], self._repeats), bounds[1])
        else:
            return atom
        self.take_if("?")  # a lazy quantifier allows the same
        if count * len(atom) > MAX_CHARACTERS:
            raise UnwritablePatternError(f"more than {MAX_CHARACTERS} characters")
        return atom * count

    def take_bounds(self) -> tuple[int, int] | None:
        """Read `{m}`, `{m,}` or `{m,n}`; None where the brace is a literal."""
        end = self._pattern.find("}", self._position)
        least, comma, most = self._pattern[self._position + 1 : end].partition(",")
        if end < 0 or not LIMIT.fullmatch(least) or not (LIMIT.fullmatch(most) or not most):
            return None
        self._position = end + 1
        if int(least) > MAX_REPEATS:
            raise UnwritablePatternError(f"more than {MAX_REPEATS} repeats")
        return int(least), int(most) if most else (MAX_REPEATS if comma else int(least))
