"""How to generate → `generationConfig`.

https://ai.google.dev/api/generate-content#GenerationConfig, read 2026-11-25.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from llmgateway.v1 import generation_pb2

from llmgateway_server.dialects.gaps import Gaps, invalid
from llmgateway_server.dialects.gemini.models import thinks_by_budget
from llmgateway_server.dialects.gemini.quirks import Quirks
from llmgateway_server.dialects.options import decode_object
from llmgateway_server.dialects.reading import INT32_MAX, Json

MAX_STOP_SEQUENCES = 5
SAMPLING = {
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
}
LEVELS = {"minimal": "MINIMAL", "low": "LOW", "medium": "MEDIUM", "high": "HIGH"}
# What Google's own OpenAI surface makes of efforts for models without levels:
# https://ai.google.dev/gemini-api/docs/openai#thinking, read 2026-11-25.
BUDGETS = {"none": 0, "minimal": 1_024, "low": 1_024, "medium": 8_192, "high": 24_576}
# Thoughts are shown as summaries, of the model's own length, or not at all.
VISIBILITIES = {"none": False, "auto": True, "concise": True, "detailed": True}
MODALITIES = {"text": "TEXT", "image": "IMAGE", "audio": "AUDIO"}
VERTEX_MODALITIES = {**MODALITIES, "video": "VIDEO"}
# Spoken answers are raw samples; these are the names for them.
AUDIO_FORMATS = ("", "pcm", "pcm16")


def encode_config(request: generation_pb2.GenerateRequest, model: str, quirks: Quirks, gaps: Gaps) -> Json:
    """Return the configuration, empty where the request asks for nothing."""
    config: Json = {}
    if request.HasField("sampling"):
        add_sampling(config, request.sampling, gaps)
    if request.HasField("max_output_token_count"):
        config["maxOutputTokens"] = request.max_output_token_count
    if request.HasField("candidate_count") and request.candidate_count != 1:
        config["candidateCount"] = request.candidate_count
    if request.HasField("top_logprob_count"):
        config["responseLogprobs"] = True
        if request.top_logprob_count:
            config["logprobs"] = request.top_logprob_count
    if request.HasField("output_format"):
        add_output_format(config, request.output_format, gaps)
    if request.HasField("reasoning"):
        add_reasoning(config, request.reasoning, model, gaps)
    if request.output_modalities:
        add_modalities(config, request, VERTEX_MODALITIES if quirks.vertex else MODALITIES, gaps)
    return config


def add_sampling(config: Json, sampling: generation_pb2.Sampling, gaps: Gaps) -> None:
    """Add how tokens are picked."""
    for field, member in SAMPLING.items():
        if sampling.HasField(field):  # type: ignore[arg-type]  # the stub wants literals, and the table holds only such
            config[member] = getattr(sampling, field)
    if sampling.HasField("min_p"):
        gaps.miss("sampling.min_p")
    if sampling.logit_bias:
        gaps.miss("sampling.logit_bias")
    if sampling.HasField("seed"):
        if not -INT32_MAX - 1 <= sampling.seed <= INT32_MAX:
            raise invalid("sampling.seed", "must fit 32 bits here")
        config["seed"] = sampling.seed
    if sampling.stop_sequences:
        stops = list(sampling.stop_sequences)
        if len(stops) > MAX_STOP_SEQUENCES:
            dropped = f"Google takes at most {MAX_STOP_SEQUENCES}: the others were left out."
            gaps.miss("sampling.stop_sequences", dropped=dropped)
        config["stopSequences"] = stops[:MAX_STOP_SEQUENCES]


def add_output_format(config: Json, output: generation_pb2.OutputFormat, gaps: Gaps) -> None:
    """Add what the text must look like. A schema is always followed to the letter, so `strict` changes nothing."""
    kind = output.WhichOneof("format")
    if kind == "grammar":
        gaps.miss("output_format.grammar")
        return
    config["responseMimeType"] = "application/json"
    if kind == "json_schema":
        schema: msgspec.Raw | Json = msgspec.Raw(output.json_schema.schema_json.encode())
        if output.json_schema.description:
            # The model reads a schema's description where the schema itself holds it.
            schema = {"description": output.json_schema.description, **decode_object(output.json_schema.schema_json)}
        config["responseJsonSchema"] = schema


def add_reasoning(config: Json, reasoning: generation_pb2.ReasoningOptions, model: str, gaps: Gaps) -> None:
    """Add how to think: a level or a budget, and whether to show it."""
    thinking: Json = {}
    if reasoning.effort:
        if thinks_by_budget(model) and reasoning.effort in BUDGETS:
            thinking["thinkingBudget"] = BUDGETS[reasoning.effort]
        elif not thinks_by_budget(model) and reasoning.effort in LEVELS:
            thinking["thinkingLevel"] = LEVELS[reasoning.effort]
        else:
            gaps.miss("reasoning.effort")
    if reasoning.HasField("max_token_count"):
        thinking["thinkingBudget"] = reasoning.max_token_count
    if reasoning.visibility in VISIBILITIES:
        thinking["includeThoughts"] = VISIBILITIES[reasoning.visibility]
    elif reasoning.visibility:
        gaps.miss("reasoning.visibility")
    if thinking:
        config["thinkingConfig"] = thinking


def add_modalities(
    config: Json, request: generation_pb2.GenerateRequest, modalities: Mapping[str, str], gaps: Gaps
) -> None:
    """Add what the answer may hold, and how its audio is to sound."""
    words = list(request.output_modalities)
    if words != ["text"]:
        known = [modalities[word] for word in words if word in modalities]
        if len(known) < len(words):
            gaps.miss("output_modalities")
        if known:
            config["responseModalities"] = known
    if "audio" in words and request.HasField("audio"):
        if request.audio.voice:
            config["speechConfig"] = {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": request.audio.voice}}}
        if request.audio.format not in AUDIO_FORMATS:
            gaps.miss("audio.format")
