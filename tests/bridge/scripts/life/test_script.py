from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

import pytest
from tests.bridge.scripts.life.lab import HEAD, Hearing, Lab, alarm, living, version

from vms_bridge.errors import BridgeError, StoreError, TooManyRequests
from vms_bridge.scripting import ScriptStatus
from vms_bridge.scripts.life.course import MOST_CRASHES
from vms_bridge.scripts.life.watchdog import LOAD_S
from vms_bridge.scripts.services.table import Answered

if TYPE_CHECKING:
    from vms_bridge.scripts.life.inbox import Hears
    from vms_bridge.scripts.life.run import Read, Version
    from vms_bridge.scripts.life.values import Ask, Declared, Work
    from vms_bridge.scripts.services.table import Asker

SAYS = HEAD + "@on.alarm()\nasync def seen(alarm):\n    log.info(f'{alarm.name} {alarm.number}')\n"


def pid(lab: Lab) -> int:
    assert lab.script.current is not None
    return lab.script.current.worker.pid


def texts(lab: Lab, level: str = "info") -> list[str]:
    return [entry.text for entry in lab.entries if entry.level == level and not entry.text.startswith("ready")]


async def test_a_script_is_started_locked_and_called_in_order() -> None:
    lab = Lab()
    async with living(lab) as script:
        assert script.course.state is ScriptStatus.WAITING
        script.want(version(SAYS))
        await lab.until_state(ScriptStatus.READY)
        assert script.current is not None
        assert script.current.level.level.startswith("seccomp")
        for number in range(50):
            script.take(alarm(number))
        await lab.until_logged("Gate 49")
    assert texts(lab) == [f"Gate {number}" for number in range(50)]
    assert (script.counts.called, script.counts.failed, script.starts) == (50, 0, 1)
    assert script.current is None


async def test_a_handler_that_raises_is_logged_with_its_line_and_the_next_one_is_called() -> None:
    lab = Lab()
    async with living(lab) as script:
        script.want(version(HEAD + "@on.alarm()\nasync def seen(alarm):\n    log.info('in')\n    {}['missing']\n"))
        await lab.until_state(ScriptStatus.READY)
        for number in range(3):
            script.take(alarm(number))
        await lab.until_logged("KeyError: 'missing'", times=3)
        assert script.course.state is ScriptStatus.READY
    assert script.counts.failed == 3
    entry = next(entry for entry in lab.entries if entry.level == "error")
    assert entry.line == 5
    assert "{}['missing']" in entry.text


async def test_a_syntax_error_is_told_with_its_line_and_nothing_is_tried_again() -> None:
    lab = Lab()
    async with living(lab) as script:
        script.want(version(HEAD + "def broken(:\n"))
        await lab.until_state(ScriptStatus.BROKEN)
        assert script.trouble is not None
        assert script.trouble.line == 2
        await lab.fake.advance(3600.0)
        assert script.starts == 1
        script.want(version(SAYS))
        await lab.until_state(ScriptStatus.READY)


async def test_an_endless_loop_at_the_top_level_ends_in_quarantine() -> None:
    lab = Lab()
    async with living(lab) as script:
        script.want(version(HEAD + "log.info('loops')\nwhile True: pass\n"))
        for number in range(MOST_CRASHES):
            await lab.until_logged("loops", times=number + 1)
            await lab.fake.advance(LOAD_S + 1.0)
            await lab.until(lambda number=number: script.course.crashes > number)  # type: ignore[misc]
            await lab.fake.advance(2.0**number if number < MOST_CRASHES - 1 else 3600.0)
        assert script.course.state is ScriptStatus.QUARANTINED
        assert "it did not" in script.course.quarantine  # answer, or come to its end: how fast is the machine today?
        script.restart()
        await lab.until_logged("loops", times=MOST_CRASHES + 1)
        script.want(version(SAYS))
        await lab.until_state(ScriptStatus.READY)


