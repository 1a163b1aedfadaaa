"""Signatures, beside AWS's own published examples."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from llmgateway_server.upstream.sigv4 import AwsCredentials, Scope, sign

# AWS's test suite for Signature Version 4: the key, the day and the service are those of all its examples.
CREDENTIALS = AwsCredentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
SCOPE = Scope("us-east-1", "service")
NOW_S = datetime(2015, 8, 30, 12, 36, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("name", "method", "url", "signature"),
    [
        ("get-vanilla", "GET", "/", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        (
            "get-vanilla-query-order-key-case",
            "GET",
            "/?Param2=value2&Param1=value1",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        ("post-vanilla", "POST", "/", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    ],
)
def test_the_published_examples_come_out(name: str, method: str, url: str, signature: str) -> None:
    added = sign(CREDENTIALS, SCOPE, method, f"https://example.amazonaws.com{url}", {}, b"", NOW_S)
    assert added == {
        "x-amz-date": "20150830T123600Z",
        "authorization": (
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
            f"SignedHeaders=host;x-amz-date, Signature={signature}"
        ),
    }, name


def test_the_body_the_type_and_the_token_are_signed() -> None:
    url, headers = "https://bedrock-runtime.us-east-1.amazonaws.com/model/a%3A0/converse", {"content-type": "a/b"}
    temporary = AwsCredentials("A", "B", "TOKEN")
    scope = Scope("us-east-1", "bedrock")
    added = sign(temporary, scope, "POST", url, headers, b"{}", NOW_S)
    assert added["x-amz-security-token"] == "TOKEN"
    assert "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token," in added["authorization"]
    others = [
        sign(temporary, scope, "POST", url, headers, b"{ }", NOW_S),
        sign(temporary, scope, "POST", url.replace("%3A", ":"), headers, b"{}", NOW_S),
        sign(temporary, scope, "POST", url, {"content-type": "a/c"}, b"{}", NOW_S),
        sign(temporary, scope, "POST", url, headers, b"{}", NOW_S + 1),
        sign(AwsCredentials("A", "C", "TOKEN"), scope, "POST", url, headers, b"{}", NOW_S),
    ]
    assert len({one["authorization"] for one in [added, *others]}) == 6


def test_no_secret_is_shown() -> None:
    assert "SECRET" not in repr(AwsCredentials("A", "SECRET", "SECRET"))
