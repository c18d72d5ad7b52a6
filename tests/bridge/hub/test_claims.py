"""Claims of discovery: who has the devices, kept over restarts, bounded, and told as part of how the bridge fares."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.bridge.hub.house import started
from tests.fakes.backend import START
from tests.fakes.clock import FakeClock

from vms_bridge.commands import Command, Level, Origin, Restart, Target
from vms_bridge.commands.bridge import BRIDGE, ClaimDevices, ReleaseDevices, SetDiscovery
from vms_bridge.errors import CommandRejected
from vms_bridge.hub.claims import MOST_CLAIMS, Claims
from vms_bridge.views import SWITCH, Claim

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


def asked(action: Action, level: Level = Level.ADMIN, request_id: str | None = None, system: str = "") -> Command:
    return Command(
        target=Target(system=system), action=action, name="it", origin=Origin(door="test"), level=level, request_id=request_id
    )


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
