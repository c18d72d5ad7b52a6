"""Claims of discovery: who has the devices, kept over restarts, bounded, and told as part of how the bridge fares."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.bridge.hub.house import started
from tests.fakes.backend import START
from tests.fakes.clock import FakeClock
from tests.fakes.older_store import make_older

from vms_bridge.commands import Command, Level, Origin, Restart, Target
from vms_bridge.commands.bridge import BRIDGE, ClaimDevices, ReleaseDevices, SetDiscovery
from vms_bridge.errors import CommandRejected
from vms_bridge.hub.claims import KEY, MOST_BY_TOKEN, MOST_CLAIMS, SCOPE, Claims, read_claims
from vms_bridge.store.database import peek
from vms_bridge.tokens import Scope
from vms_bridge.views import STALE_AFTER, SWITCH, Claim

if TYPE_CHECKING:
    from pathlib import Path

    from vms_bridge.commands import Action
    from vms_bridge.hub import Hub

HOME = "8f3a" * 8


def claims_of(hub: Hub) -> Claims:
    return hub._claims


async def test_claims_are_part_of_how_the_bridge_fares_and_survive_a_restart(tmp_path: Path) -> None:
    clock = FakeClock()
    async with started(tmp_path, clock) as hub:
        subscription = hub.subscribe()
        await subscription.changes()
        await claims_of(hub).hold(SWITCH)
        assert (await subscription.changes()).bridge
        await claims_of(hub).hold(HOME)
        assert [claim.holder for claim in hub.state.claims] == [SWITCH, HOME]
    async with started(tmp_path, clock) as hub:
        assert hub.state.claims == tuple(Claim(holder=holder, since=START, seen=START) for holder in (SWITCH, HOME))
        await claims_of(hub).drop(SWITCH)
        await claims_of(hub).drop("nobody's")
        await claims_of(hub).drop(HOME)
        assert hub.state.claims == ()
    async with started(tmp_path, clock) as hub:
        assert hub.state.claims == ()


async def test_a_claim_that_is_repeated_is_seen_again_but_no_more_than_once_a_minute(tmp_path: Path) -> None:
    clock = FakeClock()
    async with started(tmp_path, clock) as hub:
        await claims_of(hub).hold(HOME)
        subscription = hub.subscribe()
        await subscription.changes()
        await clock.advance(30)
        await claims_of(hub).hold(HOME)
        assert not subscription._wake.is_set()
        await clock.advance(60)
        await claims_of(hub).hold(HOME)
        assert hub.state.claims == (Claim(holder=HOME, since=START, seen=START + timedelta(seconds=90)),)
        clock.set_by(-3600)
        await claims_of(hub).hold(HOME)
        assert hub.state.claims[0].seen == START + timedelta(seconds=90 - 3600), "a clock that was set back is believed"


async def test_claims_are_bounded_and_have_names(tmp_path: Path) -> None:
    async with started(tmp_path) as hub:
        for number in range(MOST_CLAIMS):
            await claims_of(hub).hold(f"home {number}")
        with pytest.raises(CommandRejected, match="claims already") as caught:
            await claims_of(hub).hold(SWITCH)
        assert "drop" in caught.value.hint
        await claims_of(hub).hold("home 0")
        await claims_of(hub).drop("home 0")
        await claims_of(hub).hold("a\nname\u202e  that can be shown")
        assert hub.state.claims[-1].holder == "a name that can be shown"
        await claims_of(hub).drop("a\nname\u202e  that can be shown")
        for holder in ("", " \n", "\u200b", "x" * 257):
            with pytest.raises(CommandRejected, match="needs a name"):
                await claims_of(hub).hold(holder)


async def test_what_the_store_keeps_of_them_may_be_unreadable(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with started(tmp_path) as hub:
        await claims_of(hub).hold(HOME)
        await hub._store.keep("hub", "discovery claims", "{")
    async with started(tmp_path) as hub:
        assert hub.state.claims == ()
        await claims_of(hub).hold(SWITCH)
    assert "discovery can't be read" in caplog.text
    async with started(tmp_path) as hub:
        assert [claim.holder for claim in hub.state.claims] == [SWITCH]


async def test_a_store_that_fails_ends_no_claim(tmp_path: Path) -> None:
    async with started(tmp_path) as hub:
        await hub._store._run(hub._store._database.connection.execute, "DROP TABLE kept")
        await claims_of(hub).hold(SWITCH)
        assert [claim.holder for claim in hub.state.claims] == [SWITCH]


STEPS = st.lists(st.tuples(st.booleans(), st.sampled_from([SWITCH, HOME, "other"])) | st.none(), max_size=12)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(STEPS)
async def test_the_claims_are_those_that_were_held_and_not_dropped_whatever_happens_between(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[bool, str] | None]
) -> None:
    path, held = tmp_path_factory.mktemp("store"), set[str]()
    while steps:
        async with started(path) as hub:
            assert {claim.holder for claim in hub.state.claims} == held
            while steps and (step := steps.pop(0)) is not None:
                is_held, holder = step
                await (claims_of(hub).hold(holder) if is_held else claims_of(hub).drop(holder))
                held = held | {holder} if is_held else held - {holder}
                assert {claim.holder for claim in hub.state.claims} == held


def asked(
    action: Action, level: Level = Level.ADMIN, request_id: str | None = None, system: str = "", token: str | None = None
) -> Command:
    return Command(
        target=Target(system=system),
        action=action,
        name="it",
        origin=Origin(door="test", token=token),
        level=level,
        request_id=request_id,
    )


async def claim(hub: Hub, token: str, holder: str = HOME) -> str:
    """Claim the devices as a Home Assistant does, and return what became of it."""
    return (await hub.submit(asked(ClaimDevices(holder=holder), Level.CONTROL, token=token))).result


async def release(hub: Hub, token: str, holder: str = HOME) -> str:
    return (await hub.submit(asked(ReleaseDevices(holder=holder), Level.CONTROL, token=token))).result


async def a_token(hub: Hub, life: timedelta | None = None) -> str:
    """Return the id of a token for a Home Assistant."""
    token, _ = await hub.tokens.create("Home Assistant", Scope.CONTROL, life=life)
    return token.id


def those(hub: Hub) -> list[tuple[str, str | None]]:
    """Return the claims that there are, each by its holder and the token by which it was made."""
    return [(claim.holder, claim.token) for claim in hub.state.claims]


async def test_discovery_is_turned_off_and_on_and_claimed_by_commands(tmp_path: Path) -> None:
    async with started(tmp_path) as hub:
        steps: list[tuple[Action, str, str | None, list[str]]] = [
            (SetDiscovery(on=True), "unchanged", "ON", []),
            (SetDiscovery(on=False), "applied", "OFF", [SWITCH]),
            (SetDiscovery(on=False), "unchanged", "OFF", [SWITCH]),
            (ClaimDevices(holder=HOME), "applied", HOME, [SWITCH, HOME]),
            (SetDiscovery(on=True), "applied", "ON", [HOME]),
            (ReleaseDevices(holder="nobody"), "unchanged", "nobody", [HOME]),
            (ReleaseDevices(holder=HOME), "applied", HOME, []),
        ]
        for action, result, applied, holders in steps:
            ack = await hub.submit(asked(action))
            assert (ack.result, ack.applied, ack.code) == (result, applied, None)
            assert [claim.holder for claim in hub.state.claims] == holders


async def test_who_may_not_or_asks_for_nonsense_is_refused_and_nothing_is_claimed(tmp_path: Path) -> None:
    async with started(tmp_path) as hub:
        for command, code in (
            (asked(SetDiscovery(on=False), Level.CONTROL), "forbidden"),
            (asked(ClaimDevices(holder=HOME), Level.READ), "forbidden"),
            (asked(ClaimDevices(holder=HOME), Level.CONTROL), "rejected"),
            (asked(ReleaseDevices(holder=HOME), Level.CONTROL), "rejected"),
            (asked(ClaimDevices(holder=SWITCH)), "rejected"),
            (asked(ReleaseDevices(holder=SWITCH)), "rejected"),
            (asked(ClaimDevices(holder="")), "rejected"),
            (asked(Restart()), "unsupported"),
            (asked(SetDiscovery(on=False), system="zm"), "unsupported"),
        ):
            ack = await hub.submit(command)
            assert (ack.result, ack.code) == ("refused", code)
            assert ack.hint
        assert hub.state.claims == ()


async def test_a_request_to_the_bridge_is_run_once(tmp_path: Path) -> None:
    async with started(tmp_path) as hub:
        first = await hub.submit(asked(SetDiscovery(on=False), request_id="1"))
        assert await hub.submit(asked(SetDiscovery(on=False), request_id="1")) == first
        other = await hub.submit(asked(SetDiscovery(on=True), request_id="1"))
        assert other.result == "refused"
        assert [claim.holder for claim in hub.state.claims] == [SWITCH]


def test_each_action_of_the_bridge_has_a_row() -> None:
    assert {row.action for row in BRIDGE} == {SetDiscovery, ClaimDevices, ReleaseDevices}
    assert len({row.name for row in BRIDGE}) == len(BRIDGE)


async def test_two_home_assistants_on_one_bridge_each_drop_their_own(tmp_path: Path) -> None:
    async with started(tmp_path) as hub:
        first, second = await a_token(hub), await a_token(hub)
        assert await claim(hub, first) == "applied"
        assert await claim(hub, first) == "unchanged"
        assert await claim(hub, second, "other") == "applied"
        assert those(hub) == [(HOME, first), ("other", second)]
        refused = await hub.submit(asked(ReleaseDevices(holder=HOME), Level.CONTROL, token=second))
        assert (refused.result, refused.code) == ("refused", "rejected")
        assert "another token" in (refused.hint or "")
        assert await release(hub, first) == "applied"
        assert await release(hub, first) == "unchanged"
        assert those(hub) == [("other", second)], "discovery stays off for the other one"
        await hub.submit(asked(ReleaseDevices(holder="other")))
        assert those(hub) == [], "an admin drops any"


async def test_of_two_tokens_for_one_holder_each_has_its_own_claim(tmp_path: Path) -> None:
    """Whoever has heard another's id of the network can end no claim by it."""
    async with started(tmp_path) as hub:
        first, second = await a_token(hub), await a_token(hub)
        await claim(hub, first)
        await claim(hub, second)
        assert await release(hub, second) == "applied"
        assert those(hub) == [(HOME, first)]
        await claim(hub, second)
        await hub.submit(asked(ReleaseDevices(holder=HOME)))
        assert those(hub) == []


