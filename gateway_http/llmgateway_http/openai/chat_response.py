"""GenerateResponse → the body of a chat completion, as OpenAI's clients read it."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
from llmgateway.v1 import call_pb2, generation_pb2, message_pb2, usage_pb2

from llmgateway_http.openai.provider_parts import is_image, is_provider_part, to_image, to_provider_part
from llmgateway_http.openai.signatures import to_detail, to_extra_content

Json = dict[str, Any]  # Any: decoded JSON
Part = message_pb2.Part
Finish = generation_pb2.FinishReason

DIALECT = "openai"

# OpenAI has five words; what has none takes the nearest, and `native_finish_reason` keeps the provider's own.
FINISH_WORDS = {
    generation_pb2.FINISH_REASON_STOP: "stop",
    generation_pb2.FINISH_REASON_LENGTH: "length",
    generation_pb2.FINISH_REASON_TOOL_CALLS: "tool_calls",
    generation_pb2.FINISH_REASON_CONTENT_FILTERED: "content_filter",
    generation_pb2.FINISH_REASON_CONTEXT_FULL: "length",
}
# What OpenAI writes for a probability of nothing: JSON has no infinity.
LEAST_LOGPROB = -9999.0
SERVICE_TIERS = frozenset({"auto", "default", "flex", "scale", "priority"})
PLAIN_WORDS = frozenset({"", "stop", "length", "tool_calls", "content_filter", "function_call"})


def to_chat_completion(response: generation_pb2.GenerateResponse, model: str) -> Json:
    """Return the body. `model` is echoed as the client named it."""
    call = response.call
    body: Json = {
        "id": completion_id(call),
        "object": "chat.completion",
        "created": call.create_time.seconds,
        "model": model,
        "choices": [to_choice(candidate) for candidate in response.candidates],
        "usage": to_usage(response.usage),
    }
    add_service_tier(body, call.service_tier)
    put_back(body, call.provider_json)
    return body


def add_service_tier(body: Json, tier: str) -> None:
    """Add how the call was served; a word that OpenAI does not have stands beside its own."""
    if tier:
        body["service_tier" if tier in SERVICE_TIERS else "native_service_tier"] = tier


def completion_id(call: call_pb2.CallInfo, prefix: str = "chatcmpl-") -> str:
    """Return the provider's id of the answer, else one made of the call's."""
    return call.provider_response_id or prefix + call.call_id


def put_back(body: Json, provider_json: str) -> None:
    """Put members without a home in the contract where the provider had them; none replaces one of ours."""
    if provider_json:
        for member, value in msgspec.json.decode(provider_json).items():
            body.setdefault(member, value)


def to_choice(candidate: generation_pb2.Candidate) -> Json:
    """Return one choice."""
    message, logprobs = to_message(candidate.message)
    choice: Json = {
        "index": candidate.index,
        "message": message,
        "logprobs": logprobs,
        "finish_reason": finish_word(candidate.finish_reason, has_calls="tool_calls" in message),
    }
    add_native_reason(choice, candidate.finish_reason, candidate.provider_finish_reason)
    if candidate.provider_json:
        unknown = msgspec.json.decode(candidate.provider_json)
        for member, value in (unknown.pop("message", None) or {}).items():
            message.setdefault(member, value)
        for member, value in unknown.items():
            choice.setdefault(member, value)
    return choice


def finish_word(reason: Finish.ValueType, *, has_calls: bool) -> str:
    """Return OpenAI's word. Calls to run are always announced, unless they may be cut off."""
    word = FINISH_WORDS.get(reason, "stop")
    return "tool_calls" if has_calls and word == "stop" else word


def add_native_reason(choice: Json, reason: Finish.ValueType, word: str) -> None:
    """Keep the provider's word where OpenAI has none like it; null says that the provider gave none."""
    if word not in PLAIN_WORDS:
        choice["native_finish_reason"] = word
    elif reason == generation_pb2.FINISH_REASON_OTHER and not word:
        choice["native_finish_reason"] = None


