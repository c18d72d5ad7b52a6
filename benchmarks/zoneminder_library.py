"""`vms_bridge.zoneminder` beside bare HTTP and beside pyzm 0.3 and 2.5, which it replaces: on the same ZoneMinder, in turns.

The first part wants the real ZoneMinder of tests/e2e/lab: its database is filled, its web server's log counts the requests. In
each round every client does the same once, in another order each time. The second part goes through very many events of a server
that costs nearly nothing, and looks at the client's memory meanwhile.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tests.e2e.zoneminder import ZoneMinder, what_is_missing

from benchmarks.lab import environments
from benchmarks.lab.clip_server import PASSWORD
from benchmarks.lab.remote import Child
from benchmarks.lab.running import CannotMeasureError, run
from benchmarks.lab.table import Row, Table, arguments, median

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from benchmarks.lab.remote import Json

_OURS, _BARE, _PYZM3, _PYZM2 = "library", "bare HTTP", "pyzm 0.3.56", "pyzm 2.5.6"
_PEERS = {
    _OURS: "benchmarks.peers.zoneminder_library",
    _BARE: "benchmarks.peers.zoneminder_bare",
    _PYZM3: "benchmarks.peers.zoneminder_pyzm3",
    _PYZM2: "benchmarks.peers.zoneminder_pyzm2",
}
_ENVIRONMENTS = {
    # What is not named here of their needs is for detection, which they import only then.
    _PYZM3: ("bench-pyzm3", ("requests", "dateparser", "progressbar2", "setuptools<81"), ("pyzm==0.3.56",)),
    _PYZM2: ("bench-pyzm2", ("requests", "pydantic>=2", "dateparser", "setuptools<81"), ("pyzm==2.5.6",)),
}
_MOST = 1.1
_MOST_GROWTH_MB = 2.0
_LOG = "srv/zm-lab/log/apache-access.log"
_CLOSED_WITHIN_S = 30.0
_NO_LIMIT_MBIT = 1e6
_WRITTEN_S = 0.2
"""When Apache has written its log at the latest."""
_FILL = """
INSERT INTO Events (MonitorId, StorageId, Name, Cause, StartDateTime, EndDateTime, Width, Height, Length, Frames, AlarmFrames,
    TotScore, AvgScore, MaxScore, DefaultVideo, SaveJPEGs, Notes, StateId, Orientation, Scheme)
SELECT 1 + seq % 3, 1, CONCAT('Event-', seq), 'Motion', NOW() - INTERVAL ({events} - seq) MINUTE,
    NOW() - INTERVAL ({events} - seq) MINUTE + INTERVAL 20 SECOND, 320, 240, 20.0, 100, seq % 50, 100, 10, 20,
    CONCAT(seq, '-video.mp4'), 3, 'Motion: All', 1, 'ROTATE_0', 'Medium'
