"""Proofs: what they are to the byte, what they are bound to, and that they tell nobody which tokens there are."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vms_bridge.api.config import HttpConfig
from vms_bridge.api.connections import Door
from vms_bridge.api.proof import Binding, binding, key_or_nobodys, mac, make_nonce, seal, unseal
from vms_bridge.api.visits import Visit
from vms_bridge.errors import Misdirected

KEY = hashlib.sha256(b"vb_0123456789_secret").digest()
BOUND = Binding(bridge_id="b" * 32, host="192.168.1.2:8098")
MINE, YOURS = "aa" * 32, "bb" * 32


def test_a_proof_is_what_the_page_for_clients_says() -> None:
    said = "\n".join(("vms-bridge proof 1", "token", "b" * 32, "192.168.1.2:8098", "-", MINE, YOURS))
    assert mac(KEY, "token", BOUND, MINE, YOURS) == hmac.new(KEY, said.encode(), "sha256").hexdigest()
    pad = hmac.new(KEY, said.replace("\ntoken\n", "\npair token\n").encode(), "sha512").digest()
    sealed = bytes(one ^ other for one, other in zip(b"vb_text", pad, strict=False)).hex()
    assert seal(KEY, "pair token", BOUND, MINE, YOURS, text="vb_text") == sealed


@pytest.mark.parametrize(
    ("key", "purpose", "bound", "nonces"),
    [
        (b"x" * 32, "token", BOUND, (MINE, YOURS)),
        (KEY, "pair client", BOUND, (MINE, YOURS)),
        (KEY, "token", Binding(bridge_id="c" * 32, host=BOUND.host), (MINE, YOURS)),
        (KEY, "token", Binding(bridge_id=BOUND.bridge_id, host="192.168.1.66:8098"), (MINE, YOURS)),
        (KEY, "token", Binding(bridge_id=BOUND.bridge_id, host=BOUND.host, certificate="00" * 32), (MINE, YOURS)),
        (KEY, "token", BOUND, (YOURS, MINE)),
        (KEY, "token", BOUND, (MINE, "cc" * 32)),
        (KEY, "token", BOUND, (MINE,)),
    ],
)
def test_a_proof_is_good_for_nothing_else(key: bytes, purpose: str, bound: Binding, nonces: tuple[str, ...]) -> None:
    assert mac(key, purpose, bound, *nonces) != mac(KEY, "token", BOUND, MINE, YOURS)


@given(st.text(alphabet=st.characters(codec="ascii"), max_size=64))
def test_who_knows_the_key_reads_what_is_sealed(text: str) -> None:
    sealed = seal(KEY, "token", BOUND, MINE, YOURS, text=text)
    assert unseal(KEY, "token", BOUND, MINE, YOURS, sealed=sealed) == text


def test_who_does_not_reads_nothing() -> None:
    sealed = seal(KEY, "token", BOUND, MINE, YOURS, text="vb_0123456789_secret")
    assert unseal(b"y" * 32, "token", BOUND, MINE, YOURS, sealed=sealed) != "vb_0123456789_secret"
    assert unseal(KEY, "token", BOUND, MINE, YOURS, sealed="zz") is None
    assert unseal(KEY, "token", BOUND, MINE, YOURS, sealed="00" * 65) is None
    with pytest.raises(ValueError, match="longer than"):
        seal(KEY, "token", BOUND, MINE, YOURS, text="x" * 65)


def test_a_token_that_there_is_not_has_a_key_as_well() -> None:
    assert key_or_nobodys(KEY, "0123456789") == KEY
    assert key_or_nobodys(None, "0123456789") == key_or_nobodys(None, "0123456789") != key_or_nobodys(None, "9876543210")
    assert len(key_or_nobodys(None, "0123456789")) == 32
    assert make_nonce() != make_nonce()


def test_nothing_is_proved_by_an_address_that_may_be_somebody_elses() -> None:
    visit = Visit(door=Door.API, address="192.168.1.66", host="192.168.1.66:8098", local=("192.168.1.2", 8098))
    with pytest.raises(Misdirected) as refused:
        binding("b" * 32, visit, HttpConfig(), None)
    assert "add 192.168.1.66 to http.allowed_hosts" in refused.value.hint
    known = HttpConfig(allowed_hosts=("192.168.1.66",))
    assert binding("b" * 32, visit, known, "00").certificate == "00"
    by_proxy = replace(visit, is_forwarded=True)
    assert binding("b" * 32, by_proxy, known, "00").certificate is None
    assert binding("b" * 32, Visit(door=Door.SOCKET, address="", host="localhost"), known, "00").certificate is None
