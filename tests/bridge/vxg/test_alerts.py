"""Alerts as they are pushed, and brokers that misbehave."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes.clock import FakeClock, settle
from tests.fakes.stomp import FakeBroker, refusal

from vms_bridge.clock import SystemClock
from vms_bridge.doors import TlsOptions
from vms_bridge.errors import ConfigError, ConnectionClosed, TimedOut, VmsAuthFailed, VmsError, VmsProtocolError, VmsUnreachable
from vms_bridge.vxg.alerts import Alert, Broker, listening, parse
from vms_bridge.vxg.stomp import MOST_BODY_BYTES, MOST_HEAD_BYTES, Frame, Inflow, pack

if TYPE_CHECKING:
    from vms_bridge.clock import Clock

names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)
frames = st.builds(
    Frame,
    st.sampled_from(["MESSAGE", "ERROR", "RECEIPT"]),
    st.dictionaries(names.filter(lambda name: name != "content-length"), names, max_size=5),
    st.binary(max_size=50).map(lambda body: body.replace(b"\0", b"")),
)


def broker(fake: FakeBroker, *, password: str = "secret") -> Broker:
    return Broker(trust=TlsOptions(url=fake.url), topic="/topic/alarms", username="ai", password=password)


async def first(wanted: Broker, clock: Clock | None = None) -> Alert:
    async with listening(wanted, clock or SystemClock()) as alerts:
        return await anext(alerts)


@given(st.lists(frames, max_size=5), st.integers(1, 7), st.booleans())
def test_frames_come_out_as_they_went_in_however_they_are_cut(said: list[Frame], step: int, with_length: bool) -> None:  # noqa: FBT001
    inflow, found = Inflow(), []
    if with_length:
        said = [Frame(one.command, {**one.headers, "content-length": str(len(one.body))}, one.body) for one in said]
    raw = b"\n\n".join(map(pack, said))
    for at in range(0, len(raw), step):
        inflow.add(raw[at : at + step])
        while (frame := inflow.take()) is not None:
            found.append(frame)
    assert found == said


@given(st.lists(st.binary(max_size=60), max_size=6))
def test_garbage_is_waited_for_or_refused(pieces: list[bytes]) -> None:
    inflow = Inflow()
    with suppress(VmsProtocolError):
        for piece in pieces:
            inflow.add(piece)
            while inflow.take() is not None:
                pass


@pytest.mark.parametrize(
    "raw",
    [
        b"MESSAGE\n" + b"a:b\n" * MOST_HEAD_BYTES,
        b"MESSAGE\n\n" + b"x" * (MOST_BODY_BYTES + 2),
        f"MESSAGE\ncontent-length:{MOST_BODY_BYTES + 1}\n\n".encode(),
        b"MESSAGE\ncontent-length:-1\n\n\0",
        b"MESSAGE\ncontent-length:2\n\nabc\0",
        b"MESSAGE\nno colon\n\n\0",
        b"MESSAGE\na\\t:b\n\n\0",
        b"MESSAGE\na:\xff\n\n\0",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
    ],
)
def test_what_is_too_much_or_no_frame_is_refused(raw: bytes) -> None:
    inflow = Inflow()
    inflow.add(raw)
    with pytest.raises(VmsProtocolError):
        inflow.take()


async def test_an_alert_is_heard_and_what_is_none_passed_over() -> None:
    async with FakeBroker() as fake:
        heard = asyncio.create_task(first(broker(fake)))
        await fake.subscribed()
        for wrong in (b"", b"[1]", b"\xff", b"{nan", b"[" * 5_000):
            fake.tell(wrong)
        fake.say(b"\n")
        fake.tell(
            {
                "camera_id": 101,
                "event_id": 7,
                "event": "motion",
                "time": "2026-11-29T10:00:00",
                "camera_name": "Gate",
                "thumb": {"url": "https://cdn.example/t.jpg?sig=x"},
                "meta": {"person": "2"},
                "alert_rule_name": "people",
                "alert_rule_ids": [3, 4],
            }
        )
        alert = await heard
        assert (alert.camera_id, alert.event_id, alert.event, alert.camera, alert.rule) == (101, 7, "motion", "Gate", "people")
        assert alert.time is not None
        assert (alert.meta, alert.rules) == ({"person": "2"}, (3, 4))
        assert "sig=x" not in repr(alert)
        connect, subscribe = fake.heard
        assert (connect.headers["login"], connect.headers["accept-version"]) == ("ai", "1.2")
        assert subscribe.headers["destination"] == "/topic/alarms"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda one: st.dictionaries(st.text(max_size=9), one)
    )
)
def test_any_json_is_an_alert_or_none(said: object) -> None:

    found = parse(json.dumps(said).encode())
    assert (found is None) is not isinstance(said, dict)


async def test_a_login_that_is_refused_is_told_as_such_without_the_password() -> None:
    async with FakeBroker() as fake:
        with pytest.raises(VmsAuthFailed, match="Access refused for user 'ai'") as refused:
            await first(broker(fake, password="wrong-one"))
        assert "wrong-one" not in str(refused.value)
        assert "wrong-one" not in repr(broker(fake, password="wrong-one"))


@pytest.mark.parametrize(
    "greeting", [b"HTTP/1.1 400 Bad Request\r\n\r\n", pack(Frame("RECEIPT")), pack(Frame("ERROR", {"message": "no such topic"}))]
)
async def test_what_answers_otherwise_is_no_broker(greeting: bytes) -> None:
    async with FakeBroker(greeting=greeting) as fake:
        with pytest.raises(VmsProtocolError):
            await first(broker(fake))


async def test_a_broker_that_goes_or_is_not_there_is_a_loss() -> None:
    async with FakeBroker() as fake:
        heard = asyncio.create_task(first(broker(fake)))
        await fake.subscribed()
        fake.drop()
        with pytest.raises(ConnectionClosed):
            await heard
        url = fake.url
    with pytest.raises(VmsUnreachable):
        await first(Broker(trust=TlsOptions(url=url), topic="x"))
    with pytest.raises(VmsError):
        await first(Broker(trust=TlsOptions(url=url.replace("stomp:", "stomps:")), topic="x"))


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (refusal("access_refused", "ACCESS_REFUSED - access to queue 'x' refused for user 'ai'"), "access to queue"),
        (refusal("User name [ai] or password is invalid.", "java.lang.SecurityException\n\tat org.apache"), "name \\[ai\\] or"),
    ],
)
async def test_a_topic_or_login_that_is_refused_is_told_before_anything_is_heard(said: Frame, told: str) -> None:
    receipt = pack(Frame("RECEIPT", {"receipt-id": "0"}))  # RabbitMQ has taken the subscription all the same
    async with FakeBroker(subscribing=pack(said) + receipt) as fake:
        with pytest.raises(VmsAuthFailed, match=told) as refused:
            async with listening(broker(fake), SystemClock()):
                pytest.fail("it lets us in")
        assert "org.apache" not in str(refused.value)


async def test_what_is_pushed_before_the_receipt_is_heard() -> None:
    early = pack(Frame("MESSAGE", {}, b'{"camera_id": 1}'))
    async with FakeBroker(subscribing=early + b"\n" + pack(Frame("RECEIPT"))) as fake:
        assert (await first(broker(fake))).camera_id == 1


async def test_a_virtual_host_is_that_of_the_address_or_the_one_that_is_named() -> None:
    async with FakeBroker(virtual_hosts=("/",)) as fake:
        with pytest.raises(VmsAuthFailed, match="Virtual host 'localhost' access denied") as refused:
            await first(broker(fake))
        assert "virtual_host" in refused.value.hint
        async with listening(replace(broker(fake), virtual_host="/"), SystemClock()):
            assert [frame.headers["host"] for frame in fake.heard if frame.command == "CONNECT"] == ["localhost", "/"]


@pytest.mark.parametrize(
    ("promised", "borne_s"),
    [("20000,20000", 40), ("1000,0", 40), ("60000,60000", 120), ("0,20000", 3_600), ("999999999,0", 3_600), ("soon", 3_600)],
)
async def test_a_silence_is_borne_as_long_as_the_broker_has_promised(promised: str, borne_s: float) -> None:
    clock = FakeClock()
    async with FakeBroker(beats=promised) as fake, listening(broker(fake), clock) as alerts:
        heard = asyncio.create_task(anext(alerts))
        await settle()
        await clock.advance(borne_s - 1)
        await settle()
        assert not heard.done()
        await clock.advance(2)
        with pytest.raises(TimedOut):
            await heard


async def test_signs_of_life_are_sent() -> None:
    clock = FakeClock()
    async with FakeBroker() as fake, listening(broker(fake), clock):
        while fake.signs_of_life < 3:
            await clock.advance(10)
            await settle()


@pytest.mark.parametrize(
    "url", ["stomp://example.com", "http://example.com", "stomps://a:b@example.com", "stomps://x/y", "nothing"]
)
def test_an_address_that_can_not_be_meant_is_refused(url: str) -> None:
    with pytest.raises(ConfigError):
        _ = Broker(trust=TlsOptions(url=url), topic="x").address
