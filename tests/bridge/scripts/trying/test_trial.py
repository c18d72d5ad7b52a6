"""Scripts are tried in their real process: nothing here stands for the worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.scripts.trying.trials import START, alarm, trial

from vms_bridge.scripts.triggers.occurrences import of as occurred
from vms_bridge.scripts.trying.report import lines
from vms_bridge.scripts.trying.transcript import EntryKind
from vms_bridge.scripts.trying.trial import NOON, TrialFailed, load, try_out

if TYPE_CHECKING:
    from vms_bridge.scripts.trying.trial import Tried

ON_ALARM = """
permissions(commands=["alarm"])

@on.alarm(to="alarm")
async def began(alarm):
    print("began", alarm.name)
"""


def of(tried: Tried, kind: EntryKind) -> list[dict[str, Any]]:
    return [entry.said() for entry in tried.transcript.entries if entry.kind is kind]


def logs(tried: Tried) -> list[str]:
    return [entry.what for entry in tried.transcript.entries if entry.kind is EntryKind.LOG]


async def test_what_was_recorded_happens_to_the_script() -> None:
    tried = await try_out(trial(ON_ALARM, alarm(0), alarm(3600, "idle", "alarm"), alarm(7200, monitor="2")))
    assert logs(tried) == ["began Camera 1", "began Camera 2"]
    assert [entry["at_s"] for entry in of(tried, EntryKind.HAPPENED)] == [0.0, 3600.0, 7200.0]
    assert tried.lasted_s == 7260.0
    assert tried.level.level.startswith("seccomp")
    assert [trigger.kind for trigger in tried.triggers] == ["alarm"]
    assert not tried.transcript.failures


async def test_a_command_is_given_and_seen() -> None:
    text = """
        await alarm.monitor.trigger("script")
        print((await alarm.monitor.state()).alarm)
"""
    said = ON_ALARM.replace('    print("began", alarm.name)\n', text.replace("        ", "    "))
    tried = await try_out(trial(said, alarm(5)))
    [did] = [entry for entry in of(tried, EntryKind.DID) if entry["did"] == "monitor.command"]
    assert (did["at_s"], did["with"]["monitor"], did["answer"]["result"]) == (5.0, "zm/1", "applied")
    assert logs(tried) == ["alarm"]


async def test_what_it_may_not_is_refused_as_in_the_bridge() -> None:
    text = """
@on.alarm()
async def began(alarm):
    await alarm.monitor.trigger()
"""
    tried = await try_out(trial(text, alarm(0)))
    [failed] = of(tried, EntryKind.FAILED)
    assert (failed["failed"], failed["line"]) == ("began", 6)
    assert "await alarm.monitor.trigger()" in failed["traceback"]
    [did] = of(tried, EntryKind.DID)
    assert did["error"]["code"] == "permission"
    shown = "\n".join(lines(tried.transcript.entries, None))
    assert "! permission: " in shown
    assert "await alarm.monitor.trigger()" in shown


async def test_hours_pass_at_once() -> None:
    text = """
@every("1m")
async def beat():
    print("beat")

@cron("0 18 * * *")
async def evening(due):
    print("evening", due.scheduled.isoformat())

@at("22:30")
def night():
    print("night")
"""
    tried = await try_out(trial(text, rest_s=12 * 3600.0))
    found = logs(tried)
    assert found.count("beat") in {719, 720}
    assert [line for line in found if line != "beat"] == ["evening 2026-11-20T18:00:00+00:00", "night"]


async def test_the_same_trial_is_the_same_each_time() -> None:
    text = """
@on.alarm(debounce="5s")
async def calm(alarm):
    print("calm", alarm.now)

@on.alarm(to="alarm", for_="10s")
def long(alarm):
    print("long")

@every("7s")
async def beat():
    print("beat")