async def test_a_home_assistant_that_was_restored_from_a_backup_and_paired_anew_takes_its_claim_over(tmp_path: Path) -> None:
    """It has the same id, and another token; the one of before is revoked, or still good where nobody thinks of it."""
    clock = FakeClock()
    async with started(tmp_path, clock) as hub:
        before = await a_token(hub)
        await claim(hub, before)
        await clock.advance(3600)
        now = await a_token(hub)
        await claim(hub, now)
        assert those(hub) == [(HOME, before), (HOME, now)]
        await hub.tokens.revoke(before)
        assert those(hub) == [(HOME, before), (HOME, now)], "discovery is never on in between"
        await claim(hub, now)
        assert those(hub) == [(HOME, now)]
        await hub.tokens.revoke(now)
        newest = await a_token(hub)
        assert await claim(hub, newest) == "unchanged"
        seen = clock.now()
        assert hub.state.claims == (Claim(holder=HOME, since=START + timedelta(hours=1), seen=seen, token=newest),)
    async with started(tmp_path, clock) as hub:
        assert those(hub) == [(HOME, newest)]
        assert await release(hub, newest) == "applied"
        assert those(hub) == []


async def test_a_claim_outlives_its_token_until_somebody_takes_it_over_or_drops_it(tmp_path: Path) -> None:
    clock = FakeClock()
    async with started(tmp_path, clock) as hub:
        guest, other = await a_token(hub, timedelta(seconds=20)), await a_token(hub)
        await claim(hub, guest)
        await clock.advance(30)
        assert not hub.tokens.holds(guest)
        assert those(hub) == [(HOME, guest)]
        assert await release(hub, other, "nobody") == "unchanged"
        assert await release(hub, other) == "applied"
        assert those(hub) == []


