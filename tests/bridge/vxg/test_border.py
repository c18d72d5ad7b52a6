"""How VXG is asked: again where that helps, not too often, never elsewhere; and what its answers amount to."""

from __future__ import annotations

import asyncio
import math
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.vxg.support import served
from tests.bridge.zoneminder.support import QuickClock
from tests.fakes.vxg import FakeVxg

from vms_bridge.backends.traffic import MeasuredClient, Traffic
from vms_bridge.errors import (
    ConnectionClosed,
    GateClosed,
    Redirected,
    TimedOut,
    TooLarge,
    VmsError,
    VmsProtocolError,
    VmsUnreachable,
)
from vms_bridge.http import Answer
from vms_bridge.vxg import (
    AccessMissing,
    CredentialRefused,
    GatewayFailed,
    MediaExpired,
    NotThere,
    PagingRefused,
    Refused,
    ServerFailed,
    TooBusy,
    Vxg,
    WrongValue,
    field,
)
from vms_bridge.vxg.border import Border, Question, _slashed
from vms_bridge.vxg.lanes import AT_ONCE, Lanes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

CHANNELS = "/api/v5/channels/"
BYTES: Any = b"car"


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("429", TooBusy),
        ("500-html", ServerFailed),
        ("502", GatewayFailed),
        ("503", GatewayFailed),
        ("400", Refused),
        ("401", CredentialRefused),
        ("403", AccessMissing),
        ("404", NotThere),
        ("truncated", VmsProtocolError),
        ("cut", VmsProtocolError),
        ("close", ConnectionClosed),
        ("garbage", VmsProtocolError),
        ("nan", VmsProtocolError),
        ("deep", VmsProtocolError),
        ("empty", VmsProtocolError),
        ("list", VmsProtocolError),
        ("huge", TooLarge),
        ("away", Redirected),
        ("login", GateClosed),
        ("next-away", PagingRefused),
        ("next-loop", PagingRefused),
    ],
)
async def test_every_way_to_fail_has_its_own_error(kind: str, error: type[VmsError]) -> None:
    async with served() as (vxg, fake):
        fake.faults.add(CHANNELS, kind)
        with pytest.raises(error) as caught:
            await vxg.channels.list()
        said = f"{caught.value} {caught.value.hint}"
        assert "eyJ" not in said
        assert "share." not in said
        assert "limit=" not in said, "no query is told"
        fake.faults.heal()
        assert len(await vxg.channels.list()) == 3


async def test_an_answer_that_comes_slowly_is_one() -> None:
    async with served() as (vxg, fake):
        fake.faults.add(CHANNELS, "slow")
        assert len(await vxg.channels.list()) == 3


async def test_what_is_asked_may_be_measured() -> None:
    clock = QuickClock()
    traffic = Traffic("vxg", clock)
    async with (
        FakeVxg(clock=clock) as fake,
        Vxg(fake.url, token=fake.group_token(), clock=clock, through=lambda http: MeasuredClient(http, traffic)) as vxg,
    ):
        await vxg.images.fetch(await vxg.live.image(101))
    assert any(traffic.readings())


@pytest.mark.parametrize("kind", ["429", "502", "close", "cut"])
async def test_what_passes_is_not_noticed(kind: str) -> None:
    async with served() as (vxg, fake):
        fake.faults.add(CHANNELS, kind, times=2)
        assert len(await vxg.channels.list()) == 3
        assert fake.count[f"GET {CHANNELS}"] == 3


async def test_what_may_have_been_done_is_not_asked_for_twice() -> None:
    async with served() as (vxg, fake):
        fake.faults.add("/api/v2/storage/clips/", "502", times=1)
        now = fake.world.now()
        with pytest.raises(GatewayFailed):
            await vxg.clips.create(101, now, fake.world.now())
        assert fake.count["POST /api/v2/storage/clips/"] == 1


async def test_a_deed_that_was_refused_for_the_rate_is_done_later() -> None:
    async with served() as (vxg, fake):
        fake.faults.add("/api/v4/meta/", "429-after", times=1, seconds=7)
        before = fake.clock.now()
        await vxg.metadata.delete(101, [])
        await vxg.live.refresh(101)
        fake.faults.add("/api/v2/cameras/101/preview", "429-after", times=1, seconds=7)
        await vxg.live.refresh(101)
        assert (fake.clock.now() - before).total_seconds() >= 7


async def test_how_long_to_wait_is_heard_by_all_who_ask_this_host() -> None:
    async with served() as (vxg, fake):
        fake.faults.add("/api/v4/live/watch/", "429-after", times=1, seconds=30)
        before = fake.clock.now()
        await asyncio.gather(*(vxg.live.urls(number) for number in (101, 102, 103)))
        took = (fake.clock.now() - before).total_seconds()
        assert 30 <= took <= 3 * 30 * 1.25 + 60


