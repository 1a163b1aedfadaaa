"""Messages of the admin contract as JSON that is easy to work with: whole numbers, words for enums, times as text."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping, MutableSequence, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

# Any: what JSON can hold, and a message's field.
Value: TypeAlias = Any
Document: TypeAlias = dict[str, Value]

UNSPECIFIED = "UNSPECIFIED"


@dataclass(frozen=True, slots=True)
class Writer:
    """Turns messages into documents. `write_time` writes a time."""

    write_time: Callable[[Timestamp], str]

    def document(self, message: Message) -> Document:
        """Return every field of a message by its name in the contract; None for one that is absent."""
        # The stub package types the library's two implementations apart.
        fields = cast("Sequence[FieldDescriptor]", message.DESCRIPTOR.fields)
        return {field.name: self._field(message, field) for field in fields}

    def _field(self, message: Message, field: FieldDescriptor) -> Value:
        value = getattr(message, field.name)
        if isinstance(value, MutableMapping):
            return dict(sorted(value.items()))
        if isinstance(value, MutableSequence):
            return [self._plain(field, each) for each in value]
        if field.has_presence and not message.HasField(field.name):
            return None
        return self._plain(field, value)

    def _plain(self, field: FieldDescriptor, value: Value) -> Value:
        if isinstance(value, Timestamp):
            return self.write_time(value)
        return word_of(field.enum_type, value) if field.enum_type is not None else value


def document_of(message: Message) -> Document:
    """Return a message for programs: times in RFC 3339.

    protobuf's own JSON writes 64-bit numbers as text, which sums and comparisons stumble over.
    """
    return Writer(Timestamp.ToJsonString).document(message)


def facts_in(message: Message) -> Document:
    """Return a message for people: times to the second."""
    return Writer(second_of).document(message)


def second_of(time: Timestamp) -> str:
    """Write a time for people."""
    return f"{time.ToDatetime():%Y-%m-%d %H:%M:%S} UTC"


def word_of(enum: EnumDescriptor, number: int) -> str | int | None:
    """Return the configuration's word for a number: `cost` for `METRIC_COST`, None for 0, the number if it is newer."""
    if not number:
        return None
    name = enum.values_by_number.get(number)
    prefix = enum.values_by_number[0].name.removesuffix(UNSPECIFIED)
    return number if name is None else name.name.removeprefix(prefix).lower()
