"""A real worker, from its beginning to its end, with scripts of all kinds in it."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.fakes.script_bridge import BridgeEnd, worker

from vms_bridge.scripts.wire import HEADER

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def end() -> Iterator[BridgeEnd]:
    with worker(["statistics", "xml.etree", "xml.etree.Nothing", "no_such_module"]) as started:
        yield started


def script(text: str) -> str:
    return "from vms_bridge.script import *\n" + textwrap.dedent(text)


def test_it_is_locked_down_before_it_sees_the_script(end: BridgeEnd) -> None:
    (level,) = end.heard
    assert level["t"] == "level"
    assert "seccomp" in level["level"]
    assert level["details"]


def test_a_script_from_its_start_to_its_end(end: BridgeEnd) -> None:
    ready = end.load(
        script("""
        settings(threshold=Number(0.5, min=0, max=1))
        count = entity.sensor("count")

        @on.startup
        async def began():
            log.info("began with", state["seen"], settings["threshold"], now().isoformat())

        @on.alarm(monitor="front*", to="alarm", for_="2s", once_per="1m", timeout=3)
        def alarmed(alarm):
            print(alarm.monitor, alarm.time.hour, alarm.score)
            alarm.monitor.trigger("seen", "5s")
            count.set(2)
            state["seen"] = state["seen"] + 1

        @on.shutdown
        async def ending():
            print("bye", state["seen"])
        """),
        settings={"threshold": 0.75},
        state={"seen": 41},
    )
    assert [trigger["kind"] for trigger in ready["triggers"]] == ["startup", "alarm", "shutdown"]
    alarmed = {"id": 1, "kind": "alarm", "handler": "alarmed", "line": 10, "filters": {"monitor": "front*", "to": "alarm"}}
    alarmed |= {"debounce_s": 0, "for_s": 2, "once_per_s": 60, "timeout_s": 3, "concurrent": False}
    assert ready["triggers"][1] == alarmed
    assert ready["entities"] == [{"kind": "sensor", "key": "count", "name": "Count"}]
    assert end.done(0)["error"] is None
    what = {"system": "zm", "monitor": "1", "name": "Front door", "time": "2026-11-20T11:00:00Z", "score": 7}
    assert end.done(1, what)["error"] is None
    assert end.asked("monitor.command") == [{"monitor": "zm/1", "name": "alarm", "value": True, "cause": "seen", "seconds": 5.0}]
    assert end.asked("entity.state") == [{"key": "count", "value": 2}]
    assert end.asked("state.set") == [{"key": "seen", "value": 42}]
    end.say({"t": "stop", "grace_s": 10})
    assert end.ended() == 0
    assert end.logged() == [
        ("info", "began with 41 0.75 2027-01-15T09:01:40+01:00", 8),
        ("info", "Front door 11 7", 12),
        ("info", "bye 42", 19),
    ]


def test_what_a_module_is_for_and_why_it_is_not_there(end: BridgeEnd) -> None:
    ready = end.load(
        script("""
        import statistics, xml.etree, json

        def tell(name):
            try:
                __import__(name)
            except ImportError as error:
                print(error)

        @on.startup
        def began():
            print(statistics.mean([1, 3]), "ä".encode("idna"), json.dumps([1]))
            for name in ("wave", "numpy", "ssl", "no_such_module", "xml.etree.Nothing"):
                tell(name)
        """)
    )
    assert ready["t"] == "ready"
    assert end.done(0)["error"] is None
    lines = [text for _, text, _ in end.logged()]
    assert lines[0] == "2 b'xn--4ca' [1]"
    assert "write `import wave` at the top level" in lines[1]
    assert "there is no module numpy for scripts" in lines[2]
    assert "use http and mqtt" in lines[3] or "None in sys.modules" in lines[3]
    assert "no_such_module can't be loaded here: ModuleNotFoundError" in lines[4]
    assert "xml.etree.Nothing can't be loaded here" in lines[5]


def test_a_script_that_does_not_run_is_told_of_with_its_line(end: BridgeEnd) -> None:
    failed = end.load("import sys\n\nsecret = open('/etc/passwd')\n")
    assert failed["t"] == "failed"
    assert "Operation not permitted: '/etc/passwd': a script has no files, programs or connections of its own" in failed["text"]
    assert failed["line"] == 3
    assert failed["traceback"].splitlines()[1:3] == ['  File "gate.py", line 3, in <module>', "    secret = open('/etc/passwd')"]


def test_the_caret_and_the_authors_frames_are_shown(end: BridgeEnd) -> None:
    failed = end.load("def f(x):\n    return x +\n")
    assert failed["traceback"].splitlines()[:3] == ['  File "gate.py", line 2', "    return x +", "              ^"]


HANDLERS = """
import asyncio, logging, os, socket, sys, threading, time, warnings

