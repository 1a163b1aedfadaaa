"""Images, audio, video and documents → `inlineData`, `fileData`.

https://ai.google.dev/gemini-api/docs/file-input-methods, read 2026-11-25: bytes inline; the URI of an uploaded or
registered file, or any public or signed `https` address, as `fileData`. Vertex AI takes `gs` and `https`.
"""

from __future__ import annotations

import base64

from llmgateway.v1 import message_pb2

from llmgateway_server.dialects.gaps import Gaps, invalid
from llmgateway_server.dialects.gemini.quirks import Quirks
from llmgateway_server.dialects.reading import Json

# Where AI Studio's files lie: their ids are the ends of such URIs.
FILES_URI = "https://generativelanguage.googleapis.com/v1beta/"
# OpenAI's clients name every file that they send: no reason to refuse it.
NAMELESS = "Google AI Studio takes no names of files: it was left out."
RESOLUTIONS = {word: f"MEDIA_RESOLUTION_{word.upper()}" for word in ("low", "medium", "high", "ultra_high")}


def encode_media(path: str, media: message_pb2.Media, quirks: Quirks, gaps: Gaps) -> Json:
    """Return a part. Raise `InvalidField` for a source that Google reads nothing from."""
    source = media.WhichOneof("source")
    if source == "data":
        blob = inline_data(media)
        part: Json = {"inlineData": blob}
    else:
        blob = {"fileUri": file_uri(path, media, quirks)}
        if media.mime_type:
            blob["mimeType"] = media.mime_type
        part = {"fileData": blob}
    if media.file_name:
        if quirks.vertex:
            blob["displayName"] = media.file_name
        else:
            gaps.warn(f"{path}.media.file_name", NAMELESS)
    if media.detail and media.detail != "auto":
        level = RESOLUTIONS.get(media.detail, media.detail)
        if level.startswith("MEDIA_RESOLUTION_"):
            part["mediaResolution"] = {"level": level}
        else:
            gaps.miss(f"{path}.media.detail")
    return part


def inline_data(media: message_pb2.Media) -> Json:
    """Return bytes as a blob."""
    return {"mimeType": media.mime_type, "data": base64.b64encode(media.data).decode("ascii")}


def file_uri(path: str, media: message_pb2.Media, quirks: Quirks) -> str:
    """Return where Google finds a file."""
    if media.WhichOneof("source") == "uri":
        if media.uri[:5].lower() == "s3://":
            raise invalid(f"{path}.media.uri", "must be a gs or https URI here: Google reads nothing from s3")
        return media.uri
    if "://" in media.file_id:
        return media.file_id
    if quirks.vertex:
        raise invalid(f"{path}.media.file_id", "must be a URI here: Vertex AI holds no files of its own; send uri")
    return FILES_URI + (media.file_id if media.file_id.startswith("files/") else f"files/{media.file_id}")


def result_media(path: str, media: message_pb2.Media, quirks: Quirks, gaps: Gaps) -> Json:
    """Return a part of a function's response, which takes less than a message does."""
    if media.WhichOneof("source") == "data":
        if media.detail:
            gaps.miss(f"{path}.media.detail")
        blob = inline_data(media)
        if media.file_name and quirks.vertex:
            blob["displayName"] = media.file_name
        elif media.file_name:
            gaps.warn(f"{path}.media.file_name", NAMELESS)
        return {"inlineData": blob}
    if not quirks.vertex:
        raise invalid(f"{path}.media.{media.WhichOneof('source')}", "must be data in a tool's result here")
    part = encode_media(path, media, quirks, gaps)
    return {"fileData": part["fileData"]}