FROM seq_1_to_{events}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How many events there are, and how often each is asked for."""

    events: int = 3_000
    rounds: int = 15
    video_mb: int = 100
    videos: int = 5
    many: int = 100_000
    many_rounds: int = 3
    large_mb: int = 3_000


QUICK = Plan(events=500, rounds=3, video_mb=10, videos=2, many=5_000, many_rounds=1, large_mb=200)


@dataclass(slots=True)
class Taken:
    """What one client needed for one kind of question."""

    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    proof: object = None
    requests: int = 0
    first_requests: int = 0
    """With the login, and whatever it asks for once."""
    unknown: bool = False
    grown_mb: float = 0.0
    """By how much its memory has grown from a fifth of the way to the end."""

    def heed(self, answer: Json) -> None:
        """Take in what a client has answered."""
        self.seconds.append(answer["s"])
        self.cpu.append(answer["cpu_s"])
        self.proof = answer["proof"]
        resident = [mb for _, mb in answer["resident"]]
        if resident:
            self.grown_mb = resident[-1] - resident[len(resident) // 5]

    def ratio_to(self, peer: Taken) -> float:
        """Return how many times as long it took as the peer did in the same round, by the median."""
        return median([mine / its for mine, its in zip(self.seconds, peer.seconds, strict=True)])


class Clients:
    """Every client in its process."""

    def __init__(self, children: Mapping[str, Child], login: Json) -> None:
        self._children, self._login = children, login
        self._turn = 0

    @property
    def names(self) -> Sequence[str]:
        """Which clients there are."""
        return list(self._children)

    async def ask(self, name: str, do: str, words: Mapping[str, object], *, fresh: bool = False) -> Json:
        """Have one client do something."""
        return await self._children[name].ask(do, login=self._login, fresh=fresh, **words)

    async def round(self, taken: Mapping[str, Taken], do: str, words: Mapping[str, object]) -> None:
        """Have each do it once, in another order than the last time."""
        self._turn += 1
        names = [name for name in self.names if not taken[name].unknown]
        shift = self._turn % len(names)
        for name in (*names[shift:], *names[:shift]):
            taken[name].heed(await self.ask(name, do, words))


async def clients(stack: AsyncExitStack, names: Sequence[str], login: Json) -> Clients:
    """Start these clients; their environments are made where they are not there."""
    children = {}
    for name in names:
        python: Path | str = sys.executable
        if name in _ENVIRONMENTS:
            folder, packages, alone = _ENVIRONMENTS[name]
            python = await environments.python(folder, packages, without_needs=alone)
        children[name] = await stack.enter_async_context(Child(_PEERS[name], python=python))
    return Clients(children, login)


class Log:
    """The real web server's access log."""

    def __init__(self, file: Path) -> None:
        self._file = file

    async def lines(self) -> int:
        """Return how many requests it has had."""
        await asyncio.sleep(_WRITTEN_S)
        text = await asyncio.to_thread(self._file.read_text)
        return text.count("\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Something that every client is asked, so many times after the first."""

    what: str
    do: str
    words: Mapping[str, object]
    rounds: int


async def real(plan: Plan, table: Table, folder: Path) -> None:
    """Measure on the real ZoneMinder."""
    missing = what_is_missing()
    if missing:
        raise CannotMeasureError(missing)
    async with AsyncExitStack() as stack:
        zoneminder = await stack.enter_async_context(ZoneMinder())
        event = await _recorded(zoneminder, plan.video_mb)
        await zoneminder.sql(_FILL.format(events=plan.events))
        login = {"url": zoneminder.url, "username": zoneminder.username, "password": zoneminder.password}
        playing = await clients(stack, list(_PEERS), login)
        log = Log(zoneminder.root / _LOG)
        since = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d %H:%M:%S}"
        chosen: dict[str, object] = {"monitor": 1, "since": since, "alarm_frames": 10, "limit": 100}
        place: dict[str, object] = {"event": event, "folder": str(folder)}
        at = f"ZoneMinder {await zoneminder.version()}, real"
        for what, do, words, rounds in (
            ("list of 100 events", "listed", {"limit": 100}, plan.rounds),
            ("filter: a monitor, a day, 10 alarm frames", "filtered", chosen, plan.rounds),
            ("an event's picture to a file", "image", place, plan.rounds),
            (f"a video of {plan.video_mb} MB to a file", "video", place, plan.videos),
        ):
            await _asked(Question(what=f"{what}; {at}", do=do, words=words, rounds=rounds), playing, log, table)


async def _recorded(zoneminder: ZoneMinder, video_mb: int) -> int:
    """Have an event recorded, make its video that long, and return its id: zeros behind it, which players take no notice of."""
    await zoneminder.force_alarm(1, on=True)
    await zoneminder.until_alarm(1, 3)
    await zoneminder.force_alarm(1, on=False)
    await zoneminder.until_alarm(1, 1, within=30)
    found = "SELECT Id, DefaultVideo, DATE(StartDateTime) FROM Events WHERE MonitorId=1 AND EndDateTime IS NOT NULL"
    end = time.monotonic() + _CLOSED_WITHIN_S
    while True:
        rows = await zoneminder.sql(found)
        if rows:
            break
        if time.monotonic() > end:
            raise CannotMeasureError("ZoneMinder closes no event")
        await asyncio.sleep(0.2)
    number, video, day = rows[0]
    file = zoneminder.root / "var/cache/zoneminder/events/1" / day / number / video
    await asyncio.to_thread(os.truncate, file, video_mb * 1_000_000)
    return int(number)


async def _asked(question: Question, playing: Clients, log: Log, table: Table) -> None:
    taken = {name: Taken() for name in playing.names}
    for name, each in taken.items():
        answer: Json = {}
        for fresh in (True, False):
            before = await log.lines()
            answer = await playing.ask(name, question.do, question.words, fresh=fresh)
            each.requests = await log.lines() - before
            each.first_requests = each.first_requests or each.requests
        each.unknown, each.proof = "unknown" in answer, answer.get("proof")
    for _ in range(question.rounds):
        await playing.round(taken, question.do, question.words)
    table.add(_row(question.what, taken))


def _row(what: str, taken: Mapping[str, Taken]) -> Row:
    ours, bare = taken[_OURS], taken[_BARE]
    if ours.proof != bare.proof:
        raise CannotMeasureError(f"{what}: the library and bare HTTP found something different")
    ratio = ours.ratio_to(bare)
    peers = [taken[name] for name in (_PYZM3, _PYZM2) if name in taken and not taken[name].unknown]
    fewest = min((peer.requests for peer in peers), default=bare.requests)
    reached = f"{_ms(ours)}, {ratio:.2f} times bare HTTP; {_requests(ours)}"
    beside = "; ".join(f"{name}: {_beside(each, ours)}" for name, each in taken.items() if name != _OURS)
    goal = f"≤ {_MOST} times bare HTTP, no more requests than pyzm"
    return Row(what, reached, goal, ratio <= _MOST and ours.requests <= fewest, beside)


