"""`vms-bridge events download`: whole files or none, resumed where they were broken off, however a bridge behaves."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import json
import os
import re
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.bridge.api.world import CLIP, Film
from tests.bridge.cli.answering import answering, json_answer
from tests.fakes.backend import START

from vms_bridge.cli import FAILED, INTERRUPTED, OK, USAGE, main
from vms_bridge.cli.client import Api
from vms_bridge.cli.events import saving
from vms_bridge.cli.events.saving import CLIP as CLIP_KIND
from vms_bridge.cli.events.saving import PICTURE, Saver, SavingFailed, Stopped, Wanted
from vms_bridge.cli.ways import ApiFailed, SocketWay
from vms_bridge.errors import MediaBusy, MediaUnavailable
from vms_bridge.sockets import api_socket

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from tests.bridge.api.lab import Api as Serving
    from tests.bridge.api.world import World
    from tests.bridge.cli.conftest import Ask, Terminal

    from vms_bridge.archive import ByteRange, MediaRef, OpenMedia

WANTED = Wanted(event="zm-9", kind=CLIP_KIND, stem="clip")
PART = ".clip.clip.abc.part"


@pytest.fixture
def to(tmp_path: Path) -> Path:
    return tmp_path / "clips"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saving, "_PAUSE_S", 0.001)


def files(to: Path) -> dict[str, bytes]:
    """Return what is in a folder, if that is there."""
    return {path.name: path.read_bytes() for path in to.iterdir()} if to.exists() else {}


def stem(id_: str, minutes: int, monitor: str = "Camera_1") -> str:
    began = START.astimezone().replace(minute=minutes).strftime("%Y-%m-%d_%H-%M-%S")
    return f"{began}_{monitor}_{id_}"


async def test_clips_come_into_files(ask: Ask, to: Path) -> None:
    code, out, err = await ask("events", "download", "--to", str(to), "--monitor", "zm/1")
    names = sorted(files(to))
    assert (code, names) == (OK, sorted(f"{stem(f'zm-{number}', 1)}.mp4" for number in range(1, 10)))
    assert set(files(to).values()) == {CLIP}
    assert sorted(out.splitlines()) == sorted(str(to / name) for name in names)
    assert err == "9 downloaded (92.2 kB).\n"
    code, out, err = await ask("events", "download", "--to", str(to), "--monitor", "zm/1", "--limit", "9")
    assert (code, "9 there already" in err, "There may be more than these 9" in err) == (OK, True, True)


async def test_some_events_by_their_ids_and_their_pictures(ask: Ask, world: World, to: Path) -> None:
    world.film = Film(data=b"\xff\xd8 a picture", content_type="image/jpeg")
    code, out, _ = await ask("events", "download", "zm-2.5/a b", "zm-9", "zm-9", "--pictures", "--to", str(to), "--ndjson")
    said = {each["event"]: each for each in map(json.loads, out.splitlines())}
    assert (code, set(said)) == (OK, {"zm-2.5/a b", "zm-9"})
    assert said["zm-9"] == {
        "event": "zm-9",
        "result": "downloaded",
        "file": str(to / f"{stem('zm-9', 1)}.jpg"),
        "bytes": 12,
        "error": None,
    }
    assert re.fullmatch(r".*_zm-2\.5_a_b-[0-9a-f]{8}\.jpg", said["zm-2.5/a b"]["file"])
    world.film = Film()  # a clip of the same event is another file
    assert (await ask("events", "download", "zm-9", "--to", str(to)))[0] == OK
    assert {name[-4:] for name in files(to)} == {".jpg", ".mp4"}


async def test_what_can_not_be_had_is_said_and_the_others_come(ask: Ask, world: World, to: Path) -> None:
    world.film = Film(refusal=MediaUnavailable("it has no clip", hint="it was only looked at"))
    code, out, err = await ask("events", "download", "zm-9", "--to", str(to))
    assert (code, out, files(to)) == (FAILED, "", {})
    assert "vms-bridge: zm-9: it has no clip\n" in err
    assert "0 downloaded (0 B), 1 failed." in err
    code, out, _ = await ask("events", "download", "zm-9", "--to", str(to), "--json")
    assert (code, json.loads(out)[0]["result"]) == (FAILED, "failed")
    world.film = Film()
    code, out, err = await ask("events", "download", "zm-404", "zm-9", "--to", str(to))
    assert (code, "zm-404: there is no event" in err, out.count("\n")) == (FAILED, True, 1), err


async def test_a_bridge_that_has_no_room_at_the_moment_is_asked_again(
    ask: Ask, world: World, to: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    media = world.media

    def busy_at_first(system: str, ref: MediaRef, part: ByteRange | None = None) -> AbstractAsyncContextManager[OpenMedia]:
        world.film = Film() if world.opened else Film(refusal=MediaBusy("too much is asked of it"))
        return media(system, ref, part)

    monkeypatch.setattr(world, "media", busy_at_first)
    assert (await ask("events", "download", "zm-9", "--to", str(to)))[0] == OK
    assert len(world.opened) == 2


async def test_wrong_usage(ask: Ask, to: Path) -> None:
    for wrong in (("zm-9", "--label", "person"), ("zm-9", "--since", "2h"), ("--open",), ("--parallel", "9"), ("--limit", "0")):
        assert (await ask("events", "download", *wrong, "--to", str(to)))[0] == USAGE, wrong
    assert not files(to)


async def test_an_event_that_goes_on_is_for_later(ask: Ask, world: World, to: Path) -> None:
    found = world.index["zm-9"]
    world.index["zm-9"] = replace(found, event=replace(found.event, end=None, end_reason=None))
    code, _, err = await ask("events", "download", "zm-9", "--to", str(to))
    assert (code, "zm-9: it goes on" in err) == (FAILED, True)
    await ask("events", "download", "--to", str(to))
    assert world.pages[-1][0].is_open is False


async def test_a_terminal_gets_bars_and_the_files(api: Serving, config: Path, to: Path, terminal: Terminal) -> None:
    assert api.port
    terminal.take_over()
    code = await asyncio.to_thread(main, ["events", "download", "zm-9", "--to", str(to), "--config", str(config)])
    text = terminal.getvalue()
    assert (code, f"{stem('zm-9', 1)}.mp4" in text, "\x1b[?25h" in text) == (OK, True, True), "and the cursor is back"


class Bridge:
    """A bridge that gives one clip, by what a test says of it."""

    def __init__(self, folder: Path, data: bytes = CLIP, tag: str | None = '"abc"') -> None:
        self.api = Api(SocketWay(api_socket(folder)), 5)
        self.data, self.tag = data, tag
        self.breaks_at: int | None = None
        self.headers: dict[str, str] = {}

    def __call__(self, request: bytes) -> bytes:
        found = re.search(rb"Range: bytes=(\d+)-", request)
        first = int(found[1]) if found and f"If-Range: {self.tag}".encode() in request else 0
        if first and first >= len(self.data):
            return json_answer({"detail": "no such part"}, 416)
        body = self.data[first:]
        headers = {"Content-Type": "video/mp4", "Content-Length": str(len(body)), "ETag": self.tag or ""}
        if first:
            headers["Content-Range"] = f"bytes {first}-{len(self.data) - 1}/{len(self.data)}"
        headers |= self.headers
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value)
        cut, self.breaks_at = self.breaks_at, None
        return f"HTTP/1.1 {206 if first else 200} x\r\n{head}\r\n".encode() + body[:cut]

    def save(self, to: Path, wanted: Wanted = WANTED) -> tuple[bytes, list[tuple[int, int | None]]]:
        heard: list[tuple[int, int | None]] = []
        saved = Saver(self.api, to).save(wanted, lambda done, total: heard.append((done, total)))
        return saved.path.read_bytes(), heard


@pytest.fixture
def bridge(folder: Path) -> Bridge:
    return Bridge(folder)


def test_what_is_broken_off_goes_on_where_it_ended(bridge: Bridge, folder: Path, to: Path) -> None:
    bridge.breaks_at = 5_000
    with answering(bridge, path=api_socket(folder)) as server:
        data, heard = bridge.save(to)
        assert (data, [path.name for path in to.iterdir()]) == (CLIP, ["clip.mp4"])
        assert b"Range: bytes=5000-\r\n" in server.asked[1]
        assert b'If-Range: "abc"\r\n' in server.asked[1]
    assert heard[-1] == (len(CLIP), len(CLIP))


def test_a_part_of_another_day_is_gone_on_with(bridge: Bridge, folder: Path, to: Path) -> None:
    to.mkdir()
    (to / PART).write_bytes(CLIP[:7_000])
    with answering(bridge, path=api_socket(folder)) as server:
        assert bridge.save(to)[0] == CLIP
        assert b"Range: bytes=7000-\r\n" in server.asked[0]
    assert [path.name for path in to.iterdir()] == ["clip.mp4"]


def test_a_part_of_another_version_is_not_mixed_in(bridge: Bridge, folder: Path, to: Path) -> None:
    to.mkdir()
    (to / ".clip.clip.old.part").write_bytes(b"x" * 7_000)
    with answering(bridge, path=api_socket(folder)):
        assert bridge.save(to)[0] == CLIP
    assert [path.name for path in to.iterdir()] == ["clip.mp4"]


@pytest.mark.parametrize("have", [len(CLIP), len(CLIP) + 1])
def test_a_part_that_is_all_or_too_much_is_begun_anew(have: int, bridge: Bridge, folder: Path, to: Path) -> None:
    to.mkdir()
    (to / PART).write_bytes((CLIP + b"x")[:have])
    with answering(bridge, path=api_socket(folder)):
        assert bridge.save(to)[0] == CLIP
    assert [path.name for path in to.iterdir()] == ["clip.mp4"]


def test_what_has_no_tag_is_begun_anew(folder: Path, to: Path) -> None:
    bridge = Bridge(folder, tag=None)
    bridge.breaks_at = 5_000
    with answering(bridge, path=api_socket(folder)) as server:
        assert bridge.save(to)[0] == CLIP
        assert b"Range" not in server.asked[1]
    assert [path.name for path in to.iterdir()] == ["clip.mp4"]


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({"Content-Type": "text/html"}, "'text/html', which is no clip"),
        ({"Content-Type": "image/jpeg"}, "which is no clip"),
        ({"Content-Type": ""}, "which is no clip"),
        ({"Content-Range": "bytes 1-2/3"}, "another part than was asked for"),
        ({"Content-Range": "x"}, "another part than was asked for"),
    ],
)
def test_nothing_wrong_is_kept(headers: dict[str, str], words: str, bridge: Bridge, folder: Path, to: Path) -> None:
    to.mkdir()
    (to / PART).write_bytes(CLIP[:7_000])
    bridge.headers = headers
    with answering(bridge, path=api_socket(folder)), pytest.raises(ApiFailed, match=words):
        bridge.save(to)
    assert {path.name for path in to.iterdir()} <= {PART}


def test_what_is_shorter_than_it_was_said_to_be_is_begun_anew(bridge: Bridge, folder: Path, to: Path) -> None:
    to.mkdir()
    (to / PART).write_bytes(CLIP[:7_000])
    bridge.headers = {"Content-Range": f"bytes 7000-{len(CLIP)}/{len(CLIP) + 1}"}
    with answering(bridge, path=api_socket(folder)) as server:
        assert bridge.save(to)[0] == CLIP
        assert len(server.asked) == 3


def test_a_tag_is_no_path(folder: Path, to: Path) -> None:
    bridge = Bridge(folder, tag='"../../x"')
    with answering(bridge, path=api_socket(folder)):
        assert bridge.save(to)[0] == CLIP
    assert [path.name for path in to.iterdir()] == ["clip.mp4"]


def test_no_link_is_followed(bridge: Bridge, folder: Path, to: Path, tmp_path: Path) -> None:
    to.mkdir()
    (tmp_path / "precious").write_text("mine")
    (to / PART).symlink_to(tmp_path / "precious")
    with answering(bridge, path=api_socket(folder)), pytest.raises(SavingFailed, match="can't be written"):
        bridge.save(to)
    assert (tmp_path / "precious").read_text() == "mine"


def test_two_at_the_same_file(bridge: Bridge, folder: Path, to: Path) -> None:
    to.mkdir()
    with (to / PART).open("wb") as other, answering(bridge, path=api_socket(folder)):
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(ApiFailed, match="by another download"):
            bridge.save(to)


def test_a_folder_that_can_not_be_written(
    bridge: Bridge, tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SavingFailed, match="can't be written"):
        Saver(bridge.api, tmp_path / "file")
    assert main(["events", "download", "zm-9", "--to", str(tmp_path / "file"), "--config", str(config)]) == FAILED
    assert "or say another folder by --to" in capsys.readouterr().err


def test_a_disk_that_is_full(bridge: Bridge, folder: Path, to: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_number: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with answering(bridge, path=api_socket(folder)), pytest.raises(SavingFailed, match="No space left"):
        bridge.save(to)
    assert [path.name for path in to.iterdir()] == [PART]


def test_stopping_ends_what_is_under_way(bridge: Bridge, folder: Path, to: Path) -> None:
    saver = Saver(bridge.api, to)

    def on_bytes(done: int, _total: int | None) -> None:
        if done:
            saver.stop()

    with answering(bridge, path=api_socket(folder)), pytest.raises(Stopped):
        saver.save(WANTED, on_bytes)
    with pytest.raises(Stopped):
        saver.save(WANTED, lambda _done, _total: None)
    assert all(path.name == PART for path in to.iterdir())


async def test_an_interruption_ends_all_of_them(ask: Ask, world: World, to: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world.film = Film(hangs_at=5_000)

    def interrupted(*_: object, **__: object) -> None:
        while world.open_now < 2:
            time.sleep(0.001)
        raise KeyboardInterrupt

    monkeypatch.setattr("vms_bridge.cli.events.download._Work.outcomes", interrupted)
    try:
        code, _, _ = await ask("events", "download", "--to", str(to))
    finally:
        world.film.hang.set()
    assert code == INTERRUPTED
    assert all(name.endswith(".part") for name in files(to))


TEXTS = st.text(min_size=1, max_size=300)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(first=TEXTS, second=TEXTS, name=TEXTS, kind=st.sampled_from([CLIP_KIND, PICTURE]))
def test_names_are_safe_and_no_two_events_share_one(first: str, second: str, name: str, kind: str) -> None:
    one, other = (
        Wanted.of({"id": id_, "start": None, "monitor_name": name, "monitor": "1"}, kind, None) for id_ in (first, second)
    )
    for wanted in (one, other):
        assert re.fullmatch(r"[A-Za-z0-9._-]*", wanted.stem)
        assert len(f".{wanted.stem}.{kind}.{'a' * 40}.part") <= 255
        assert not wanted.stem.startswith((".", "-"))
    assert first == second or one.stem != other.stem
