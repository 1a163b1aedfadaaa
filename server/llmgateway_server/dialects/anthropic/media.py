"""Images and documents → content blocks (Anthropic's documentation, "Vision" and "PDF support", read 2026-11-25)."""

from __future__ import annotations

import base64

from llmgateway.v1 import message_pb2

from llmgateway_server.dialects.anthropic.options import FILES_BETA
from llmgateway_server.dialects.anthropic.target import Target
from llmgateway_server.dialects.gaps import invalid
from llmgateway_server.dialects.reading import Json

IMAGE_TYPES = {
    "image/jpeg": "image/jpeg",
    "image/jpg": "image/jpeg",
    "image/png": "image/png",
    "image/gif": "image/gif",
    "image/webp": "image/webp",
}
PDF = "application/pdf"
MAX_TITLE_CHARACTERS = 500


def encode_media(path: str, media: message_pb2.Media, target: Target) -> Json:
    """Encode an image or a document. Raise `InvalidField` for what Anthropic takes in no form."""
    mime_type = media.mime_type.partition(";")[0].strip().lower()
    is_image = mime_type.startswith("image/")
    if media.detail and media.detail != "auto":
        target.miss(f"{path}.detail", ": it looks at every image alike")
    source = media.WhichOneof("source")
    if source == "file_id":
        target.use(FILES_BETA)
        encoded: Json = {"type": "file", "file_id": media.file_id}
    elif source == "uri":
        encoded = uri_source(path, media.uri, mime_type)
    else:
        encoded = image_source(path, media, mime_type) if is_image else document_source(path, media, mime_type)
    if is_image:
        return {"type": "image", "source": encoded}
    block: Json = {"type": "document", "source": encoded}
    if media.file_name:
        block["title"] = media.file_name[:MAX_TITLE_CHARACTERS]
        if len(media.file_name) > MAX_TITLE_CHARACTERS:
            target.warn(f"{path}.file_name", f"It was cut to {MAX_TITLE_CHARACTERS} characters.")
    return block


def uri_source(path: str, uri: str, mime_type: str) -> Json:
    """Encode an address that Anthropic fetches itself: images and PDFs, over https."""
    if not uri.lower().startswith("https://"):
        raise invalid(f"{path}.uri", "must begin with https:// here: the anthropic dialect fetches from nowhere else")
    if not mime_type.startswith("image/") and mime_type != PDF:
        raise invalid(f"{path}.uri", "must be data or a file_id: the anthropic dialect takes images and PDFs by URI")
    return {"type": "url", "url": uri}


def image_source(path: str, media: message_pb2.Media, mime_type: str) -> Json:
    """Encode the bytes of an image."""
    known = IMAGE_TYPES.get(mime_type)
    if known is None:
        raise invalid(f"{path}.mime_type", "is no image that the anthropic dialect takes: send JPEG, PNG, GIF or WebP")
    return {"type": "base64", "media_type": known, "data": base64.b64encode(media.data).decode("ascii")}


def document_source(path: str, media: message_pb2.Media, mime_type: str) -> Json:
    """Encode the bytes of a document. Text of any kind is taken as plain text."""
    if mime_type == PDF:
        return {"type": "base64", "media_type": PDF, "data": base64.b64encode(media.data).decode("ascii")}
    if not mime_type.startswith("text/"):
        raise invalid(f"{path}.mime_type", "is none that the anthropic dialect takes: send an image, a PDF or text")
    try:
        return {"type": "text", "media_type": "text/plain", "data": media.data.decode()}
    except UnicodeDecodeError as error:
        raise invalid(f"{path}.data", "is not UTF-8, which the text of a document must be") from error
