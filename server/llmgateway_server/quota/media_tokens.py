"""The most tokens that an image can be, by the model that reads it: what its maker documents, or what was measured.

Audio, video and documents have no such bound: their length cannot be read cheaply, nor that of what lies at an address.
"""

from __future__ import annotations

import re

from llmgateway.v1 import message_pb2

from llmgateway_server.tokens import TOKENS_PER_MEDIA

# By the model's name, without what stands before its last slash, or its maker's at Bedrock: the first row that fits.
#
# Claude: Anthropic, "Vision", as quoted on 2026-08-29: a token for each 28 x 28 pixels, at most 1,568 of them up to the
#   models 4.6, and 4,784 from 4.7 on; earlier editions say "about 1,600", and the first number is held above that.
# GPT by tiles: OpenAI, "Images and vision", a copy read 2026-12-01, and from memory for gpt-4o-mini: 2,048 x 768 pixels
#   at most are 8 tiles of 512 x 512; 170 tokens each and 85 once, for gpt-4o-mini 5,667 and 2,833.
# GPT by patches: the same: at most 1,536 patches of 32 x 32, times at most 2.46. From gpt-5.4 on images may be seen
#   in their own size, at most 10,000 patches, times 1.2; of gpt-6 larger ones were measured
#   (huggingface.co/datasets/JOHNISKING/image-token-cost, seen 2026-12-01), so nothing bounds it.
# Gemini: Google, "Understand and count tokens" and "Media resolution", as quoted by others, seen 2026-12-01: Gemini 2
#   cuts tiles of 258 tokens from at most 3,072 x 3,072 pixels (that from memory), 24 of them for long and narrow ones;
#   Gemini 3 takes up to 2,240 tokens.
MOST_IMAGE_TOKENS: tuple[tuple[re.Pattern[str], int], ...] = (
    (re.compile(r"claude-(?:[23]|instant|v\d|(?:opus|sonnet|haiku)-(?:3|4$|4@|4[-.][0-6](?!\d)|4-2025))"), 1_664),
    (re.compile(r"claude-(?:opus|sonnet|haiku|fable|mythos)-(?:4[-.][78](?!\d)|5(?!\d))"), 4_784),
    (re.compile(r"gpt-4o-mini"), 48_169),
    (re.compile(r"gpt-5\.[45](?!\d)"), 12_000),
    (
        re.compile(r"(?:gpt-4o|gpt-4\.1|gpt-4-turbo|chatgpt-4o|o[134](?:$|-)|gpt-5(?:$|-(?!image)|\.[1-3](?!\d)))"),
        3_779,
    ),
    (re.compile(r"gemini-2(?:\.\d)?-(?!.*image)"), 6_192),
    (re.compile(r"gemini-3(?:\.\d)?-(?!.*image)"), 2_240),
)
BEFORE_NAME = re.compile(r".*/|^(?:[a-z-]+\.)?anthropic\.")
OF_OPENAI = re.compile(r"(?:gpt-|chatgpt-|o\d)[^/]*$")
IMAGE_TYPES = frozenset({"image/png", "image/jpeg", "image/jpg", "image/webp", "image/gif"})
# These fetch what they are told: an image as an image. Google reads whatever lies at an address, a film, say.
FETCH_AS_DECLARED = frozenset({"anthropic", "bedrock", "cohere", "openai"})


def most_image_tokens(model: str) -> int | None:
    """Return the most tokens that one image is for a model; None where nothing is known."""
    name = BEFORE_NAME.sub("", model)
    return next((most for names, most in MOST_IMAGE_TOKENS if names.match(name)), None)


def most_tokens(media: message_pb2.Media, model: str, dialect: str) -> int | None:
    """Return the most tokens that one medium is for a model; None where nothing bounds it but the context window."""
    if dialect == "mock":
        return TOKENS_PER_MEDIA
    mime_type = media_type(media)
    if is_as_declared(media, dialect):
        if mime_type in IMAGE_TYPES:
            return most_image_tokens(model)
        if mime_type.startswith("text/") and dialect == "anthropic" and media.data:  # it is sent as text
            return len(media.data)
    return None


def is_as_declared(media: message_pb2.Media, dialect: str) -> bool:
    """Whether its media type can be believed."""
    if media.HasField("uri"):
        return dialect in FETCH_AS_DECLARED
    return media.HasField("data")


def may_be_audio(media: message_pb2.Media, dialect: str) -> bool:
    """Whether some of it may be billed as audio: audio, the sound of a film, and what cannot be told."""
    if media.HasField("file_id"):
        return dialect not in FETCH_AS_DECLARED  # those keep images and documents alone
    return not is_as_declared(media, dialect) or not media_type(media).startswith(
        ("image/", "text/", "application/pdf")
    )


def may_be_seen(media: message_pb2.Media, dialect: str) -> bool:
    """Whether some of it may be billed as images: all that is not just heard."""
    return not is_as_declared(media, dialect) or not media_type(media).startswith("audio/")


def reads_for_a_fee(media: message_pb2.Media, model: str, dialect: str) -> bool:
    """Whether reading a document may cost more than its tokens.

    OpenRouter ("PDF inputs") and Mistral ("Document QnA") are known to charge by the page, OpenAI is not.
    """
    if dialect != "openai" or media_type(media).startswith(("image/", "audio/")):
        return False
    return not OF_OPENAI.match(model)


def media_type(media: message_pb2.Media) -> str:
    """Return the type without its parameters, in lower case."""
    return media.mime_type.partition(";")[0].strip().lower()