@on.startup
async def blocks():
    time.sleep(1)

@on.startup
def json_in_the_library():
    import json
    json.loads("{")

@on.startup
async def exits():
    sys.exit(7)

@on.startup
def exits_in_the_thread():
    raise SystemExit

@on.startup
async def waits_in_vain():
    await asyncio.sleep(3600)

@on.startup
async def would_deadlock():
    monitors["front"].state().result()

@on.startup
def may_wait(_):
    print(monitors["front"].state().result("10s").alarm)

@on.startup
async def misspells():
    state_now = await monitors["front"].state()
    state_now.alram

@on.startup
async def is_refused():
    await monitors["back"].snapshot()

@on.startup
async def leaves_tasks():
    async def broken():
        raise ValueError("left behind")
    async def leaving():
        sys.exit(1)
    asyncio.create_task(broken())
    asyncio.create_task(leaving())
    for _ in range(3):
        await asyncio.sleep(0)

@on.startup
async def fires_and_forgets():
    monitors["back"].snapshot()  # forgotten
    sleep("1s")
    await sleep(0)

@on.startup
def threads_and_clearing():
    def work():
        raise KeyError("in a thread")
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    class Cleared:
        def __del__(self):
            raise OSError("cleared")
    Cleared()

@on.startup
async def logs():
    logging.getLogger("mine").warning("of %s", "logging")
    logging.getLogger("mine").error("of %s")
    print("two", "lines\\nhere", file=sys.stderr)
    print("no end", end="")
    sys.stdout.flush()
    warnings.warn("take care")

@on.startup
async def declares_too_late():
    on.startup(lambda: None)

@on.startup
async def many_tasks():
    async def idle():
        await asyncio.sleep(3600)
    tasks = []
    try:
        for _ in range(2000):
            tasks.append(asyncio.create_task(idle()))
    finally:
        for task in tasks:
            task.cancel()

@on.startup
def connects():
    socket.socket()

@on.startup
def runs_a_program():
    os.fork()

@on.startup
async def runs_a_loop():
    asyncio.run(None)

@on.startup
async def asks_at_the_terminal():
    input("?")

@on.startup
def imports_late():
    import wave

@on.startup
def takes_too_much():
    x = bytearray(10**10)

@on.startup
def recurses():
    recurses()

@on.startup
async def groups():
    async with asyncio.TaskGroup() as group:
        group.create_task(would_deadlock())