async def test_an_endless_loop_in_a_new_version_leaves_the_old_one_at_work() -> None:
    lab = Lab()
    async with living(lab) as script:
        script.want(version(SAYS))
        await lab.until_state(ScriptStatus.READY)
        script.want(version(HEAD + "log.info('loops')\nwhile True: pass\n"))
        await lab.until_logged("loops")
        script.take(alarm(1))
        await lab.until_logged("Gate 1")
        # The watch of both goes on: the one that blocks is ended, and the one that answers in between is not.
        for number in range(int(LOAD_S) + 1):
            await lab.fake.advance(1.0)
            script.take(alarm(2))
            await lab.until_logged("Gate 2", times=number + 1)
        await lab.until_state(ScriptStatus.BROKEN)
        script.take(alarm(3))
        await lab.until_logged("Gate 3")
        assert script.course.crashes == 0


async def test_a_killed_worker_is_started_anew_after_a_while_and_is_told_what_has_happened_meanwhile() -> None:
    lab = Lab()
    async with living(lab) as script:
        script.want(version(SAYS))
        await lab.until_state(ScriptStatus.READY)
        os.kill(pid(lab), signal.SIGKILL)
        await lab.until_state(ScriptStatus.RESTARTING)
        for number in range(3):
            script.take(alarm(number))
        assert script.trouble is not None
        assert "SIGKILL" in script.trouble.text
        await lab.fake.advance(0.9)
        assert script.course.state is ScriptStatus.RESTARTING
        await lab.fake.advance(0.2)
        await lab.until_state(ScriptStatus.READY)
        await lab.until_logged("Gate 2")
    assert texts(lab) == ["Gate 0", "Gate 1", "Gate 2"]


async def test_five_kills_within_ten_minutes_end_in_quarantine_with_the_reason() -> None:
    lab = Lab()
    async with living(lab) as script:
        script.want(version(SAYS))
        for number in range(MOST_CRASHES):
            await lab.until_state(ScriptStatus.READY)
            os.kill(pid(lab), signal.SIGKILL)
            await lab.until(lambda number=number: script.course.crashes > number)  # type: ignore[misc]
            if number < MOST_CRASHES - 1:
                await lab.fake.advance(8.1)
        assert script.course.state is ScriptStatus.QUARANTINED
        assert "SIGKILL" in script.course.quarantine
        script.take(alarm(1))
        assert script.inbox is None
        script.restart()
        await lab.until_state(ScriptStatus.READY)


async def test_a_new_version_takes_over_when_it_is_ready_and_the_old_one_goes_on_with_what_waits() -> None:
    lab = Lab()
    slow = "from vms_bridge.script import sleep\n" + SAYS.replace("    log.info(f'", "    await sleep(1)\n    log.info(f'old ")
    async with living(lab) as script:
        waits = [asyncio.Event()]
        hold = waits[0]

        async def timer() -> Answered:
            await hold.wait()
            return Answered()

        lab.tools = replace(lab.tools, answer=lambda asker, ask: timer() if ask.what == "timer.open" else lab._answer(asker, ask))
        script._tools = lab.tools
        script.want(version(slow))
        await lab.until_state(ScriptStatus.READY)
        old = pid(lab)
        script.take(alarm(1))
        script.take(alarm(2))
        await lab.until(lambda: script.counts.called == 1)
        script.want(version(SAYS))
        await lab.until(lambda: script.course.at_work == version(SAYS).id)
        assert pid(lab) != old
        script.take(alarm(3))
        await lab.until_logged("Gate 3")
        assert texts(lab) == ["Gate 3"]
        hold.set()
        await lab.until_logged("old Gate 2")
    assert texts(lab) == ["Gate 3", "old Gate 1", "old Gate 2"]