def _ms(each: Taken) -> str:
    return f"{1000 * median(each.seconds):.1f} ms (processor {1000 * median(each.cpu):.1f})"


def _requests(each: Taken) -> str:
    return f"{each.requests} request{'s' * (each.requests != 1)}, the first time {each.first_requests}"


def _beside(each: Taken, ours: Taken) -> str:
    if each.unknown:
        return "has nothing for it"
    other = "" if each.proof == ours.proof else ", found others"
    return f"{_ms(each)}, {_requests(each)}{other}"


async def many(plan: Plan, table: Table) -> None:
    """Go through very many events, beside bare HTTP."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(Child("benchmarks.lab.event_pages", "--events", plan.many))
        login = {"url": (await server.ask("where"))["url"], "username": None, "password": None}
        playing = await clients(stack, [_OURS, _BARE], login)
        taken = {name: Taken() for name in playing.names}
        for name, each in taken.items():
            before = (await server.ask("where"))["asked"]
            each.heed(await playing.ask(name, "everything", {}, fresh=True))
            each.requests = (await server.ask("where"))["asked"] - before
        for _ in range(plan.many_rounds):
            await playing.round(taken, "everything", {})
        ours, bare = taken[_OURS], taken[_BARE]
        if ours.proof != plan.many:
            raise CannotMeasureError(f"the library found {ours.proof} of {plan.many} events")
        more_us = 1e6 * (median(ours.cpu) - median(bare.cpu)) / plan.many
        what = f"{plan.many:,} events, one after the other, from a server that costs nearly nothing"
        reached = (
            f"{_s(ours)}, {ours.ratio_to(bare):.2f} times bare HTTP, {ours.requests:,} requests; {more_us:.0f} µs more an event"
        )
        beside = f"bare HTTP, `json.loads`, no values: {_s(bare)}, {bare.requests:,} requests"
        table.add(Row(what, reached, "no more requests than bare HTTP", ours.requests <= bare.requests + 1, beside))
        table.add(_memory("memory meanwhile, from the first fifth to the end", ours, bare))


async def large(plan: Plan, table: Table, folder: Path) -> None:
    """Fetch a video of gigabytes that nobody keeps, beside bare HTTP."""
    clip = folder / "large.mp4"
    await asyncio.to_thread(clip.touch)
    await asyncio.to_thread(os.truncate, clip, plan.large_mb * 1_000_000)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(Child("benchmarks.lab.clip_server", "--clip", clip, "--mbit", _NO_LIMIT_MBIT))
        where = await server.ask("where")
        login = {"url": where["url"], "username": "admin", "password": PASSWORD}
        playing = await clients(stack, [_OURS, _BARE], login)
        taken = {name: Taken() for name in playing.names}
        for name, each in taken.items():
            each.heed(await playing.ask(name, "discarded", {"event": where["event"]}, fresh=True))
        ours, bare = taken[_OURS], taken[_BARE]
        if ours.proof != plan.large_mb * 1_000_000:
            raise CannotMeasureError(f"of the video {ours.proof} bytes came")
        what = f"a video of {plan.large_mb:,} MB from a fake, to a writer that keeps nothing"
        reached = f"{_s(ours)}, processor {ours.cpu[0]:.1f} s"
        table.add(Row(what, reached, beside=f"bare HTTP: {_s(bare)}, processor {bare.cpu[0]:.1f} s"))
        table.add(_memory("memory meanwhile, from the first fifth to the end", ours, bare))


def _s(each: Taken) -> str:
    return f"{median(each.seconds):.1f} s"


def _memory(what: str, ours: Taken, bare: Taken) -> Row:
    is_flat = ours.grown_mb <= _MOST_GROWTH_MB
    return Row(what, f"{ours.grown_mb:+.2f} MB", f"≤ {_MOST_GROWTH_MB} MB", is_flat, f"bare HTTP: {bare.grown_mb:+.2f} MB")


async def _main(folder: Path) -> None:
    parser = arguments("zoneminder_library", __doc__)
    parser.add_argument("--only", choices=("real", "many", "large"), help="one part of it")
    wanted = parser.parse_args()
    plan = QUICK if wanted.quick else Plan()
    table = Table("zoneminder_library: ZoneMinder for programs")
    if wanted.only in {None, "real"}:
        await real(plan, table, folder)
    if wanted.only in {None, "many"}:
        await many(plan, table)
    if wanted.only in {None, "large"}:
        await large(plan, table, folder)


if __name__ == "__main__":
    sys.exit(run(_main))
