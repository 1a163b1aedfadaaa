"""Images, audio and documents of a request: inline as `data:` URLs (RFC 2397), or `https` for the provider to fetch."""

from __future__ import annotations

import base64
import binascii
import mimetypes
import re
from urllib.parse import unquote_to_bytes

from llmgateway.v1 import message_pb2

from llmgateway_http.openai.chat_types import ContentPart, File, ImageUrl, InputAudio
from llmgateway_http.openai.errors import invalid
from llmgateway_http.openai.json_body import required

HTTPS_URL = re.compile(r"https://[^\s/]\S*", re.IGNORECASE)
DATA_URL_PREFIX = "data:"
# OpenAI's names of audio formats that IANA calls otherwise.
AUDIO_TYPES = {"mp3": "audio/mpeg", "pcm16": "audio/pcm"}


def set_image(media: message_pb2.Media, image: ImageUrl, path: str) -> None:
    """Fill `media` from an `image_url` part; `path` is that of the URL."""
    set_source(media, image.url, path, "image/*")
    if image.detail is not None:
        media.detail = image.detail


def set_audio(media: message_pb2.Media, audio: InputAudio, path: str) -> None:
    """Fill `media` from an `input_audio` part."""
    media.mime_type = AUDIO_TYPES.get(audio.format, f"audio/{audio.format}")
    media.data = decode_base64(audio.data, f"{path}.data")


def set_file(media: message_pb2.Media, file: File, path: str) -> None:
    """Fill `media` from a `file` part."""
    if file.filename is not None:
        media.file_name = file.filename
    if (file.file_id is None) == (file.file_data is None):
        raise invalid(path, "must have either file_data or file_id")
    if file.file_id is not None:
        media.file_id = file.file_id
        return
    guessed = mimetypes.guess_type(file.filename or "")[0] or "application/octet-stream"
    if file.file_data is not None and is_base64(file.file_data):
        media.mime_type = guessed
        media.data = decode_base64(file.file_data, f"{path}.file_data")
    elif file.file_data is not None:
        set_source(media, file.file_data, f"{path}.file_data", guessed)


def set_source(media: message_pb2.Media, url: str, path: str, fallback_type: str) -> None:
    """Fill `media` from a URL; `fallback_type` is the media type of one that does not tell its own."""
    if url[: len(DATA_URL_PREFIX)].lower() == DATA_URL_PREFIX:
        media.mime_type, media.data = split_data_url(url, path)
    else:
        check_url(url, path)
        media.mime_type = fallback_type
        media.uri = url


def check_url(url: str, path: str) -> None:
    """Refuse what is neither `https` nor `data:`: a provider inside the network must not be sent around in it."""
    if url[: len(DATA_URL_PREFIX)].lower() != DATA_URL_PREFIX and not HTTPS_URL.fullmatch(url):
        raise invalid(path, "must be an https or a data: URL")


def check_unknown_part(type_name: str, member: object, path: str) -> None:
    """Check the URL of a part of a type unknown here, where it lies as in the known ones."""
    url = member.get("url") if isinstance(member, dict) else member if type_name.endswith("_url") else None
    if isinstance(url, str):
        check_url(url, f"{path}.{type_name}")


def split_data_url(url: str, path: str) -> tuple[str, bytes]:
    """Return the media type and the bytes of a `data:` URL."""
    head, comma, payload = url[len(DATA_URL_PREFIX) :].partition(",")
    if not comma:
        raise invalid(path, "must be a data: URL with a comma before its data")
    if head.lower().endswith(";base64"):
        mime_type, data = head[: -len(";base64")], decode_base64(payload, path)
    else:
        mime_type, data = head, unquote_to_bytes(payload)
    return mime_type or "text/plain", data


def is_base64(text: str) -> bool:
    """Whether a text can only be base64, not a URL."""
    return ":" not in text


def decode_base64(text: str, path: str) -> bytes:
    """Return the bytes; refuse characters outside the alphabet instead of skipping them."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid(path, "must be valid base64") from error


def media_of(part: ContentPart, message: message_pb2.Part, path: str) -> bool:
    """Fill `message.media` from a part that holds media; return whether it is one."""
    kind = part.type
    if kind == "image_url":
        set_image(message.media, required(part.image_url, f"{path}.image_url"), f"{path}.image_url.url")
    elif kind == "input_audio":
        set_audio(message.media, required(part.input_audio, f"{path}.input_audio"), f"{path}.input_audio")
    elif kind == "file":
        set_file(message.media, required(part.file, f"{path}.file"), f"{path}.file")
    else:
        return False
    return True
