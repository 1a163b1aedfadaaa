"""Answers that are errors: status, name of the exception and body → leaf."""

from __future__ import annotations

import json

import pytest
from llmgateway_server import errors
from llmgateway_server.errors import Reason

from tests.server.dialects.bedrock.asking import CODEC

CORAL = ":http://internal.amazon.com/coral/com.amazon.bedrock/"
Rejected, Key, Limited = errors.ProviderRejectedRequest, errors.ProviderKeyRejected, errors.ProviderRateLimited
Overloaded, Bad = errors.ProviderOverloaded, errors.ProviderBadResponse
TooLong, Missing, Filtered = errors.ContextTooLong, errors.ModelNotFound, errors.ContentFiltered

# (status, name, message, leaf)
ERRORS: list[tuple[int, str, str, type[errors.CallError]]] = [
    (403, "AccessDeniedException", "You don't have access to the model with the specified model ID.", Key),
    (403, "UnrecognizedClientException", "The security token included in the request is invalid.", Key),
    (403, "ExpiredTokenException", "The security token included in the request is expired", Key),
    (403, "InvalidSignatureException", "Signature expired", Key),
    (403, "MissingAuthenticationTokenException", "Missing Authentication Token", Key),
    (400, "IncompleteSignature", "The request signature does not conform to AWS standards.", Key),
    (400, "ExpiredTokenException", "Expired", Key),
    (401, "", "", Key),
    (429, "ThrottlingException", "Too many tokens, please wait before trying again.", Limited),
    (429, "TooManyRequestsException", "", Limited),
    (400, "ThrottlingException", "Rate exceeded", Limited),
    (400, "ServiceQuotaExceededException", "Your request exceeds the service quota for your account.", Limited),
    (429, "ModelNotReadyException", "Model is not ready for inference.", Overloaded),
    (503, "ServiceUnavailableException", "Bedrock is unable to process your request.", Overloaded),
    (503, "", "", Overloaded),
    (500, "InternalServerException", "The system encountered an unexpected error.", Bad),
    (408, "ModelTimeoutException", "Model has timed out in processing the request.", Bad),
    (424, "ModelErrorException", "The system encountered an error in the model.", Bad),
    (400, "ValidationException", "1 validation error detected", Rejected),
    (400, "ValidationException", "A conversation must start with a user message.", Rejected),
    (400, "ValidationException", "Input is too long for requested model.", TooLong),
    (
        400,
        "ValidationException",
        "The model returned the following errors: Input Tokens Exceeded: Number of input tokens exceeds maximum length.",
        TooLong,
    ),
    (
        400,
        "ValidationException",
        "The model returned the following errors: input length and `max_tokens` exceed context limit: 1 + 2 > 2",
        TooLong,
    ),
    (
        400,
        "ValidationException",
        "400 Bad Request: Too many input tokens. Max input tokens: 8192, request input token count: 9000",
        TooLong,
    ),
    (400, "ValidationException", "prompt is too long: 250000 tokens > 200000 maximum", TooLong),
    (400, "ValidationException", "The provided model identifier is invalid.", Missing),
    (404, "ResourceNotFoundException", "This model version has reached the end of its life.", Missing),
    (404, "ResourceNotFoundException", "Could not resolve the foundation model from the identifier.", Missing),
    (400, "ValidationException", "Output blocked by content filtering policy", Filtered),
    (418, "", "I am a teapot.", Rejected),
    (404, "UnknownOperationException", "", Rejected),
]


@pytest.mark.parametrize("how", ["header", "type", "code"])
@pytest.mark.parametrize(("status", "name", "message", "leaf"), ERRORS)
def test_an_error_is_its_leaf(status: int, name: str, message: str, leaf: type[errors.CallError], how: str) -> None:
    headers = {"x-amzn-errortype": f"{name}{CORAL}"} if how == "header" else {}
    body = {"message": message} if how != "type" else {"__type": f"com.amazon.coral.service#{name}", "Message": message}
    if how == "code":
        body["code"] = name
    error = CODEC.decode_error(status, headers, json.dumps(body).encode())
    assert type(error) is leaf
    assert error.http_status == status
    assert error.metadata["httpStatus"] == str(status)
    assert error.metadata["provider"] == "aws"
    assert error.provider_message == message
    assert str(status) in error.message
    assert str(error) == error.message


@pytest.mark.parametrize(
    ("original", "leaf"),
    [
        (400, Rejected),
        (422, Rejected),
        (429, Limited),
        (503, Overloaded),
        (401, Bad),
        (500, Bad),
        ("x", Bad),
        (None, Bad),
    ],
)
def test_an_error_of_the_model_counts_as_its_own_status_says(original: object, leaf: type[errors.CallError]) -> None:
    body = json.dumps({"message": "The model failed.", "originalStatusCode": original}).encode()
    error = CODEC.decode_error(424, {"x-amzn-errortype": "ModelErrorException"}, body)
    assert type(error) is leaf
    assert error.http_status == 424


@pytest.mark.parametrize(
    ("headers", "retry_after_s"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after-ms": "1500"}, 1.5),
        ({}, None),
        ({"retry-after": "9999"}, 300.0),
        ({"x-amz-retry-after": "2500"}, 2.5),  # AWS's own
        ({"x-amz-retry-after": "2500", "retry-after": "7"}, 2.5),
        ({"x-amz-retry-after": "soon", "retry-after": "7"}, 7.0),
        ({"x-amz-retry-after": "86400000"}, 300.0),
        ({"x-amz-retry-after": "-5"}, None),
    ],
)
def test_when_to_come_back_is_passed_on(headers: dict[str, str], retry_after_s: float | None) -> None:
    for status, name in ((429, "ThrottlingException"), (400, "ServiceQuotaExceededException")):
        error = CODEC.decode_error(status, {**headers, "x-amzn-errortype": name}, b'{"message": "Slow down"}')
        assert error.retry_after_s == retry_after_s


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", ""),
        (b"plain words", "plain words"),
        (b"<html><body>Bad gateway</body></html>", ""),
        (b"[1]", ""),
        (b'{"message": 7}', ""),
        (b"{", ""),
        (b'{"message": "Key AKIAIOSFODNN7EXAMPLE0123456789abcdef12 is wrong"}', "Key *** is wrong"),
    ],
)
def test_whatever_the_body_an_error_is_a_leaf(body: bytes, said: str) -> None:
    error = CODEC.decode_error(502, {"content-type": "text/html" if b"<" in body else "text/plain"}, body)
    assert type(error) is Bad
    assert error.provider_message == said
    assert error.reason == Reason.ERROR_REASON_PROVIDER_BAD_RESPONSE


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (
            "User: arn:aws:iam::123456789012:user/bob is not authorized to perform: bedrock:InvokeModel on resource:"
            " arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0",
            "User: *** is not authorized to perform: bedrock:InvokeModel on resource:"
            " arn:aws:bedrock:us-east-1:***:inference-profile/us.amazon.nova-lite-v1:0",
        ),
        ("Key AKIAIOSFODNN7EXAMPLE is unknown.", "Key *** is unknown."),
        (
            "The request signature we calculated does not match. The Canonical String for this request should have been"
            " 'POST\n/model\nx-amz-security-token:IQoJb3/abc+def'",
            "The request signature we calculated does not match. ***",
        ),
    ],
)
def test_what_aws_says_of_the_operator_stays_here(message: str, said: str) -> None:
    error = CODEC.decode_error(403, {}, json.dumps({"message": message}).encode())
    assert type(error) is Key
    assert error.provider_message == said