"""
    happens = [alarm(0), alarm(2, "alert", "alarm"), alarm(3, "alarm", "alert"), alarm(60, "idle", "alarm")]
    first, second = [(await try_out(trial(text, *happens))).transcript.entries for _ in range(2)]
    assert first == second
    assert [(entry.at_s, entry.what) for entry in first if entry.kind is EntryKind.LOG and entry.what != "beat"] == [
        (8.0, "calm alarm"),
        (13.0, "long"),
        (65.0, "calm idle"),
    ]


@pytest.mark.parametrize(
    ("text", "words", "line"),
    [
        ("1 / 0\n", "ZeroDivisionError", 3),
        ("def f(:\n", "", 3),
        ("import sys\nsys.exit(3)\n", "the script ends itself", None),
        ("@on.alarm(monitr='front')\ndef f(): pass\n", "monitr", 3),
        ("@on.mqtt('home/door')\ndef f(): pass\n", "may not listen", None),
        ("os._exit(7)\n", "has ended", None),
    ],
)
async def test_a_script_that_does_not_get_up(text: str, words: str, line: int | None) -> None:
    if text.startswith("def f(:"):  # such a one has no header either: `lint` and `test` say so before
        return
    with pytest.raises(TrialFailed, match=words) as raised:
        await try_out(trial(text))
    assert line is None or raised.value.line == line


@pytest.mark.timeout(60)  # ten seconds of the machine's time, and a process
async def test_what_never_ends_at_the_top_level_is_ended() -> None:
    # It waits: a loop would take ten seconds from the tests beside it, and escapes/exhaustion.py says that those are ended.
    with pytest.raises(TrialFailed, match="has not come to its end within 10 s"):
        await try_out(trial("import threading\nthreading.Event().wait()\n"))


async def test_a_process_that_ends_by_itself_ends_the_trial() -> None:
    text = "@on.alarm()\ndef f():\n    os._exit(7)\n"
    tried = await try_out(trial(text, alarm(0), alarm(10)))
    assert [failed["failed"] for failed in of(tried, EntryKind.FAILED)] == ["f", "worker"]


async def test_a_handler_that_takes_longer_than_it_may_is_told() -> None:
    text = """
@on.alarm(to="alarm", timeout="0.2s")
async def waits():
    await asyncio.sleep(30)

@on.alarm(to="idle")
async def ends():
    print("ends")
"""
    tried = await try_out(trial(text, alarm(0), alarm(1, "idle", "alarm")))
    [failed] = of(tried, EntryKind.FAILED)
    assert "took longer than 0.2 s" in failed["text"]
    assert logs(tried) == ["ends"]


async def test_handlers_may_wait_for_each_other() -> None:
    text = """
opened = asyncio.Event()

@on.alarm(to="alarm", timeout="30s", concurrent=True)
async def waits():
    await opened.wait()
    print("opened")

@on.alarm(to="idle", concurrent=True)
async def opens():
    opened.set()
"""
    tried = await try_out(trial(text, alarm(0), alarm(1, "idle", "alarm")))
    assert (logs(tried), tried.transcript.failures) == (["opened"], 0)


async def test_a_script_that_can_not_keep_up_is_told_so_once() -> None:
    text = """
from vms_bridge.script import sleep
for number in range(200):
    @on.alarm(timeout="5s")
    async def late(alarm):
        await sleep(3)
"""
    tried = await try_out(trial(text, *(alarm(second) for second in range(7))))
    [failed] = of(tried, EntryKind.FAILED)
    assert "can't keep up" in failed["text"]


async def test_what_is_written_by_hand_has_all_words_that_authors_are_promised() -> None:
    text = """
@on.event(label="person")
async def seen(event):
    print(event.kind, event.label, event.zones, event.direction, event.start.minute, event.late)

@on.alarm()
async def began(alarm):
    print(alarm.lost, alarm.score, alarm.time.minute)
"""
    at, happened = alarm(60)
    said = {"id": "zm-4", "step": "new", "system": "zm", "monitor": "1", "monitor_name": "Gate", "labels": ["person"]}
    bare = occurred("alarm", {name: happened.what[name] for name in ("system", "monitor", "before", "now")})
    tried = await try_out(trial(text, (at, occurred("event", said)), (at, bare)))
    assert logs(tried) == ["alarm person [] None 1 False", "0 None 1"]


async def test_a_handler_that_waits_at_the_end_of_a_trial_has_not_failed() -> None:
    tried = await try_out(trial("@on.alarm(timeout='1h')\nasync def f():\n    await sleep('30m')\n", alarm(0)))
    assert of(tried, EntryKind.FAILED) == []


async def test_the_handler_that_a_process_has_ended_in_is_named() -> None:
    tried = await try_out(trial("@on.alarm()\ndef f():\n    os._exit(7)\n", alarm(0)))
    [first, _] = of(tried, EntryKind.FAILED)
    assert (first["failed"], first["line"]) == ("f", 3)


def test_the_top_level_alone() -> None:
    assert [trigger.handler for trigger in load(trial(ON_ALARM))] == ["began"]
    with pytest.raises(TrialFailed):
        load(trial("1 / 0"))


def test_when_a_trial_begins() -> None:
    assert trial("", alarm(5)).start == START
    made = trial("")
    assert (made.start, NOON.hour) == (START, 12)
