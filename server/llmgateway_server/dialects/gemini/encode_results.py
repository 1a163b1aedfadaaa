"""What tools returned → `functionResponse`, or `codeExecutionResult` for Google's own.

`FunctionResponse.response` is an object: the output under `output`, what went wrong under `error`; an object with
neither is the output itself (https://ai.google.dev/api/caching#FunctionResponse, read 2026-11-25).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
from llmgateway.v1 import message_pb2

from llmgateway_server.dialects.gaps import Gaps, invalid
from llmgateway_server.dialects.gemini.media import result_media
from llmgateway_server.dialects.gemini.options import NAME, merge_part_bag
from llmgateway_server.dialects.gemini.parts import CODE_TOOL, OUTCOME_FAILED, OUTCOME_OK
from llmgateway_server.dialects.gemini.quirks import Quirks
from llmgateway_server.dialects.options import decode_object
from llmgateway_server.dialects.reading import Json

# Keys that Google reads itself where they stand at the top of a response.
READ_KEYS = ('"output"', '"error"')
# Google takes such a key anywhere in a response for a reference to a part of it, and refuses what is none.
REFERENCE_KEY = '"$ref"'


def encode_result(path: str, part: message_pb2.Part, tool_names: Mapping[str, str], quirks: Quirks, gaps: Gaps) -> Json:
    """Return a part of the user's turn. Raise `InvalidField` for a result of no known tool."""
    result = part.tool_result
    name = result.tool_name or tool_names.get(result.tool_call_id, "")
    if not name:
        raise invalid(f"{path}.tool_result.tool_name", "is required here: no call before it has this tool_call_id")
    key = "error" if result.failed else "output"
    inner: Json = {"name": name}
    if result.tool_call_id:
        inner["id"] = result.tool_call_id
    if result.output_json:
        inner["response"] = wrap(result.output_json.strip(), key)
    else:
        texts, media = result_parts(f"{path}.tool_result", result.parts, quirks, gaps)
        inner["response"] = {key: texts[0] if len(texts) == 1 else texts or ""}
        if media:
            inner["parts"] = media
    encoded: Json = {"functionResponse": inner}
    if part.provider_json:
        merge_part_bag(encoded, part.provider_json)
    return encoded


def wrap(output: str, key: str) -> msgspec.Raw | Json:
    """Return a JSON value as an object, in its own bytes where it can be."""
    if REFERENCE_KEY in output:
        return {key: output}
    raw = msgspec.Raw(output.encode())
    is_plain = key == "output" and output.startswith("{") and not any(read in output for read in READ_KEYS)
    return raw if is_plain else {key: raw}


def result_parts(
    path: str, parts: Iterable[message_pb2.Part], quirks: Quirks, gaps: Gaps
) -> tuple[list[str], list[Json]]:
    """Return the texts of a result, and its media."""
    texts: list[str] = []
    media: list[Json] = []
    for index, part in enumerate(parts):
        kind, part_path = part.WhichOneof("content"), f"{path}.parts[{index}]"
        if kind == "text":
            texts.append(part.text)
        elif kind == "media":
            media.append(result_media(part_path, part.media, quirks, gaps))
        elif kind == "provider_part" and part.provider_part.dialect == NAME:
            media.append(decode_object(part.provider_part.json))
        else:
            raise invalid(f"{part_path}.{kind}", "has no place in a result of the gemini dialect")
    return texts, media


def encode_run_result(part: message_pb2.Part) -> Json | None:
    """Return what code returned that Google ran, None for a result of any other provider's tool."""
    result = part.tool_result
    if result.tool_name != CODE_TOOL:
        return None
    inner: Json = {}
    output = "".join([piece.text for piece in result.parts]) or result.output_json
    if output:
        inner["output"] = output
    encoded: Json = {"codeExecutionResult": inner}
    if part.provider_json:
        merge_part_bag(encoded, part.provider_json)
    inner.setdefault("outcome", OUTCOME_FAILED if result.failed else OUTCOME_OK)
    return encoded
