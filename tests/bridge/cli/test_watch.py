"""`vms-bridge watch`, over the WebSocket of a real API: what terminals, pipes and programs get."""

from __future__ import annotations

import asyncio
import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.api.lab import until
from tests.bridge.api.websocket.lab import House, house
from tests.fakes.backend import START

from vms_bridge.cli import FAILED, INTERRUPTED, OK, main
from vms_bridge.cli import watch as watch_verb
from vms_bridge.cli.board import Board, MonitorLine, SystemLine, render
from vms_bridge.cli.client import Said
from vms_bridge.cli.following import Following, following
from vms_bridge.cli.output import console
from vms_bridge.cli.watched import Watched
from vms_bridge.model import AlarmState, EndReason

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.bridge.cli.conftest import Terminal

    from vms_bridge.cli.ways import Way


def drawn(board: Board, height: int | None = None) -> str:
    out = io.StringIO()
    console(out).print(render(board, height))
    return out.getvalue()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_verb, "_REFRESH_S", 0.01)
    monkeypatch.setattr(watch_verb, "_REDRAW_S", 0.01)
    monkeypatch.setattr(watch_verb, "_AGAIN_S", 0.01)


@dataclass
class End:
    """Whether something was shown, and whether Ctrl-C is to be pressed before anything more happens."""

    drawn: bool = False
    now: bool = False


@pytest.fixture
def end(monkeypatch: pytest.MonkeyPatch) -> Iterator[End]:
    """Interrupt whoever watches, when a test says so, and in any case in the end: its thread would be waited for."""
    end, board = End(), Watched.board

    def showing(self: Watched, title: str, head: str = "") -> Board:
        if end.now:
            raise KeyboardInterrupt
        end.drawn = True
        return board(self, title, head)

    def coming_in(way: Way) -> AbstractContextManager[Following]:
        if end.now:
            raise KeyboardInterrupt
        return following(way)

    monkeypatch.setattr(Watched, "board", showing)
    monkeypatch.setattr(watch_verb, "following", coming_in)
    yield end
    end.now = True


@pytest.fixture
async def bridge(folder: Path) -> AsyncIterator[House]:
    """A bridge whose second camera sees somebody."""
    async with house(folder) as bridge:
        await bridge.record(7, key="2", labels=("person",))
        bridge.show("2", alarm=AlarmState.ALARM, is_recording=True)
        await until(lambda: (view := bridge.hub.monitor("zm", "2")) is not None and view.state.alarm is AlarmState.ALARM)
        yield bridge


@pytest.fixture
def watch(bridge: House, config: Path) -> Callable[..., asyncio.Task[int]]:
    """Watch it from a thread."""

    def watching(*options: str) -> asyncio.Task[int]:
        assert bridge.host
        return asyncio.create_task(asyncio.to_thread(main, ["watch", "--config", str(config), *options]))

    return watching


