"""What a script triggers: a camera's alarm, which ends by itself and leaves other people's alone."""

from __future__ import annotations

import pytest
from pydantic import ValidationError
from tests.bridge.backends.simulator.test_simulator import Site

from vms_bridge.backends.simulator.trigger import Trigger
from vms_bridge.commands import EndAlarm, SetAlarm, VmsTarget
from vms_bridge.errors import CommandRejected
from vms_bridge.model import AlarmState, EventKind


async def trigger(site: Site, **said: object) -> None:
    await site.feed.receivers["trigger"].receive(Trigger.model_validate({"monitor": "1"} | said))


async def test_a_camera_alarms_for_a_while() -> None:
    site = Site()
    async with site.running():
        await trigger(site, seconds=5, cause="Doorbell", text="twice", score=99)
        state = site.feed.states["1"]
        assert (state.alarm, state.forced, state.cause, state.score) == (AlarmState.ALARM, True, "Doorbell", 99)
        await site.clock.advance(4)
        assert site.feed.states["1"].alarm is AlarmState.ALARM
        await trigger(site, seconds=5)  # once more: it lasts from now on
        await site.clock.advance(4)
        assert site.feed.states["1"].alarm is AlarmState.ALARM
        await site.clock.advance(2)
        state = site.feed.states["1"]
        assert (state.alarm, state.forced) != (AlarmState.ALARM, True)
        [event] = {event.id: event for event in site.events("1") if event.kind is EventKind.FORCED}.values()
        assert event.end is not None
        assert not [event for event in site.events("2") if event.kind is EventKind.FORCED]


async def test_what_somebody_has_commanded_stays_his() -> None:
    site = Site()
    async with site.running():
        one = VmsTarget(monitor_id="1")
        await site.simulator.execute(one, SetAlarm(on=True))
        with pytest.raises(CommandRejected, match="is forced already"):
            await trigger(site)
        await site.simulator.execute(one, EndAlarm())
        await trigger(site, seconds=5)
        await site.simulator.execute(one, SetAlarm(on=True, cause="Mine"))
        await site.clock.advance(10)
        assert (site.feed.states["1"].forced, site.feed.states["1"].cause) == (True, "Mine")
        await site.simulator.execute(one, SetAlarm(on=False))
        await site.clock.advance(1)
        assert site.feed.states["1"].forced is False


async def test_a_camera_that_there_is_not() -> None:
    site = Site()
    async with site.running():
        with pytest.raises(CommandRejected, match="no monitor '99'"):
            await trigger(site, monitor="99")
        await site.clock.advance(20)


@pytest.mark.parametrize(
    "said", [{"seconds": 0}, {"seconds": 601}, {"seconds": float("nan")}, {"score": 0}, {"more": 1}], ids=repr
)
def test_what_can_not_be_meant(said: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Trigger.model_validate({"monitor": "1"} | said)
