"""Pairing: open for one client, five tries and ten minutes; a code and a token that nobody in between gets to see."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes.clock import FakeClock
from tests.fakes.hub import FakeHub

from vms_bridge.api import proof
from vms_bridge.api.pairing import ALPHABET, Grant, Pairing, key_of, normal
from vms_bridge.api.proof import Binding
from vms_bridge.errors import PairingClosed, PairingCodeWrong
from vms_bridge.tokens import Scope, digest_of

if TYPE_CHECKING:
    from vms_bridge.api.pairing import Paired

BOUND = Binding(bridge_id="b" * 32, host="192.168.1.2:8098")
NONCE = "aa" * 32
FEW = 10
"""Rounds; that clients and bridge take 600,000 is for test_impostor.py, whose client is nobody of ours."""


async def tried(pairing: Pairing, hub: FakeHub, code: str, bound: Binding = BOUND, *, heard: Binding = BOUND) -> Paired:
    """Try a code, as a client does who believes `bound` of the connection of which the bridge has `heard`."""
    key = await asyncio.to_thread(key_of, code, bound.bridge_id, NONCE, FEW)
    return await pairing.pair(hub, "Kitchen", heard, NONCE, proof.mac(key, "pair client", bound, NONCE))


async def test_who_knows_the_code_gets_a_token_that_nobody_else_can_read() -> None:
    hub, pairing = FakeHub(), Pairing(FakeClock(), rounds=FEW)
    code = pairing.open(Grant(scope=Scope.READ, systems=frozenset({"zm"})))
    assert len(code) == 8
    assert set(code) <= set(ALPHABET)
    paired = await tried(pairing, hub, code)
    key = key_of(code, BOUND.bridge_id, NONCE, FEW)
    text = proof.unseal(key, "pair token", BOUND, NONCE, sealed=paired.sealed)
    assert text is not None
    found = hub.tokens.find(digest_of(text))
    assert found == paired.token
    assert (found.name, found.scope, found.systems) == ("Kitchen", Scope.READ, frozenset({"zm"}))
    assert paired.mac == proof.mac(key, "pair bridge", BOUND, NONCE, paired.sealed, "read")
    assert text not in paired.sealed


async def test_a_code_is_good_once() -> None:
    hub, pairing = FakeHub(), Pairing(FakeClock(), rounds=FEW)
    code = pairing.open(Grant())
    await tried(pairing, hub, code)
    with pytest.raises(PairingClosed):
        await tried(pairing, hub, code)
    assert len(hub.tokens.all()) == 1


async def test_five_wrong_ones_close_it_though_they_come_at_once(caplog: pytest.LogCaptureFixture) -> None:
    hub, pairing = FakeHub(), Pairing(FakeClock(), rounds=FEW)
    code = pairing.open(Grant())
    wrong = "0" * 8 if code != "0" * 8 else "1" * 8
    refused = await asyncio.gather(*(tried(pairing, hub, wrong) for _ in range(8)), return_exceptions=True)
    assert sorted(str(each) for each in refused) == ["pairing is closed"] * 3 + ["the code is wrong"] * 5
    with pytest.raises(PairingClosed):
        await tried(pairing, hub, code)
    assert not hub.tokens.all()
    assert code not in caplog.text
    assert wrong not in caplog.text


async def test_ten_minutes_close_it() -> None:
    clock = FakeClock()
    hub, pairing = FakeHub(), Pairing(clock, rounds=FEW)
    code = pairing.open(Grant())
    await clock.advance(599)
    assert (pairing.seconds_left, pairing.tries_left) == (1, 5)
    await clock.advance(1)
    assert (pairing.seconds_left, pairing.tries_left) == (0, 0)
    with pytest.raises(PairingClosed):
        await tried(pairing, hub, code)


async def test_another_opening_ends_the_one_before() -> None:
    hub, pairing = FakeHub(), Pairing(FakeClock(), rounds=FEW)
    first, second = pairing.open(Grant()), pairing.open(Grant(scope=Scope.ADMIN))
    with pytest.raises(PairingCodeWrong):
        await tried(pairing, hub, first)
    assert (await tried(pairing, hub, second)).token.scope is Scope.ADMIN
    pairing.open(Grant())
    pairing.close()
    assert pairing.seconds_left == 0


async def test_who_passes_it_on_gets_nothing() -> None:
    hub, pairing = FakeHub(), Pairing(FakeClock(), rounds=FEW)
    code = pairing.open(Grant())
    with pytest.raises(PairingCodeWrong):  # the client has been led to another address than the bridge's
        await tried(pairing, hub, code, Binding(bridge_id=BOUND.bridge_id, host="192.168.1.66:8098"))
    with pytest.raises(PairingCodeWrong):  # or sees another certificate
        await tried(pairing, hub, code, Binding(bridge_id=BOUND.bridge_id, host=BOUND.host, certificate="00" * 32))
    with pytest.raises(PairingCodeWrong):  # or believes to speak with another bridge
        await tried(pairing, hub, code, Binding(bridge_id="c" * 32, host=BOUND.host))
    assert not hub.tokens.all()


@given(st.text(alphabet=ALPHABET, min_size=8, max_size=8))
def test_a_code_is_understood_however_it_is_typed(code: str) -> None:
    typed = f"{code[:4]}-{code[4:]}".lower().replace("0", "o").replace("1", "l")
    assert normal(typed) == normal(f" {code} ") == code
