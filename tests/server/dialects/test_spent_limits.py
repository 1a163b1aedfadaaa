"""A key whose limit an answer has used up rests until the limit is renewed: what providers' headers say of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llmgateway_server.dialects.failures import MAX_RETRY_AFTER_S, spent_for_s

DATE = {"date": "Tue, 01 Dec 2026 09:30:00 GMT"}
REQUESTS, TOKENS = "x-ratelimit-remaining-requests", "x-ratelimit-remaining-tokens"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({REQUESTS: "1", "x-ratelimit-reset-requests": "8s"}, None),
        ({REQUESTS: "0", "x-ratelimit-reset-requests": "8.64s"}, 8.64),
        ({REQUESTS: "0", "x-ratelimit-reset-requests": "1m30s"}, 90.0),
        ({REQUESTS: "0", "x-ratelimit-reset-requests": "20ms"}, 0.02),
        ({REQUESTS: "0", "x-ratelimit-reset-requests": "7"}, 7.0),
        ({REQUESTS: "0", "x-ratelimit-reset-requests": "2h"}, MAX_RETRY_AFTER_S),
        ({REQUESTS: "0", "x-ratelimit-reset-requests": "soon"}, None),
        ({REQUESTS: "0"}, None),
        ({TOKENS: "0", "x-ratelimit-reset-tokens": "3s"}, 3.0),
        (
            {REQUESTS: "0", "x-ratelimit-reset-requests": "1s", TOKENS: "0", "x-ratelimit-reset-tokens": "3s"},
            3.0,
        ),
        (
            {
                **DATE,
                "anthropic-ratelimit-requests-remaining": "0",
                "anthropic-ratelimit-requests-reset": "2026-12-01T09:30:12Z",
            },
            12.0,
        ),
        (
            {
                "anthropic-ratelimit-requests-remaining": "0",
                "anthropic-ratelimit-requests-reset": "2026-12-01T09:30:12Z",
            },
            None,
        ),
    ],
)
def test_what_the_headers_say(headers: dict[str, str], seconds: float | None) -> None:
    assert spent_for_s(headers) == (None if seconds is None else pytest.approx(seconds))


@given(st.text(max_size=40), st.text(max_size=40))
def test_nonsense_is_nothing(reset: str, date: str) -> None:
    told = spent_for_s({REQUESTS: "0", "x-ratelimit-reset-requests": reset, "date": date})
    assert told is None or 0 <= told <= MAX_RETRY_AFTER_S