async def test_what_an_admin_has_claimed_without_a_token_no_token_drops(tmp_path: Path) -> None:
    async with started(tmp_path) as hub:
        token = await a_token(hub)
        await hub.submit(asked(ClaimDevices(holder=HOME)))
        assert await release(hub, token) == "refused"
        await claim(hub, token)
        assert await release(hub, token) == "applied"
        assert those(hub) == [(HOME, None)]


async def test_a_token_has_a_few_claims_at_most(tmp_path: Path) -> None:
    async with started(tmp_path) as hub:
        token, other = await a_token(hub), await a_token(hub)
        for number in range(MOST_BY_TOKEN):
            assert await claim(hub, token, f"home {number}") == "applied"
        assert await claim(hub, token, "one more") == "refused"
        assert await claim(hub, token, "home 0") == "unchanged"
        assert await claim(hub, other, "one more") == "applied"
        assert await release(hub, token, "home 0") == "applied"
        assert await claim(hub, token, "one more") == "applied"


async def test_of_an_entry_that_is_removed_while_the_bridge_is_down_the_claim_goes_stale(tmp_path: Path) -> None:
    clock = FakeClock()
    async with started(tmp_path, clock) as hub:
        gone, still = await a_token(hub), await a_token(hub)
        await claim(hub, gone, "gone")
        await claim(hub, still)
        await hub.submit(asked(SetDiscovery(on=False)))
    clock.set_by(STALE_AFTER.total_seconds() - 1)
    async with started(tmp_path, clock) as hub:
        assert not any(one.is_stale(clock.now()) for one in hub.state.claims)
        await claim(hub, still)
        await clock.advance(1)
        assert [one.holder for one in hub.state.claims if one.is_stale(clock.now())] == ["gone"], "nor is a person's, ever"
        await claim(hub, gone, "gone")
        assert not any(one.is_stale(clock.now()) for one in hub.state.claims)
        clock.set_by(-STALE_AFTER.total_seconds() * 2)
        assert not any(one.is_stale(clock.now()) for one in hub.state.claims)


