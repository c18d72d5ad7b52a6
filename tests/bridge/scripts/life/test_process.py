from __future__ import annotations

import asyncio
import os
import select
import signal
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from tests.fakes.clock import FakeClock, settle
from tests.fakes.script_worker import PROGRAM

from vms_bridge.clock import SystemClock
from vms_bridge.errors import NotFound
from vms_bridge.scripts.life import channel
from vms_bridge.scripts.life.process import MOST_CALLS, Worker
from vms_bridge.scripts.life.values import Ask, Begin, Cause, Ending, Sandbox, ScriptBroken, Work, WorkerGone
from vms_bridge.scripts.services.table import MOST_OF, MOST_UNDER_WAY, Answered

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from vms_bridge.clock import Clock

READY = "say('ready')\n"
PATIENCE_S = 15.0


class Heard:
    """What a worker says by itself, and is answered."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, int | None]] = []
        self.asks: list[Ask] = []
        self.news = asyncio.Event()
        self.answer: Callable[[Ask], Awaitable[Answered]] = self._answer

    def logged(self, level: str, text: str, line: int | None) -> None:
        self.lines.append((level, text, line))
        self.news.set()

    async def until_logged(self, text: str) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not any(text in line for _, line, _ in self.lines):
                self.news.clear()
                await self.news.wait()

    async def _answer(self, ask: Ask) -> Answered:
        self.asks.append(ask)
        return Answered({"echo": ask.words}, ask.data)


@asynccontextmanager
async def started(
    text: str = READY,
    clock: Clock | None = None,
    *,
    heard: Heard | None = None,
    program: Sequence[str] = PROGRAM,
    begin: Begin | None = None,
) -> AsyncIterator[tuple[Worker, Work, Heard]]:
    heard = heard or Heard()
    worker = await Worker.start(
        begin or Begin(),
        clock or FakeClock(),
        answer=heard.answer,
        listener=heard,
        program=program,
    )
    try:
        yield worker, Work(text=text, file="door.py", now=1.0), heard
    finally:
        async with asyncio.timeout(PATIENCE_S):
            await worker.close()


async def ending(worker: Worker) -> Ending:
    async with asyncio.timeout(PATIENCE_S):
        return await worker.ended()


async def call(worker: Worker, trigger: int = 1, **what: Any) -> Any:  # noqa: ANN401
    return await worker.call(trigger, what, timeout_s=10, now=1.0)


async def test_a_worker_says_its_level_runs_what_it_is_given_and_is_called() -> None:
    text = """
say('ready', triggers=[{'id': 1, 'kind': 'startup', 'file': source['file'], 'state': state.decode()}])
handlers[1] = lambda said: say('log', level='info', text=str(said['what']), line=7)
handlers[2] = lambda said: {'text': 'ValueError: no', 'traceback': 'T', 'line': 3, 'cancelled': True}
"""
    async with started(text) as (worker, work, heard):
        assert (await worker.level()).level == "seccomp"
        declared = await worker.load(work)
        assert declared.triggers == [{"id": 1, "kind": "startup", "file": "door.py", "state": "{}"}]
        done = await call(worker, 1, monitor="yard/gate")
        assert done.mistake is None
        assert heard.lines == [("info", "{'monitor': 'yard/gate'}", 7)]
        done = await call(worker, 2)
        assert (done.mistake.text, done.mistake.line, done.is_cancelled) == ("ValueError: no", 3, True)
        assert (await worker.stop(1.0)).cause is Cause.STOPPED


async def test_it_has_nothing_of_the_bridges_but_its_socket_and_pipes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "of the bridge")
    text = """
