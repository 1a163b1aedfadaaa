"""What a request asks of a model, against what the model is known to lack: refused by name before anything is sent.

Only what is surely missing counts. How hard to think, and the schema of an answer, are left out with a warning where
the request's `unsupported_policy` or the provider's allows it; tools and media are always refused. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from llmgateway.v1 import call_pb2, generation_pb2, message_pb2

from llmgateway_server.errors import CapabilityMissing
from llmgateway_server.routing.target import Target

Request = generation_pb2.GenerateRequest

LACKING = {
    "generate": "writes no answers",
    "tools": "calls no tools",
    "json_schema": "follows no schema",
    "reasoning": "does not reason",
    "image": "reads no images",
    "audio": "reads no audio",
    "video": "reads no video",
    "document": "reads no documents",
}
NO_EFFORT = ("", "none")
MEDIA_KINDS = ("image", "audio", "video")


class Need(NamedTuple):
    """Something that a request asks for: a word of the catalogue, where it stands, and what may be left out for it."""

    ability: str
    field: str
    dropped: str = ""


def find_missing(request: Request, target: Target, lacks: Collection[str], *, drops: bool) -> CapabilityMissing | None:
    """Return the refusal of what a target cannot do; None where it can do all, or what it cannot may be left out."""
    if not lacks:
        return None
    for need in needs_of(request):
        if need.ability in lacks and not (need.dropped and drops):
            return missing(target, need)
    return None


def fit(request: Request, target: Target, lacks: Collection[str]) -> tuple[Request, Sequence[call_pb2.Warning]]:
    """Return the request as the target can serve it, and what was left out. The request itself is not changed."""
    if not lacks:
        return request, ()
    warnings: list[call_pb2.Warning] = []
    fitted = request
    for need in needs_of(request):
        if need.ability not in lacks or not need.dropped:
            continue
        if fitted is request:
            fitted = Request()
            fitted.CopyFrom(request)
        fitted.ClearField(need.dropped)  # type: ignore[arg-type]  # the names stand below
        warnings.append(
            call_pb2.Warning(field=need.field, description=f"{target.id} {LACKING[need.ability]}: it was left out.")
        )
    return fitted, warnings


def missing(target: Target, need: Need) -> CapabilityMissing:
    """Return the refusal."""
    out = "Leave it out, set unsupported_policy to drop it, or name" if need.dropped else "Leave it out or name"
    return CapabilityMissing(
        f"{target.id} does not take {need.field}: by the catalogue it {LACKING[need.ability]}. {out} another model. If "
        f"the catalogue is wrong, set models.{target.id}.capabilities.{need.ability} to true in the configuration.",
        metadata={"model": target.id[:200], "capability": need.field},
    )


def needs_of(request: Request) -> Iterator[Need]:
    """Yield what the request asks for, once each: first what is refused, then what may be left out."""
    yield Need("generate", "model")
    if request.tools:
        yield Need("tools", "tools")
    for index, message in enumerate(request.messages):
        yield from media_of(message.parts, f"messages[{index}].parts")
    output = request.output_format
    if output.HasField("json_schema"):
        yield Need("json_schema", "output_format.json_schema", "output_format")
    reasoning = request.reasoning
    if reasoning.effort not in NO_EFFORT or reasoning.max_token_count > 0:
        field = "effort" if reasoning.effort else "max_token_count"
        yield Need("reasoning", f"reasoning.{field}", "reasoning")


def media_of(parts: Sequence[message_pb2.Part], path: str) -> Iterator[Need]:
    """Yield what parts hold beside text, inside results of tools, too."""
    for index, part in enumerate(parts):
        kind = part.WhichOneof("content")
        if kind == "media":
            family = part.media.mime_type.partition("/")[0]
            if family in MEDIA_KINDS:
                yield Need(family, f"{path}[{index}].media")
        elif kind == "tool_result":
            yield from media_of(part.tool_result.parts, f"{path}[{index}].tool_result.parts")
