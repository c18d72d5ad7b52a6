"""Examples at what goes wrong at sites: everybody copies them, and with them what they don't think of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from vms_bridge.scripts.header import read_header
from vms_bridge.scripts.triggers.occurrences import message, of
from vms_bridge.scripts.trying.answers import Answers
from vms_bridge.scripts.trying.transcript import EntryKind
from vms_bridge.scripts.trying.trial import Trial, try_out, user_of_trials

if TYPE_CHECKING:
    from vms_bridge.scripts.trying.trial import Tried
    from vms_bridge.scripts.values import Occurrence

FOLDER = Path(__file__).parents[4] / "examples" / "scripts"
NIGHT = datetime(2026, 11, 20, 22, tzinfo=UTC)


@pytest.fixture(autouse=True)
def blockbuster() -> None:
    """Take the place of the check for blocking calls: a trial has its event loop to itself."""


async def tried(name: str, *happens: tuple[float, Occurrence], rest_s: float = 60.0, **answers: Any) -> Tried:  # noqa: ANN401
    """Try an example with what happens so many seconds after its start."""
    text = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
    return await try_out(
        Trial(
            name=name,
            text=text,
            file=f"{name}.py",
            header=read_header(text),
            answers=Answers.model_validate(answers),
            replay=[(NIGHT + timedelta(seconds=at), each) for at, each in happens],
            begins=NIGHT,
            rest_s=rest_s,
            uid=user_of_trials(),
        )
    )


def did(tried: Tried, what: str) -> list[tuple[float, Any]]:
    """Return when this was asked for, and the word of it that matters."""
    word = {"notify.send": "targets", "http.request": "json", "monitor.command": "name"}.get(what)
    entries = [entry for entry in tried.transcript.entries if entry.kind is EntryKind.DID and entry.what == what]
    return [(entry.at_s, entry.words["with"].get(word) if word else entry.words["text"]) for entry in entries]


def failures(tried: Tried) -> list[str]:
    return [entry.words["text"] for entry in tried.transcript.entries if entry.kind is EntryKind.FAILED]


def alarm(now: str, monitor: str = "9", name: str = "North perimeter") -> Occurrence:
    before = "idle" if now == "alarm" else "alarm"
    return of("alarm", {"system": "zm", "monitor": monitor, "name": name, "before": before, "now": now})


def connected(now: bool) -> Occurrence:  # noqa: FBT001 - it is all that it takes
    what = {"system": "zm", "monitor": "2", "name": "Hall", "field": "connected", "before": not now, "now": now}
    return of("monitor_state", what)


def event(number: int, kind: str, **more: Any) -> Occurrence:  # noqa: ANN401
    start = NIGHT + timedelta(seconds=number)
    about = {"system": "zm", "monitor": "1", "monitor_name": "Gate", "zones": ["Gate line"], "start": start.isoformat()}
    known = {"late": False, "labels": ["person"], "label": "person", "score": 0.9, "direction": "in"}
    return of("event", {"id": f"zm-{number}", "step": "new", "kind": kind, **about, **known, **more})


NO_PICTURE = [{"system": "zm", "key": "9", "name": "North perimeter", "connected": False}]


async def test_an_escalation_goes_on_without_a_picture() -> None:
    made = await tried("escalation", (0, alarm("alarm")), rest_s=600, monitors=NO_PICTURE)
    assert did(made, "notify.send") == [(0.0, ["guard"]), (120.0, ["supervisor"]), (240.0, ["manager"])]
    assert did(made, "mqtt.publish") == [(360.0, "ON")]


async def test_an_escalation_goes_on_where_nobody_can_be_told() -> None:
    made = await tried("escalation", (0, alarm("alarm")), rest_s=600, notify="nobody")
    assert [at for at, _ in did(made, "notify.send")] == [0.0, 120.0, 240.0]
    assert did(made, "mqtt.publish") == [(360.0, "ON")]


async def test_an_escalation_may_take_long() -> None:
    settings = {"who": "a, b, c, d, e, f, ", "patience": 180}
    made = await tried("escalation", (0, alarm("alarm")), rest_s=1_200, settings=settings)
    assert [who for _, [who] in did(made, "notify.send")] == ["a", "b", "c", "d", "e", "f"]
    assert did(made, "mqtt.publish") == [(1_080.0, "ON")]
    assert failures(made) == []


async def test_an_acknowledgement_that_the_broker_has_kept_is_none() -> None:
    kept = message("site/alarm/acknowledged", b"last week", is_retained=True)
    made = await tried("escalation", (0, alarm("alarm")), (1, kept), rest_s=600)
    assert len(did(made, "notify.send")) == 3


async def test_an_acknowledgement_silences_the_siren_however_late() -> None:
    said = message("site/alarm/acknowledged", b"at last")
    made = await tried("escalation", (0, alarm("alarm")), (500, said), (900, alarm("alarm")), (901, said), rest_s=600)
    assert did(made, "mqtt.publish") == [(360.0, "ON"), (500.0, "OFF"), (901.0, "OFF")]
    assert did(made, "notify.send")[3:] == [(900.0, ["guard"])]


async def test_an_escalation_outlives_a_restart() -> None:
    made = await tried("escalation", rest_s=600, state={"zm/9": {"name": "North perimeter", "left": ["manager"]}})
    assert did(made, "notify.send") == [(0.0, ["manager"])]
    assert did(made, "mqtt.publish") == [(120.0, "ON")]


@pytest.mark.parametrize("is_locked", [True, False])
async def test_a_turnstile_is_let_go_after_a_restart(is_locked: bool) -> None:  # noqa: FBT001 - pytest names it
    calm = [{"system": "zm", "key": "4", "name": "Main turnstile"}]
    made = await tried("turnstile", monitors=calm, state={"is_locked": is_locked})
    assert did(made, "http.request") == [(0.0, {"locked": False})]


async def test_a_turnstile_that_was_locked_by_a_request_without_an_answer_is_let_go() -> None:
    happens = [(0, alarm("alarm", "4", "Main turnstile")), (100, alarm("idle", "4", "Main turnstile"))]
    made = await tried("turnstile", *happens, http=[{"url": "*", "error": "the answer was lost"}])
    assert {"locked": False} in [json for at, json in did(made, "http.request") if at >= 130]


async def test_a_siren_sounds_until_a_minute_after_the_last_one_was_seen() -> None:
    happens = [(0, event(1, "alarm")), (40, event(2, "alarm", monitor="2")), (50, event(3, "alarm"))]
    made = await tried("night_siren", *happens, rest_s=200)
    assert did(made, "mqtt.publish")[1:-1] == [(0.0, "ON"), (40.0, "ON"), (50.0, "ON"), (110.0, "OFF")]


async def test_who_turns_back_at_a_line_follows_nobody() -> None:
    happens = [(0, event(1, "line_crossing")), (10, event(2, "line_crossing", direction="out"))]
    assert did(await tried("crossed_twice", *happens), "notify.send") == []


@pytest.mark.parametrize(("name", "kind"), [("crossed_twice", "line_crossing"), ("camera_watch", "tamper")])
async def test_people_are_told_without_a_picture(name: str, kind: str) -> None:
    happens = [(0, event(1, kind, snapshot_ready=False)), (20, event(2, kind, snapshot_ready=False))]
    made = await tried(name, *happens)
    assert len(did(made, "notify.send")) == 1
    assert failures(made) == []


async def test_a_camera_that_comes_and_goes_is_told_of_three_minutes_after_it_went_last() -> None:
    happens = [(0, connected(now=False)), (60, connected(now=True)), (90, connected(now=False))]
    made = await tried("camera_watch", *happens, rest_s=600)
    assert [at for at, _ in did(made, "notify.send")] == [300.0]


async def test_a_camera_that_was_gone_at_the_start_is_told_of() -> None:
    gone = [{"system": "zm", "key": "2", "name": "Hall", "connected": False}]
    made = await tried("camera_watch", monitors=gone, rest_s=600)
    assert [at for at, _ in did(made, "notify.send")] == [180.0]
