"""Images, documents, video and audio as content blocks, both ways.

Formats are those of the API reference (ImageBlock, DocumentBlock, VideoBlock, AudioBlock, read 2026-11-25). In JSON,
bytes are base64.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from llmgateway.v1 import message_pb2

from llmgateway_server.dialects.gaps import invalid
from llmgateway_server.dialects.reading import Json, mapping, text

OFFICE = "application/vnd.openxmlformats-officedocument"
# By media type: the kind of block, and its format.
FORMATS: dict[str, tuple[str, str]] = {
    "image/png": ("image", "png"),
    "image/jpeg": ("image", "jpeg"),
    "image/jpg": ("image", "jpeg"),
    "image/gif": ("image", "gif"),
    "image/webp": ("image", "webp"),
    "application/pdf": ("document", "pdf"),
    "text/csv": ("document", "csv"),
    "application/msword": ("document", "doc"),
    f"{OFFICE}.wordprocessingml.document": ("document", "docx"),
    "application/vnd.ms-excel": ("document", "xls"),
    f"{OFFICE}.spreadsheetml.sheet": ("document", "xlsx"),
    "text/html": ("document", "html"),
    "text/plain": ("document", "txt"),
    "text/markdown": ("document", "md"),
    "video/x-matroska": ("video", "mkv"),
    "video/matroska": ("video", "mkv"),
    "video/quicktime": ("video", "mov"),
    "video/mp4": ("video", "mp4"),
    "video/webm": ("video", "webm"),
    "video/x-flv": ("video", "flv"),
    "video/mpeg": ("video", "mpeg"),
    "video/x-ms-wmv": ("video", "wmv"),
    "video/3gpp": ("video", "three_gp"),
    "audio/mpeg": ("audio", "mp3"),
    "audio/mp3": ("audio", "mp3"),
    "audio/opus": ("audio", "opus"),
    "audio/wav": ("audio", "wav"),
    "audio/x-wav": ("audio", "wav"),
    "audio/wave": ("audio", "wav"),
    "audio/aac": ("audio", "aac"),
    "audio/flac": ("audio", "flac"),
    "audio/x-flac": ("audio", "flac"),
    "audio/mp4": ("audio", "mp4"),
    "audio/m4a": ("audio", "m4a"),
    "audio/x-m4a": ("audio", "m4a"),
    "audio/ogg": ("audio", "ogg"),
    "audio/x-matroska": ("audio", "mka"),
    "audio/webm": ("audio", "webm"),
    "audio/pcm": ("audio", "pcm"),
}
# The first media type of a format is the one it is read back as.
MEDIA_TYPES = {kind_and_format: media_type for media_type, kind_and_format in reversed(FORMATS.items())}
MAX_NAME_CHARACTERS = 200
NO_NAME_CHARACTER = re.compile(r"[^A-Za-z0-9()\[\]-]+")


def encode_media(path: str, media: message_pb2.Media, names: set[str]) -> tuple[str, Json]:
    """Return the kind of a block and what it holds. Raise `InvalidField` for what Bedrock takes in no form.

    `names` holds the names of the documents so far: no two may be alike.
    """
    source = media.WhichOneof("source")
    if source == "file_id":
        raise invalid(f"{path}.media.file_id", "is none of Bedrock's: send data, or an s3 URI")
    kind_and_format = FORMATS.get(media.mime_type.partition(";")[0].strip().lower())
    if kind_and_format is None:
        raise invalid(
            f"{path}.media.mime_type", "is none that Bedrock takes: send one of its formats, such as image/png"
        )
    kind, word = kind_and_format
    if source == "data":
        where: Json = {"bytes": base64.b64encode(media.data).decode("ascii")}
    elif media.uri[:5].lower() == "s3://":
        where = {"s3Location": {"uri": media.uri}}
    else:
        raise invalid(f"{path}.media.uri", "must be an s3 URI: Bedrock fetches no other; else send data")
    block: Json = {"format": word, "source": where}
    if kind == "document":
        block["name"] = document_name(media.file_name, names)
    return kind, block


def document_name(file_name: str, names: set[str]) -> str:
    """Return a document's name as Bedrock takes it: letters, digits, single spaces, -, (), []; no two alike."""
    name = NO_NAME_CHARACTER.sub(" ", file_name).strip()[:MAX_NAME_CHARACTERS].rstrip() or "document"
    unique, count = name, 1
    while unique in names:
        count += 1
        suffix = f" ({count})"
        unique = name[: MAX_NAME_CHARACTERS - len(suffix)].rstrip() + suffix
    names.add(unique)
    return unique


def decode_media(kind: str, raw: Json, media: message_pb2.Media) -> None:
    """Fill in what a block holds."""
    media.mime_type = media_type(kind, raw.get("format"))
    source = mapping(raw.get("source"))
    uri = text(mapping(source.get("s3Location")).get("uri"))
    if uri:
        media.uri = uri
    else:
        media.data = decode_bytes(source.get("bytes"))
    if kind == "document":
        media.file_name = text(raw.get("name"))


def media_type(kind: str, word: Any) -> str:
    """Return the media type of a format."""
    return MEDIA_TYPES.get((kind, text(word)), f"{kind}/{text(word) or '*'}")


def decode_bytes(raw: Any) -> bytes:
    """Return bytes; none where they are not base64."""
    try:
        return base64.b64decode(text(raw), validate=True)
    except (binascii.Error, ValueError):
        return b""
