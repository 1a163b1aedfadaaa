"""The mock fails as real providers do."""

from __future__ import annotations

import json

import pytest
from llmgateway_server import errors
from llmgateway_server.dialects.mock.faults import FAULT_REASONS, FAULTS_BY_REASON, make_fault
from llmgateway_server.dialects.openai.errors import decode_error


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504, 529])
def test_a_status_means_what_it_means_in_the_openai_dialect(status: int) -> None:
    message = "The model 'x' does not exist" if status == 404 else "No"
    body = json.dumps({"error": {"message": message}}).encode()
    real = decode_error("mock", status, {"retry-after": "7"}, body)
    made = make_fault("mock", "x", status=status, reason=None, message=message, retry_after_s=real.retry_after_s)
    assert type(made) is type(real)
    assert (made.http_status, made.provider_message, made.retry_after_s) == (
        real.http_status,
        real.provider_message,
        real.retry_after_s,
    )
    assert made.metadata.items() >= real.metadata.items()


@pytest.mark.parametrize("reason", FAULT_REASONS)
def test_a_reason_is_that_of_its_leaf(reason: str) -> None:
    fault, http_status = FAULTS_BY_REASON[reason]
    made = make_fault("mock", "x", status=None, reason=reason, message=None, retry_after_s=None)
    assert type(made) is fault
    assert errors.Reason.Name(made.reason) == f"ERROR_REASON_{reason}"
    assert made.http_status == http_status
    assert made.provider_message == f"The mock was asked to fail with {reason}."


def test_what_a_script_says_is_cut_to_the_contracts_length() -> None:
    made = make_fault("mock", "x", status=500, reason=None, message="a" + "é" * 600, retry_after_s=None)
    assert made.provider_message == "a" + "é" * 255
