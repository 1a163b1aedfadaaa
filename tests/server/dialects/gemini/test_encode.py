"""What is sent: each field of the contract at its place, inside Google's schemas, or refused by its path."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from llmgateway.v1 import embedding_pb2, generation_pb2, message_pb2, tool_pb2
from llmgateway_server import errors
from llmgateway_server.dialects.codec import EncodedRequest
from llmgateway_server.dialects.gemini.codec import GeminiCodec
from llmgateway_server.dialects.gemini.quirks import Quirks
from llmgateway_server.dialects.quirks import QuirksError, read_quirks

from tests.server.dialects.gemini.requests import (
    USER,
    WEATHER,
    Call,
    Choice,
    Media,
    Part,
    Request,
    asks,
    call,
    chosen,
    media,
    own_tool,
    reasoning,
    request,
    result,
    said,
    sampling,
    schema_format,
    signed,
    strict_weather,
    user_part,
)
from tests.specs import closed_validator, needs_specs

CODEC = GeminiCodec("google", Quirks())
VERTEX = GeminiCodec("google", Quirks(vertex=True))
MODEL = "gemini-3.5-flash"
DATA = base64.b64encode(b"\x00\xff").decode()
HI = {"role": "user", "parts": [{"text": "Hi"}]}
DUMMY = "skip_thought_signature_validator"
DECLARED = {
    "functionDeclarations": [
        {
            "name": "weather",
            "description": "Looks out.",
            "parametersJsonSchema": {"type": "object", "additionalProperties": False},
        }
    ]
}


def user(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": list(parts)}]}


def talk(*turns: tuple[str, list[dict[str, Any]]]) -> dict[str, Any]:
    return {"contents": [{"role": role, "parts": parts} for role, parts in turns]}


def config(**members: Any) -> dict[str, Any]:
    return {"generationConfig": members}


def mode(**members: Any) -> dict[str, Any]:
    return {"toolConfig": {"functionCallingConfig": members}}


def image_result(**fields: Any) -> Request:
    return asks(
        USER,
        said("ASSISTANT", call("a", "look", "{}", signed("S"))),
        said(
            "TOOL", result("a", Part(text="seen"), Part(media=Media(data=b"\x00\xff", mime_type="image/png", **fields)))
        ),
    )


def function_call(call_id: str, name: str, args: Any = None, **aside: Any) -> dict[str, Any]:
    return {"functionCall": {"id": call_id, "name": name, "args": args or {}}, **aside}


def function_response(call_id: str, name: str, response: Any, **more: Any) -> dict[str, Any]:
    return {"functionResponse": {"id": call_id, "name": name, "response": response, **more}}


def answered(*parts: Part) -> Request:
    return asks(USER, said("ASSISTANT", call("a", "weather", "{}", signed("S"))), said("TOOL", *parts))


def responds(response: Any) -> dict[str, Any]:
    made = function_call("a", "weather", thoughtSignature="S")
    return talk(("user", [{"text": "Hi"}]), ("model", [made]), ("user", [function_response("a", "weather", response)]))


# (request, the members that it adds to or changes in the body)
ENCODED: list[tuple[str, Request, dict[str, Any]]] = [
    ("plain", request(), {}),
    ("system", asks(said("SYSTEM", Part(text="Be kind.")), USER), {"systemInstruction": {"parts": [{"text": "Be kind."}]}}),
    ("system and developer", asks(said("SYSTEM", Part(text="Be kind.")), said("DEVELOPER", Part(text="Be brief.")), USER), {"systemInstruction": {"parts": [{"text": "Be kind."}, {"text": "Be brief."}]}}),
    ("two texts", asks(said("USER", Part(text="a"), Part(text="b"))), user({"text": "a"}, {"text": "b"})),
    ("turns of one role meet", asks(said("USER", Part(text="a")), said("USER", Part(text="b"))), user({"text": "a"}, {"text": "b"})),
    ("a turn without parts is none", asks(USER, said("ASSISTANT"), said("USER", Part(text="b"))), user({"text": "Hi"}, {"text": "b"})),
    ("dialogue", asks(USER, said("ASSISTANT", Part(text="Hello.")), said("USER", Part(text="Bye."))), talk(("user", [{"text": "Hi"}]), ("model", [{"text": "Hello."}]), ("user", [{"text": "Bye."}]))),
    ("image data", media(data=b"\x00\xff", mime_type="image/png"), user({"inlineData": {"mimeType": "image/png", "data": DATA}})),
    ("audio data", media(data=b"\x00\xff", mime_type="audio/wav"), user({"inlineData": {"mimeType": "audio/wav", "data": DATA}})),
    ("video data", media(data=b"\x00\xff", mime_type="video/mp4"), user({"inlineData": {"mimeType": "video/mp4", "data": DATA}})),
    ("document data", media(data=b"\x00\xff", mime_type="application/pdf"), user({"inlineData": {"mimeType": "application/pdf", "data": DATA}})),
    ("image address", media(uri="https://x.example/a.png", mime_type="image/png"), user({"fileData": {"mimeType": "image/png", "fileUri": "https://x.example/a.png"}})),
    ("stored file", media(uri="gs://b/a.mp4", mime_type="video/mp4"), user({"fileData": {"mimeType": "video/mp4", "fileUri": "gs://b/a.mp4"}})),
    ("file id", media(file_id="files/abc", mime_type="image/png"), user({"fileData": {"mimeType": "image/png", "fileUri": "https://generativelanguage.googleapis.com/v1beta/files/abc"}})),
    ("bare file id", media(file_id="abc"), user({"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/abc"}})),
    ("file id that is a URI", media(file_id="https://generativelanguage.googleapis.com/v1beta/files/abc"), user({"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/abc"}})),
    ("low detail", media(data=b"\x00\xff", mime_type="image/png", detail="low"), user({"inlineData": {"mimeType": "image/png", "data": DATA}, "mediaResolution": {"level": "MEDIA_RESOLUTION_LOW"}})),
    ("own detail", media(data=b"\x00\xff", mime_type="image/png", detail="MEDIA_RESOLUTION_ULTRA_HIGH"), user({"inlineData": {"mimeType": "image/png", "data": DATA}, "mediaResolution": {"level": "MEDIA_RESOLUTION_ULTRA_HIGH"}})),
    ("auto detail", media(data=b"\x00\xff", mime_type="image/png", detail="auto"), user({"inlineData": {"mimeType": "image/png", "data": DATA}})),
    ("a part's bag", user_part(Part(media=Media(uri="gs://b/a.mp4", mime_type="video/mp4"), provider_json={"gemini": '{"videoMetadata":{"fps":2},"fileData":{"fileUri":"gs://other/x"}}'})), user({"fileData": {"mimeType": "video/mp4", "fileUri": "gs://b/a.mp4"}, "videoMetadata": {"fps": 2}})),
    ("another dialect's bag", user_part(Part(text="x", provider_json={"openai": '{"x":1}'})), user({"text": "x"})),
    ("a block of the dialect", user_part(Part(provider_part=message_pb2.ProviderPart(dialect="gemini", type="x", json='{"text":"own"}'))), user({"text": "own"})),
    ("refusal", asks(USER, said("ASSISTANT", Part(refusal="No."))), talk(("user", [{"text": "Hi"}]), ("model", [{"text": "No."}]))),
    ("an empty text is none", asks(USER, said("ASSISTANT", Part(text=""), call("a", "f", "{}", signed("S")))), talk(("user", [{"text": "Hi"}]), ("model", [function_call("a", "f", thoughtSignature="S")]))),
    ("an empty signed text", asks(USER, said("ASSISTANT", Part(text="", signature=signed("S")))), talk(("user", [{"text": "Hi"}]), ("model", [{"text": "", "thoughtSignature": "S"}]))),
    ("signed text", asks(USER, said("ASSISTANT", Part(text="Yes.", signature=signed("S")))), talk(("user", [{"text": "Hi"}]), ("model", [{"text": "Yes.", "thoughtSignature": "S"}]))),
    ("another's signature", asks(USER, said("ASSISTANT", Part(text="Yes.", signature=signed("S", "other")))), talk(("user", [{"text": "Hi"}]), ("model", [{"text": "Yes."}]))),
    ("signed thoughts", asks(USER, said("ASSISTANT", Part(reasoning=message_pb2.Reasoning(text="Hm."), signature=signed("S")), Part(text="Yes."))), talk(("user", [{"text": "Hi"}]), ("model", [{"text": "Hm.", "thought": True, "thoughtSignature": "S"}, {"text": "Yes."}]))),
    ("unsigned thoughts stay here", asks(USER, said("ASSISTANT", Part(reasoning=message_pb2.Reasoning(text="Hm.")), Part(text="Yes."))), talk(("user", [{"text": "Hi"}]), ("model", [{"text": "Yes."}]))),
    ("an image of the model's", asks(USER, said("ASSISTANT", Part(media=Media(data=b"\x00\xff", mime_type="image/png"), signature=signed("S")))), talk(("user", [{"text": "Hi"}]), ("model", [{"inlineData": {"mimeType": "image/png", "data": DATA}, "thoughtSignature": "S"}]))),
    ("signed call", asks(USER, said("ASSISTANT", call("a", "weather", '{"city":"Oslo"}', signed("S")))), talk(("user", [{"text": "Hi"}]), ("model", [function_call("a", "weather", {"city": "Oslo"}, thoughtSignature="S")]))),
    ("another's call is given the dummy", asks(USER, said("ASSISTANT", call("a", "f", "", signed("S", "other")), call("b", "g"))), talk(("user", [{"text": "Hi"}]), ("model", [function_call("a", "f", thoughtSignature=DUMMY), function_call("b", "g")]))),
    ("call without id", asks(USER, said("ASSISTANT", call("", "f", "{}", signed("S")))), talk(("user", [{"text": "Hi"}]), ("model", [{"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "S"}]))),
    ("results of one turn", asks(USER, said("ASSISTANT", call("a", "f", "", signed("S")), call("b", "g")), said("TOOL", result("a", output_json='{"c":1}')), said("TOOL", result("b", Part(text="ok"))), said("USER", Part(text="So?"))), talk(("user", [{"text": "Hi"}]), ("model", [function_call("a", "f", thoughtSignature="S"), function_call("b", "g")]), ("user", [function_response("a", "f", {"c": 1}), function_response("b", "g", {"output": "ok"}), {"text": "So?"}]))),
    ("a result's own name", answered(result("a", Part(text="x"), tool_name="weather")), responds({"output": "x"})),
    ("a result that is no object", answered(result("a", output_json="[1]")), responds({"output": [1]})),
    ("a result with a key of Google's", answered(result("a", output_json='{"output":1,"more":2}')), responds({"output": {"output": 1, "more": 2}})),
    ("a result with a reference", answered(result("a", output_json='{"$ref":"#/x"}')), responds({"output": '{"$ref":"#/x"}'})),
    ("an empty result", answered(result("a")), responds({"output": ""})),
    ("a result of two texts", answered(result("a", Part(text="x"), Part(text="y"))), responds({"output": ["x", "y"]})),
    ("a failed result", answered(result("a", Part(text="boom"), failed=True)), responds({"error": "boom"})),
    ("a failed result of data", answered(result("a", output_json='{"code":5}', failed=True)), responds({"error": {"code": 5}})),
    ("a result with an image", image_result(), talk(("user", [{"text": "Hi"}]), ("model", [function_call("a", "look", thoughtSignature="S")]), ("user", [function_response("a", "look", {"output": "seen"}, parts=[{"inlineData": {"mimeType": "image/png", "data": DATA}}])]))),
    ("a result's bag", answered(Part(tool_result=message_pb2.ToolResult(tool_call_id="a", output_json="{}"), provider_json={"gemini": '{"functionResponse":{"willContinue":true}}'})), talk(("user", [{"text": "Hi"}]), ("model", [function_call("a", "weather", thoughtSignature="S")]), ("user", [function_response("a", "weather", {}, willContinue=True)]))),
    ("code that Google ran", asks(USER, said("ASSISTANT", Part(tool_call=Call(id="r", name="code_execution", arguments_json='{"language":"PYTHON","code":"1+1"}', executor=Call.EXECUTOR_PROVIDER)), Part(tool_result=message_pb2.ToolResult(tool_call_id="r", tool_name="code_execution", parts=[Part(text="2")])))), talk(("user", [{"text": "Hi"}]), ("model", [{"executableCode": {"language": "PYTHON", "code": "1+1"}}, {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "2"}}]))),
    ("code that failed", asks(USER, said("ASSISTANT", Part(tool_result=message_pb2.ToolResult(tool_call_id="r", tool_name="code_execution", failed=True), provider_json={"gemini": '{"codeExecutionResult":{"outcome":"OUTCOME_DEADLINE_EXCEEDED"}}'}))), talk(("user", [{"text": "Hi"}]), ("model", [{"codeExecutionResult": {"outcome": "OUTCOME_DEADLINE_EXCEEDED"}}]))),
    ("tools", request(tools=[WEATHER]), {"tools": [DECLARED]}),
    ("strict tool", request(tools=[strict_weather()]), {"tools": [DECLARED], **mode(mode="VALIDATED")}),
    ("strict tool, required", request(tools=[strict_weather()], tool_choice=Choice(mode=Choice.MODE_REQUIRED)), {"tools": [DECLARED], **mode(mode="ANY")}),
    ("Google's tools", request(tools=[own_tool("googleSearch", '{"timeRangeFilter":{"startTime":"2026-01-01T00:00:00Z"}}'), WEATHER, own_tool("codeExecution"), own_tool("urlContext")]), {"tools": [DECLARED, {"googleSearch": {"timeRangeFilter": {"startTime": "2026-01-01T00:00:00Z"}}}, {"codeExecution": {}}, {"urlContext": {}}]}),
    ("a tool without a description", request(tools=[tool_pb2.Tool(function=tool_pb2.FunctionTool(name="f"))]), {"tools": [{"functionDeclarations": [{"name": "f", "description": ""}]}]}),
    ("a tool's bag", request(tools=[tool_pb2.Tool(function=tool_pb2.FunctionTool(name="f", description="F."), provider_json={"gemini": '{"behavior":"NON_BLOCKING","name":"g"}'})]), {"tools": [{"functionDeclarations": [{"name": "f", "description": "F.", "behavior": "NON_BLOCKING"}]}]}),
    ("auto", chosen(Choice.MODE_AUTO), {"tools": [DECLARED], **mode(mode="AUTO")}),
    ("none", chosen(Choice.MODE_NONE), {"tools": [DECLARED], **mode(mode="NONE")}),
    ("required", chosen(Choice.MODE_REQUIRED), {"tools": [DECLARED], **mode(mode="ANY")}),
    ("one of some", chosen(Choice.MODE_REQUIRED, "weather"), {"tools": [DECLARED], **mode(mode="ANY", allowedFunctionNames=["weather"])}),
    ("perhaps one of some", chosen(Choice.MODE_AUTO, "weather"), {"tools": [DECLARED], **mode(mode="VALIDATED", allowedFunctionNames=["weather"])}),
    ("parallel", chosen(Choice.MODE_UNSPECIFIED, parallel=True), {"tools": [DECLARED]}),
    ("temperature", sampling(temperature=0.5), config(temperature=0.5)),
    ("top_p and top_k", sampling(top_p=0.9, top_k=40), config(topP=0.9, topK=40)),
    ("penalties", sampling(presence_penalty=0.5, frequency_penalty=-0.5), config(presencePenalty=0.5, frequencyPenalty=-0.5)),
    ("seed", sampling(seed=-7), config(seed=-7)),
    ("stops", sampling(stop_sequences=["a", "b", "c", "d", "e"]), config(stopSequences=["a", "b", "c", "d", "e"])),
    ("output limit", request(max_output_token_count=9), config(maxOutputTokens=9)),
    ("candidates", request(candidate_count=2), config(candidateCount=2)),
    ("one candidate", request(candidate_count=1), {}),
    ("logprobs", request(top_logprob_count=3), config(responseLogprobs=True, logprobs=3)),
    ("logprobs alone", request(top_logprob_count=0), config(responseLogprobs=True)),
    ("json object", request(output_format=generation_pb2.OutputFormat(json_object=generation_pb2.JsonObjectFormat())), config(responseMimeType="application/json")),
    ("json schema", schema_format(name="a", schema_json='{"type":"object","$defs":{}}', strict=True), config(responseMimeType="application/json", responseJsonSchema={"type": "object", "$defs": {}})),
    ("described schema", schema_format(description="A city.", schema_json='{"type":"object"}'), config(responseMimeType="application/json", responseJsonSchema={"description": "A city.", "type": "object"})),
    ("effort", reasoning(effort="low"), config(thinkingConfig={"thinkingLevel": "LOW"})),
    ("minimal effort", reasoning(effort="minimal"), config(thinkingConfig={"thinkingLevel": "MINIMAL"})),
    ("budget", reasoning(max_token_count=0), config(thinkingConfig={"thinkingBudget": 0})),
    ("shown thoughts", reasoning(effort="high", visibility="auto"), config(thinkingConfig={"thinkingLevel": "HIGH", "includeThoughts": True})),
    ("hidden thoughts", reasoning(visibility="none"), config(thinkingConfig={"includeThoughts": False})),
    ("text only", request(output_modalities=["text"]), {}),
    ("image out", request(output_modalities=["text", "image"]), config(responseModalities=["TEXT", "IMAGE"])),
    ("audio out", request(output_modalities=["audio"], audio=generation_pb2.AudioOptions(voice="Kore", format="pcm16")), config(responseModalities=["AUDIO"], speechConfig={"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}})),
    ("options", request(provider_options_json={"gemini": '{"cachedContent":"cachedContents/a","safetySettings":[{"category":"HARM_CATEGORY_HARASSMENT","threshold":"BLOCK_NONE"}]}', "openai": '{"x":1}'}), {"cachedContent": "cachedContents/a", "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]}),
    ("options within ours", request(max_output_token_count=9, provider_options_json={"gemini": '{"generationConfig":{"imageConfig":{"aspectRatio":"1:1"}},"toolConfig":{"retrievalConfig":{"languageCode":"en"}}}'}), {**config(maxOutputTokens=9, imageConfig={"aspectRatio": "1:1"}), "toolConfig": {"retrievalConfig": {"languageCode": "en"}}}),
    ("labels stay here", request(labels={"a": "b"}), {}),
    ("a user's id stays here", request(end_user_id="u"), {}),
]  # fmt: skip


def decoded(encoded: EncodedRequest) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(encoded.body)
    return body


def body(made: Request, codec: GeminiCodec = CODEC, model: str = MODEL) -> dict[str, Any]:
    return decoded(codec.encode_generate(made, model, stream=False))


@pytest.mark.parametrize(("made", "expected"), [row[1:] for row in ENCODED], ids=[row[0] for row in ENCODED])
def test_each_field_has_its_place(made: Request, expected: dict[str, Any]) -> None:
    assert body(made) == {"contents": [HI], **expected}


def test_a_service_tier_stands_in_the_body() -> None:
    # The schema at hand is older than the tiers: https://ai.google.dev/gemini-api/docs/priority-inference.
    encoded = CODEC.encode_generate(request(service_tier="flex"), MODEL, stream=False)
    assert decoded(encoded) == {"contents": [HI], "serviceTier": "flex"}
    assert encoded.headers is None


@needs_specs
def test_everything_sent_lies_within_googles_closed_schema() -> None:
    check = closed_validator("gemini", "POST /v1beta/models/{model}:generateContent", "request")
    count = closed_validator("gemini", "POST /v1beta/models/{model}:countTokens", "request")
    for name, made, _ in ENCODED:
        assert check(body(made)) == [], name
        assert count(decoded(CODEC.encode_count_tokens(made, MODEL))) == [], name


@needs_specs
def test_everything_sent_to_vertex_ai_lies_within_its_closed_schema() -> None:
    check = closed_validator("vertex", "POST /v1/{model}:generateContent", "request")
    count = closed_validator("vertex", "POST /v1/{model}:countTokens", "request")
    # AI Studio's own: its files, and what Vertex AI's API does not declare.
    other = {"file id", "bare file id", "Google's tools", "a result's bag"}
    for name, made, _ in ENCODED:
        if name not in other:
            assert check(body(made, VERTEX)) == [], name
            assert count(decoded(VERTEX.encode_count_tokens(made, MODEL))) == [], name


@pytest.mark.parametrize(
    ("codec", "model", "stream", "path"),
    [
        (CODEC, "gemini-2.5-pro", False, "/models/gemini-2.5-pro:generateContent"),
        (CODEC, "gemini-2.5-pro", True, "/models/gemini-2.5-pro:streamGenerateContent?alt=sse"),
        (CODEC, "models/gemini-2.5-pro", False, "/models/gemini-2.5-pro:generateContent"),
        (CODEC, "tunedModels/mine-1", False, "/tunedModels/mine-1:generateContent"),
        (CODEC, "a/../b c?x=1:y", False, "/models/a%2F..%2Fb%20c%3Fx%3D1%3Ay:generateContent"),
        (CODEC, "models/../../v1/files", False, "/models/models%2F..%2F..%2Fv1%2Ffiles:generateContent"),
        (CODEC, "..", False, "/models/..:generateContent"),
        (VERTEX, "publishers/x/models/y", False, "/publishers/x/models/y:generateContent"),
        (VERTEX, "gemini-2.5-pro", False, "/publishers/google/models/gemini-2.5-pro:generateContent"),
        (VERTEX, "gemini@001", True, "/publishers/google/models/gemini@001:streamGenerateContent?alt=sse"),
        (VERTEX, "endpoints/42", False, "/endpoints/42:generateContent"),
    ],
)
def test_a_model_stands_in_the_path(codec: GeminiCodec, model: str, stream: bool, path: str) -> None:
    encoded = codec.encode_generate(request(), model, stream=stream)
    assert (encoded.method, encoded.path) == ("POST", path)
    assert decoded(encoded) == {"contents": [HI]}


def test_vertex_ai_reads_the_tier_from_a_header_and_takes_names_of_files() -> None:
    encoded = VERTEX.encode_generate(request(service_tier="priority"), MODEL, stream=False)
    assert encoded.headers == {"X-Vertex-AI-LLM-Shared-Request-Type": "priority"}
    assert decoded(encoded) == {"contents": [HI]}
    assert body(request(output_modalities=["video"]), VERTEX)["generationConfig"] == {"responseModalities": ["VIDEO"]}
    named = body(media(data=b"\x00\xff", mime_type="application/pdf", file_name="a.pdf"), VERTEX)
    assert named["contents"][0]["parts"][0]["inlineData"]["displayName"] == "a.pdf"
    seen = body(image_result(file_name="a.png"), VERTEX)
    assert seen["contents"][2]["parts"][0]["functionResponse"]["parts"][0]["inlineData"]["displayName"] == "a.png"


@pytest.mark.parametrize(
    ("effort", "budget"), [("none", 0), ("minimal", 1024), ("low", 1024), ("medium", 8192), ("high", 24576)]
)
def test_older_models_think_by_budget(effort: str, budget: int) -> None:
    made = body(reasoning(effort=effort), model="gemini-2.5-flash")
    assert made["generationConfig"] == {"thinkingConfig": {"thinkingBudget": budget}}


def test_older_models_need_no_dummy_signature() -> None:
    made = asks(USER, said("ASSISTANT", call("a", "f", "{}")))
    assert "thoughtSignature" not in body(made, model="gemini-2.5-flash")["contents"][1]["parts"][0]
    assert body(made, model="gemini-flash-latest")["contents"][1]["parts"][0]["thoughtSignature"] == DUMMY


MISSING = [
    (sampling(min_p=0.5), "sampling.min_p"),
    (sampling(logit_bias={1: 1}), "sampling.logit_bias"),
    (sampling(stop_sequences=list("abcdef")), "sampling.stop_sequences"),
    (chosen(Choice.MODE_AUTO, parallel=False), "tool_choice.parallel"),
    (reasoning(effort="none"), "reasoning.effort"),
    (reasoning(effort="xhigh"), "reasoning.effort"),
    (reasoning(visibility="full"), "reasoning.visibility"),
    (request(output_format=generation_pb2.OutputFormat(grammar=tool_pb2.Grammar(syntax="lark", definition="x"))), "output_format.grammar"),
    (request(output_modalities=["smell"]), "output_modalities"),
    (request(output_modalities=["video"]), "output_modalities"),
    (request(output_modalities=["audio"], audio=generation_pb2.AudioOptions(format="mp3")), "audio.format"),
    (request(prompt_cache=generation_pb2.PromptCacheOptions(key="k")), "prompt_cache.key"),
    (request(prompt_cache=generation_pb2.PromptCacheOptions(ttl="1h")), "prompt_cache.ttl"),
    (asks(said("USER", Part(text="x"), name="ann")), "messages[0].name"),
    (asks(USER, said("SYSTEM", Part(text="x"))), "messages[1].role"),
    (media(data=b"x", mime_type="image/png", detail="squint"), "messages[0].parts[0].media.detail"),
]  # fmt: skip


@pytest.mark.parametrize(("made", "field"), MISSING, ids=[row[1] for row in MISSING])
def test_what_google_lacks_is_refused_or_dropped_with_a_warning(made: Request, field: str) -> None:
    with pytest.raises(errors.CapabilityMissing) as caught:
        CODEC.encode_generate(made, MODEL, stream=False)
    assert caught.value.metadata == {"model": f"google/{MODEL}", "capability": field}
    dropping = Request()
    dropping.CopyFrom(made)
    dropping.unsupported_policy = generation_pb2.UNSUPPORTED_POLICY_DROP
    encoded = CODEC.encode_generate(dropping, MODEL, stream=False)
    assert [warning.field for warning in encoded.warnings] == [field]


@pytest.mark.parametrize(
    ("made", "field"),
    [
        (media(data=b"x", mime_type="image/png", file_name="a.png"), "messages[0].parts[0].media.file_name"),
        (image_result(file_name="a.png"), "messages[2].parts[0].tool_result.parts[1].media.file_name"),
    ],
)
def test_a_file_s_name_is_left_out_with_a_warning(made: Request, field: str) -> None:
    encoded = CODEC.encode_generate(made, MODEL, stream=False)
    assert [warning.field for warning in encoded.warnings] == [field]
    assert b"a.png" not in encoded.body


def test_a_late_instruction_joins_the_first_where_dropping_is_allowed() -> None:
    made = asks(said("SYSTEM", Part(text="a")), USER, said("SYSTEM", Part(text="b")), unsupported_policy=2)
    assert body(made)["systemInstruction"] == {"parts": [{"text": "a"}, {"text": "b"}]}
    stops = sampling(stop_sequences=list("abcdef"))
    stops.unsupported_policy = generation_pb2.UNSUPPORTED_POLICY_DROP
    assert body(stops)["generationConfig"] == {"stopSequences": list("abcde")}


NEVER = [
    (Request(raw_prompt=generation_pb2.RawPrompt(text="Once")), "raw_prompt"),
    (request(tools=[tool_pb2.Tool(custom=tool_pb2.CustomTool(name="note"))]), "tools[0].custom"),
    (request(tools=[tool_pb2.Tool(provider_tool=tool_pb2.ProviderTool(dialect="openai", type="x"))]), "tools[0]"),
]


@pytest.mark.parametrize(("made", "field"), NEVER, ids=[row[1] for row in NEVER])
def test_what_nothing_is_left_of_is_refused_whatever_the_policy(made: Request, field: str) -> None:
    made.unsupported_policy = generation_pb2.UNSUPPORTED_POLICY_DROP
    with pytest.raises(errors.CapabilityMissing) as caught:
        CODEC.encode_generate(made, MODEL, stream=False)
    assert caught.value.metadata["capability"] == field


INVALID = [
    (asks(said("SYSTEM", Part(text="x"))), "messages"),
    (sampling(seed=2**31), "sampling.seed"),
    (media(uri="s3://b/a.png", mime_type="image/png"), "messages[0].parts[0].media.uri"),
    (user_part(Part(reasoning=message_pb2.Reasoning(text="x"))), "messages[0].parts[0].reasoning"),
    (user_part(Part(provider_part=message_pb2.ProviderPart(dialect="openai", json="{}"))), "messages[0].parts[0].provider_part.dialect"),
    (asks(said("ASSISTANT", call("a", "f", "[1]"))), "messages[0].parts[0].tool_call.arguments_json"),
    (asks(said("ASSISTANT", call("a", "f", '{"x":'))), "messages[0].parts[0].tool_call.arguments_json"),
    (asks(said("ASSISTANT", Part(tool_call=Call(id="a", name="f", text="x")))), "messages[0].parts[0].tool_call.text"),
    (asks(said("TOOL", result("a", Part(text="x")))), "messages[0].parts[0].tool_result.tool_name"),
    (asks(said("TOOL", result("a", Part(media=Media(uri="https://x.example/a", mime_type="image/png")), tool_name="f"))), "messages[0].parts[0].tool_result.parts[0].media.uri"),
    (asks(said("TOOL", result("a", Part(refusal="x"), tool_name="f"))), "messages[0].parts[0].tool_result.parts[0].refusal"),
    (asks(said("TOOL", result("a", Part(provider_part=message_pb2.ProviderPart(dialect="openai", json="{}")), tool_name="f"))), "messages[0].parts[0].tool_result.parts[0].provider_part"),
]  # fmt: skip


@pytest.mark.parametrize(("made", "field"), INVALID, ids=[row[1] for row in INVALID])
def test_what_is_wrong_is_named(made: Request, field: str) -> None:
    with pytest.raises(errors.InvalidField) as caught:
        CODEC.encode_generate(made, MODEL, stream=False)
    assert [violation.field for violation in caught.value.violations] == [field]


def test_vertex_ai_holds_no_files() -> None:
    with pytest.raises(errors.InvalidField, match="file_id"):
        VERTEX.encode_generate(media(file_id="abc"), MODEL, stream=False)


@pytest.mark.parametrize(
    "member",
    ["model", "contents", "systemInstruction", "system_instruction", "tools", "generation_config", "labels", "outputConfig"],
)  # fmt: skip
def test_a_member_that_the_gateway_sets_is_no_option(member: str) -> None:
    refused({member: 1}, member)


@pytest.mark.parametrize(
    ("outer", "inner"),
    [
        ("generationConfig", "maxOutputTokens"),
        ("generationConfig", "max_output_tokens"),
        ("generationConfig", "candidateCount"),
        ("toolConfig", "functionCallingConfig"),
    ],
)
def test_a_member_within_is_no_option_either(outer: str, inner: str) -> None:
    refused({outer: {inner: 1}}, f"{outer}.{inner}")
    refused({outer: 1}, outer)


def refused(options: dict[str, Any], field: str) -> None:
    made = request(provider_options_json={"gemini": json.dumps(options)})
    with pytest.raises(errors.InvalidField) as caught:
        CODEC.encode_generate(made, MODEL, stream=False)
    assert caught.value.violations[0].field == f'provider_options_json["gemini"].{field}'


@pytest.mark.parametrize(
    ("part", "field"),
    [
        (Part(), "messages[1].parts[0]"),
        (Part(tool_call=Call(id="r", name="web_search", arguments_json="{}", executor=Call.EXECUTOR_PROVIDER)), "messages[1].parts[0].tool_call"),
        (Part(tool_call=Call(id="r", name="code_execution", text="free", executor=Call.EXECUTOR_PROVIDER)), "messages[1].parts[0].tool_call"),
        (Part(tool_call=Call(id="r", name="code_execution", arguments_json='{"code":', executor=Call.EXECUTOR_PROVIDER)), "messages[1].parts[0].tool_call"),
        (Part(tool_result=message_pb2.ToolResult(tool_call_id="r", tool_name="web_search")), "messages[1].parts[0].tool_result"),
    ],
)  # fmt: skip
def test_what_another_provider_did_itself_is_left_out_with_a_warning(part: Part, field: str) -> None:
    encoded = CODEC.encode_generate(asks(USER, said("ASSISTANT", part, Part(text="x"))), MODEL, stream=False)
    assert [warning.field for warning in encoded.warnings] == [field]
    assert decoded(encoded)["contents"][1] == {"role": "model", "parts": [{"text": "x"}]}


def test_arguments_keep_their_own_bytes() -> None:
    arguments = '{"n": 123456789012345678901234567890, "x": 1.0}'
    made = asks(USER, said("ASSISTANT", call("a", "f", arguments, signed("S"))))
    assert arguments.encode() in CODEC.encode_generate(made, MODEL, stream=False).body


@pytest.mark.parametrize("wrong", [{"no_such": True}, {"vertex": "yes"}])
def test_an_unknown_quirk_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(QuirksError):
        read_quirks("gemini", Quirks, wrong)


def test_tokens_are_counted_of_the_whole_request() -> None:
    made = asks(said("SYSTEM", Part(text="Be kind.")), USER, tools=[WEATHER])
    encoded = CODEC.encode_count_tokens(made, "gemini-2.5-pro")
    assert encoded.path == "/models/gemini-2.5-pro:countTokens"
    system = {"systemInstruction": {"parts": [{"text": "Be kind."}]}}
    whole = {"contents": [HI], **system, "tools": [DECLARED]}
    assert decoded(encoded) == {"generateContentRequest": {"model": "models/gemini-2.5-pro", **whole}}
    vertex = VERTEX.encode_count_tokens(made, "gemini-2.5-pro")
    assert vertex.path == "/publishers/google/models/gemini-2.5-pro:countTokens"
    assert decoded(vertex) == whole


Embed = embedding_pb2.EmbedRequest
Input = embedding_pb2.EmbedInput


def embed(*inputs: Input, **fields: Any) -> Embed:
    return Embed(inputs=inputs or [Input(text="a")], **fields)


def test_embeddings_are_asked_for_in_batches() -> None:
    asked = embed(Input(text="a"), Input(text="b"), dimension_count=8, input_type="query", end_user_id="u")
    encoded = CODEC.encode_embed(asked, "gemini-embedding-001")
    assert (encoded.method, encoded.path) == ("POST", "/models/gemini-embedding-001:batchEmbedContents")
    more = {"taskType": "RETRIEVAL_QUERY", "outputDimensionality": 8}
    assert decoded(encoded) == {
        "requests": [
            {"model": "models/gemini-embedding-001", "content": {"parts": [{"text": said}]}, **more} for said in "ab"
        ]
    }


@pytest.mark.parametrize(
    ("word", "task"),
    [
        ("query", "RETRIEVAL_QUERY"),
        ("document", "RETRIEVAL_DOCUMENT"),
        ("classification", "CLASSIFICATION"),
        ("clustering", "CLUSTERING"),
        ("FACT_VERIFICATION", "FACT_VERIFICATION"),
    ],
)
def test_what_vectors_are_for_has_googles_word(word: str, task: str) -> None:
    assert decoded(CODEC.encode_embed(embed(input_type=word), "m"))["requests"][0]["taskType"] == task
    assert decoded(VERTEX.encode_embed(embed(input_type=word), "m"))["instances"][0]["task_type"] == task


def test_media_are_embedded_and_options_go_into_each_request() -> None:
    asked = embed(
        Input(text="a"),
        Input(media=Media(data=b"\x00\xff", mime_type="image/png")),
        provider_options_json={"gemini": '{"title":"T"}'},
    )
    entries = decoded(CODEC.encode_embed(asked, "gemini-embedding-2"))["requests"]
    assert [entry["title"] for entry in entries] == ["T", "T"]
    assert entries[1]["content"]["parts"] == [{"inlineData": {"mimeType": "image/png", "data": DATA}}]


def test_vertex_ai_predicts_vectors() -> None:
    asked = embed(dimension_count=8, truncate=False, provider_options_json={"gemini": '{"parameters":{"x":1}}'})
    encoded = VERTEX.encode_embed(asked, "text-embedding-005")
    assert encoded.path == "/publishers/google/models/text-embedding-005:predict"
    assert decoded(encoded) == {
        "instances": [{"content": "a"}],
        "parameters": {"outputDimensionality": 8, "autoTruncate": False, "x": 1},
    }


def test_vertex_ai_embeds_contents_with_gemini_s_models() -> None:
    asked = embed(
        dimension_count=8,
        truncate=True,
        input_type="query",
        provider_options_json={"gemini": '{"embedContentConfig":{"title":"T"}}'},
    )
    encoded = VERTEX.encode_embed(asked, "gemini-embedding-2")
    assert encoded.path == "/publishers/google/models/gemini-embedding-2:embedContent"
    config = {"taskType": "RETRIEVAL_QUERY", "outputDimensionality": 8, "autoTruncate": True, "title": "T"}
    content = {"parts": [{"text": "a"}]}
    assert decoded(encoded) == {"content": content, "embedContentConfig": config}
    asked.inputs.add().media.CopyFrom(Media(data=b"\x00\xff", mime_type="image/png"))
    encoded = VERTEX.encode_embed(asked, "gemini-embedding-2")
    assert encoded.path == "/publishers/google/models/gemini-embedding-2:batchEmbedContents"
    image = {"parts": [{"inlineData": {"mimeType": "image/png", "data": DATA}}]}
    assert decoded(encoded) == {
        "requests": [{"content": said, "embedContentConfig": config} for said in (content, image)]
    }


def test_some_models_on_vertex_ai_embed_one_content_a_request() -> None:
    assert decoded(VERTEX.encode_embed(embed(), "e5-maas")) == {"content": {"parts": [{"text": "a"}]}}
    with pytest.raises(errors.InvalidField, match="inputs"):
        VERTEX.encode_embed(embed(Input(text="a"), Input(text="b")), "e5-maas")


@needs_specs
def test_embeddings_lie_within_googles_closed_schema() -> None:
    check = closed_validator("gemini", "POST /v1beta/models/{model}:batchEmbedContents", "request")
    asked = embed(Input(text="a"), Input(text="b"), dimension_count=8, input_type="document")
    assert check(decoded(CODEC.encode_embed(asked, "gemini-embedding-001"))) == []


@pytest.mark.parametrize(
    ("codec", "asked", "leaf", "field"),
    [
        (CODEC, embed(Input(token_ids=generation_pb2.TokenIds(ids=[1]))), errors.InvalidField, r"inputs\[0\].token_ids"),
        (CODEC, embed(truncate=True), errors.CapabilityMissing, "truncate"),
        (CODEC, embed(encoding=embedding_pb2.EMBEDDING_ENCODING_INT8), errors.CapabilityMissing, "encoding"),
        (CODEC, embed(provider_options_json={"gemini": '{"content":{}}'}), errors.InvalidField, "content"),
        (VERTEX, embed(Input(media=Media(file_id="x"))), errors.InvalidField, r"inputs\[0\].media"),
        (VERTEX, embed(encoding=embedding_pb2.EMBEDDING_ENCODING_UBINARY), errors.CapabilityMissing, "encoding"),
    ],
)  # fmt: skip
def test_what_cannot_be_embedded_is_refused_by_name(
    codec: GeminiCodec, asked: Embed, leaf: type[errors.CallError], field: str
) -> None:
    with pytest.raises(leaf, match=field):
        codec.encode_embed(asked, "m")


def test_models_are_listed_by_the_thousand() -> None:
    assert (CODEC.encode_list_models().method, CODEC.encode_list_models().path) == ("GET", "/models?pageSize=1000")
    assert VERTEX.encode_list_models().path == "/publishers/google/models?pageSize=1000"