import os
found = sorted(int(name) for name in os.listdir('/proc/self/fd'))
here = [name for name in found if os.path.exists(f'/proc/self/fd/{name}') or name == sock.fileno()]
say('ready', triggers=[{
    'files': [os.readlink(f'/proc/self/fd/{number}').partition(':')[0] for number in here],
    'environment': sorted(os.environ), 'session': os.getsid(0) == os.getpid(),
    'isolated': __import__('sys').flags.isolated, 'site': 'site' in __import__('sys').modules,
}])
"""
    read_end, write_end = os.pipe()
    os.set_inheritable(read_end, True)  # as somebody else's library may
    async with started(text) as (worker, work, _):
        found = dict((await worker.load(work)).triggers[0])
    os.close(read_end)
    os.close(write_end)
    assert found.pop("files") == ["/dev/null", "pipe", "pipe", "socket"]
    assert set(found.pop("environment")) <= {"LC_CTYPE", "LD_LIBRARY_PATH"}
    assert found == {"session": True, "isolated": 1, "site": False}


async def test_what_a_worker_asks_for_is_answered_and_what_fails_is_told() -> None:
    text = (
        READY
        + """
say('ask', data=b'abc', id=1, what='echo', **{'with': {'a': 1}})
say('ask', id=2, what='bad')
say('ask', id=3, what='defect')
say('ask', id=4, what='cancelled')
while len(answers) < 4:
    said, data = hear()
    if said['t'] == 'answer':
        answers.append([said, data.decode()])