async def test_an_old_version_that_does_not_come_to_rest_is_ended_after_five_seconds() -> None:
    lab = Lab()
    forever = HEAD + "from vms_bridge.script import sleep\n@on.alarm(timeout=600)\nasync def seen(alarm):\n    await sleep(500)\n"
    async with living(lab) as script:
        never = asyncio.Event()

        async def wait() -> Answered:
            await never.wait()
            raise AssertionError

        script._tools = replace(lab.tools, answer=lambda _asker, _ask: wait())
        script.want(version(forever))
        await lab.until_state(ScriptStatus.READY)
        assert script.current is not None
        old = script.current.worker
        script.take(alarm(1))
        await lab.until(lambda: old.asks == 1)
        script.want(version(SAYS))
        await lab.until(lambda: script.course.at_work == version(SAYS).id)
        for number in range(9):
            await lab.fake.advance(1.0)
            script.take(alarm(9))
            await lab.until_logged("Gate 9", times=number + 1)
        await lab.until(lambda: old.ending is not None)
        assert script.course.state is ScriptStatus.READY
        assert script.course.crashes == 0


async def test_a_script_that_is_deleted_while_it_runs_ends_and_its_last_handler_is_called() -> None:
    lab = Lab()
    async with living(lab) as script:
        script.want(version(HEAD + "@on.shutdown\nasync def bye():\n    log.info('bye')\n"))
        await lab.until_state(ScriptStatus.READY)
        worker = pid(lab)
    assert "bye" in texts(lab)
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)


async def test_a_script_that_is_killed_does_nothing_more_nor_do_its_workers_of_before() -> None:
    lab = Lab()
    bye = "@on.shutdown\nasync def bye():\n    log.info('bye')\n"
    busy = HEAD + bye + "@on.alarm(timeout=600)\ndef seen(alarm):\n    log.info('busy')\n    while True: pass\n"
    async with living(lab) as script:
        script.want(version(busy))
        await lab.until_state(ScriptStatus.READY)
        old = pid(lab)
        script.take(alarm())
        await lab.until_logged("busy")
        script.want(version(SAYS + bye))
        await lab.until(lambda: script.course.at_work == version(SAYS + bye).id)
        new = pid(lab)
        script.kill()
        assert (script.current, script.inbox) == (None, None)
    assert "bye" not in texts(lab)
    assert (script.course.crashes, script.trouble) == (0, None)
    for worker in (old, new):
        with pytest.raises(ProcessLookupError):
            os.kill(worker, 0)


async def test_what_a_worker_has_asked_for_is_not_done_any_more_once_it_is_killed() -> None:
    lab = Lab()
    asks = HEAD + "from vms_bridge.script import state\n@on.alarm()\nasync def seen(alarm):\n    state['n'] = 1\n"
    async with living(lab) as script:
        script.want(version(asks))
        await lab.until_state(ScriptStatus.READY)
        assert script.current is not None
        run = script.current
        run.asker.close()  # as `kill` does first: what it says until it has ended is heard yet
        script.take(alarm())
        await lab.until_logged("the script was ended")
    assert lab.asks == []


async def test_what_changes_while_a_worker_starts_is_told_to_it_when_it_is_ready() -> None:
    lab = Lab()
    says = (
        "from vms_bridge.script import Number, log, on, settings, state\nsettings(low=Number(1))\n"
        "state['own'] = 'mine'\n"
        "@on.startup\nasync def begin():\n    log.info(f\"{settings['low']} {dict(state)}\")\n"
    )

    async def work(each: Version) -> Work:
        given = await lab.tools.work(each)
        script.settings_changed({"low": 2})
        script.settings_changed({"low": 3})
        script.state_changed(None, {"count": 5, "own": "theirs"}, ["gone"])
        return replace(given, settings={"low": 1}, state={"count": 4, "gone": 1, "kept": 0})

    async def answer(asker: Asker, ask: Ask) -> Answered:
        if ask.what == "state.set":
            script.state_changed(asker, {ask.words["key"]: ask.words["value"]})
        return Answered()

    async with living(lab) as script:
        script._tools = replace(lab.tools, work=work, answer=answer)
        script.want(version(says))
        await lab.until_logged("3 {'count': 5, 'kept': 0, 'own': 'mine'}")


