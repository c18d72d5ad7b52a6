from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.scripts.services.waiting import Worker
from tests.bridge.scripts.triggers.made import BERLIN, alarm
from tests.fakes.clock import FakeClock, settle
from tests.fakes.hub import FakeHub

from vms_bridge.messaging import Heard
from vms_bridge.scripts.permissions import sees
from vms_bridge.scripts.services.table import Answered, Services
from vms_bridge.scripts.services.waits import rows
from vms_bridge.scripts.triggers.dispatch import Dispatcher
from vms_bridge.scripts.triggers.effects import Effects
from vms_bridge.scripts.triggers.errors import TriggerRefused
from vms_bridge.scripts.values import Permissions

if TYPE_CHECKING:
    from vms_bridge.views import MonitorKey


class Site:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.hub = FakeHub(clock=self.clock)
        self.dispatcher = Dispatcher(self.hub, self.clock, Effects(self.clock, lambda *_: None))

        def may_see(permissions: Permissions, key: MonitorKey) -> bool:
            return sees(permissions, key)

        self.services = Services(rows(self.dispatcher, self.clock, BERLIN, may_see), self.clock)

    def wait(self, kind: str, timeout_s: float | None, who: Worker | None = None, **more: Any) -> asyncio.Task[Answered]:  # noqa: ANN401
        filters = more.pop("filters", {})
        words = {"trigger": {"kind": kind, "line": 9, "filters": filters, **more}, "timeout_s": timeout_s}
        return asyncio.create_task(self.services.answer(who or Worker(), "wait.open", words))


async def test_what_is_waited_for_is_answered_once_it_happens() -> None:
    site = Site()
    waiting = site.wait("alarm", 60, filters={"to": "alarm", "monitor": "front*"})
    await settle()
    site.dispatcher.take(alarm("prealarm"))
    site.dispatcher.take(alarm("alarm", monitor="2"))
    assert (await waiting).words["what"]["monitor"] == "2"
    assert not site.dispatcher.wants("alarm")


async def test_what_does_not_happen_is_not_waited_for_longer() -> None:
    site = Site()
    waiting = site.wait("alarm", 60)
    await site.clock.advance(60)
    assert (await waiting).words == {"timed_out": True}
    assert not site.dispatcher.wants("alarm")


async def test_it_can_be_waited_for_that_something_stays_so() -> None:
    site = Site()
    waiting = site.wait("alarm", None, filters={"to": "idle"}, for_s=10)
    await settle()
    site.dispatcher.take(alarm("idle", "alarm"))
    await site.clock.advance(9)
    assert not waiting.done()
    await site.clock.advance(1)
    assert (await waiting).words["what"]["now"] == "idle"


async def test_a_message_comes_with_its_bytes() -> None:
    site = Site()
    waiting = site.wait("mqtt", 60, filters={"topic": "home/door"})
    await settle()
    site.hub.messaging.heard(Heard(topic="home/door", payload=b"\xff"))
    answered = await waiting
    assert answered.data == b"\xff"
    assert answered.words["what"] == {"topic": "home/door", "retain": False}


async def test_who_waits_no_more_leaves_nothing_behind() -> None:
    site = Site()
    waiting = site.wait("alarm", None)
    await settle()
    assert site.dispatcher.wants("alarm")
    waiting.cancel()
    await settle()
    assert not site.dispatcher.wants("alarm")


async def test_what_a_script_may_not_see_it_waits_for_in_vain() -> None:
    site = Site()
    waiting = site.wait("alarm", 60, Worker(permissions=Permissions(monitors=("zm/2",))))
    await settle()
    site.dispatcher.take(alarm("alarm", monitor="1"))
    await settle()
    assert not waiting.done()
    site.dispatcher.take(alarm("alarm", monitor="2"))
    assert (await waiting).words["what"]["monitor"] == "2"


@pytest.mark.parametrize(
    ("kind", "filters", "says"),
    [
        ("cron", {"expression": "* * * * *"}, "line 9: a trigger: nobody can wait for cron"),
        ("alrm", {}, "no triggers of the kind 'alrm'"),
        ("mqtt", {"topic": "garden/x"}, "may not listen"),
        ("alarm", {"too": "idle"}, "alarm has no option 'too'"),
    ],
)
async def test_what_nobody_can_wait_for_is_refused(kind: str, filters: dict[str, object], says: str) -> None:
    with pytest.raises(TriggerRefused, match=says):
        await Site().wait(kind, 60, filters=filters)