def to_message(message: message_pb2.ChatMessage) -> tuple[Json, Json | None]:
    """Return the message, and the log probabilities of its text and refusal."""
    texts: list[str] = []
    thoughts: list[str] = []
    refusals: list[str] = []
    calls: list[Json] = []
    extra: Json = {}
    logprobs: Json | None = None
    annotations: list[Json] = []
    details: list[Json] = []
    for index, part in enumerate(message.parts):
        kind = part.WhichOneof("content")
        if kind == "text":
            texts.append(part.text)
            if part.HasField("signature"):
                extra["extra_content"] = to_extra_content(part.signature)
        elif kind == "reasoning":
            thoughts.append(part.reasoning.text)
            if part.HasField("signature"):
                details.append(to_detail(part.reasoning, part.signature, len(details)))
        elif kind == "refusal":
            refusals.append(part.refusal)
        elif is_provider_part(part):
            entries = extra.setdefault("provider_parts", [])
            entries.append(to_provider_part(part, index, len(entries)))
        elif kind == "tool_call":
            calls.append(to_tool_call(part))
        elif is_image(part):
            images = extra.setdefault("images", [])
            images.append(to_image(part, index, len(images)))
        elif kind == "media":
            extra["audio"] = to_audio(part)
        if part.logprobs:
            logprobs = logprobs or {"content": None, "refusal": None}
            member = "refusal" if kind == "refusal" else "content"
            logprobs[member] = (logprobs[member] or []) + [to_logprob(token) for token in part.logprobs]
        if part.annotations:
            annotations += [to_annotation(annotation) for annotation in part.annotations]
    has_other = bool(calls or refusals or "audio" in extra)
    said: Json = {
        "role": "assistant",
        "content": "".join(texts) if texts or not has_other else None,
        "refusal": "".join(refusals) if refusals else None,
    }
    if any(thoughts):
        said["reasoning_content"] = "".join(thoughts)
    if details:
        said["reasoning_details"] = details
    if calls:
        said["tool_calls"] = calls
    if annotations:
        said["annotations"] = annotations
    said |= extra
    return said, logprobs


def to_tool_call(part: Part) -> Json:
    """Return a call for the client to run."""
    call = part.tool_call
    if call.WhichOneof("input") == "text":
        made: Json = {"id": call.id, "type": "custom", "custom": {"name": call.name, "input": call.text}}
    else:
        function = {"name": call.name, "arguments": call.arguments_json}
        made = {"id": call.id, "type": "function", "function": function}
    if part.HasField("signature"):
        made["extra_content"] = to_extra_content(part.signature)
    put_back(made, part.provider_json.get(DIALECT, ""))
    return made


def to_audio(part: Part) -> Json:
    """Return an audio answer."""
    media = part.media
    return {
        "id": part.item_id or media.file_id,
        "data": base64.b64encode(media.data).decode("ascii"),
        "transcript": media.transcript,
        "expires_at": media.expire_time.seconds,
    }


def to_logprob(token: message_pb2.TokenLogprob) -> Json:
    """Return one token with its likeliest rivals."""
    return {**to_token(token), "top_logprobs": [to_token(top) for top in token.top_logprobs]}


def to_token(token: message_pb2.TokenLogprob) -> Json:
    octets = list(token.utf8) if token.utf8 else None
    return {"token": token.token, "logprob": max(token.logprob, LEAST_LOGPROB), "bytes": octets}


def to_annotation(annotation: message_pb2.Annotation) -> Json:
    """Return a citation; the provider's own form where it came from this dialect."""
    if annotation.provider_json:
        own = msgspec.json.decode(annotation.provider_json)
        if isinstance(own, dict) and own.get("type") == "url_citation" and "url_citation" in own:
            return own
    citation = {
        "url": annotation.uri,
        "title": annotation.title,
        "start_index": annotation.start_index,
        "end_index": annotation.end_index,
    }
    return {"type": "url_citation", "url_citation": citation}


class PlainUsage(msgspec.Struct, forbid_unknown_fields=True):
    """The usage of a provider that counts no more than everyone does."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


PLAIN_USAGE = msgspec.json.Decoder(PlainUsage)


def says_nothing_more(provider_json: str) -> bool:
    """Whether a provider's usage holds nothing to put back: half the cost of looking at each member."""
    try:
        PLAIN_USAGE.decode(provider_json)
    except msgspec.DecodeError:
        return False
    return True


def to_usage(usage: usage_pb2.Usage) -> Json:
    """Return the usage. What a provider adds to it (its price, say) is put back."""
    told: Json = {
        "prompt_tokens": usage.input_token_count,
        "completion_tokens": usage.output_token_count,
        "total_tokens": usage.input_token_count + usage.output_token_count,
        "prompt_tokens_details": {
            "cached_tokens": usage.cached_input_token_count,
            "audio_tokens": usage.audio_input_token_count,
        },
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning_token_count,
            "audio_tokens": usage.audio_output_token_count,
            "accepted_prediction_tokens": usage.accepted_prediction_token_count,
            "rejected_prediction_tokens": usage.rejected_prediction_token_count,
        },
    }
    if usage.cache_write_input_token_count:
        told["prompt_tokens_details"]["cache_write_tokens"] = usage.cache_write_input_token_count
    if usage.provider_json and not says_nothing_more(usage.provider_json):
        for member, value in msgspec.json.decode(usage.provider_json).items():
            own = told.setdefault(member, value)
            if isinstance(own, dict) and isinstance(value, dict):
                told[member] = {**value, **own}
    return told
