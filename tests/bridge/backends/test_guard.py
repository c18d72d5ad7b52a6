"""The border to backends: whatever one does, who calls it gets a value of the right kind or a BridgeError, in time."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, cast

import pytest
from pydantic import BaseModel
from tests.fakes.backend import ScriptedBackend
from tests.fakes.clock import FakeClock, settle

from vms_bridge.archive import MOST_PIECE_BYTES, ByteRange, EventQuery, Extent, LiveStream, LogQuery
from vms_bridge.backends import guard as guards
from vms_bridge.backends.base import BackendKind, Finding
from vms_bridge.backends.guard import MOST_PICTURE_BYTES, Guard, GuardedMedia, make_backend
from vms_bridge.commands import SetAlarm, VmsTarget
from vms_bridge.errors import (
    BackendDefect,
    BridgeError,
    CommandRejected,
    MediaUnavailable,
    StoreError,
    VmsAuthFailed,
    VmsError,
    VmsProtocolError,
    VmsUnreachable,
)
from vms_bridge.model import Enrichment, EventPicture, EventRef

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from vms_bridge.backends.base import Backend, Feed, Media

Call = "Callable[[Guard], Awaitable[object]]"
CALLS: dict[str, Callable[[Guard], Awaitable[object]]] = {
    "run": lambda guard: guard.run(cast("Feed", None)),
    "execute": lambda guard: guard.execute(VmsTarget(monitor_id="1"), SetAlarm(on=True)),
    "refresh": lambda guard: guard.refresh(VmsTarget()),
    "picture": lambda guard: guard.picture(EventPicture(event=EventRef("zm", 1, "7"))),
    "annotate": lambda guard: guard.annotate(EventRef("zm", 1, "7"), Enrichment()),
    "recorded": lambda guard: guard.recorded(EventQuery(), None),
    "extent": lambda guard: guard.extent(EventQuery()),
    "media": lambda guard: guard.media(LiveStream(monitor="1"), None),
    "logs": lambda guard: guard.logs(LogQuery()),
    "check": lambda guard: guard.check(limit_s=30),
}
ARCHIVE_CALLS = {"events", "extent", "media", "logs"}


class Own(BaseException):
    """No `Exception`, so that `except Exception` does not see it."""


class Unwordable(Exception):
    def __str__(self) -> str:
        raise ZeroDivisionError


class Half(VmsError):
    def __init__(self) -> None:  # it forgets its base: no hint
        pass


class Anything:
    """A backend all of whose calls do the same."""

    url = None

    def __init__(self, work: Callable[[], object]) -> None:
        self.work = work

    def __getattr__(self, name: str) -> Callable[..., object]:
        if name not in CALLS.keys() | ARCHIVE_CALLS:
            raise AttributeError(name)
        return lambda *_: self.work()

    @property
    def archive(self) -> Anything:
        return self


async def first_piece(guard: Guard) -> object:
    opened = cast("Media", guard._backend)
    media = GuardedMedia(opened, system="zm", call=guard._call, content_type="video/mp4", length=None, part=None)
    return await anext(media.pieces())


CALLS["read"] = first_piece
every_call = pytest.mark.parametrize("name", CALLS)


def guarded(work: Callable[[], object], clock: FakeClock | None = None) -> Guard:
    return Guard("zm", cast("Backend", Anything(work)), clock or FakeClock())


def raising(error: BaseException) -> Callable[[], Awaitable[None]]:
    async def work() -> None:
        await asyncio.sleep(0)
        raise error

    return work


FAULTS = [
    ZeroDivisionError("a secret"),
    TimeoutError("a socket's own"),
    ConnectionResetError("raw"),
    RecursionError("deep"),
    MemoryError(),
    SystemExit(3),
    GeneratorExit(),
    asyncio.CancelledError("nobody asked for it"),
    Own(),
    Unwordable(),
    ExceptionGroup("two", [ValueError(), KeyError()]),
    BaseExceptionGroup("some", [SystemExit(), asyncio.CancelledError()]),
    BaseExceptionGroup("deep", [ExceptionGroup("er", [Unwordable()]), Own()]),
]


@every_call
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
async def test_whatever_it_raises_is_told_as_a_defect(name: str, fault: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    guard = guarded(raising(fault))
    for _ in range(3):
        with pytest.raises(BackendDefect) as caught:
            await CALLS[name](guard)
    assert str(caught.value)
    assert caught.value.hint
    assert [bool(record.exc_info) for record in caplog.records] == [True]  # one traceback, however often


@every_call
@pytest.mark.parametrize(
    "fault",
    [VmsUnreachable("off", hint="on"), CommandRejected("no"), MediaUnavailable("none"), StoreError("full"), BridgeError("?")],
    ids=lambda fault: type(fault).__name__,
)
async def test_what_explains_itself_comes_through_unchanged(
    name: str, fault: BridgeError, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(BridgeError) as caught:
        await CALLS[name](guarded(raising(fault)))
    assert caught.value is fault
    assert not caplog.records


@every_call
async def test_errors_that_were_badly_made_can_be_told(name: str) -> None:
    for error, kind in ((Half(), VmsError), (VmsAuthFailed("x" * 1_000_000, hint="y" * 1_000_000), VmsAuthFailed)):
        with pytest.raises(kind) as caught:
            await CALLS[name](guarded(raising(error)))
        assert len(str(caught.value)) + len(caught.value.hint) <= 2_000


@every_call
@pytest.mark.parametrize(
    ("group", "telling"),
    [
        ([VmsUnreachable("cut"), VmsAuthFailed("refused")], VmsAuthFailed),
        ([VmsUnreachable("cut"), ExceptionGroup("", [VmsProtocolError("odd")])], VmsProtocolError),
        ([ExceptionGroup("", [ExceptionGroup("", [VmsAuthFailed("refused")])])], VmsAuthFailed),
        ([ValueError("defect"), VmsUnreachable("cut")], VmsUnreachable),
        ([ValueError("defect"), CommandRejected("no")], CommandRejected),
    ],
)
async def test_a_group_is_told_by_the_most_telling_of_its_causes(
    name: str, group: list[Exception], telling: type[BridgeError], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(telling):
        await CALLS[name](guarded(raising(ExceptionGroup("of a TaskGroup", group))))
    assert ("defect" in caplog.text) is any(isinstance(error, ValueError) for error in group)


@pytest.mark.parametrize("name", [name for name in CALLS if name != "run"])
async def test_what_hangs_is_given_up(name: str) -> None:
    clock, ended = FakeClock(), asyncio.Event()

    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    task = asyncio.ensure_future(CALLS[name](guarded(hang, clock)))
    await clock.advance(181)
    with pytest.raises(VmsUnreachable, match="no answer within"):
        await task
    assert ended.is_set()


@every_call
async def test_what_does_not_even_end_when_told_to_is_left_behind(name: str, caplog: pytest.LogCaptureFixture) -> None:
    clock, lets_go = FakeClock(), asyncio.Event()

    async def deaf() -> None:
        while not lets_go.is_set():
            try:
                await lets_go.wait()
            except asyncio.CancelledError:
                continue

    guard = guarded(deaf, clock)
    task = asyncio.ensure_future(CALLS[name](guard))
    await settle()
    task.cancel()
    await clock.advance(1.0)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert "left behind" in caplog.text
    lets_go.set()
    await settle()


async def test_a_backend_that_leaves_much_hanging_is_asked_no_more() -> None:
    clock, lets_go = FakeClock(), asyncio.Event()
    calls = 0

    async def deaf() -> None:
        nonlocal calls
        calls += 1
        while not lets_go.is_set():
            try:
                await lets_go.wait()
            except asyncio.CancelledError:
                continue

    guard = guarded(deaf, clock)
    for _ in range(20):
        task = asyncio.ensure_future(guard.refresh(VmsTarget()))
        await clock.advance(62)
        with pytest.raises(VmsUnreachable):
            await task
    assert calls == 16
    lets_go.set()
    await settle()
    await guard.refresh(VmsTarget())


@every_call
async def test_who_calls_can_be_cancelled(name: str) -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    task = asyncio.ensure_future(CALLS[name](guarded(work)))
    await settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


@every_call
async def test_a_backend_cannot_cancel_who_calls_it(name: str) -> None:
    async def work() -> None:
        task = asyncio.current_task()
        assert task
        task.cancel()
        await asyncio.sleep(0)

    with pytest.raises(BackendDefect, match="CancelledError"):
        await CALLS[name](guarded(work))


@every_call
@pytest.mark.parametrize("value", [None, "text", b"\xff\xd8", 7, []], ids=repr)
async def test_calls_that_are_no_coroutines_are_defects(name: str, value: object) -> None:
    with pytest.raises(BackendDefect, match="TypeError"):
        await CALLS[name](guarded(lambda: value))


@pytest.mark.parametrize(
    "value", [None, "text", 7, b"", bytearray(), [b"\xff"], bytes(MOST_PICTURE_BYTES + 1)], ids=lambda v: str(v)[:9]
)
async def test_only_a_picture_is_one(value: object) -> None:
    async def work() -> object:
        return value

    with pytest.raises(MediaUnavailable, match="system zm gave"):
        await guarded(work).picture(EventPicture(event=EventRef("zm", 1, "7")))


@pytest.mark.parametrize("value", [b"\xff\xd8", bytearray(b"\xff\xd8"), memoryview(b"\xff\xd8")], ids=lambda v: type(v).__name__)
async def test_bytes_of_any_kind_are_a_picture(value: object) -> None:
    async def work() -> object:
        return value

    assert await guarded(work).picture(EventPicture(event=EventRef("zm", 1, "7"))) == b"\xff\xd8"


@pytest.mark.parametrize(
    "value", [None, 7, "text", [None], [Finding(text=cast("Any", None))], [Finding(text="x", hint=cast("Any", 1))]], ids=repr
)
async def test_only_findings_are_found(value: object) -> None:
    async def work() -> object:
        return value

    with pytest.raises(BackendDefect):
        await guarded(work).check(limit_s=1)


async def test_no_more_findings_than_somebody_reads() -> None:
    def for_ever() -> Any:  # noqa: ANN401 - a backend's mistake
        while True:
            yield Finding(text="again")

    async def work() -> object:
        return for_ever()

    assert len(await guarded(work).check(limit_s=1)) == 500


@pytest.mark.parametrize("value", [7, b"http://x", "x" * 10_000, ZeroDivisionError()], ids=lambda v: type(v).__name__)
async def test_an_odd_url_is_none(value: object, caplog: pytest.LogCaptureFixture) -> None:
    class Odd(ScriptedBackend):
        @property
        def url(self) -> Any:  # noqa: ANN401 - a backend's mistake
            if isinstance(value, Exception):
                raise value
            return value

        @url.setter
        def url(self, _value: object) -> None:
            pass

    guard = Guard("zm", Odd(), FakeClock())
    assert guard.url is None
    assert guard.url is None
    assert len(caplog.records) == isinstance(value, Exception)


@pytest.mark.parametrize(
    ("annotate", "can"),
    [(lambda *_: None, True), ("a text", False), (None, False), (ZeroDivisionError(), False)],
    ids=["a method", "a text", "nothing", "an error"],
)
async def test_whether_it_takes_what_others_have_found_out(annotate: object, can: bool) -> None:  # noqa: FBT001 - a table
    class Odd(ScriptedBackend):
        @property
        def annotate(self) -> object:
            if isinstance(annotate, Exception):
                raise annotate
            return annotate

    assert Guard("zm", Odd(), FakeClock()).can_annotate is can
    assert not Guard("zm", ScriptedBackend(), FakeClock()).can_annotate


async def test_a_guard_that_is_closed_lets_go_and_calls_no_more() -> None:
    calls = 0

    async def hang() -> None:
        nonlocal calls
        calls += 1
        await asyncio.Event().wait()

    guard = guarded(hang)
    task = asyncio.ensure_future(guard.execute(VmsTarget(monitor_id="1"), SetAlarm(on=True)))
    await settle()
    guard.close()
    with pytest.raises(VmsUnreachable, match="by a reload"):
        await task
    with pytest.raises(VmsUnreachable, match="by a reload"):
        await guard.refresh(VmsTarget())
    assert calls == 1


class Settings(BaseModel):
    """No settings."""


def kind(create: Callable[..., Any]) -> BackendKind:
    return BackendKind(name="odd", title="Odd", config=Settings, create=create)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
async def test_whatever_making_one_raises_is_told_as_a_defect(fault: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    def create(*_: object) -> None:
        raise fault

    with pytest.raises(BackendDefect):
        await make_backend(kind(create), "zm", Settings(), FakeClock())
    assert [bool(record.exc_info) for record in caplog.records] == [True]


@pytest.mark.parametrize("value", [None, "text", 7, object(), ScriptedBackend], ids=lambda v: str(v)[:9])
async def test_what_is_no_backend_is_told(value: object) -> None:
    with pytest.raises(BackendDefect, match="no backend"):
        await make_backend(
            kind(lambda *_: value if value is not ScriptedBackend else type("Part", (), {"run": 1})()),
            "zm",
            Settings(),
            FakeClock(),
        )


async def test_making_one_holds_nobody_up() -> None:
    clock, lets_go = FakeClock(), threading.Event()

    def create(*_: object) -> Backend:
        lets_go.wait(15)
        return ScriptedBackend()

    task = asyncio.create_task(make_backend(kind(create), "zm", Settings(), clock))
    await clock.advance(guards.CREATE_S)
    with pytest.raises(VmsUnreachable, match="not made within"):
        await task
    lets_go.set()


async def test_a_good_kind_makes_its_backend_of_what_was_configured() -> None:
    made: list[tuple[object, ...]] = []

    def create(*arguments: object) -> Backend:
        made.append(arguments)
        return ScriptedBackend()

    clock, settings = FakeClock(), Settings()
    assert isinstance(await make_backend(kind(create), "zm", settings, clock), ScriptedBackend)
    assert made == [("zm", settings, clock)]


class Opened:
    """What a backend gives for a clip, with what is wrong with it."""

    def __init__(self, **wrong: object) -> None:
        self.content_type: object = wrong.get("content_type", "video/mp4")
        self.length, self.part = wrong.get("length"), wrong.get("part")
        self.pieces: list[object] = list(cast("list[object]", wrong.get("pieces", [b"one", b"two", b""])))
        self.closed = 0

    async def read(self) -> object:
        return self.pieces.pop(0)

    async def close(self) -> None:
        self.closed += 1
        raise OSError("it goes wrong in the end")


def opening(opened: object) -> Guard:
    async def work() -> object:
        return opened

    return guarded(work)


async def test_a_clip_is_read_piece_by_piece_and_closed_whatever_that_brings_about() -> None:
    opened = Opened(length=6, part=ByteRange(first=0, last=5))
    media = await opening(opened).media(LiveStream(monitor="1"), None)
    assert (media.content_type, media.length, media.part) == ("video/mp4", 6, ByteRange(first=0, last=5))
    assert [piece async for piece in media.pieces()] == [b"one", b"two"]
    await media.close()
    assert opened.closed == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"content_type": None},
        {"content_type": ""},
        {"content_type": "a\r\nb"},
        {"content_type": "x" * 201},
        {"length": "7"},
        {"part": 7},
    ],
    ids=repr,
)
async def test_what_is_no_clip_is_closed_and_told(wrong: dict[str, object]) -> None:
    opened = Opened(**wrong)
    with pytest.raises(MediaUnavailable, match="gave no picture or clip"):
        await opening(opened).media(LiveStream(monitor="1"), None)
    assert opened.closed == 1
    with pytest.raises(MediaUnavailable, match="gave no picture or clip"):
        await opening(None).media(LiveStream(monitor="1"), None)


@pytest.mark.parametrize("piece", [None, "text", 7, [b"x"], bytes(MOST_PIECE_BYTES + 1)], ids=lambda piece: str(piece)[:9])
async def test_only_bytes_in_bounds_are_pieces(piece: object) -> None:
    media = await opening(Opened(pieces=[b"one", piece])).media(LiveStream(monitor="1"), None)
    pieces = media.pieces()
    assert await anext(pieces) == b"one"
    with pytest.raises(MediaUnavailable, match="system zm gave"):
        await anext(pieces)


async def test_a_backend_without_an_archive_says_so() -> None:
    guard = Guard("zm", ScriptedBackend(), FakeClock())
    for name in ("recorded", "extent", "media", "logs"):
        with pytest.raises(MediaUnavailable, match="has no archive"):
            await CALLS[name](guard)


async def test_an_archive_that_can_not_count_says_nothing() -> None:
    class Plain(ScriptedBackend):
        archive = object()

    assert await Guard("zm", Plain(), FakeClock()).extent(EventQuery()) == Extent()


@pytest.mark.parametrize("value", [None, "text", {}, 7], ids=repr)
async def test_only_lines_are_a_log(value: object) -> None:
    with pytest.raises(BackendDefect, match="lines of a log belong"):
        await opening(value).logs(LogQuery())
