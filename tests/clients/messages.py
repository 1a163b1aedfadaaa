"""Hypothesis strategies for whole messages, read off their descriptors: a new field is drawn without a change here."""

from __future__ import annotations

from typing import Any, TypeVar

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st

MessageType = TypeVar("MessageType", bound=Message)
# The published types name two classes of descriptors, one for each implementation.
Field = Any

# Deep enough for parts in a tool result in a part; messages that hold themselves end there.
MAX_DEPTH = 4
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)

# NaN equals nothing, itself included.
SCALARS: dict[int, st.SearchStrategy[object]] = {
    FieldDescriptor.CPPTYPE_INT32: st.integers(-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: st.integers(-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_DOUBLE: st.floats(allow_nan=False),
    FieldDescriptor.CPPTYPE_FLOAT: st.floats(allow_nan=False, width=32),
    FieldDescriptor.CPPTYPE_BOOL: st.booleans(),
    FieldDescriptor.CPPTYPE_STRING: TEXT,
}


@st.composite
def messages(draw: st.DrawFn, kind: type[MessageType], depth: int = 0) -> MessageType:
    """Draw any message of a type: each field set or not, of each oneof at most one."""
    message = kind()
    chosen = {
        oneof.name: draw(st.sampled_from([None, *(field.name for field in oneof.fields)]))
        for oneof in kind.DESCRIPTOR.oneofs
    }
    for field in kind.DESCRIPTOR.fields:
        oneof = field.containing_oneof
        is_set = chosen[oneof.name] == field.name if oneof is not None else draw(st.booleans())
        if is_set:
            fill(draw, message, field, depth)
    return message


def fill(draw: st.DrawFn, message: Message, field: Field, depth: int) -> None:
    """Set one field to anything."""
    entry = field.message_type
    if entry is not None and entry.GetOptions().map_entry:
        getattr(message, field.name).update(draw(st.dictionaries(TEXT, TEXT, max_size=2)))
    elif entry is not None:
        inner = getattr(message, field.name)
        if depth >= MAX_DEPTH:
            return
        strategy = messages(GetMessageClass(entry), depth + 1)
        if field.is_repeated:
            inner.extend(draw(st.lists(strategy, max_size=2)))
        else:
            inner.SetInParent()
            inner.CopyFrom(draw(strategy))
    elif field.is_repeated:
        getattr(message, field.name).extend(draw(st.lists(scalars(field), max_size=2)))
    else:
        setattr(message, field.name, draw(scalars(field)))


def scalars(field: Field) -> st.SearchStrategy[object]:
    """Return the values of a scalar field; those of an enum include one that is not known yet."""
    if field.enum_type is not None:
        return st.sampled_from([*(value.number for value in field.enum_type.values), 999])
    if field.type == FieldDescriptor.TYPE_BYTES:
        return st.binary(max_size=6)
    return SCALARS[field.cpp_type]
