"""From images, audio, video and files of LangChain to the contract's media. Pure."""

from __future__ import annotations

import base64
import binascii
import json
import mimetypes
from collections.abc import Mapping
from urllib.parse import unquote_to_bytes, urlsplit

from llmgateway.v1 import message_pb2

from llmgateway_langchain.extras import Block, text_at

# What each type of block is, where nothing says so more closely. Providers that fetch a URI find out for themselves.
MEDIA_BLOCKS: Mapping[str, str] = {
    "image": "image/*",
    "audio": "audio/*",
    "video": "video/*",
    "file": "application/octet-stream",
    "text-plain": "text/plain",
}
# OpenAI names audio by its format, and LangChain makes a media type of that.
AUDIO_TYPES: Mapping[str, str] = {"audio/mp3": "audio/mpeg"}
FILE_NAMES = ("file_name", "filename", "file_filename", "title")


def encode_media(part: message_pb2.Part, block: Block) -> None:
    """Fill in media from one of `url` (`data:` too), `base64`, `file_id` and `text`; raise `ValueError` without any."""
    media, extras = part.media, block.get("extras") or {}
    mime_type = text_at(block, "mime_type")
    url = text_at(block, "url")
    if block.get("base64"):
        media.data = decode_base64(text_at(block, "base64"))
    elif url.startswith("data:"):
        mime_type, media.data = split_data_url(url)
    elif url:
        media.uri = url
        mime_type = mime_type or mimetypes.guess_type(urlsplit(url).path)[0] or ""
    elif text_at(block, "text"):
        media.data = text_at(block, "text").encode()
    else:
        # LangChain puts the id of a file at Anthropic under `id`.
        media.file_id = text_at(block, "file_id") or text_at(block, "id")
        if not media.file_id:
            raise ValueError(f"A content block of the type {block['type']!r} needs one of url, base64 and file_id.")
    if mime_type or not media.HasField("file_id"):
        media.mime_type = AUDIO_TYPES.get(mime_type, mime_type) or MEDIA_BLOCKS[block["type"]]
    media.file_name = next((name for key in FILE_NAMES if (name := text_at({**extras, **block}, key))), "")
    media.detail = text_at(extras, "detail")
    media.transcript = text_at(extras, "transcript")
    if text_at(extras, "expire_time"):
        media.expire_time.FromJsonString(extras["expire_time"])
    if text_at(block, "context"):
        # Anthropic alone reads a document with words about it.
        part.provider_json["anthropic"] = json.dumps({"context": block["context"]}, ensure_ascii=False)


def split_data_url(url: str) -> tuple[str, bytes]:
    """Return the media type and the bytes of a `data:` URL."""
    head, comma, payload = url.removeprefix("data:").partition(",")
    if not comma:
        raise ValueError("A data URL has no comma: write data:MEDIA_TYPE;base64,DATA.")
    mime_type = head.partition(";")[0]
    data = decode_base64(payload) if head.endswith(";base64") else unquote_to_bytes(payload)
    return mime_type or "text/plain", data


def decode_base64(text: str) -> bytes:
    """Return the bytes; raise `ValueError` for what is no base64."""
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"The data of a content block is no base64: {error}.") from error
