"""Images, audio and documents as parts of a message. Pure."""

from __future__ import annotations

import base64

from llmgateway.v1 import message_pb2

from llmgateway_server.dialects.gaps import invalid
from llmgateway_server.dialects.reading import Json

AUDIO_FORMATS = {
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/wave": "wav",
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
}


def encode_media(path: str, media: message_pb2.Media) -> Json:
    """Encode an image, audio or a document as OpenAI takes it. Raise `InvalidField` for what it takes in no form."""
    mime_type = media.mime_type.partition(";")[0].lower()
    source = media.WhichOneof("source")
    if source == "file_id":
        return {"type": "file", "file": {"file_id": media.file_id}}
    if mime_type.startswith("image/"):
        url = media.uri if source == "uri" else data_url(media)
        image: Json = {"url": url}
        if media.detail:
            image["detail"] = media.detail
        return {"type": "image_url", "image_url": image}
    if source == "uri":
        description = "must be data or a file_id here: the openai dialect takes only images by URI"
        raise invalid(f"{path}.media.uri", description)
    if mime_type in AUDIO_FORMATS:
        data = base64.b64encode(media.data).decode("ascii")
        return {"type": "input_audio", "input_audio": {"data": data, "format": AUDIO_FORMATS[mime_type]}}
    if mime_type.startswith(("audio/", "video/")):
        description = "is none that the openai dialect takes: send audio as audio/wav or audio/mpeg"
        raise invalid(f"{path}.media.mime_type", description)
    file: Json = {"file_data": data_url(media)}
    file["filename"] = media.file_name or "file"
    return {"type": "file", "file": file}


def data_url(media: message_pb2.Media) -> str:
    """Return bytes as a data URL."""
    return f"data:{media.mime_type};base64,{base64.b64encode(media.data).decode('ascii')}"


def encode_mistral_media(path: str, media: message_pb2.Media) -> Json:
    """Encode media as Mistral has it: other types, and URLs for documents (its API reference, "Chat", 2026-11-25)."""
    mime_type = media.mime_type.partition(";")[0].lower()
    source = media.WhichOneof("source")
    if source == "file_id":
        return {"type": "file", "file_id": media.file_id}
    if mime_type.startswith("image/"):
        return encode_media(path, media)
    if mime_type.startswith("audio/"):
        sent = media.uri if source == "uri" else base64.b64encode(media.data).decode("ascii")
        return {"type": "input_audio", "input_audio": sent}
    if mime_type.startswith("video/"):
        raise invalid(f"{path}.media.mime_type", "is none that Mistral takes")
    document: Json = {"type": "document_url", "document_url": media.uri if source == "uri" else data_url(media)}
    if media.file_name:
        document["document_name"] = media.file_name
    return document
