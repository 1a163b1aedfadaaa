"""Schemas of functions, for providers that want them to say that the arguments are an object."""

from __future__ import annotations

from typing import Any

import msgspec

from llmgateway_server.dialects.gaps import invalid
from llmgateway_server.dialects.options import decode_object


class SchemaType(msgspec.Struct):
    """The one member of a tool's schema that is looked at."""

    type: Any = None  # Any: whatever JSON holds


SCHEMA_TYPE = msgspec.json.Decoder(SchemaType)


def object_schema(path: str, schema: str) -> Any:  # Any: a JSON object, decoded or not
    """Return a function's schema as one of an object; raise `InvalidField` with its path where it is another's."""
    if not schema:
        return {"type": "object", "properties": {}}
    kind = SCHEMA_TYPE.decode(schema).type
    if kind == "object":
        return msgspec.Raw(schema.encode())
    if kind is not None:
        raise invalid(path, 'must have the type "object": the arguments of a function are one')
    return {"type": "object", **decode_object(schema)}