async def test_whoever_would_wait_too_long_is_told_so() -> None:
    async with served() as (vxg, fake):
        fake.faults.add(CHANNELS, "429-after", seconds=3600)
        with pytest.raises(TooBusy, match="for 3600 s") as caught:
            await vxg.channels.list()
        assert caught.value.retry_after_s == 3600
        assert fake.count[f"GET {CHANNELS}"] == 1


async def test_no_more_than_four_are_asked_at_a_time() -> None:
    async with served() as (vxg, fake):
        fake.hold = asyncio.Event()
        asking = [asyncio.ensure_future(vxg.channels.get(101)) for _ in range(20)]
        await fake.asked_at_once(AT_ONCE)
        for _ in range(50):
            await asyncio.sleep(0)
        assert fake.most_at_once == AT_ONCE
        fake.hold.set()
        assert len(await asyncio.gather(*asking)) == 20
        assert fake.most_at_once == AT_ONCE


async def test_whoever_gives_up_gives_the_turn_to_the_next_one() -> None:
    async with served() as (vxg, fake):
        fake.hold = asyncio.Event()
        asking = [asyncio.ensure_future(vxg.channels.get(101)) for _ in range(8)]
        await fake.asked_at_once(AT_ONCE)
        for each in asking[:6]:
            each.cancel()
        fake.hold.set()
        done = await asyncio.gather(*asking, return_exceptions=True)
        assert [isinstance(each, asyncio.CancelledError) for each in done] == [True] * 6 + [False] * 2


async def test_no_answer_in_time() -> None:
    async with served(timeout_s=0.05) as (vxg, fake):
        fake.faults.add(CHANNELS, "hang")
        with pytest.raises(TimedOut):
            await vxg.channels.list()


async def test_nobody_there() -> None:
    async with FakeVxg() as fake:
        url = fake.url
    with pytest.raises(VmsUnreachable):
        async with Vxg(url, lkey=fake.lkey, clock=QuickClock()):
            pass


async def test_a_redirect_to_the_slash_is_followed_and_no_other_one() -> None:
    async with served() as (vxg, _):
        question = Question(method="GET", base=vxg.url, path="/api/v5/channels", credential=vxg.token)
        answer: Any = await vxg._session._border.ask(question)
        assert answer["meta"]["total_count"] == 3
    url = "https://host/api/v5/channels?a=1"
    assert _slashed(url, "/api/v5/channels/?a=1") == "https://host/api/v5/channels/?a=1"
    assert _slashed(url, "https://host/api/v5/channels/") == "https://host/api/v5/channels/?a=1"
    for elsewhere in (
        "https://evil/api/v5/channels/?a=1",
        "//evil/api/v5/channels/",
        "http://host/api/v5/channels/",
        "/api/v5/other/",
        "/api/v5/channels/more/",
        "https://host:444/api/v5/channels/",
        "",
    ):
        assert _slashed(url, elsewhere) is None
    assert _slashed("https://host/x/", "/x//") is None


async def test_a_credential_that_is_echoed_is_not_told() -> None:
    async with served() as (vxg, fake):
        fake.mint.revoke(fake.group_token())
        with pytest.raises(CredentialRefused, match=r"does not accept the group token: invalid_auth Invalid access token \*\*\*"):
            await vxg.channels.list()
    async with FakeVxg(clock=QuickClock()) as other, Vxg(other.url, lkey="v3.wrongKey", clock=QuickClock()) as vxg:
        with pytest.raises(CredentialRefused) as caught:
            await vxg.groups.list()
        assert "wrongKey" not in str(caught.value)


async def test_the_clock_of_the_other_side_is_measured() -> None:
    async with served() as (vxg, fake):
        fake.world.clock_ahead_s = 3600.0
        assert abs(await vxg.clock_skew_s(force_reload=True) - 3600) < 60
        assert abs((await vxg.now() - fake.world.now()).total_seconds()) < 60
        fake.world.clock_ahead_s = -3600.0
        assert await vxg.clock_skew_s() > 3000, "it is not asked each time"
        fake.faults.add("/api/v2/server/time/", "404")
        assert await vxg.clock_skew_s(force_reload=True) == 0


async def test_a_clock_that_can_not_be_asked_again_is_as_far_off_as_it_was() -> None:
    async with served() as (vxg, fake):
        fake.world.clock_ahead_s = 3600.0
        await vxg.clock_skew_s(force_reload=True)
        image = await vxg.live.image(101)
        fake.faults.add("/api/v2/server/time/", "502")
        asked = fake.count["GET /api/v2/server/time/"]
        for _ in range(3):
            await fake.clock.sleep(200)
        assert abs((await vxg.now() - fake.world.now()).total_seconds()) < 60
        with pytest.raises(MediaExpired):
            await vxg.images.fetch(image)
        assert fake.count["GET /api/v2/server/time/"] == asked + 3, "it is not asked each time either"