import json
say('log', level='info', text=json.dumps(sorted(answers, key=lambda one: one[0]['id'])))
"""
    )
    heard = Heard()

    async def answer(ask: Ask) -> Answered:
        if ask.what == "bad":
            raise NotFound("there is none", hint="look again")
        if ask.what == "defect":
            raise ZeroDivisionError("a secret detail")
        if ask.what == "cancelled":
            raise asyncio.CancelledError  # of something within: nobody has cancelled the ask
        return Answered({"got": ask.words}, ask.data)

    heard.answer = answer
    async with started(text, heard=heard) as (worker, work, _):
        await worker.load(work)
        await heard.until_logged("there is none")
    line = heard.lines[0][1]
    assert '{"t": "answer", "id": 1, "ok": {"got": {"a": 1}}}, "abc"' in line
    assert '"error": {"code": "not_found", "message": "there is none", "hint": "look again"}' in line
    assert line.count('"code": "error"') == 2
    assert "secret detail" not in line


async def test_more_asks_than_may_be_under_way_are_refused_and_a_cancelled_one_ends() -> None:
    text = READY + f"for number in range({MOST_UNDER_WAY + 1}): say('ask', id=number, what='wait')\n"
    text += "while True:\n    said, _ = hear()\n    if said['t'] == 'answer': break\n"
    text += "say('log', level='info', text=str(said))\nsay('cancel', id=0)\nsay('cancel', id=77)"
    heard = Heard()
    cancelled = asyncio.Event()

    async def answer(ask: Ask) -> Answered:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        raise AssertionError(ask)

    heard.answer = answer
    async with started(text, heard=heard) as (worker, work, _):
        await worker.load(work)
        await heard.until_logged("too_many")
        async with asyncio.timeout(PATIENCE_S):
            await cancelled.wait()
        await settle()
        assert worker.asks == MOST_UNDER_WAY - 1
        await worker.close()
        assert worker.asks == 0


async def test_timers_use_up_nothing_of_what_else_may_be_under_way() -> None:
    text = READY + f"for number in range({MOST_OF['timer.open'] + 1}): say('ask', id=number, what='timer.open')\n"
    text += f"for number in range({MOST_UNDER_WAY}): say('ask', id=10_000 + number, what='monitor.state')\n"
    text += "said, _ = hear()\nsay('log', level='info', text=str(said))\n"
    heard = Heard()

    async def answer(ask: Ask) -> Answered:
        heard.asks.append(ask)
        await asyncio.Event().wait()
        raise AssertionError(ask)

    heard.answer = answer
    async with started(text, heard=heard) as (worker, work, _):
        await worker.load(work)
        await heard.until_logged("at most 512 timer.open may be under way")
        async with asyncio.timeout(PATIENCE_S):
            while len(heard.asks) < MOST_OF["timer.open"] + MOST_UNDER_WAY:  # noqa: ASYNC110 - it waits for another process
                await asyncio.sleep(0.01)
        assert worker.asks == MOST_OF["timer.open"] + MOST_UNDER_WAY


async def test_a_top_level_that_fails_is_told_with_its_line() -> None:
    async with started("say('failed', text='NameError: x', traceback='...', line=4)") as (worker, work, _):
        with pytest.raises(ScriptBroken) as raised:
            await worker.load(work)
    assert raised.value.mistake.line == 4


async def test_a_refusal_names_its_reason() -> None:
    async with started(begin=Begin(modules=("refuses",))) as (worker, _, _):
        with pytest.raises(WorkerGone) as raised:
            await worker.level()
    assert raised.value.ending.cause is Cause.REFUSED
    assert raised.value.ending.code == "no_seccomp"


async def test_a_level_that_was_not_asked_for_ends_it() -> None:
    async with started("import os\nos._exit(0)", begin=Begin(sandbox=Sandbox.PROCESS)) as (worker, work, _):
        assert (await worker.level()).level == "process"
        with pytest.raises(WorkerGone):
            await worker.load(work)
    async with started(READY + "say('level', level='process')") as (worker, work, _):
        await worker.load(work)
        assert (await ending(worker)).cause is Cause.PROTOCOL


NONSENSE = {
    "no frame": "sock.sendall(b'GET / HTTP/1.1\\r\\n\\r\\n')",
    "too long": "sock.sendall(b'\\xff' * 8)",
    "no JSON": "sock.sendall(w._wire.HEADER.pack(4, 0) + b'{{{{')",
    "deep": "sock.sendall(w._wire.HEADER.pack(200000, 0) + b'[' * 200000)",
    "a list": "sock.sendall(w._wire.HEADER.pack(2, 0) + b'[]')",
    "unknown": "say('take_over')",
    "no number": 'sock.sendall(w._wire.HEADER.pack(29, 0) + b\'{"t":"done","id":1,"took":NaN}\'[:29])',
    "infinite": 'text = b\'{"t":"done","id":1e999}\'\nsock.sendall(w._wire.HEADER.pack(len(text), 0) + text)',
    "surplus": "say('pong', id=1, more=2)",
    "negative": "say('done', id=-1)",
    "a call that is not": "say('done', id=99)",
    "bytes behind a line": "say('log', b'x', level='info', text='t')",
    "ready twice": "say('ready')",
    "an ask twice": "say('ask', id=1, what='wait')\nsay('ask', id=1, what='wait')",
    "a line of no level": "say('log', level='critical', text='t')",
    "a refusal once it is locked in": "say('refused', code='hole', text='set sandbox: process')",
    "many triggers": "say('ready', triggers=[{}] * 300)",
}


@pytest.mark.parametrize("what", NONSENSE)
async def test_nonsense_ends_it_with_that_cause(what: str) -> None:
    heard = Heard()

    async def never(_: Ask) -> Answered:
        await asyncio.Event().wait()
        raise AssertionError

    heard.answer = never
    async with started(READY + NONSENSE[what], heard=heard) as (worker, work, _):
        await worker.load(work)
        ended = await ending(worker)
        assert ended.cause is Cause.PROTOCOL
        with pytest.raises(WorkerGone):
            await call(worker)


async def test_an_ask_before_there_is_anything_to_run_ends_it() -> None:
    code = """
import socket, sys
sys.path.append(sys.argv[1])
from vms_bridge.scripts import wire
ours = socket.socket(fileno=int(sys.argv[2]))
ours.sendall(wire.pack({'t': 'ask', 'id': 1, 'what': 'monitors.list'}))
while ours.recv(1000):
    pass
