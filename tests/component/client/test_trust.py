"""To whom the token goes, and by which certificate; pairing."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from custom_components.vms_bridge.address import Address
from custom_components.vms_bridge.errors import (
    BridgeError,
    CannotConnect,
    CertificateChanged,
    CertificateUntrusted,
    Impostor,
    NotABridge,
    PairingClosed,
    PairingCodeWrong,
    PairingRefused,
    TokenRefused,
)
from custom_components.vms_bridge.models import Target
from tests.component.client.lab import client_of, scripted, trusting
from tests.component.fakes import proof as fake_proof
from tests.component.fakes.bridge import CODE, TOKEN, TOKEN_ID, FakeBridge

if TYPE_CHECKING:
    from collections.abc import Callable

CAMERA = Target(system="zm", monitor="1")
FEW_ROUNDS = 1_000


async def quickly(work: Callable[..., bytes], *args: str) -> bytes:
    """Make the key of a code with fewer rounds."""
    return work(*args, FEW_ROUNDS)


@pytest.fixture
def few_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the fake make keys with fewer rounds, too."""
    monkeypatch.setattr(fake_proof, "ROUNDS", FEW_ROUNDS)


def paths(bridge: FakeBridge) -> list[str]:
    return [asked.path.removeprefix("/api/v1/") for asked in bridge.requests]


# --- to whom the token goes ---


async def test_the_token_goes_to_who_has_proved_itself_once(bridge: FakeBridge) -> None:
    async with client_of(bridge.url) as asking:
        await asyncio.gather(asking.get("systems"), asking.get("monitors"), asking.get("health"))
        await asking.get("systems")
    assert paths(bridge).count("proof") == 1
    assert paths(bridge)[0] == "proof"
    assert bridge.requests[0].token_id is None
    assert bridge.requests[1].token_id == TOKEN_ID


async def test_the_clock_of_who_has_proved_itself_is_known() -> None:
    async def late(request: web.Request) -> web.StreamResponse:
        return web.json_response(server.proof_for(await request.json()), headers={"Date": "Fri, 20 Nov 2020 12:00:00 GMT"})

    async with scripted() as server, client_of(server.url) as asking:
        await asking.prove()
        assert asking.ahead_s == 0
        server.answers["proof"] = late
        await asking.prove()
        assert asking.ahead_s < -86_400


@pytest.mark.parametrize("how", ["stranger", "relay"])
async def test_an_impostor_does_not_get_the_token(bridge: FakeBridge, how: Any) -> None:
    bridge.be_impostor(how)
    async with client_of(bridge.url) as asking:
        with pytest.raises(Impostor) as caught:
            await asking.get("systems")
        with pytest.raises(Impostor):
            await asking.command(CAMERA, "armed", "ON", request_id="1")
        with pytest.raises(Impostor):
            async with asking.media("media/events/zm-11/clip"):
                pass
    assert bridge.leaked == []
    assert TOKEN not in str(caught.value)


async def test_a_token_that_was_revoked_looks_like_an_impostor(bridge: FakeBridge) -> None:
    bridge.revoke()
    async with client_of(bridge.url) as asking:
        with pytest.raises(Impostor):
            await asking.get("systems")


async def test_a_token_that_is_revoked_meanwhile_is_refused_and_then_proved_anew(bridge: FakeBridge) -> None:
    async with client_of(bridge.url) as asking:
        await asking.get("systems")
        bridge.revoke()
        with pytest.raises(TokenRefused):
            await asking.get("systems")
        with pytest.raises(Impostor):
            await asking.get("systems")


async def test_whoever_comes_after_a_lost_connection_has_to_prove_itself(bridge: FakeBridge) -> None:
    async with client_of(bridge.url) as asking:
        await asking.get("systems")
        await bridge.stop()
        with pytest.raises(CannotConnect):
            await asking.get("systems")
        bridge.be_impostor()
        await bridge.start()
        with pytest.raises(Impostor):
            await asking.get("systems")
    assert bridge.leaked == []


async def test_another_address_or_token_has_to_be_proved_anew(bridge: FakeBridge) -> None:
    async with client_of(bridge.url) as asking:
        await asking.get("systems")
        asking.address = Address(f"{bridge.url}/")
        await asking.get("systems")
        asking.token = TOKEN
        await asking.get("systems")
    assert (asking.address.host, asking.token) == (bridge.host, TOKEN)
    assert paths(bridge).count("proof") == 3


