"""Messages of the admin contract as JSON that is easy to work with: whole numbers, words for enums, times as text."""

from __future__ import annotations

from collections.abc import MutableMapping, MutableSequence, Sequence
from typing import Any, TypeAlias, cast

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

# Any: what JSON can hold, and a message's field.
Value: TypeAlias = Any
Document: TypeAlias = dict[str, Value]

UNSPECIFIED = "UNSPECIFIED"


def document_of(message: Message) -> Document:
    """Return every field of a message by its name in the contract; None for one that is absent.

    protobuf's own JSON writes 64-bit numbers as text, which sums and comparisons stumble over.
    """
    # The stub package types the library's two implementations apart.
    fields = cast("Sequence[FieldDescriptor]", message.DESCRIPTOR.fields)
    return {field.name: value_of(message, field) for field in fields}


def value_of(message: Message, field: FieldDescriptor) -> Value:
    """Return one field's value."""
    value = getattr(message, field.name)
    if isinstance(value, MutableMapping):
        return dict(sorted(value.items()))
    if isinstance(value, MutableSequence):
        return [plain(field, each) for each in value]
    if field.has_presence and not message.HasField(field.name):
        return None
    return plain(field, value)


def plain(field: FieldDescriptor, value: Value) -> Value:
    """Return one value as JSON has it."""
    if isinstance(value, Timestamp):
        return value.ToJsonString()
    if isinstance(value, Message):
        return document_of(value)
    return word_of(field.enum_type, value) if field.enum_type is not None else value


def word_of(enum: EnumDescriptor, number: int) -> str | int | None:
    """Return the configuration's word for a number: `cost` for `METRIC_COST`, None for 0, the number if it is newer."""
    if not number:
        return None
    name = enum.values_by_number.get(number)
    prefix = enum.values_by_number[0].name.removesuffix(UNSPECIFIED)
    return number if name is None else name.name.removeprefix(prefix).lower()
