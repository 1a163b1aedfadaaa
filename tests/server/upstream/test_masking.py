"""A provider's own keys in what it says."""

from __future__ import annotations

import pytest
from llmgateway_server import errors
from llmgateway_server.upstream.masking import Masking

HEADERS = [{"authorization": "Bearer my-server"}, {"x-api-key": "my-server-2"}, {"x-api-key": "none"}]


def test_a_failure_tells_no_key_in_any_of_its_texts() -> None:
    with pytest.raises(errors.ProviderRejectedRequest) as caught, Masking(HEADERS):
        raise errors.ProviderRejectedRequest(
            "no my-server-2!", provider_message="my-server, none of it", metadata={"a": "my-server"}
        )
    failure = caught.value
    assert (failure.message, str(failure), failure.provider_message) == ("no ***!", "no ***!", "***, none of it")
    assert failure.metadata == {"a": "***"}


def test_a_body_is_masked_as_a_text_is() -> None:
    assert Masking(HEADERS).body(b'{"error": "my-server-2 my-server none"}') == b'{"error": "*** *** none"}'


def test_another_exception_passes() -> None:
    with pytest.raises(KeyError, match="my-server"), Masking(HEADERS):
        raise KeyError("my-server")