async def test_what_is_current_and_nothing_more(
    watch: Callable[..., asyncio.Task[int]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert await watch("--once") == OK
    out, err = capsys.readouterr()
    assert err == ""
    assert "Fake: 2 cameras, run state Home" in out
    [row] = [line for line in out.splitlines() if "Camera 2" in line and "alarm" in line]
    assert "yes" in row
    assert "zm-7 new: person" in row
    assert "Events that go on: 1" in out
    assert "\x1b" not in out


async def test_what_is_current_for_programs(watch: Callable[..., asyncio.Task[int]], capsys: pytest.CaptureFixture[str]) -> None:
    assert await watch("--once", "--ndjson") == OK
    items = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert items[-1]["what"] == "synced"
    assert {"bridge", "system", "monitor", "state", "notices"} <= {item["what"] for item in items}


async def test_a_line_for_what_happens(
    end: End,
    bridge: House,
    watch: Callable[..., asyncio.Task[int]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = io.StringIO()
    monkeypatch.setattr("sys.stdout", out)
    running = watch()
    await until(lambda: end.drawn)
    await bridge.record(8, key="1", labels=("person",))
    await bridge.record(8, key="1", labels=("person \x1b[31m",), end=START, end_reason=EndReason.CLOSED, duration_s=3.0)
    bridge.show("1", alarm=AlarmState.ALARM)
    await until(lambda: "event end" in out.getvalue() and "Camera 1     alarm            alarm" in out.getvalue())
    end.now = True
    assert await running == INTERRUPTED
    assert "Camera 1     event new        person" in out.getvalue()
    assert "\x1b" not in out.getvalue()
    assert capsys.readouterr().err.strip() == ""


async def test_a_terminal_gets_a_table(end: End, watch: Callable[..., asyncio.Task[int]], terminal: Terminal) -> None:
    terminal.take_over()
    running = watch()
    await until(lambda: "Camera 2" in terminal.getvalue())
    end.now = True
    assert await running == INTERRUPTED
    text = terminal.getvalue()
    assert "\x1b[1;31m" in text, "red"
    assert "\x1b[?25h" in text, "the cursor is back"


async def test_no_colours_for_who_wants_none(
    bridge: House, config: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bridge.host
    terminal.take_over()
    listed = ["monitors", "list", "--config", str(config)]
    assert await asyncio.to_thread(main, listed) == OK
    assert "\x1b[1;31m" in terminal.getvalue()
    terminal.truncate(0)
    monkeypatch.setenv("NO_COLOR", "1")
    assert await asyncio.to_thread(main, listed) == OK
    assert "\x1b[1;31m" not in terminal.getvalue()
    assert "Camera 2" in terminal.getvalue()


@pytest.mark.parametrize("is_terminal", [True, False])
async def test_a_bridge_that_is_started_anew(
    *, is_terminal: bool, end: End, folder: Path, config: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "isatty", lambda: is_terminal)
    terminal.take_over()
    async with house(folder):
        running = asyncio.create_task(asyncio.to_thread(main, ["watch", "--config", str(config)]))
        await until(lambda: end.drawn)
    await until(lambda: "; trying again" in terminal.getvalue())
    end.drawn = False
    async with house(folder):
        await until(lambda: end.drawn)
        end.now = True
        assert await running == INTERRUPTED


async def test_a_token_from_elsewhere_is_enough(
    bridge: House, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"http://{bridge.host}"
    monkeypatch.setenv("VMS_BRIDGE_TOKEN", await bridge.token(monitors=frozenset({("zm", "2")})))
    assert await asyncio.to_thread(main, ["watch", "--once", "--url", url]) == OK
    out = capsys.readouterr().out
    assert "Camera 2" in out
    assert "Camera 1" not in out
    monkeypatch.setenv("VMS_BRIDGE_TOKEN", f"vb_7k3m9q2x4c_{'s' * 43}")
    assert await asyncio.to_thread(main, ["watch", "--once", "--url", url]) == FAILED
    assert "does not know this token, so it was not sent there" in capsys.readouterr().err


def test_no_bridge_is_running(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", "--config", str(config)]) == FAILED
    assert "no bridge is running here" in capsys.readouterr().err


def item(what: str, **content: Any) -> Said:  # noqa: ANN401 - JSON
    return json.loads(json.dumps({"what": what, **content}), object_hook=Said)  # type: ignore[no-any-return]


SYSTEM: dict[str, Any] = {
    "name": "ZM",
    "kind": "zoneminder",
    "state": {"available": True, "monitors": 1, "run_state": None, "version": None, "index_progress": 50, "detail": None},
}


def test_what_comes_and_goes() -> None:
    watched = Watched()
    assert watched.take(item("unheard_of")) is None
    assert watched.take(item("system", system="zm", value=SYSTEM)) is None
    assert watched.take(item("monitor", system="zm", monitor="1", value={"name": "Door", "zones": []})) is None
    assert "unknown" in drawn(watched.board("x"))
    assert "index 50 %" in drawn(watched.board("x"))
    assert (watched.take(item("system", system="zm", value=None)) or "").endswith("is no more")
    assert watched.take(item("system", system="zm", value=None)) is None
    watched.take(item("monitor", system="zm", monitor="1", value=None))
    assert "Door" not in drawn(watched.board("x"))
    assert (watched.take(item("gap", reason="expired")) or "").endswith("some may be missing here")
    assert "disk is full" in (watched.take(item("bridge", value={"problem": "the disk is full"})) or "")
    assert watched.take(item("bridge", value={"problem": "the disk is full"})) is None
    assert "! the disk is full" in drawn(watched.board("x"))
    notice = {"id": "n", "text": "Camera 1 shows nothing", "hint": "look at its cable"}
    assert "Camera 1 shows nothing" in (watched.take(item("notices", value=[notice])) or "")
    assert watched.take(item("notices", value=[notice, notice | {"id": "m", "hint": ""}])) is not None
    assert "! Camera 1 shows nothing -> look at its cable" in drawn(watched.board("x"))


def test_a_system_is_lost_and_found() -> None:
    watched = Watched()
    watched.take(item("system", system="zm", value=SYSTEM))
    lost = SYSTEM | {"state": SYSTEM["state"] | {"available": False, "detail": "no answer"}}
    assert (watched.take(item("system", system="zm", value=lost)) or "").endswith("lost: no answer")
    assert watched.take(item("system", system="zm", value=lost)) is None
    assert "ZM: lost  no answer" in drawn(watched.board("x"))
    assert (watched.take(item("system", system="zm", value=SYSTEM)) or "").endswith("is there again")


def test_what_goes_on_without_end_is_cut() -> None:
    watched = Watched()
    for number in range(20):
        event: dict[str, Any] = {
            "id": f"zm-{number}",
            "type": "new",
            "start": None,
            "end": None,
            "end_reason": None,
            "labels": [],
            "cause": "Motion",
            "monitor_name": "x",
        }
        watched.take(item("last_event", system="zm", monitor=str(number), value=event))
    text = drawn(watched.board("x"))
    assert text.count("x: Motion") == 7
    assert "and 13 more" in text


def test_a_board_that_is_too_high_shows_where_something_is_to_be_seen() -> None:
    quiet = [MonitorLine(name=f"Camera {number}", alarm="idle") for number in range(1, 10)]
    board = Board(
        title="x", monitors=[*quiet, MonitorLine(name="Gate", alarm="alarm", is_forced=True)], foot="foot", head="one\ntwo"
    )
    text = drawn(board, 12)
    assert "alarm, forced" in text
    assert "and 6 more" in text
    assert "Camera 9" not in text
    assert "Camera 9" in drawn(board)


def test_nothing_foreign_moves_the_cursor() -> None:
    odd = "\x1b[2J\x07\u202e[bold]"
    text = drawn(
        Board(
            title=odd,
            head=odd,
            systems=[SystemLine(name=odd, state=odd, trouble=odd)],
            monitors=[MonitorLine(name=odd, alarm=odd, in_view=odd, zones=odd, last_event=odd)],
            running=[odd],
            notices=[odd],
            lines=[odd],
            foot=odd,
        )
    )
    assert not {"\x1b", "\x07", "\u202e"} & set(text)
    assert "[bold]" in text, "and it is no markup"
