from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.bridge.scripts.triggers.made import Script, trigger
from tests.fakes.clock import FakeClock
from tests.fakes.hub import FakeHub

from vms_bridge.commands.values import Level
from vms_bridge.errors import BodyInvalid, BodyTooLarge, NotFound, ReceiverRefused, RequestForbidden, TooManyRequests
from vms_bridge.scripts.triggers.dispatch import Dispatcher
from vms_bridge.scripts.triggers.effects import Effects
from vms_bridge.scripts.triggers.webhooks import Webhooks

if TYPE_CHECKING:
    from vms_bridge.scripts.values import Occurrence


class Door:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.hub = FakeHub(clock=self.clock)
        self.dispatcher = Dispatcher(self.hub, self.clock, Effects(self.clock, lambda *_: None))

    async def post(self, raw: bytes, name: str = "gate", level: Level | None = None) -> None:
        await self.hub.receivers.deliver("script", name, raw, level=level)


async def test_what_is_posted_calls_every_script_that_has_the_name() -> None:
    door, one, other = Door(), Script(trigger("webhook", name="gate")), Script(trigger("webhook", name="gate"))
    joined = [door.dispatcher.join("a", one.triggers), door.dispatcher.join("b", other.triggers)]
    await door.post(b'{"open": [1, null, "x"]}')
    await door.post(b'"just a text"', level=Level.CONTROL)
    assert one.heard == other.heard
    assert [(dict(what.what), what.data) for _, what in one.heard] == [
        ({"name": "gate"}, b'{"open":[1,null,"x"]}'),
        ({"name": "gate"}, b'"just a text"'),
    ]
    (listed,) = door.hub.receivers.all()
    assert (listed.system, listed.receiver.name) == ("script", "gate")
    joined[0].close()
    await door.post(b"1")
    assert (len(one.heard), len(other.heard)) == (2, 3)
    joined[1].close()
    assert door.hub.receivers.all() == []
    with pytest.raises(NotFound):
        await door.post(b"1")


@pytest.mark.parametrize("raw", [b"NaN", b'{"a": [1e999]}', b"-Infinity", b'{"a": ' * 100 + b"1" + b"}" * 100])
async def test_what_is_no_json_for_a_script_is_refused_or_taken(raw: bytes) -> None:
    door, script = Door(), Script(trigger("webhook", name="gate"))
    door.dispatcher.join("a", script.triggers)
    if raw.startswith(b'{"a": {'):
        await door.post(raw)
        assert len(script.heard) == 1
    else:
        with pytest.raises(BodyInvalid):
            await door.post(raw)
        assert script.heard == []


async def test_what_is_posted_is_bounded_and_needs_a_level() -> None:
    door, script = Door(), Script(trigger("webhook", name="gate"))
    door.dispatcher.join("a", script.triggers)
    with pytest.raises(BodyTooLarge):
        await door.post(b'"' + b"x" * 70_000 + b'"')
    with pytest.raises(RequestForbidden):
        await door.post(b"1", level=Level.READ)
    for _ in range(100):
        await door.post(b"1")
    with pytest.raises(TooManyRequests):
        await door.post(b"1")


def test_there_is_an_end_of_names_and_no_other_part_has_any() -> None:
    hub = FakeHub()
    taken: list[Occurrence] = []
    webhooks = Webhooks(hub.receivers, FakeClock())
    for number in range(200):
        webhooks.open(f"hook_{number}", taken.append)
    with pytest.raises(ReceiverRefused, match="the part script has 200 receivers already"):
        webhooks.open("one_more", taken.append)
    hub.receivers.forget("script")
    assert hub.receivers.all() == []
    receiver = webhooks._receiver("gate")
    with pytest.raises(ReceiverRefused, match="no system 'panel'"):
        hub.receivers.open("panel", receiver)