async def test_what_an_old_version_keeps_is_known_to_the_new_one() -> None:
    lab = Lab()
    counts = HEAD + "from vms_bridge.script import state\n@on.alarm()\nasync def seen(alarm):\n    "
    old, new = version(counts + "state['n'] = state.get('n', 0) + 1\n"), version(counts + "log.info(f\"n={state['n']}\")\n")

    async def answer(asker: Asker, ask: Ask) -> Answered:
        if ask.what == "state.set":
            lab.state[ask.words["key"]] = ask.words["value"]
            script.state_changed(asker, {ask.words["key"]: ask.words["value"]})
            lab.news.set()
        return Answered()

    async def work(each: Version) -> Work:
        given = await lab.tools.work(each)
        if each.id == new.id:  # what the new one is given is older than what the old one keeps meanwhile
            script.take(alarm())
            await lab.until(lambda: lab.state.get("n") == 2)
        return given

    async with living(lab) as script:
        script._tools = replace(lab.tools, work=work, answer=answer)
        script.want(old)
        await lab.until_state(ScriptStatus.READY)
        script.take(alarm())
        await lab.until(lambda: lab.state.get("n") == 1)
        script.want(new)
        await lab.until(lambda: script.course.at_work == new.id)
        script.take(alarm())
        await lab.until_logged("n=2")


async def test_a_store_that_fails_for_a_while_stops_no_script_for_good() -> None:
    lab = Lab()
    fails = MOST_CRASHES + 3

    async def work(each: Version) -> Work:
        nonlocal fails
        fails -= 1
        if fails >= 0:
            raise StoreError("scripts.db can't be used: disk I/O error", hint="is the disk full?")
        return await lab.tools.work(each)

    async with living(lab) as script:
        script._tools = replace(lab.tools, work=work)
        script.want(version(SAYS))
        for number in range(MOST_CRASHES + 3):
            await lab.until(lambda number=number: script.starts == number + 1 and script.course.starting is None)  # type: ignore[misc]
            assert (script.course.state, script.course.crashes) == (ScriptStatus.RESTARTING, 0)
            assert "disk I/O error" in script.why
            await lab.fake.advance(min(2.0**number, 60.0))
        await lab.until_state(ScriptStatus.READY)


async def test_what_is_said_of_a_script_that_fails_quotes_nothing_of_it(caplog: pytest.LogCaptureFixture) -> None:
    lab = Lab()
    async with living(lab) as script:
        script.want(version(HEAD + "{}['hunter2']\n"))
        await lab.until_state(ScriptStatus.BROKEN)
        assert script.trouble is not None
        assert "hunter2" in script.trouble.text
        assert script.why == "line 2: its top level has failed"
        script.want(version(HEAD + "import os, sys\nprint('hunter2', file=sys.stderr)\nsys.stderr.flush()\nos._exit(3)\n"))
        await lab.until(lambda: script.course.crashes == 1)
        assert "ended by itself" in script.why
    assert "hunter2" not in f"{script.why} {script.remedy} {script.course.quarantine} {caplog.text}"


async def test_what_a_version_declares_is_known_once_it_is_accepted() -> None:
    lab = Lab()
    declared: list[str] = []

    def refuse(*_: object) -> Hears:
        raise BridgeError("this topic is the bridge's own")

    def decline(*_: object) -> None:
        raise BridgeError("200 scripts have entities already")

    async with living(lab) as script:
        script._tools = replace(lab.tools, declare=lambda each, _: declared.append(each.source.text))
        script.want(version(SAYS))
        await lab.until_state(ScriptStatus.READY)
        script._tools = replace(script._tools, hear=refuse)
        script.want(version(SAYS + "# refused"))
        await lab.until_state(ScriptStatus.BROKEN)
        script._tools = replace(lab.tools, declare=decline)
        script.want(version(SAYS + "# declined"))
        await lab.until_state(ScriptStatus.BROKEN)
        script.take(alarm(1))
        await lab.until_logged("Gate 1")
    assert declared == [SAYS]


async def test_a_script_that_is_deleted_while_it_starts_ends() -> None:
    lab = Lab()
    async with living(lab) as script:
        script.want(version(HEAD + "log.info('loops')\nwhile True: pass\n"))
        await lab.until_logged("loops")
    assert script.current is None