"""
    async with started(program=(*PROGRAM[:3], "-c", code, PROGRAM[-1])) as (worker, _, heard):
        assert (await ending(worker)).cause is Cause.PROTOCOL
        assert heard.asks == []


ENDS = {
    "by itself": ("import os\nos._exit(3)", Cause.EXITED),
    "by SystemExit": ("raise SystemExit(0)", Cause.EXITED),
    "out of memory, by its code": ("import os\nos._exit(12)", Cause.MEMORY),
    "out of memory, by its words": ("raise MemoryError", Cause.MEMORY),
    "a system call": ("import os, signal\nos.kill(os.getpid(), signal.SIGSYS)", Cause.SYSTEM_CALL),
    "the processor": ("import os, signal\nos.kill(os.getpid(), signal.SIGXCPU)", Cause.PROCESSOR),
    "a fault": ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", Cause.KILLED),
    "an unknown signal": ("import os\nos.kill(os.getpid(), 40)", Cause.KILLED),
}


@pytest.mark.parametrize("how", ENDS)
async def test_the_cause_of_an_end_is_named(how: str) -> None:
    text, cause = ENDS[how]
    async with started(text) as (worker, work, _):
        with pytest.raises(WorkerGone) as raised:
            await worker.load(work)
        assert raised.value.ending.cause is cause
        assert worker.ending is raised.value.ending


async def test_a_kill_from_outside_ends_what_is_under_way() -> None:
    async with started(
        READY + "handlers[1] = lambda said: say('log', level='info', text='called') or __import__('time').sleep(60)"
    ) as (
        worker,
        work,
        heard,
    ):
        await worker.load(work)
        calling = asyncio.create_task(call(worker))
        await heard.until_logged("called")
        os.kill(worker.pid, signal.SIGKILL)
        with pytest.raises(WorkerGone) as raised:
            await calling
        assert raised.value.ending.cause is Cause.KILLED


async def test_what_blocks_is_ended_after_five_seconds_of_silence() -> None:
    clock = FakeClock()
    async with started(READY + "say('log', level='info', text='blocks')\nwhile True: pass", clock) as (worker, work, heard):
        await worker.load(work)
        await heard.until_logged("blocks")
        await clock.advance(4.0)
        assert worker.ending is None
        await clock.advance(3.0)
        ended = await ending(worker)
        assert ended.cause is Cause.TIMEOUT
        assert "did not answer for 5 s" in ended.text


async def test_an_endless_loop_at_its_top_level_is_ended() -> None:
    clock = FakeClock()
    async with started("say('log', level='info', text='loops')\nwhile True: pass", clock) as (worker, work, heard):
        loading = asyncio.create_task(worker.load(work))
        await heard.until_logged("loops")
        await clock.advance(7.0)
        with pytest.raises(WorkerGone) as raised:
            await loading
        assert raised.value.ending.cause is Cause.TIMEOUT


async def test_what_never_locks_itself_down_is_ended() -> None:
    clock = FakeClock()
    async with started(clock=clock, program=(*PROGRAM[:3], "-c", "import time; time.sleep(100)")) as (worker, _, _):
        await clock.advance(31.0)
        ended = await ending(worker)
        assert ended.cause is Cause.TIMEOUT
        assert "lock itself down within 30 s" in ended.text


async def test_a_call_that_never_ends_while_it_answers_ends_it() -> None:
    clock = FakeClock()
    text = (
        READY
        + """
while True:
    said, _ = hear()
    if said['t'] == 'ping':
        say('pong', id=said['id'])
    say('log', level='info', text=said['t'] + str(said.get('id')))
