"""Receivers: whoever sends what, each is held to what it says of itself, and none stops anything but itself."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, field_validator
from tests.bridge.hub.house import HubHouse
from tests.fakes.backend import ScriptedBackend
from tests.fakes.clock import FakeClock, settle

from vms_bridge.backends.supervisor import Supervisor
from vms_bridge.commands.values import Level
from vms_bridge.errors import (
    BackendDefect,
    BodyInvalid,
    BodyTooLarge,
    BridgeError,
    CommandRejected,
    NotFound,
    ReceiverBusy,
    ReceiverRefused,
    RequestForbidden,
    RequestInvalid,
    RequestUnanswered,
    TooManyRequests,
    VmsError,
)
from vms_bridge.hub.receivers import MOST_AT_ONCE, HubReceivers
from vms_bridge.receivers import MOST_RECEIVERS, Receiver

if TYPE_CHECKING:
    from pathlib import Path

    from vms_bridge.backends.base import Feed


class Wanted(BaseModel):
    """What is taken."""

    model_config = ConfigDict(extra="forbid")
    monitor: str
    seconds: float = Field(default=1.0, ge=0)

    @field_validator("monitor")
    @classmethod
    def _check(cls, monitor: str) -> str:
        if monitor == "broken":
            raise ZeroDivisionError("of the model itself")
        return monitor


class Owner:
    """A part that takes something in."""

    def __init__(self, **bounds: Any) -> None:  # noqa: ANN401 - fields of a receiver
        self.clock = FakeClock()
        self.systems: dict[str, Any] = {key: SimpleNamespace(key=key) for key in ("zm", "other")}
        self.got: list[Wanted] = []
        self.fault: BaseException | None = None
        self.hang: asyncio.Event | None = None
        self.is_stubborn = False
        self.receiver = Receiver(name="trigger", meaning="something is triggered", body=Wanted, receive=self.receive, **bounds)
        self.hub = HubReceivers(self.systems, self.clock, strike=lambda text: text.replace("secret", "***"))
        self.opened = self.hub.open("zm", self.receiver)

    async def receive(self, wanted: Wanted) -> None:
        while self.hang is not None and not self.hang.is_set():
            try:
                await self.hang.wait()
            except asyncio.CancelledError:
                if not self.is_stubborn:
                    raise
        if self.fault is not None:
            raise self.fault
        self.got.append(wanted)

    async def send(self, raw: bytes = b'{"monitor": "1"}', *, level: Level | None = None) -> None:
        await self.hub.deliver("zm", "trigger", raw, level=level)


async def test_what_is_sent_is_read_by_the_receivers_own_model() -> None:
    owner = Owner()
    await owner.send(b'{"monitor": "1", "seconds": 2}')
    assert owner.got == [Wanted(monitor="1", seconds=2.0)]
    [listed] = owner.hub.all()
    assert (listed.system, listed.receiver) == ("zm", owner.receiver)
    assert listed.schema["required"] == ["monitor"]


@pytest.mark.parametrize(
    ("raw", "error", "mistakes"),
    [
        (b"", RequestInvalid, [""]),
        (b"\xff\xfe", RequestInvalid, [""]),
        (b'{"monitor": "1"', RequestInvalid, [""]),
        (b"[]", BodyInvalid, [""]),
        (b"null", BodyInvalid, [""]),
        (b'{"monitor": 1}', BodyInvalid, ["monitor"]),
        (b'{"monitor": "1", "seconds": "1"}', BodyInvalid, ["seconds"]),
        (b'{"seconds": -1, "more": 1}', BodyInvalid, ["monitor", "seconds", "more"]),
        (b"[" * 4_000, RequestInvalid, [""]),
    ],
)
async def test_other_things_are_refused_and_not_repeated(raw: bytes, error: type[RequestInvalid], mistakes: list[str]) -> None:
    owner = Owner()
    with pytest.raises(error) as refused:
        await owner.send(raw)
    assert type(refused.value) is error
    assert [field for field, _ in refused.value.mistakes] == mistakes
    assert owner.got == []


@given(st.binary(max_size=200))
def test_whatever_is_sent_is_received_or_refused(raw: bytes) -> None:
    async def send() -> None:
        owner = Owner()
        try:
            await owner.send(raw)
        except RequestInvalid:
            assert owner.got == []

    asyncio.run(send())


async def test_its_bounds_hold_for_everybody() -> None:
    owner = Owner(level=Level.CONTROL, most_bytes=20, rate=2, burst=3)
    with pytest.raises(RequestForbidden, match="may not call the receiver 'trigger' of system zm"):
        await owner.send(level=Level.READ)
    with pytest.raises(BodyTooLarge, match="20 bytes"):
        await owner.send(b'{"monitor":         "1"}')
    await owner.send(level=Level.CONTROL)
    await owner.send(level=Level.ADMIN)
    await owner.send()
    with pytest.raises(TooManyRequests) as refused:
        await owner.send()
    assert refused.value.retry_after_s == pytest.approx(0.5)
    await owner.clock.advance(0.5)
    await owner.send()
    assert len(owner.got) == 4


async def test_one_that_hangs_is_waited_for_no_longer_than_it_says() -> None:
    owner = Owner(within_s=3)
    owner.hang = asyncio.Event()
    sending = asyncio.create_task(owner.send())
    await owner.clock.advance(2.9)
    assert not sending.done()
    await owner.clock.advance(0.2)
    with pytest.raises(RequestUnanswered, match="not done with it within 3 s"):
        await sending
    owner.hang = None
    await owner.send()
    assert len(owner.got) == 1


async def test_one_that_never_ends_is_not_called_any_more() -> None:
    owner = Owner(within_s=1)
    owner.hang, owner.is_stubborn = asyncio.Event(), True
    sending = [asyncio.create_task(owner.send()) for _ in range(MOST_AT_ONCE)]
    await settle()
    with pytest.raises(ReceiverBusy, match="still busy with 8 calls"):
        await owner.send()
    await owner.clock.advance(5)
    ended = await asyncio.gather(*sending, return_exceptions=True)
    assert {type(each) for each in ended} == {RequestUnanswered}
    with pytest.raises(ReceiverBusy):
        await owner.send()
    owner.hang.set()
    await settle()
    await owner.send()
    assert len(owner.got) == MOST_AT_ONCE + 1


@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        (CommandRejected("there is no secret", hint="the secret is out"), CommandRejected, "there is no ***"),
        (ZeroDivisionError("secret"), BackendDefect, "internal error: ZeroDivisionError: ***"),
        (SystemExit(3), BackendDefect, "internal error: SystemExit: 3"),
        (asyncio.CancelledError(), BackendDefect, "internal error: CancelledError"),
    ],
    ids=repr,
)
async def test_what_it_raises_is_answered_and_stops_nothing(
    fault: BaseException, error: type[BridgeError], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    owner = Owner()
    owner.fault = fault
    for _ in range(2):
        with pytest.raises(error) as raised:
            await owner.send()
        assert str(raised.value) == said
        assert "secret" not in raised.value.hint
    assert caplog.text.count("Traceback") == (error is BackendDefect)
    owner.fault = None
    await owner.send()
    assert len(owner.got) == 1


async def test_a_model_that_fails_itself_is_a_defect_of_its_owner() -> None:
    owner = Owner()
    with pytest.raises(BackendDefect, match="ZeroDivisionError"):
        await owner.send(b'{"monitor": "broken"}')


async def test_at_its_end_it_is_gone_at_once_with_what_is_under_way() -> None:
    owner = Owner()
    owner.hang = asyncio.Event()
    sending = asyncio.create_task(owner.send())
    await settle()
    owner.opened.close()
    with pytest.raises(NotFound, match="nobody receives 'trigger' of a system 'zm' now"):
        await sending
    with pytest.raises(NotFound):
        await owner.send()
    assert owner.hub.all() == []
    again = owner.hub.open("zm", owner.receiver)
    owner.opened.close()  # once more, as a part that tidies up twice
    assert [each.receiver for each in owner.hub.all()] == [owner.receiver]
    again.close()


async def test_names_are_a_systems_own_and_its_backend_gets_the_one_that_it_wants(caplog: pytest.LogCaptureFixture) -> None:
    owner = Owner()
    with pytest.raises(ReceiverRefused, match="has a receiver 'trigger' already"):
        owner.hub.open("zm", owner.receiver)
    owner.hub.open("other", owner.receiver)
    with pytest.raises(ReceiverRefused, match="no system 'nosuch'"):
        owner.hub.open("nosuch", owner.receiver)
    owner.hub.open_own(owner.systems["zm"], replace(owner.receiver, meaning="the system's own"))
    assert [(each.system, each.receiver.meaning) for each in owner.hub.all()] == [
        ("other", "something is triggered"),
        ("zm", "the system's own"),
    ]
    assert "zm/trigger is the system's own now" in caplog.text
    owner.hub.forget("zm")
    assert [each.system for each in owner.hub.all()] == ["other"]


async def test_there_is_an_end_to_how_many() -> None:
    owner = Owner()
    for number in range(1, MOST_RECEIVERS):
        owner.hub.open("zm", replace(owner.receiver, name=f"r{number}"))
    with pytest.raises(ReceiverRefused, match="32 receivers already"):
        owner.hub.open("zm", replace(owner.receiver, name="another"))
    owner.hub.open_own(owner.systems["zm"], replace(owner.receiver, name="another"))


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "Trigger"},
        {"name": "a/b"},
        {"name": 3},
        {"meaning": ""},
        {"meaning": "two\nlines"},
        {"body": dict},
        {"body": None},
        {"receive": None},
        {"level": "owner"},
        {"most_bytes": 0},
        {"most_bytes": 100_000},
        {"rate": 0},
        {"rate": 1e6},
        {"rate": float("nan")},
        {"burst": 0.5},
        {"within_s": 0},
        {"within_s": 3_600},
        {"within_s": "x"},
    ],
    ids=repr,
)
def test_what_can_be_no_receiver_is_refused(changes: dict[str, Any]) -> None:
    hub, owner = HubReceivers({"zm": None}, FakeClock()), Owner()
    with pytest.raises(ReceiverRefused) as refused:
        hub.open("zm", replace(owner.receiver, **changes))
    assert refused.value.hint
    with pytest.raises(ReceiverRefused):
        hub.open("zm", cast("Receiver", changes))


def test_a_model_without_a_schema_is_refused() -> None:
    class Odd(BaseModel):
        model_config = ConfigDict(arbitrary_types_allowed=True)
        owner: Owner

    hub, owner = HubReceivers({"zm": None}, FakeClock()), Owner()
    with pytest.raises(ReceiverRefused, match="has no JSON Schema"):
        hub.open("zm", replace(owner.receiver, body=Odd))


class Receiving(ScriptedBackend):
    """A backend that takes something in."""

    async def run(self, feed: Feed) -> None:
        owner = self.owner = Owner()
        feed.open_receiver(owner.receiver)
        await super().run(feed)


async def test_a_backends_receiver_is_there_while_it_runs_and_no_longer(tmp_path: Path) -> None:
    async with HubHouse(tmp_path).open() as house:
        backend = Receiving()
        running = asyncio.create_task(Supervisor("zm", backend, house.feed, house.clock).run())
        await settle()
        await house.hub.receivers.deliver("zm", "trigger", b'{"monitor": "1"}', level=None)
        assert len(backend.owner.got) == 1
        old_feed = backend.feed
        assert old_feed is not None
        running.cancel()
        await asyncio.wait([running])
        assert house.hub.receivers.all() == []
        with pytest.raises(VmsError, match="a connection that is over"):
            old_feed.open_receiver(backend.owner.receiver)
        house.feed.open_receiver(backend.owner.receiver)
        stale = house.feed
        await house.add()
        with pytest.raises(VmsError, match="set up anew"):
            stale.open_receiver(backend.owner.receiver)
        house.hub.remove_system("zm")
        assert house.hub.receivers.all() == []