async def test_at_a_jump_of_the_clock_nothing_is_restarted() -> None:
    lab = Lab()
    async with living(lab) as script:
        script.want(version(SAYS))
        await lab.until_state(ScriptStatus.READY)
        worker = pid(lab)
        for jump in (3600 * 24 * 365, -3600 * 24 * 3650):
            lab.fake.set_by(jump)
            await lab.fake.advance(1.0)
            script.take(alarm(1))
            await lab.until_logged("Gate 1")
        lab.fake.freeze(3600 * 24)
        await lab.fake.advance(1.0)
        script.take(alarm(2))
        await lab.until_logged("Gate 2")
        assert pid(lab) == worker
        assert (script.starts, script.course.crashes) == (1, 0)


async def test_a_flood_drops_what_is_not_urgent_of_its_own_only_and_alarms_come_through() -> None:
    lab = Lab()
    other = lab.make("other")
    async with living(lab) as script, living(lab, other):
        script.want(version(SAYS))
        other.want(version(SAYS.replace("{alarm.number}", "of the other"), "other"))
        await lab.until_state(ScriptStatus.READY)
        await lab.until_state(ScriptStatus.READY, other)
        for number in range(10_000):
            script.take(alarm(number, is_urgent=number % 1000 == 0))
        other.take(alarm(1))
        await lab.until(lambda: script.inbox is not None and len(script.inbox) == 0)
        await lab.until_logged("Gate of the other")
        await lab.until(lambda: script.counts.called == 10_000 - script.dropped)
        assert script.dropped >= 8_000
        assert other.dropped == 0
        assert len(lab.script.log.tail(1000)) < 1000  # fifty a second: the clock stands still
        assert script.log.dropped > 0


async def test_triggers_that_can_not_be_read_break_the_version() -> None:
    lab = Lab()

    def refuse(_: Version, __: Declared) -> Read:
        raise BridgeError("line 3: there is no such trigger", hint="look at docs/scripting.md")

    async with living(lab) as script:
        script._tools = replace(lab.tools, read=refuse)
        script.want(version(SAYS))
        await lab.until_state(ScriptStatus.BROKEN)
        assert script.trouble is not None
        assert (script.trouble.text, script.trouble.hint) == ("line 3: there is no such trigger", "look at docs/scripting.md")
        assert script.current is None


async def test_a_new_version_whose_triggers_are_refused_leaves_the_old_one_with_its_own() -> None:
    lab = Lab()

    def refuse(*_: object) -> Hears:
        raise BridgeError("this topic is the bridge's own")

    async with living(lab) as script:
        script.want(version(SAYS))
        await lab.until_state(ScriptStatus.READY)
        script._tools = replace(lab.tools, hear=refuse)
        script.want(version(SAYS + "# another one"))
        await lab.until_state(ScriptStatus.BROKEN)
        script.take(alarm(1))
        await lab.until_logged("Gate 1")
        assert script.course.at_work == version(SAYS).id


async def test_a_defect_of_ours_breaks_the_version_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    lab = Lab()

    def fail(_: Version, __: Declared) -> Read:
        raise ZeroDivisionError

    async with living(lab) as script:
        script._tools = replace(lab.tools, read=fail)
        script.want(version(SAYS))
        await lab.until_state(ScriptStatus.BROKEN)
        assert script.current is None
    assert "failed in an unforeseen way" in caplog.text


async def test_who_asks_too_often_is_told_so_in_its_log_even_if_it_does_not_listen() -> None:
    lab = Lab()
    text = (
        HEAD
        + """from vms_bridge.script import mqtt
@on.alarm()
async def seen(alarm):
    try:
        await mqtt.publish('home/x', 'y')
    except Exception:
        pass
"""
    )

    def refuse(_: Ask) -> Answered:
        raise TooManyRequests("mqtt.publish is asked for too often", hint="wait")

    lab.answers["mqtt.publish"] = refuse
    async with living(lab) as script:
        script.want(version(text))
        await lab.until_state(ScriptStatus.READY)
        script.take(alarm())
        await lab.until_logged("mqtt.publish is asked for too often: wait")
        assert script.counts.refused == 1