"""
    )
    async with started(text, clock) as (worker, work, heard):
        await worker.load(work)
        calling = worker.call(1, {}, timeout_s=2, now=1.0)
        await heard.until_logged("call1")
        for ping in (2, 4, 6):
            await clock.advance(2.0)
            await heard.until_logged(f"ping{ping}")
            assert worker.ending is None
        await clock.advance(2.0)
        with pytest.raises(WorkerGone) as raised:
            await calling
        assert "end of a call within 7 s" in raised.value.ending.text


async def test_time_in_which_the_bridge_did_not_run_is_nobodys_silence() -> None:
    clock = FakeClock()
    async with started(clock=clock) as (worker, work, _):
        await worker.load(work)
        for _ in range(3):
            clock.freeze(3600)
            await clock.advance(1.0)
            assert (await call(worker)).mistake is None
        clock.set_by(-86400)
        await clock.advance(1.0)
        assert (await call(worker)).mistake is None
        assert worker.ending is None


async def test_what_is_held_is_not_silent() -> None:
    clock = FakeClock()
    async with started(clock=clock) as (worker, work, _):
        await worker.load(work)
        worker.hold()
        await clock.advance(60.0)
        assert worker.ending is None
        worker.go_on()
        assert (await call(worker)).mistake is None
        worker.hold()
        assert (await worker.stop(1.0)).cause is Cause.STOPPED
        worker.hold()


async def test_who_does_not_read_is_ended() -> None:
    async with started(READY + "__import__('time').sleep(60)") as (worker, work, _):
        await worker.load(work)
        calls = [worker.call(1, {}, bytes(4 * 1024 * 1024 - 1), timeout_s=10, now=1.0) for _ in range(MOST_CALLS)]
        ended = await ending(worker)
        assert ended.cause is Cause.PROTOCOL
        assert f"more than {channel.MOST_UNREAD_BYTES // 1024**2} MB" in ended.text
        assert {type(each) for each in await asyncio.gather(*calls, return_exceptions=True)} == {WorkerGone}


async def test_large_answers_go_one_after_the_other_and_too_many_are_refused() -> None:
    text = (
        READY + "for number in range(20): say('ask', id=number, what='big')\nwhile len(answers) < 20:\n    said, data = hear()\n"
    )
    text += "    if said['t'] == 'answer': answers.append((len(data), said.get('error', {}).get('code')))\n"
    text += "say('log', level='info', text=repr(sorted(set(answers))))"
    heard = Heard()

    async def big(_: Ask) -> Answered:
        return Answered({}, bytes(4 * 1024 * 1024))

    heard.answer = big
    async with started(text, heard=heard) as (worker, work, _):
        await worker.load(work)
        await heard.until_logged("4194304, None")
        assert worker.ending is None
    assert "too_large" in heard.lines[0][1]


async def test_who_does_not_let_go_when_a_worker_ends_is_left_behind(caplog: pytest.LogCaptureFixture) -> None:
    heard, clock = Heard(), FakeClock()
    asked, let_go = asyncio.Event(), asyncio.Event()

    async def stubborn(_: Ask) -> Answered:
        asked.set()
        while not let_go.is_set():
            with suppress(asyncio.CancelledError):
                await let_go.wait()
        return Answered()

    heard.answer = stubborn
    async with started(READY + "say('ask', id=1, what='wait')", clock, heard=heard) as (worker, work, _):
        await worker.load(work)
        await asked.wait()
        closing = asyncio.create_task(worker.close())
        async with asyncio.timeout(PATIENCE_S):
            while not closing.done():
                await clock.advance(1.0)
                await asyncio.sleep(0.01)
        assert "ask: wait does not end when it is cancelled" in caplog.text
        let_go.set()


async def test_an_answer_that_can_not_be_sent_is_an_error() -> None:
    text = (
        READY
        + """
say('ask', id=1, what='big')
while True:
    said, _ = hear()
    if said['t'] == 'answer':
        say('log', level='info', text=str(said))
"""
    )
    heard = Heard()

    async def big(_: Ask) -> Answered:
        return Answered({"text": "x" * 2_000_000})

    heard.answer = big
    async with started(text, heard=heard) as (worker, work, _):
        await worker.load(work)
        await heard.until_logged("too_large")


async def test_what_can_not_be_told_is_a_mistake_of_that_call_only() -> None:
    async with started() as (worker, work, _):
        await worker.load(work)
        done = await call(worker, text="x" * 2_000_000)
        assert "can't be told" in done.mistake.text
        assert (await call(worker)).mistake is None
        worker.tell({"settings": {"a": 1}})


async def test_a_source_that_can_not_be_given_is_broken() -> None:
    async with started() as (worker, _, _):
        with pytest.raises(ScriptBroken):
            await worker.load(Work(text="#" * 2_000_000, file="door.py", now=1.0))


async def test_a_flood_of_lines_holds_up_its_sender_and_nobody_else() -> None:
    clock = FakeClock()
    text = READY + "while True: say('log', level='info', text='x' * 500)"
    async with started(text, clock) as (worker, work, heard):
        await worker.load(work)
        most_in_a_turn, before = 0, len(heard.lines)
        async with asyncio.timeout(PATIENCE_S):
            while before < channel.BURST * 0.7:
                await asyncio.sleep(0)
                most_in_a_turn, before = max(most_in_a_turn, len(heard.lines) - before), len(heard.lines)
        assert most_in_a_turn <= channel.MOST_IN_A_TURN
        await until_quiet(heard)
        at_once = len(heard.lines)
        assert at_once < channel.BURST
        await clock.advance(0.05)
        async with asyncio.timeout(PATIENCE_S):
            while len(heard.lines) - at_once < channel.RATE * 0.05 * 0.7:
                heard.news.clear()
                await heard.news.wait()
        await until_quiet(heard)
        assert len(heard.lines) - at_once < channel.RATE * 0.05
        assert worker.ending is None
        closing = asyncio.create_task(worker.close())
        while not closing.done():  # what it has still said is read no faster
            await clock.advance(1.0)
            await asyncio.sleep(0.01)


async def until_quiet(heard: Heard) -> None:
    """Wait until it has been heard nothing more of for a while."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            heard.news.clear()
            try:
                async with asyncio.timeout(0.3):
                    await heard.news.wait()
            except TimeoutError:
                return


