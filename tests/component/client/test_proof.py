"""Proofs, to the byte of docs/api.md."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from custom_components.vms_bridge import proof
from custom_components.vms_bridge.errors import BadAddress
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

BRIDGE_ID = "5f0c7a52e9d14b0c"
HOST = "192.168.1.5:8098"
TOKEN = "vb_k3n8x0c2va_" + "A" * 43
BOUND = proof.Binding(bridge_id=BRIDGE_ID, host=HOST)
SECURE = proof.Binding(bridge_id=BRIDGE_ID, host=HOST, certificate="ab" * 32)
CLIENTS, BRIDGES = "11" * 32, "22" * 32
TEXTS = st.text(st.characters(codec="utf-8"), max_size=40)


def test_a_proof_is_the_hmac_that_the_document_describes() -> None:
    key = hashlib.sha256(TOKEN.encode()).digest()
    lines = f"vms-bridge proof 1\ntoken\n{BRIDGE_ID}\n{HOST}\n-\n{CLIENTS}\n{BRIDGES}"
    assert proof.key_of_token(TOKEN) == key
    assert proof.mac(key, "token", BOUND, CLIENTS, BRIDGES) == hmac.new(key, lines.encode(), "sha256").hexdigest()
    assert (
        proof.mac(key, "token", SECURE, CLIENTS, BRIDGES)
        == hmac.new(key, lines.replace("\n-\n", f"\n{'ab' * 32}\n").encode(), "sha256").hexdigest()
    )


def test_a_proof_is_the_same_for_ever() -> None:
    shown = proof.mac(b"\x01" * 32, "websocket bridge", BOUND, CLIENTS, BRIDGES)
    lines = b"vms-bridge proof 1\nwebsocket bridge\n5f0c7a52e9d14b0c\n192.168.1.5:8098\n-\n" + b"11" * 32 + b"\n" + b"22" * 32
    assert shown == hmac.new(b"\x01" * 32, lines, hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    "other",
    [
        proof.Binding(bridge_id="0" * 16, host=HOST),
        proof.Binding(bridge_id=BRIDGE_ID, host="192.168.1.6:8098"),
        SECURE,
    ],
)
def test_a_proof_for_another_bridge_host_or_certificate_is_none(other: proof.Binding) -> None:
    key = proof.key_of_token(TOKEN)
    shown = proof.mac(key, "token", other, CLIENTS, BRIDGES)
    assert proof.is_mac(shown, key, "token", other, CLIENTS, BRIDGES)
    assert not proof.is_mac(shown, key, "token", BOUND, CLIENTS, BRIDGES)


def test_a_proof_for_another_purpose_nonce_or_key_is_none() -> None:
    key = proof.key_of_token(TOKEN)
    shown = proof.mac(key, "token", BOUND, CLIENTS, BRIDGES)
    assert not proof.is_mac(shown, key, "pair bridge", BOUND, CLIENTS, BRIDGES)
    assert not proof.is_mac(shown, key, "token", BOUND, BRIDGES, CLIENTS)
    assert not proof.is_mac(shown, proof.key_of_token(TOKEN[:-1]), "token", BOUND, CLIENTS, BRIDGES)


@given(st.text(max_size=100))
def test_whatever_is_said_as_a_proof_is_compared_and_nothing_else(said: str) -> None:
    assert not proof.is_mac(said, b"key", "token", BOUND, CLIENTS, BRIDGES)


def test_a_token_is_sealed_as_the_document_describes() -> None:
    key = proof.key_of_token(TOKEN)
    lines = f"vms-bridge proof 1\nwebsocket token\n{BRIDGE_ID}\n{HOST}\n-\n{CLIENTS}\n{BRIDGES}"
    pad = hmac.new(key, lines.encode(), "sha512").digest()
    expected = bytes(a ^ b for a, b in zip(TOKEN.encode(), pad, strict=False)).hex()
    assert proof.seal(key, "websocket token", BOUND, CLIENTS, BRIDGES, text=TOKEN) == expected


@given(TEXTS.filter(lambda text: len(text.encode()) <= 64), TEXTS)
def test_what_is_sealed_is_read_again_with_the_same_key_only(text: str, other: str) -> None:
    sealed = proof.seal(b"key", "pair token", BOUND, CLIENTS, text=text)
    assert proof.unseal(b"key", "pair token", BOUND, CLIENTS, sealed=sealed) == text
    if len(text) > 4:
        assert proof.unseal(b"other", "pair token", BOUND, CLIENTS, sealed=sealed) != text
    assert proof.unseal(b"key", "pair token", BOUND, CLIENTS, sealed=f"not hex {other}") is None


def test_what_is_too_long_can_t_be_sealed() -> None:
    with pytest.raises(ValueError, match="longer"):
        proof.seal(b"key", "pair token", BOUND, CLIENTS, text="x" * 65)
    assert proof.unseal(b"key", "pair token", BOUND, CLIENTS, sealed="00" * 65) is None


@pytest.mark.parametrize("typed", ["7Q2W9XKD", "7q2w9xkd", "7q2w-9xkd", " 7Q2W 9XKD "])
def test_a_code_is_the_same_however_it_is_typed(typed: str) -> None:
    assert proof.key_of_code(typed, BRIDGE_ID, CLIENTS, 10) == proof.key_of_code("7Q2W9XKD", BRIDGE_ID, CLIENTS, 10)


def test_letters_that_look_like_digits_are_digits() -> None:
    assert proof.key_of_code("OIL0", BRIDGE_ID, CLIENTS, 10) == proof.key_of_code("0110", BRIDGE_ID, CLIENTS, 10)


def test_the_key_of_a_code_is_made_slowly_and_for_this_bridge() -> None:
    assert proof.ROUNDS == 600_000
    expected = hashlib.pbkdf2_hmac("sha256", b"7Q2W9XKD", f"{BRIDGE_ID}\n{CLIENTS}".encode(), 10)
    assert proof.key_of_code("7Q2W9XKD", BRIDGE_ID, CLIENTS, 10) == expected


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://192.168.1.5:8098", "192.168.1.5:8098"),
        ("http://192.168.1.5:80", "192.168.1.5"),
        ("https://Cameras.Example", "cameras.example"),
        ("https://cameras.example:443/vms/", "cameras.example"),
        ("https://cameras.example:8098", "cameras.example:8098"),
        ("http://[2001:DB8::1]:8098", "[2001:db8::1]:8098"),
        ("http://[::1]", "[::1]"),
        ("http://bücher.example", "xn--bcher-kva.example"),
    ],
)
def test_the_host_is_what_aiohttp_sends(url: str, host: str) -> None:
    assert proof.host_of(URL(url)) == host


def test_an_address_without_a_host_has_none() -> None:
    with pytest.raises(BadAddress):
        proof.host_of(URL("/api/v1"))


@pytest.mark.parametrize(("token", "id_"), [(TOKEN, "k3n8x0c2va"), ("vb", ""), ("", ""), ("vb_x", ""), ("a_b_c_d", "b")])
def test_the_id_of_a_token_stands_in_it(token: str, id_: str) -> None:
    assert proof.token_id(token) == id_


def test_nonces_are_new() -> None:
    assert len({proof.make_nonce() for _ in range(100)}) == 100
    assert len(proof.make_nonce()) == 64
