"""What fields of more than one resource have to be checked for. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from llmgateway_server import errors
from llmgateway_server.call import NANOS_PER_S
from llmgateway_server.errors import FieldViolation

Violations = list[FieldViolation]

ID = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}")
MAX_DISPLAY_NAME = 256
MAX_LABELS = 64
MAX_LABEL_NAME = 64
MAX_LABEL = 256
# The Timestamp's own range: the years 1 to 9999.
MIN_TIMESTAMP_S = -62_135_596_800
MAX_TIMESTAMP_S = 253_402_300_799


def refuse(wrong: Sequence[FieldViolation]) -> None:
    """Raise `InvalidField` if anything is wrong."""
    if wrong:
        raise errors.InvalidField(wrong)


def check_id(path: str, id: str, wrong: Violations) -> None:  # noqa: A002  # AIP's word
    if ID.fullmatch(id) is None:
        wrong.append(FieldViolation(path, "must be 1 to 64 of [a-zA-Z0-9._-], the first a letter or digit"))


def read_name(path: str, name: str, collection: str, wrong: Violations) -> str:
    """Return the id in a resource name."""
    head, _, id_ = name.partition("/")
    if head != collection or ID.fullmatch(id_) is None:
        wrong.append(FieldViolation(path, f"must be a resource name such as {collection}/example"))
        return ""
    return id_


def read_optional_name(path: str, name: str, collection: str, wrong: Violations) -> str:
    """Return the id in a resource name that may be empty."""
    return read_name(path, name, collection, wrong) if name else ""


def check_text(path: str, text: str, most: int, wrong: Violations) -> None:
    if len(text) > most:
        wrong.append(FieldViolation(path, f"must have at most {most} characters, not {len(text)}"))


def check_count(path: str, items: Collection[object], most: int, wrong: Violations) -> None:
    if len(items) > most:
        wrong.append(FieldViolation(path, f"must have at most {most} entries, not {len(items)}"))


def check_labels(path: str, labels: Mapping[str, str], wrong: Violations) -> None:
    check_count(path, labels, MAX_LABELS, wrong)
    for name, value in list(labels.items())[:MAX_LABELS]:
        if not 1 <= len(name) <= MAX_LABEL_NAME:
            wrong.append(FieldViolation(path, f"must have names of 1 to {MAX_LABEL_NAME} characters"))
        check_text(f'{path}["{name[:MAX_LABEL_NAME]}"]', value, MAX_LABEL, wrong)


def read_time(path: str, time: Timestamp, wrong: Violations) -> int:
    """Return a time in nanoseconds since the epoch."""
    if not MIN_TIMESTAMP_S <= time.seconds <= MAX_TIMESTAMP_S or not 0 <= time.nanos < NANOS_PER_S:
        wrong.append(FieldViolation(path, "must be a time in the years 1 to 9999"))
        return 0
    return time.seconds * NANOS_PER_S + time.nanos


def set_time(time: Timestamp, time_ns: int | None) -> None:
    """Set a time, unless there is none."""
    if time_ns is not None:
        time.seconds, time.nanos = divmod(time_ns, NANOS_PER_S)


def fields_set(message: Message, fields: Collection[str]) -> Sequence[str]:
    """Return those of some fields that are set."""
    return [field.name for field, _ in message.ListFields() if field.name in fields]


def fields_to_change(message: Message, mask: FieldMask, fields: Collection[str], wrong: Violations) -> Sequence[str]:
    """Return the fields that an update is of: those in its mask, or all that are set where it is empty."""
    if not mask.paths:
        return fields_set(message, fields)
    check_count("update_mask", mask.paths, len(message.DESCRIPTOR.fields), wrong)
    for index, path in enumerate(mask.paths[: len(message.DESCRIPTOR.fields)]):
        if path not in fields:
            wrong.append(FieldViolation(f"update_mask.paths[{index}]", f"must be one of {', '.join(sorted(fields))}"))
    return list(dict.fromkeys(mask.paths))