async def test_what_a_worker_held_is_let_go_of_when_it_ends() -> None:
    lab = Lab()
    undone: list[str] = []

    def fail() -> None:
        raise ValueError("a defect")

    def lock(_: Ask) -> Answered:
        lab.askers[-1].at_end(lambda: undone.append("lock"))
        lab.askers[-1].at_end(fail)
        taken_back = lab.askers[-1].at_end(lambda: undone.append("nothing"))
        taken_back()
        return Answered({"lock": 1})

    lab.answers["mqtt.publish"] = lock
    async with living(lab) as script:
        script.want(
            version(
                HEAD + "from vms_bridge.script import mqtt\n@on.startup\nasync def begin():\n    mqtt.publish('home/x', 'y')\n"
            )
        )
        await lab.until_state(ScriptStatus.READY)
        await lab.until(lambda: len(lab.askers) > 0)
        os.kill(pid(lab), signal.SIGKILL)
        await lab.until_state(ScriptStatus.RESTARTING)
        await lab.until(lambda: undone == ["lock"])
        late: list[int] = []
        lab.askers[0].at_end(lambda: late.append(1))
        assert late == [1]


async def test_a_life_that_a_defect_has_ended_goes_on() -> None:
    lab = Lab()
    script = lab.make("other")

    def fail(_: str) -> None:
        raise ZeroDivisionError

    script.want(version(SAYS))
    script._tools = replace(lab.tools, on_change=fail)
    with pytest.raises(ZeroDivisionError):
        await script.run()
    script._tools = lab.tools
    async with living(lab, script):
        await lab.until_state(ScriptStatus.READY, script)
        script._tools = replace(lab.tools, on_change=fail)
        script.want(version(SAYS + "# anew"))
        await lab.until(lambda: script.current is None and script.inbox is None)
    script._tools = lab.tools
    async with living(lab, script):
        await lab.until_state(ScriptStatus.READY, script)
        script.take(alarm(1))
        await lab.until_logged("Gate 1")


async def test_a_defect_in_what_keeps_the_time_of_triggers_ends_that_for_a_moment_only(caplog: pytest.LogCaptureFixture) -> None:
    lab = Lab()
    runs = 0

    class Failing(Hearing):
        async def run(self) -> NoReturn:
            nonlocal runs
            runs += 1
            lab.news.set()
            raise ZeroDivisionError

    async with living(lab) as script:
        script._tools = replace(lab.tools, hear=lambda _version, triggers, deliver, _tell: Failing(triggers, deliver))
        script.want(version(SAYS))
        await lab.until_state(ScriptStatus.READY)
        await lab.until(lambda: runs == 1)
        await lab.fake.advance(5.0)
        await lab.until(lambda: runs == 2)
    assert caplog.text.count("failed in an unforeseen way") == 1


async def test_what_waits_and_is_not_told_is_counted_and_said() -> None:
    lab = Lab()
    slow = HEAD + "@on.alarm(timeout=600)\ndef seen(alarm):\n    log.info('busy')\n    while True: pass\n"
    async with living(lab) as script:
        script.want(version(slow))
        await lab.until_state(ScriptStatus.READY)
        for number in range(4):
            script.take(alarm(number))
        await lab.until_logged("busy")
        before = pid(lab)
        script.want(version(SAYS))
        await lab.until(lambda: script.course.at_work == version(SAYS).id and pid(lab) != before)
        for number in range(9):
            await lab.fake.advance(1.0)
            script.take(alarm(9))
            await lab.until_logged("Gate 9", times=number + 1)  # it answers in between, and is not taken for one that hangs
        await lab.until_logged("what waited is not told any more (3): the version before had 5 s for them")
        os.kill(pid(lab), signal.SIGKILL)
        await lab.until_state(ScriptStatus.RESTARTING)
        script.take(alarm(4))
        assert script.dropped == 3
    await lab.until_logged("what waited is not told any more (1): it was ended")
    assert script.dropped == 4
