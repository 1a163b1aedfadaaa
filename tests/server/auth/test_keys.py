import hashlib
import hmac
import secrets
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llmgateway_server import errors
from llmgateway_server.auth.keys import (
    ANONYMOUS,
    KeyEntry,
    Keyring,
    digest,
    has_valid_checksum,
    new_key,
)
from llmgateway_server.call import Principal
from llmgateway_server.config.auth import AuthSettings, KeySettings
from pydantic import SecretStr

KEY = new_key(secrets.token_bytes)
OTHER_KEY = new_key(secrets.token_bytes)


def test_a_key_has_its_documented_form() -> None:
    assert KEY.startswith("llmgw_")
    assert len(KEY) == 6 + 43 + 6
    assert set(KEY[6:]) <= set(string.ascii_letters + string.digits)
    assert has_valid_checksum(KEY)


def test_a_key_takes_32_bytes_and_carries_each_of_their_bits() -> None:
    sizes: list[int] = []

    def zeros(size: int) -> bytes:
        sizes.append(size)
        return bytes(size)

    keys = {new_key(zeros), *(new_key(lambda size, bit=bit: (1 << bit).to_bytes(size, "big")) for bit in range(256))}
    assert sizes == [32]
    assert len(keys) == 257
    assert {len(key) for key in keys} == {55}


@given(st.binary(min_size=32, max_size=32), st.integers(0, 54), st.sampled_from(string.ascii_letters + string.digits))
def test_the_checksum_finds_every_wrong_character(random_bytes: bytes, index: int, character: str) -> None:
    key = new_key(lambda _: random_bytes)
    altered = key[:index] + character + key[index + 1 :]
    assert has_valid_checksum(altered) == (altered == key)


@given(st.text(max_size=60))
def test_no_other_text_has_a_valid_checksum(text: str) -> None:
    assert not has_valid_checksum(text)
    assert not has_valid_checksum("llmgw_" + text)


def test_a_digest_is_the_hmac_under_the_pepper() -> None:
    expected = hmac.new(b"pepper", KEY.encode(), hashlib.sha256).hexdigest()
    assert digest(KEY, "pepper") == f"hmac-sha256:{expected}"
    assert digest(KEY, "") != digest(KEY, "pepper") != digest(OTHER_KEY, "pepper")


def keyring(pepper: str = "") -> Keyring:
    return Keyring([KeyEntry(digest(KEY, pepper), Principal("ci", ("mock/*",), "platform"))], pepper)


@pytest.mark.parametrize("authorization", [f"Bearer {KEY}", f"bearer {KEY}", f"BEARER   {KEY} "])
def test_a_key_stands_for_its_principal(authorization: str) -> None:
    assert keyring().look_up(authorization) == Principal("ci", ("mock/*",), "platform")


MALFORMED = [
    None,
    "",
    "Bearer",
    "Bearer ",
    KEY,
    f"Basic {KEY}",
    f"Bearer {OTHER_KEY}",
    f"Bearer {KEY[:-1]}",
    f"Bearer {KEY}x",
    f"Bearer {KEY.lower()}",
    f"Bearer {KEY} {KEY}",
    f"Bearer {digest(KEY, '')}",
    f"Bearer {KEY}\u00e9",
    "Bearer \ud800",
    "Bearer " + "x" * 100_000,
]


@pytest.mark.parametrize("authorization", MALFORMED)
def test_absent_wrong_and_malformed_keys_look_alike(authorization: str | None) -> None:
    with pytest.raises(errors.ApiKeyInvalid) as caught:
        keyring().look_up(authorization)
    assert caught.value.message == "The API key is not valid. Send a valid one as `Authorization: Bearer KEY`."
    assert caught.value.metadata == {}


@pytest.mark.parametrize("authorization", [*MALFORMED, f"Bearer {KEY}"])
def test_a_gateway_without_keys_takes_anybody(authorization: str | None) -> None:
    open_keyring = Keyring.from_settings(AuthSettings())
    assert open_keyring.is_open
    assert open_keyring.look_up(authorization) is ANONYMOUS


@pytest.mark.parametrize("pepper", ["", "a-pepper-of-the-operator"])
def test_keys_come_from_the_configuration_as_keys_or_as_digests(pepper: str) -> None:
    settings = AuthSettings(
        keys=(
            KeySettings(name="plain", key=SecretStr(KEY), models=("a",), team="t", labels={"env": "test"}),
            KeySettings(name="digested", digest=digest(OTHER_KEY, pepper)),
        ),
        pepper=SecretStr(pepper) if pepper else None,
    )
    ring = Keyring.from_settings(settings)
    assert not ring.is_open
    assert ring.look_up(f"Bearer {KEY}") == Principal("plain", ("a",), "t", {"env": "test"}, teams=("t",))
    assert ring.look_up(f"Bearer {OTHER_KEY}").name == "digested"


def test_one_key_cannot_stand_for_two_principals() -> None:
    settings = AuthSettings(
        keys=(KeySettings(name="a", key=SecretStr(KEY)), KeySettings(name="b", digest=digest(KEY, "")))
    )
    with pytest.raises(ValueError, match="The keys a and b are the same") as caught:
        Keyring.from_settings(settings)
    assert KEY not in str(caught.value)


def test_a_keyring_keeps_no_key() -> None:
    settings = AuthSettings(keys=(KeySettings(name="a", key=SecretStr(KEY)),))
    ring = Keyring.from_settings(settings)
    assert KEY not in repr(vars(ring))
