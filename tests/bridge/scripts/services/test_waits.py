from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.scripts.services.waiting import Worker
from tests.bridge.scripts.triggers.made import BERLIN, Script, alarm, trigger
from tests.fakes.clock import FakeClock, settle
from tests.fakes.hub import FakeHub

from vms_bridge.errors import TooManyRequests
from vms_bridge.hub.messaging import MOST_FILTERS
from vms_bridge.messaging import Heard
from vms_bridge.scripts.permissions import hears
from vms_bridge.scripts.services.table import Answered, Services
from vms_bridge.scripts.services.waits import rows
from vms_bridge.scripts.triggers import occurrences
from vms_bridge.scripts.triggers.dispatch import Dispatcher
from vms_bridge.scripts.triggers.effects import Effects
from vms_bridge.scripts.triggers.errors import TriggerRefused
from vms_bridge.scripts.values import Permissions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vms_bridge.scripts.values import Trigger
    from vms_bridge.views import MonitorKey


class Site:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.hub = FakeHub(clock=self.clock)
        self.dispatcher = Dispatcher(self.hub, self.clock, Effects(self.clock, lambda *_: None))

        def may_see(permissions: Permissions, key: MonitorKey) -> bool:
            return hears(permissions, key, lambda system: ("1", "2") if system == "zm" else ())

        self.services = Services(rows(self.dispatcher, self.clock, BERLIN, may_see), self.clock)

    def join(self, *triggers: Trigger, who: Worker | None = None) -> Script:
        """Have a script be there, of which a handler waits."""
        script, worker = Script(*triggers, clock=self.clock), who or Worker()
        self.dispatcher.join(worker.name, script.triggers, worker.permissions)
        return script

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
    site.join()
    waiting = site.wait("mqtt", 60, filters={"topic": "home/door"})
    await settle()
    site.hub.messaging.heard(Heard(topic="home/door", payload=b"\xff"))
    answered = await waiting
    assert answered.data == b"\xff"
    assert answered.words["what"] == {"topic": "home/door", "retain": False}


class Carrier:
    """Remembers what it was to bring."""

    reserved = ()

    def __init__(self) -> None:
        self.wanted: list[frozenset[str]] = []

    async def publish(self, topic: str, payload: bytes, *, retain: bool, sender: str) -> None:
        raise NotImplementedError

    def want(self, filters: Iterable[str], *, again: str | None = None) -> None:
        del again
        self.wanted.append(frozenset(filters))


async def test_a_message_is_waited_for_without_any_subscription_of_its_own() -> None:
    site, carrier = Site(), Carrier()
    site.hub.messaging.carry(carrier)
    script = site.join(trigger("mqtt", topic="home/door"))
    before = len(carrier.wanted)
    assert carrier.wanted[-1] == {"home/door", "home/#"}
    for number in range(5):
        waiting = site.wait("mqtt", 60, filters={"topic": ["home/door", "home/lamp"]})
        await settle()
        topic = ("home/door", "home/lamp")[number % 2]
        site.hub.messaging.heard(Heard(topic=topic, payload=b"before", is_retained=True))
        await settle()
        assert not waiting.done()
        site.hub.messaging.heard(Heard(topic=topic, payload=b"%d" % number))
        assert (await waiting).data == b"%d" % number
    assert len(carrier.wanted) == before
    assert len(script.heard) == 3 + 3


async def test_what_another_script_may_hear_is_not_heard_by_who_waits() -> None:
    site, other = Site(), Worker("other", Permissions(listen=("home/lamp",)))
    site.join()
    site.join(who=other)
    waiting = site.wait("mqtt", 60, other, filters={"topic": "home/lamp"})
    await settle()
    site.hub.messaging.heard(Heard(topic="home/door", payload=b"1"))
    await settle()
    assert not waiting.done()
    site.hub.messaging.heard(Heard(topic="home/lamp", payload=b"2"))
    assert (await waiting).data == b"2"


async def test_where_there_are_too_many_filters_who_waits_is_told_so() -> None:
    site, worker = Site(), Worker()
    for number in range(MOST_FILTERS):
        site.hub.messaging.listen(f"garden/{number}", lambda _: None)
    site.join(who=worker)
    with pytest.raises(TooManyRequests, match="too many listen"):
        await site.wait("mqtt", 60, worker, filters={"topic": "home/door"})
    assert not site.dispatcher.wants("mqtt")


async def test_a_call_of_a_webhook_is_waited_for_and_the_hook_stays() -> None:
    site = Site()
    site.join()
    for body in (b"1", b'{"a":2}'):
        waiting = site.wait("webhook", 60, filters={"name": "gate"})
        await settle()
        await site.hub.receivers.deliver("script", "gate", body, level=None)
        assert (await waiting).data == body
    await site.hub.receivers.deliver("script", "gate", b"3", level=None)


async def test_that_somebody_waits_makes_no_table_anew() -> None:
    site, changes = Site(), list[None]()
    site.join(trigger("alarm"), trigger("event", 1))
    site.dispatcher.on_change = lambda: changes.append(None)
    tables = (site.dispatcher._by_kind, site.dispatcher._about)
    waits = [site.wait("alarm", 60), site.wait("event", 60), site.wait("monitor_state", 60, filters={"field": "capture_fps"})]
    await settle()
    assert len(changes) == 1  # states were wanted by nobody
    assert site.dispatcher.fields == {"capture_fps"}
    assert (site.dispatcher._by_kind, site.dispatcher._about) == tables
    for one in waits:
        one.cancel()
    await settle()
    assert site.dispatcher.fields == frozenset()
    assert not site.dispatcher.wants("monitor_state")
    assert site.dispatcher.wants_of("alarm", ("zm", "1"), "x")


@pytest.mark.parametrize(
    ("about", "comes"),
    [
        ({"system": "zm", "monitor": None}, True),
        ({"system": "zm", "monitor": "1"}, True),
        ({"system": "zm", "monitor": "9"}, False),
        ({"system": "other", "monitor": None}, False),
        ({"system": None, "monitor": None}, False),
    ],
)
async def test_who_sees_some_monitors_waits_for_what_is_about_them_and_their_system(about: dict[str, Any], comes: bool) -> None:  # noqa: FBT001
    site = Site()
    waiting = site.wait("notice", 60, Worker(permissions=Permissions(monitors=("zm/1",))))
    await settle()
    site.dispatcher.take(occurrences.notice({"id": "x", "kind": "network", **about}, is_active=True))
    await settle()
    assert waiting.done() is comes
    waiting.cancel()


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
