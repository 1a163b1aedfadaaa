"""The committed image of the contract, and messages made of it alone: none of the generated modules takes part."""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet

from tests.contract.generate import IMAGE


def load_image() -> descriptor_pool.DescriptorPool:
    """Return a pool with the image and nothing else."""
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(IMAGE.read_bytes()).file:
        pool.AddSerializedFile(file.SerializeToString())
    return pool


POOL = load_image()
SERVICE = POOL.FindServiceByName("llmgateway.v1.LLMGateway")


def class_of(descriptor: Descriptor) -> type[Message]:
    """Return the class of the image's messages of a type."""
    return message_factory.GetMessageClass(descriptor)


def class_named(name: str) -> type[Message]:
    """Return the class of the image's messages of this name."""
    return class_of(POOL.FindMessageTypeByName(f"llmgateway.v1.{name}"))


def unknown_in(message: Message, path: str = "") -> Iterator[str]:
    """Yield where a message holds what the image does not know: fields by their numbers, and numbers of enums."""
    for unknown in UnknownFieldSet(message):
        yield f"{path}.{unknown.field_number}"
    for field, value in message.ListFields():
        place = f"{path}.{field.name}"
        is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
        inner = value.values() if is_map else value if field.is_repeated else [value]
        for item in inner:
            if isinstance(item, Message):
                yield from unknown_in(item, place)
            elif field.enum_type is not None and item not in field.enum_type.values_by_number:
                yield f"{place}={item}"


def fields_below(descriptor: Descriptor) -> set[str]:
    """Return the full names of a message's fields and of those of the contract's messages in it."""
    found: dict[str, set[str]] = {}
    waiting = [descriptor]
    while waiting:
        message = waiting.pop()
        if message.full_name not in found and is_ours(message):
            found[message.full_name] = {field.full_name for field in message.fields}
            waiting += [field.message_type for field in message.fields if field.message_type is not None]
    return set().union(*found.values())


def fields_set(message: Message) -> Iterator[str]:
    """Yield the full names of the fields that are set in a message and in the contract's messages in it."""
    for field, value in message.ListFields():
        yield field.full_name
        if field.message_type is not None and is_ours(field.message_type):
            for inner in value if field.is_repeated else [value]:
                yield from fields_set(inner)


def is_ours(message: Descriptor) -> bool:
    """Tell the contract's messages from protobuf's own and from the entries of maps."""
    return message.file.package == "llmgateway.v1" and not message.GetOptions().map_entry