"""


@pytest.fixture(scope="module")
def handlers() -> Iterator[tuple[BridgeEnd, dict[str, int]]]:
    with worker(["warnings", "threading", "socket"]) as end:
        end.answers["monitor.state"] = lambda _: {"ok": {"state": {"alarm": "idle"}}}
        end.answers["monitor.snapshot"] = lambda _: {"error": {"code": "unavailable", "message": "no picture", "hint": "wait"}}
        ready = end.load(script(HANDLERS))
        yield end, {trigger["handler"]: trigger["id"] for trigger in ready["triggers"]}


@pytest.mark.parametrize(
    ("handler", "said", "code"),
    [
        ("blocks", "RuntimeError: time.sleep(1) would hold up the whole script: write `await sleep(1)`", "time.sleep(1)"),
        ("json_in_the_library", "JSONDecodeError", 'json.loads("{")'),
        ("exits", "SystemExit: 7", "sys.exit(7)"),
        ("exits_in_the_thread", "SystemExit", "raise SystemExit"),
        ("would_deadlock", "`.result()` would block an `async def` handler", 'monitors["front"].state().result()'),
        ("misspells", "the state has no 'alram'; it has alarm", "state_now.alram"),
        ("is_refused", "Unavailable: no picture (wait)", 'await monitors["back"].snapshot()'),
        ("declares_too_late", "handlers are declared at the top level", "on.startup(lambda: None)"),
        ("many_tasks", "the script has 1000 tasks already", "tasks.append(asyncio.create_task(idle()))"),
        ("connects", "a script has no files, programs or connections", "socket.socket()"),
        ("runs_a_program", "a script has no files, programs or connections", "os.fork()"),
        ("runs_a_loop", "the bridge runs a loop for the script already", "asyncio.run(None)"),
        ("asks_at_the_terminal", "a script has no terminal to ask at", 'input("?")'),
        ("imports_late", "ModuleNotFoundError: wave was not loaded", "import wave"),
        ("takes_too_much", "MemoryError", "x = bytearray(10**10)"),
        ("recurses", "RecursionError", "recurses()"),
        ("groups", "ExceptionGroup", "async with asyncio.TaskGroup() as group:"),
    ],
)
def test_what_a_handler_raises_is_told_with_its_line(
    handlers: tuple[BridgeEnd, dict[str, int]], handler: str, said: str, code: str
) -> None:
    end, ids = handlers
    error = end.done(ids[handler])["error"]
    assert said in error["text"]
    assert code in error["traceback"]
    assert script(HANDLERS).splitlines()[error["line"] - 1].strip() == code
    assert error["cancelled"] is False


def line_of(code: str) -> int:
    return 1 + next(number for number, line in enumerate(script(HANDLERS).splitlines()) if code in line)


def lines_of(end: BridgeEnd, trigger: int) -> list[tuple[str, str, int]]:
    before = len(end.logged())
    assert end.done(trigger)["error"] is None
    end.say({"t": "ping", "id": trigger})  # what was said before it is answered comes before
    end.done(trigger)
    return end.logged()[before:]


def test_a_plain_handler_may_wait_for_an_answer(handlers: tuple[BridgeEnd, dict[str, int]]) -> None:
    end, ids = handlers
    assert lines_of(end, ids["may_wait"])[0] == ("info", "idle", line_of('.result("10s").alarm'))


def test_tasks_that_are_left_behind_are_told_of(handlers: tuple[BridgeEnd, dict[str, int]]) -> None:
    end, ids = handlers
    said = lines_of(end, ids["leaves_tasks"])
    assert any(level == "error" and "left behind" in text and line == line_of("left behind") for level, text, line in said)
    assert any("a task wanted to end the script" in text for _, text, _ in said)


def test_errors_that_nobody_waits_for_are_logged_with_the_line_that_asked(handlers: tuple[BridgeEnd, dict[str, int]]) -> None:
    end, ids = handlers
    said = lines_of(end, ids["fires_and_forgets"])
    assert ("error", "monitor.snapshot: no picture (wait)", line_of("# forgotten")) in said
    assert ("warning", "timer.open does nothing by itself: write `await` before it", line_of('sleep("1s")')) in said


def test_threads_and_what_is_cleared_away_are_told_of(handlers: tuple[BridgeEnd, dict[str, int]]) -> None:
    end, ids = handlers
    said = lines_of(end, ids["threads_and_clearing"])
    assert any("a thread has ended" in text and "in a thread" in text for _, text, _ in said)
    assert any("while something was cleared away" in text and "cleared" in text for _, text, _ in said)


def test_everything_that_is_printed_goes_into_the_log(handlers: tuple[BridgeEnd, dict[str, int]]) -> None:
    end, ids = handlers
    said = [(level, text) for level, text, _ in lines_of(end, ids["logs"])][:7]
    assert said[:5] == [
        ("warning", "of logging"),
        ("error", said[1][1]),
        ("warning", "two lines"),
        ("warning", "here"),
        ("info", "no end"),
    ]
    assert "UserWarning: take care" in said[5][1]


def test_a_handler_that_takes_too_long_is_cancelled_where_it_waits(handlers: tuple[BridgeEnd, dict[str, int]]) -> None:
    end, ids = handlers
    error = end.done(ids["waits_in_vain"], timeout_s=0.05)["error"]
    assert error["cancelled"] is True
    assert error["text"] == "waits_in_vain took longer than 0.05 s, and was cancelled; give it more by `timeout=`"
    assert error["line"] == line_of("asyncio.sleep(3600)")
    assert "await asyncio.sleep(3600)" in error["traceback"]


def test_a_handler_that_does_not_let_itself_be_cancelled_is_not_waited_for(end: BridgeEnd) -> None:
    end.load(
        script("""
        import asyncio

        @on.startup
        async def stubborn():
            while True:
                try:
                    await asyncio.sleep(3600)
                except BaseException:
                    pass

        @on.startup
        async def other():
            print("goes on")
        """)
    )
    error = end.done(0, timeout_s=0.01)["error"]
    assert "does not let itself be cancelled" in error["text"]
    assert end.done(1)["error"] is None


def test_a_plain_handler_is_waited_for_while_the_bridge_is_answered(end: BridgeEnd) -> None:
    end.load(
        script("""
        @on.startup
        def busy():
            wait_for(on.alarm()).result()

        @on.startup
        def next_one():
            print("after it")
        """)
    )
    end.unanswered.add("wait.open")
    first = end.call(0, timeout_s=0.01)
    ask = end.until("ask", what="wait.open")
    assert ask["with"]["trigger"]["kind"] == "alarm"
    second = end.call(1)
    assert end.until("log", level="warning")["text"] == "busy takes longer than 0.01 s: a plain `def` can't be cancelled"
    end.say({"t": "ping", "id": 9})
    assert end.until("pong")["id"] == 9
    assert not [said for said in end.heard if said["t"] == "done"]
    end.say({"t": "answer", "id": ask["id"], "ok": {"what": {}}})
    assert end.until("done")["id"] == first
    assert end.until("done")["id"] == second


def test_calls_are_in_order_but_for_those_that_may_be_beside_each_other(end: BridgeEnd) -> None:
    end.load(
        script("""
        @on.alarm()
        async def waits():
            await wait_for(on.alarm())

        @on.alarm(concurrent=True)
        async def beside():
            pass

        @on.alarm()
        async def behind():
            pass
        """)
    )
    end.unanswered.add("wait.open")
    waits, behind, beside = end.call(0), end.call(2), end.call(1)
    ask = end.until("ask")
    assert end.until("done")["id"] == beside
    end.say({"t": "answer", "id": ask["id"], "ok": {"what": {}}})
    assert [end.until("done")["id"] for _ in range(2)] == [waits, behind]


def test_a_cancelled_handler_takes_back_what_it_asked_for(end: BridgeEnd) -> None:
    end.load(script("@on.alarm()\nasync def h():\n    await wait_for(on.alarm(), timeout='1h')\n"))
    end.unanswered.add("wait.open")
    end.call(0, timeout_s=0.05)
    ask = end.until("ask")
    assert end.until("cancel")["id"] == ask["id"]
    assert end.until("done")["error"]["line"] == 4
    end.say({"t": "answer", "id": ask["id"], "ok": {"what": {}}})  # too late, and harmless
    assert end.done(0, timeout_s=0.05)["error"]["cancelled"] is True


def test_what_others_change_is_seen_and_watched(end: BridgeEnd) -> None:
    end.load(
        script("""
        settings(mode=Choice("day", options=["day", "night"]))

        @state.watch("door")
        async def door(value):
            print("door", value)

        @state.watch("door")
        def also():
            print("also")

        @on.setting("mode")
        async def mode(change):
            print(change.changed, settings["mode"], state.get("door"), "other" in state)
        """),
        state={"door": "shut", "other": 1},
    )
    end.say({"t": "changed", "state": {"door": "open"}, "absent": ["other"]})
    end.say({"t": "changed", "settings": {"mode": "night"}})
    assert end.done(0, {"settings": {"mode": "night"}, "changed": ["mode"]})["error"] is None
    while len(end.logged()) < 3:
        end.until("log")
    assert sorted(text for _, text, _ in end.logged()) == ["['mode'] night open False", "also", "door open"]


def test_after_is_by_the_bridges_clock_and_can_be_cancelled(end: BridgeEnd) -> None:
    end.load(
        script("""
        @on.startup
        async def began():
            after("1h", print, "after an hour")
            after(1, broken)
            timer = after("2h", print, "never")
            timer.cancel()
            print(timer.done, now().timestamp())

        def broken():
            raise ValueError("later")
        """)
    )
    end.unanswered.add("timer.open")
    end.done(0)
    asks = [said for said in end.heard if said["t"] == "ask"]
    assert [ask["with"] for ask in asks] == [{"seconds": 3600}, {"seconds": 1}, {"seconds": 7200}]
    assert asks[2]["id"] in [said["id"] for said in end.heard if said["t"] == "cancel"]
    for ask in asks[:2]:
        end.say({"t": "answer", "id": ask["id"], "ok": {}})
    while len(end.logged()) < 3:
        end.until("log")
    assert end.logged()[0] == ("info", "True 1800000100.0", 9)
    assert {text.splitlines()[-1] for _, text, _ in end.logged()[1:]} == {"after an hour", "ValueError: later"}


def test_a_flood_of_lines_is_cut_and_the_bridge_still_answered(end: BridgeEnd) -> None:
    end.load(script("@on.startup\nasync def flood():\n    for n in range(20_000):\n        print('line', n, 'x' * 100)\n"))
    call = end.call(0)
    end.until("done", id=call)
    dropped = int(end.until("log", level="warning")["text"].split()[0])
    assert 0 < dropped < 20_000
    assert dropped + len([1 for level, _, _ in end.logged() if level == "info"]) == 20_000


def test_too_many_questions_at_once_are_refused_where_they_are_asked(end: BridgeEnd) -> None:
    end.load(script("@on.startup\nasync def ask():\n    asked = [monitors['m'].state() for _ in range(2000)]\n"))
    end.unanswered.add("monitor.state")
    error = end.done(0)["error"]
    assert "TooMany: monitor.state: 1024 things are asked for already (wait for answers, with `await`)" in error["text"]
    assert error["line"] == 4


def test_large_data_goes_both_ways_and_what_is_too_large_is_refused(end: BridgeEnd) -> None:
    end.load(
        script("""
        @on.startup
        async def publish():
            await mqtt.publish("a", b"x" * 4_000_000)
            picture = await monitors["m"].snapshot()
            print(len(await picture.read()))
            del picture
            for big in (lambda: mqtt.publish("a", b"x" * 5_000_000), lambda: http.post("http://a", json="x" * 2_000_000)):
                try:
                    await big()
                except TooLarge as error:
                    print(error)
        """)
    )
    end.answers["monitor.snapshot"] = lambda _: {
        "ok": {"media": {"id": 7, "type": "image/jpeg", "size": 4_000_000, "name": "m.jpg"}}
    }
    end.answers["media.read"] = lambda _: {"ok": {}, "blob": bytes(4_000_000)}
    assert end.done(0)["error"] is None
    assert len(end.data[1]) == 4_000_000
    lines = [text for _, text, _ in end.logged()]
    assert lines[0] == "4000000"
    assert lines[1] == "mqtt.publish: at most 4 MB can be sent, and not 5000000 bytes"
    assert lines[2].startswith("http.request: a frame has 2 to 1048576 bytes of JSON")
    if not end.asked("media.drop"):
        end.until("ask", what="media.drop")
    assert end.asked("media.drop") == [{"media": 7}]


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (HEADER.pack(2, 0) + b"[]", "a frame says an object"),
        (HEADER.pack(2**31, 0), "a frame has 2 to"),
        (HEADER.pack(13, 0) + b'{"t":"dance"}', "'dance' means nothing"),
        (HEADER.pack(28, 0) + b'{"t":"call","trigger":12345}', "there is no trigger 12345"),
        (HEADER.pack(14, 0) + b'{"t":"answer"}', "KeyError"),
    ],
)
def test_a_bridge_that_makes_no_sense_ends_the_worker(end: BridgeEnd, raw: bytes, said: str) -> None:
    end.load("x = 1\n")
    end.send_raw(raw)
    assert end.ended() == 3
    assert end.process.stderr is not None
    assert said in end.process.stderr.read().decode()


def test_it_begins_with_begin_and_ends_with_the_bridge() -> None:
    with worker() as end:
        end._sock.close()
        assert end.process.wait(19) == 0
    with pytest.raises(EOFError), worker(memory_bytes="many"):
        raise RuntimeError("not reached")


def test_what_goes_wrong_at_shutdown_is_logged_and_ends_nothing_else(end: BridgeEnd) -> None:
    end.load(
        script("""
        import asyncio

        @on.shutdown(timeout=0.5)
        async def endless():
            print("begun")
            await asyncio.sleep(3600)

        @on.shutdown
        async def broken():
            1 / 0

        @on.shutdown
        async def last():
            print("the last word", end="")
        """)
    )
    end.say({"t": "stop", "grace_s": 60})
    end.say({"t": "stop", "grace_s": 60})
    assert end.ended() == 0
    logged = end.logged()
    assert "begun" in [text for _, text, _ in logged]
    assert any("was cancelled" in text or "CancelledError" in text for _, text, _ in logged)
    (broken,) = (each for each in logged if "ZeroDivisionError" in each[1])
    assert broken[2] == 12
    assert ("info", "the last word", 0) in logged


def test_a_script_that_takes_away_its_standard_files_ends_in_order(end: BridgeEnd) -> None:
    end.load(
        script("""
        import sys

        @on.shutdown
        async def last():
            sys.stdout = sys.stderr = None
            log.info("the last word")
        """)
    )
    end.say({"t": "stop", "grace_s": 10})
    assert end.ended() == 0
    assert ("info", "the last word", 8) in end.logged()


def test_whatever_it_ends_by_no_thread_is_waited_for(end: BridgeEnd) -> None:
    end.load(
        script("""
        import threading
        from vms_bridge.script.link import SEAT

        @on.shutdown
        async def break_it():
            threading.Thread(target=threading.Event().wait).start()
            SEAT.link._channel.drain = None
        """)
    )
    end.say({"t": "stop", "grace_s": 10})
    assert end.ended() == 1


def test_shutdown_is_bounded(end: BridgeEnd) -> None:
    end.load(
        script("""
        import time

        @on.shutdown
        def slow():
            time.sleep(1.1)
            print("begun")

        @on.shutdown
        async def not_reached():
            print("no")
        """)
    )
    end.say({"t": "stop", "grace_s": 1})
    assert end.ended() == 0
    texts = [text for _, text, _ in end.logged()]
    assert "begun" in texts
    assert "no" not in texts


def test_the_worker_loads_nothing_but_the_standard_library() -> None:
    program = textwrap.dedent(f"""
        import sys
        sys.path.append({str(Path("bridge").resolve())!r})
        sys.modules["ssl"] = None
        import vms_bridge.scripts.worker.process, vms_bridge.script
        from vms_bridge.scripts.worker.loading import load
        load([])
        ours = ("vms_bridge", "__", "_sysconfigdata")
        heavy = {{"_ssl", "_hashlib", "email", "http.client", "multiprocessing", "platform"}}
        foreign = [name for name in sys.modules if name.partition(".")[0] not in sys.stdlib_module_names]
        print([name for name in foreign if not name.startswith(ours)], heavy & sys.modules.keys())
        """)
    done = subprocess.run(  # noqa: S603 - the program above
        [sys.executable, "-I", "-S", "-c", program], capture_output=True, check=True, text=True, timeout=19
    )
    assert done.stdout.strip() == "[] set()"


def test_an_idle_script_needs_little_memory(end: BridgeEnd) -> None:
    end.load(script("@on.alarm()\nasync def h():\n    pass\n"))
    pages = int(Path(f"/proc/{end.process.pid}/statm").read_text(encoding="ascii").split()[1])
    assert pages * os.sysconf("SC_PAGE_SIZE") <= 30 * 2**20