async def test_an_answer_to_a_ping_that_it_was_not_sent_ends_it() -> None:
    async with started(READY + "say('pong', id=77)") as (worker, work, _):
        await worker.load(work)
        assert (await ending(worker)).cause is Cause.PROTOCOL


async def test_what_it_writes_to_its_standard_files_is_in_the_log() -> None:
    text = r"""
import os
os.write(1, b'to one\nand ' + b'x' * 20000)
os.write(2, b'\xff to two\n\n  \nlast words\x1b[2J')
os._exit(1)
"""
    async with started(text) as (worker, work, heard):
        with pytest.raises(WorkerGone):
            await worker.load(work)
    assert ("info", "to one", None) in heard.lines
    assert ("warning", "\N{REPLACEMENT CHARACTER} to two", None) in heard.lines
    assert max(len(text) for _, text, _ in heard.lines) <= 16_500
    assert worker.ending is not None
    assert worker.ending.in_words.endswith("it said last: last words\\x1b[2J")


async def test_what_a_worker_without_sandbox_has_started_ends_with_it() -> None:
    text = (
        READY
        + """
import os, time
child = os.fork()
if child == 0:
    time.sleep(1000)
say('log', level='info', text=f'child {child}')
"""
    )
    async with started(text, SystemClock(), begin=Begin(sandbox=Sandbox.PROCESS)) as (worker, work, heard):
        await worker.load(work)
        await heard.until_logged("child")
        file = os.pidfd_open(int(heard.lines[0][1].split()[1]))
        os.kill(worker.pid, signal.SIGKILL)
        await ending(worker)
    assert await asyncio.to_thread(select.select, [file], [], [], PATIENCE_S) == ([file], [], [])
    os.close(file)


async def test_a_program_that_is_not_there_is_told() -> None:
    with pytest.raises(WorkerGone) as raised:
        async with started(program=("/nonexistent/python",)):
            pass
    assert raised.value.ending.cause is Cause.NOT_STARTED


async def test_a_machine_without_threads_is_told_as_what_may_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: object, **__: object) -> NoReturn:
        raise RuntimeError("can't start new thread")  # so Python 3.11 says, which has a thread wait for each child

    monkeypatch.setattr(asyncio, "create_subprocess_exec", refuse)
    with pytest.raises(WorkerGone) as raised:
        async with started():
            pass
    assert raised.value.ending.cause is Cause.NOT_STARTED
    assert raised.value.ending.text == "its process could not be started: can't start new thread"


async def test_who_does_not_stop_is_killed_when_its_grace_is_over() -> None:
    clock = FakeClock()
    text = READY + "say('log', level='info', text='deaf')\nwhile True: pass"
    async with started(text, clock) as (worker, work, heard):
        await worker.load(work)
        await heard.until_logged("deaf")
        stopping = asyncio.create_task(worker.stop(2.0))
        await clock.advance(3.5)
        async with asyncio.timeout(PATIENCE_S):
            assert (await stopping).cause is Cause.STOPPED
