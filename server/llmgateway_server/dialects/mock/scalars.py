"""Texts and numbers that are likely to fit a JSON Schema without branches."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from itertools import count, islice

from llmgateway_server.dialects.mock.keywords import Schema, UnfittableSchemaError, bound_of, number_of
from llmgateway_server.dialects.mock.tokens import LOREM, lorem

MAX_CHARACTERS = 100_000
MAX_CANDIDATES = 64
DEFAULT_CHARACTERS = 11  # "Lorem ipsum"

# JSON Schema 2020-12, validation, section 7.3, "Defined Formats".
TEXTS_BY_FORMAT = {
    "date-time": "2026-01-31T12:00:00Z",
    "date": "2026-01-31",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "email": "lorem@example.com",
    "idn-email": "lorem@example.com",
    "hostname": "example.com",
    "idn-hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uri-reference": "/lorem",
    "iri": "https://example.com/",
    "iri-reference": "/lorem",
    "uuid": "123e4567-e89b-42d3-a456-426614174000",
    "uri-template": "/lorem/{ipsum}",
    "json-pointer": "/lorem",
    "relative-json-pointer": "1/lorem",
    "regex": "^lorem$",
}


def texts(plain: Schema) -> Iterator[str]:
    """Yield different texts of an allowed length."""
    named = TEXTS_BY_FORMAT.get(str(plain.get("format", "")))
    if named is not None:
        yield named
    least, most = bound_of(plain, "minLength", 0), bound_of(plain, "maxLength", MAX_CHARACTERS)
    if least > MAX_CHARACTERS:
        raise UnfittableSchemaError(f"wants texts of more than {MAX_CHARACTERS} characters")
    length = int(max(least, min(most, DEFAULT_CHARACTERS)))
    long_text = lorem(length)  # a word has a character at least
    yield long_text[:length]
    for word in dict.fromkeys(LOREM.replace(",", "").replace(".", "").split()):
        yield (word + long_text[: max(int(least) - len(word), 0)])[: int(max(least, min(most, len(word))))]


def numbers(plain: Schema, *, whole: bool) -> Iterator[int | float]:
    """Yield different numbers between the bounds, from the lower one upwards where there is one."""
    low = max_of(number_of(plain, "minimum"), number_of(plain, "exclusiveMinimum"))
    high = min_of(number_of(plain, "maximum"), number_of(plain, "exclusiveMaximum"))
    step = number_of(plain, "multipleOf")
    if step is not None and step <= 0:
        raise UnfittableSchemaError("has a multipleOf that is not above 0")
    if not whole and step is None and low is not None and high is not None:
        yield from (low + (high - low) * part / 16 for part in (8, *range(17)))
    stride = Fraction(str(step)) if step is not None else Fraction(1)
    if low is not None:
        first, direction = math.ceil(Fraction(str(low)) / stride), 1
    elif high is not None:
        first, direction = math.floor(Fraction(str(high)) / stride), -1
    else:
        first, direction = 1, 1
    for index in islice(count(first, direction), MAX_CANDIDATES):
        multiple = index * stride
        if multiple.denominator == 1:
            yield int(multiple)
        elif not whole:
            yield float(multiple)


def max_of(one: float | None, other: float | None) -> float | None:
    """Return the larger of those that are there."""
    return max((value for value in (one, other) if value is not None), default=None)


def min_of(one: float | None, other: float | None) -> float | None:
    """Return the smaller of those that are there."""
    return min((value for value in (one, other) if value is not None), default=None)