async def test_an_outage_while_our_clock_is_set_moves_no_other_clock() -> None:
    async with served() as (vxg, fake):
        clock = SetClock()
        async with Vxg(fake.url, token=fake.group_token(), clock=clock) as engine:
            fake.faults.add("/api/v2/server/time/", "502")
            clock.set_by_s = -3600.0
            assert abs((await engine.now() - await vxg.now()).total_seconds()) < 60


class SetClock(QuickClock):
    """A clock that somebody sets."""

    set_by_s = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.set_by_s)


@pytest.mark.parametrize(
    "ask",
    [
        lambda vxg: vxg.channels.list(meta=["\udcff"]),
        lambda vxg: vxg.metadata.list(101, field("float.score").above(math.nan)),
        lambda vxg: vxg.metadata.list(101, field("string.label").equals(BYTES)),
        lambda vxg: vxg.events.list(start=datetime(2026, 1, 1)),  # noqa: DTZ001
        lambda vxg: vxg.clips.create(101, datetime(2026, 1, 1), datetime(2026, 1, 2, tzinfo=UTC)),  # noqa: DTZ001
        lambda vxg: vxg.images.extract(101, datetime(2026, 1, 1), datetime(2026, 1, 2, tzinfo=UTC), 1.0),  # noqa: DTZ001
        lambda vxg: anext(vxg.archive.each(101, datetime(2026, 1, 1), datetime(2026, 1, 2, tzinfo=UTC))),  # noqa: DTZ001
        lambda vxg: vxg.events.list(end=datetime.min.replace(tzinfo=timezone(timedelta(hours=1)))),
    ],
)
async def test_what_can_not_be_sent_is_a_wrong_value(ask: Callable[[Vxg], Awaitable[object]]) -> None:
    async with served() as (vxg, _):
        with pytest.raises(WrongValue):
            await ask(vxg)


class Answers:
    """A transport that gives what it is told."""

    def __init__(self, *statuses: int) -> None:
        self.left, self.asked = list(statuses), 0

    async def send(self, method: str, url: str, **_: Any) -> Answer:  # noqa: ANN401
        del method, url
        self.asked += 1
        return Answer(self.left.pop(0), b"{}", "application/json")

    async def open(self, url: str, **_: Any) -> Any:  # noqa: ANN401
        raise AssertionError(url)

    def quoted(self, text: str, *, longest: int = 300) -> str:
        return text[:longest]

    def login_page(self, where: str, body: bytes) -> VmsError | None:
        del where, body
        return None


async def test_waits_grow_and_are_not_the_same_for_all() -> None:
    clock = QuickClock()
    drawn: list[tuple[float, float]] = []

    def jitter(low: float, high: float) -> float:
        drawn.append((low, high))
        return low

    answers = Answers(429, 429, 429, 200)
    await Border(answers, clock, Lanes(clock), jitter=jitter).ask(Question(method="POST", base="https://h", path="/x/"))
    assert clock.slept_s == pytest.approx(0.5 + 1 + 2, abs=0.01)
    assert drawn == [(1.0, 1.25)] * 3
    with pytest.raises(TooBusy):
        await Border(Answers(*[429] * 9), clock, Lanes(clock)).ask(Question(method="GET", base="https://h", path="/x/"))


async def test_a_deletion_that_was_done_although_its_answer_got_lost_is_done() -> None:
    clock = QuickClock()
    deletion = Question(method="DELETE", base="https://h", path="/x/")
    assert await Border(Answers(502, 404), clock, Lanes(clock)).ask(deletion) is None
    with pytest.raises(NotThere):
        await Border(Answers(404), clock, Lanes(clock)).ask(deletion)


async def test_a_host_is_one_however_it_is_written() -> None:
    clock = QuickClock()
    lanes = Lanes(clock)
    lanes.close_for("CDN.example:443", 30)
    began = clock.monotonic()
    async with lanes.turn("cdn.example"):
        assert clock.monotonic() - began >= 30


async def test_hosts_that_nobody_asks_any_more_are_forgotten() -> None:
    lanes = Lanes(QuickClock())
    for number in range(500):
        async with lanes.turn(f"cdn{number}.example"):
            pass
    assert len(lanes._lanes) <= 65


@pytest.mark.parametrize("is_stream", [False, True])
async def test_whoever_waits_for_a_turn_hears_that_nobody_may_ask_now(is_stream: bool) -> None:  # noqa: FBT001
    clock = QuickClock()
    lanes = Lanes(clock)
    asked_at: list[float] = []

    async def ask() -> None:
        if is_stream:
            turn = await lanes.begin_stream("h")
            asked_at.append(clock.monotonic())
            turn.end()
        else:
            async with lanes.turn("h"):
                asked_at.append(clock.monotonic())

    async with AsyncExitStack() as busy:
        for _ in range(AT_ONCE):
            await busy.enter_async_context(lanes.turn("h"))
        waiting = [asyncio.create_task(ask()) for _ in range(6)]
        await asyncio.sleep(0)
        began = clock.monotonic()
        lanes.close_for("h", 30)
    await asyncio.gather(*waiting)
    assert min(asked_at) - began >= 30