@pytest.mark.parametrize("token", [None, "", "vb", "a token", f"{TOKEN}\r\nX: y", "vb_short_x", "é" * 60])
async def test_what_is_no_token_goes_nowhere(bridge: FakeBridge, token: str | None) -> None:
    async with client_of(bridge.url, token=token) as asking:
        with pytest.raises(TokenRefused):
            await asking.get("systems")
    assert bridge.requests == []


async def test_a_proof_is_asked_for_again_on_a_connection_that_was_old() -> None:
    lost: list[web.Request] = []

    async def once(request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        if not lost:
            lost.append(request)
            assert request.transport is not None
            request.transport.abort()
        return web.json_response(server.proof_for(asked))

    async with scripted() as server, client_of(server.url) as asking:
        server.answers["proof"] = once
        await asking.prove()
    assert len(server.seen) == 2


# --- certificates ---


async def test_a_pinned_certificate_is_all_that_is_trusted(tls_bridge: FakeBridge) -> None:
    async with client_of(tls_bridge.url, fingerprint=tls_bridge.fingerprint) as asking:
        assert (await asking.info()).bridge_id == tls_bridge.bridge_id
        assert await asking.get("systems")
        assert await asking.certificate() == tls_bridge.fingerprint


async def test_another_certificate_than_the_pinned_one_is_told_and_gets_nothing(tls_bridge: FakeBridge) -> None:
    async with client_of(tls_bridge.url, fingerprint="ab" * 32) as asking:
        with pytest.raises(CertificateChanged) as caught:
            await asking.get("systems")
    assert caught.value.fingerprint == tls_bridge.fingerprint
    assert tls_bridge.requests == []


async def test_a_certificate_that_changes_is_noticed(tls_bridge: FakeBridge) -> None:
    async with client_of(tls_bridge.url, fingerprint=tls_bridge.fingerprint) as asking:
        await asking.get("systems")
        await tls_bridge.new_certificate()
        with pytest.raises(CertificateChanged) as caught:
            await asking.get("systems")
        assert caught.value.fingerprint == tls_bridge.fingerprint
        asking.address = Address(tls_bridge.url, caught.value.fingerprint)
        await asking.get("systems")


async def test_a_certificate_that_nobody_has_signed_is_told(tls_bridge: FakeBridge) -> None:
    async with client_of(tls_bridge.url) as asking:
        with pytest.raises(CertificateUntrusted) as caught:
            await asking.info()
        assert caught.value.fingerprint == tls_bridge.fingerprint
    assert tls_bridge.requests == []


async def test_a_certificate_that_an_authority_has_signed_is_seen_in_the_proof(tls_bridge: FakeBridge) -> None:
    async with client_of(tls_bridge.url, connector=await trusting(tls_bridge.url)) as asking:
        assert await asking.get("systems")
        granted = tls_bridge.fingerprint
        tls_bridge.fingerprint = "cd" * 32  # whoever passes on the proof of another bridge that has this certificate
        asking.doubt()
        with pytest.raises(Impostor):
            await asking.get("systems")
        tls_bridge.fingerprint = None  # a proxy's certificate, which the bridge does not see
        asking.doubt()
        assert await asking.get("systems")
    assert granted is not None


async def test_what_is_pinned_is_seen_in_the_proof_whatever_the_bridge_says(tls_bridge: FakeBridge) -> None:
    pinned, tls_bridge.fingerprint = tls_bridge.fingerprint, None
    async with client_of(tls_bridge.url, fingerprint=pinned) as asking:
        with pytest.raises(Impostor):
            await asking.get("systems")


async def test_without_tls_no_certificate_is_shown(bridge: FakeBridge, tls_bridge: FakeBridge) -> None:
    async with client_of(bridge.url) as asking:
        assert await asking.certificate() is None
        asking.address = Address(bridge.url.replace("http:", "https:"))
        with pytest.raises(CannotConnect):
            await asking.info()
        with pytest.raises(CannotConnect):
            await asking.certificate()
        asking.address = Address(tls_bridge.url.replace("https:", "http:"))
        with pytest.raises(BridgeError):
            await asking.info()


# --- pairing ---


@pytest.mark.usefixtures("few_rounds")
@pytest.mark.parametrize("typed", [CODE, CODE.lower(), f"{CODE[:4]}-{CODE[4:]}"])
async def test_pairing_gives_a_token_for_a_code(bridge: FakeBridge, typed: str) -> None:
    async with client_of(bridge.url, token=None) as asking:
        granted = await asking.pair(typed, " Home   Assistant ", quickly)
        assert granted.token == bridge.tokens[granted.token_id].text
        assert (granted.scope, granted.bridge_id, granted.certificate) == ("control", bridge.bridge_id, None)
        asking.token = granted.token
        assert await asking.scope() == "control"
    body = next(asked.body for asked in bridge.requests if asked.path.endswith("/pair"))
    assert body is not None
    assert body["name"] == "Home Assistant"
    assert CODE not in str([asked.body for asked in bridge.requests])


async def test_a_code_is_worked_out_with_all_its_rounds(bridge: FakeBridge) -> None:
    async with client_of(bridge.url, token=None) as asking:
        with ThreadPoolExecutor(1) as pool:
            granted = await asking.pair(CODE, "Home Assistant", partial(asyncio.get_running_loop().run_in_executor, pool))
    assert granted.token_id in bridge.tokens


@pytest.mark.usefixtures("few_rounds")
@pytest.mark.parametrize("is_signed", [False, True])
async def test_pairing_is_bound_to_the_certificate(tls_bridge: FakeBridge, *, is_signed: bool) -> None:
    pinned = None if is_signed else tls_bridge.fingerprint
    connector = await trusting(tls_bridge.url) if is_signed else None
    async with client_of(tls_bridge.url, token=None, fingerprint=pinned, connector=connector) as asking:
        granted = await asking.pair(CODE, "Home Assistant", quickly)
    assert granted.certificate == tls_bridge.fingerprint


@pytest.mark.usefixtures("few_rounds")
async def test_a_wrong_code_and_closed_pairing_are_told(bridge: FakeBridge) -> None:
    async with client_of(bridge.url, token=None) as asking:
        with pytest.raises(PairingCodeWrong) as caught:
            await asking.pair("00000000", "Home Assistant", quickly)
        assert caught.value.hint
        bridge.code = None
        with pytest.raises(PairingClosed):
            await asking.pair(CODE, "Home Assistant", quickly)


@pytest.mark.usefixtures("few_rounds")
@pytest.mark.parametrize(
    ("code", "detail", "kind"),
    [
        ("pairing", "the code is wrong", PairingCodeWrong),  # an older bridge
        ("pairing", "pairing was closed meanwhile", PairingClosed),
        ("pairing", "not today", PairingRefused),
        ("pairing_closed", "so geht es nicht", PairingClosed),  # words are for people
        ("wrong_code", "so geht es nicht", PairingCodeWrong),
        ("pairing_postponed", "the code is wrong", PairingRefused),  # a newer bridge
    ],
)
async def test_why_nobody_pairs_is_told_by_the_code(
    bridge: FakeBridge, code: str, detail: str, kind: type[PairingRefused]
) -> None:
    bridge.answer("/api/v1/pair", 403, {"status": 403, "code": code, "detail": detail})
    async with client_of(bridge.url, token=None) as asking:
        with pytest.raises(PairingRefused) as caught:
            await asking.pair(CODE, "Home Assistant", quickly)
    assert (type(caught.value), caught.value.code, caught.value.detail) == (kind, code, detail)


@pytest.mark.usefixtures("few_rounds")
@pytest.mark.parametrize("how", ["stranger", "relay"])
async def test_an_impostor_can_t_pair(bridge: FakeBridge, how: Any) -> None:
    bridge.be_impostor(how)
    async with client_of(bridge.url, token=None) as asking:
        with pytest.raises(Impostor):
            await asking.pair(CODE, "Home Assistant", quickly)


@pytest.mark.usefixtures("few_rounds")
async def test_a_token_that_is_none_is_not_taken(bridge: FakeBridge, monkeypatch: pytest.MonkeyPatch) -> None:
    grant = bridge.grant

    def strange(name: str) -> Any:
        token_id, token = grant(name)
        token.text = "x y"
        return token_id, token

    monkeypatch.setattr(bridge, "grant", strange)
    async with client_of(bridge.url, token=None) as asking:
        with pytest.raises(NotABridge):
            await asking.pair(CODE, "Home Assistant", quickly)