async def test_claims_of_before_they_had_tokens_are_an_admins(tmp_path: Path) -> None:
    clock = FakeClock()
    async with started(tmp_path, clock) as hub:
        older = f'[{{"holder": "{HOME}", "since": "2026-11-01T00:00:00Z", "seen": "2026-11-20T11:00:00Z"}}]'
        await hub._store.keep(SCOPE, KEY, older)
    make_older(tmp_path / "vms-bridge.sqlite", 4)
    async with started(tmp_path, clock) as hub:
        assert those(hub) == [(HOME, None)]
        token = await a_token(hub)
        assert await release(hub, token) == "refused"
        assert await claim(hub, token) == "applied"
        await hub.submit(asked(ReleaseDevices(holder=HOME)))
        assert those(hub) == []


async def test_who_does_not_run_the_bridge_reads_them_too(tmp_path: Path) -> None:
    async with started(tmp_path) as hub:
        token = await a_token(hub)
        await claim(hub, token)
        assert read_claims(await asyncio.to_thread(peek, tmp_path, SCOPE, KEY)) == hub.state.claims
    assert read_claims(None) == ()
    for text in ("{", "[1]", '[{"holder": "x", "since": "2026-11-01T00:00:00", "seen": "2026-11-01T00:00:00"}]'):
        with pytest.raises(ValueError, match=r"validation error|without a zone"):
            read_claims(text)
