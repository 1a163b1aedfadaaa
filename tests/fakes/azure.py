"""Azure OpenAI's dialect: OpenAI's under other paths, with the verdicts of a content filter.

learn.microsoft.com, "Azure OpenAI in Microsoft Foundry Models REST API reference" and "Content filtering" (read 2026-11).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence

from tests.fakes import wire
from tests.fakes.answer import Answer
from tests.fakes.dialect import Response, Stream, Trouble
from tests.fakes.framing import sse_event
from tests.fakes.openai import OpenAI, includes_usage
from tests.fakes.request import RecordedRequest

# With a deployment and a version, which is a date; or neither, in the v1 API.
DATED = re.compile(r"/openai(?:/deployments/[^/]+)?(?P<operation>/.+)\?api-version=20\d\d-\d\d-\d\d(?:-preview)?")
UNDATED = re.compile(r"/openai/v1(?P<operation>/[^?]+)")
REGION = {"x-ms-region": "West Europe", "apim-request-id": "fake0001"}
SAFE: wire.Json = {
    name: {"filtered": False, "severity": "safe"} for name in ("hate", "self_harm", "sexual", "violence")
}
PROMPT_VERDICT = [
    {"prompt_index": 0, "content_filter_results": {**SAFE, "jailbreak": {"filtered": False, "detected": False}}}
]
# It comes before everything else, and names neither answer nor model.
PROMPT_CHUNK: wire.Json = {
    "choices": [], "created": 0, "id": "", "model": "", "object": "", "prompt_filter_results": PROMPT_VERDICT,
}  # fmt: skip
UNSAFE = {**SAFE, "hate": {"filtered": True, "severity": "high"}}
FILTERED: wire.Json = {
    "message": "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
    "type": None,
    "param": "prompt",
    "code": "content_filter",
    "status": 400,
    "innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": UNSAFE},
}
# Where its words are not OpenAI's: status, code, message.
TROUBLES: Mapping[Trouble, tuple[int, str, str]] = {
    "key_rejected": (401, "401", "Access denied due to invalid subscription key or wrong API endpoint."),
    "key_forbidden": (403, "AuthorizationFailed", "The principal lacks the required data action."),
    "model_unknown": (404, "DeploymentNotFound", "The API deployment for this resource does not exist."),
    "rate_limited": (
        429, "429", "Requests have exceeded token rate limit of your current OpenAI S0 pricing tier. Please retry later.",
    ),
}  # fmt: skip
NOT_FOUND = Response({"error": {"code": "404", "message": "Resource not found"}}, 404, REGION)


class Azure(OpenAI):
    """A resource of Azure OpenAI's. It takes a key, or a bearer token of Entra's in its place."""

    name = "azure"
    base_path = ""
    headers: Mapping[str, str] = REGION

    def is_generation(self, request: RecordedRequest) -> bool:
        return super().is_generation(as_openai_s(request))

    def refuse(self, request: RecordedRequest) -> Response | None:
        bearer = request.headers.get("authorization", "").startswith("Bearer ")
        if not request.headers.get("api-key") and not bearer:
            return self.refusal("key_rejected")
        return NOT_FOUND if operation_of(request) is None else None

    def whole(self, request: RecordedRequest, answers: Sequence[Answer], usage: object) -> object:
        body = wire.completion(request.body["model"], answers, usage, logprobs=bool(request.body.get("logprobs")))
        choices = [{**choice, "content_filter_results": SAFE} for choice in body["choices"]]
        return {**body, "choices": choices, "prompt_filter_results": PROMPT_VERDICT}

    def stream(self, request: RecordedRequest, answers: Sequence[Answer], usage: object) -> Stream:
        asked = includes_usage(request.body)
        made = [judged(chunk) for chunk in wire.chunks(request.body["model"], answers, usage, include_usage=asked)]
        frames = [sse_event(PROMPT_CHUNK), *map(sse_event, made)]
        ending = len(frames) - (2 if asked and usage is not None else 1)
        return Stream(frames[:2], frames[2:ending], frames[ending:], [wire.DONE])

    def refusal(self, trouble: Trouble, message: str | None = None, retry_after: str | None = None) -> Response:
        told = super().refusal(trouble, message, retry_after)
        status, error = told.status, self.error_of(trouble, message)
        return Response({"error": error} if error else told.body, status, {**REGION, **told.headers})

    def error_frame(self, trouble: Trouble, message: str | None = None) -> bytes:
        error = self.error_of(trouble, message)
        return sse_event({"error": error}) if error else super().error_frame(trouble, message)

    def error_of(self, trouble: Trouble, message: str | None) -> wire.Json | None:
        """Return an error in Azure's own words; None where it says what OpenAI says."""
        if trouble == "content_filtered":
            return {**FILTERED, "message": message or FILTERED["message"]}
        if trouble not in TROUBLES:
            return None
        _, code, said = TROUBLES[trouble]
        return {"code": code, "message": message or said}

    def rest(self, request: RecordedRequest) -> Response | Sequence[bytes]:
        return super().rest(as_openai_s(request))


AZURE = Azure()


def operation_of(request: RecordedRequest) -> str | None:
    """Return what follows the version in OpenAI's path; None where the path is none of Azure's."""
    found = DATED.fullmatch(request.path) or UNDATED.fullmatch(request.path)
    return None if found is None else found["operation"]


def as_openai_s(request: RecordedRequest) -> RecordedRequest:
    """Return a request as OpenAI would get it."""
    return dataclasses.replace(request, path=f"/v1{operation_of(request)}")


def judged(chunk: wire.Json) -> wire.Json:
    """Return a chunk with the filter's verdict of its content, empty where it has none."""
    choices = [
        {**choice, "content_filter_results": SAFE if choice["delta"].get("content") else {}}
        for choice in chunk["choices"]
    ]
    return {**chunk, "choices": choices}
