import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llmgateway_server.auth.keys import new_key
from llmgateway_server.config.secrets import MAX_KEY_CHARACTERS, MIN_KEY_CHARACTERS, find_weakness


@given(st.binary(min_size=32, max_size=32))
def test_no_generated_key_is_weak(random_bytes: bytes) -> None:
    # Bytes that Hypothesis shrinks to zeros are no random key: that such a one is weak is right.
    key = new_key(lambda _: random_bytes)
    assert len(set(key)) < 12 or find_weakness(key) is None


@pytest.mark.parametrize("encode", [secrets.token_hex, secrets.token_urlsafe])
def test_keys_of_other_tools_are_strong_enough(encode: type[str]) -> None:
    for size in (18, 32, 128):
        assert find_weakness(encode(size)) is None  # type: ignore[call-overload]


@pytest.mark.parametrize(
    "key",
    [
        "changeme",
        "sk-1234",
        "password",
        "ChangeMe-ChangeMe-ChangeMe",
        "sk-1234567890abcdefghijklmnopqrstuvwxyz",
        "your_secret_api_key_here_1234",
        "please-change-this-master-key",
        "correct-horse-battery-staple",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "llmgateway" * 40 + "!",
        "",
    ],
)
def test_well_known_and_monotonous_secrets_are_weak(key: str) -> None:
    weakness = find_weakness(key)
    assert weakness is not None
    assert "make one with `llmgateway keys new`" in weakness


def test_the_bounds_of_length_are_exact() -> None:
    key = "q7Rz" + "x" * 600
    long_enough = "q7RzPm" + "x" * 600
    assert find_weakness(long_enough[: MIN_KEY_CHARACTERS - 1]) is not None
    assert find_weakness(long_enough[:MIN_KEY_CHARACTERS]) is None
    assert find_weakness(long_enough[:MAX_KEY_CHARACTERS]) is None
    assert find_weakness(long_enough[: MAX_KEY_CHARACTERS + 1]) is not None
    assert find_weakness(key[:MIN_KEY_CHARACTERS]) is not None
