"""The engine: one process that looks at pictures, started again when it ends, and whoever waits for it hears of that."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.fakes import detection_worker
from tests.fakes.clock import FakeClock, settle

from vms_bridge.clock import SystemClock
from vms_bridge.detect.config_models import ModelSettings, RuntimeSettings
from vms_bridge.detect.engine import Drawn, Engine, EngineState
from vms_bridge.detect.engine.engine import HANGS_AFTER_S, LOADS_FOR_S, LONGEST_S, LOOK_S, MOST_WAITING
from vms_bridge.detect.engine.process import WorkerProcess
from vms_bridge.detect.engine.slots import SLOT_BYTES, SLOTS
from vms_bridge.detect.values import Found, ModelFacts, ModelTrouble, Pixels
from vms_bridge.errors import DetectionFailed, EngineGone, ModelRefused, PictureRefused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from vms_bridge.clock import Clock

RUNTIME = RuntimeSettings(folder=Path("/models"), memory_mb=4096)


def program(way: str) -> tuple[str, ...]:
    return (sys.executable, "-I", "-S", str(Path(detection_worker.__file__)), way)


@asynccontextmanager
async def running(
    *models: str, way: str = "works", clock: Clock | None = None, runtime: RuntimeSettings = RUNTIME
) -> AsyncIterator[Engine]:
    settings = {name: ModelSettings(file=Path(f"/models/{name}.xml")) for name in models or ("street",)}
    engine = Engine(settings, runtime, clock or SystemClock(), program=program(way))
    task = asyncio.create_task(engine.run())
    try:
        yield engine
    finally:
        pid = engine.health.pid
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert engine.health.state is EngineState.STOPPED
        assert pid is None or is_gone(pid)


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what processes do, in the machine's time."""
    async with asyncio.timeout(15):
        while not condition():  # noqa: ASYNC110  # a process sets no event of ours
            await asyncio.sleep(0.002)


async def refused(engine: Engine, picture: bytes, model: str = "street") -> DetectionFailed:
    with pytest.raises(DetectionFailed) as failed:
        await engine.infer(model, picture, least_score=0.3)
    return failed.value


async def restarted(engine: Engine, clock: FakeClock, times: int = 1) -> None:
    """Wait until its process has ended so often, and let the time pass until it is started again, and loaded."""
    await until(lambda: engine.health.restarts >= times)
    while engine.health.state is EngineState.WAITING:
        await clock.advance(1.0)
    with suppress(EngineGone):
        await engine.ready()


async def test_what_is_found_comes_with_its_label() -> None:
    async with running() as engine:
        inferred = await engine.infer("street", b"picture", least_score=0.3)
        assert inferred.found == (Found("car", 0.9, (0.1, 0.2, 0.3, 0.4), model="street"),)
        assert (inferred.width, inferred.height, inferred.infer_s) == (640, 480, 0.003)
        assert (await engine.infer("street", b"outside", least_score=0.3)).found[0].label == "7"
        assert engine.health.inferred == 2
        assert engine.health.problem == ""


async def test_models_are_known_with_what_was_understood_of_them() -> None:
    async with running("street", "broken") as engine:
        assert "not loaded yet" in str(engine.models["street"])
        await engine.ready()
        facts = engine.models["street"]
        assert isinstance(facts, ModelFacts)
        assert (facts.layout, facts.width, facts.labels) == ("yolo", 64, ("person", "car"))
        assert engine.models["broken"] == ModelTrouble("broken", "the model 'broken' is broken", "mend it")
        assert list(engine.models) == ["street", "broken"]
        failed = await refused(engine, b"picture", "broken")
        assert isinstance(failed, ModelRefused)
        assert failed.hint == "mend it"
        assert isinstance(await refused(engine, b"picture", "unknown"), ModelRefused)


async def test_motion_and_drawing() -> None:
    async with running() as engine:
        assert await engine.motion("zm/1", b"0.25") == 0.25
        drawn = [Drawn("car 0.9", (0.1, 0.1, 0.2, 0.2), 3), Drawn("Größe", (0, 0, 1, 1))]
        assert await engine.annotate(b"it", drawn, most_width=320) == "JPEG of it with ['car 0.9', 'Größe'], 320 wide".encode()
        assert await engine.encode(Pixels(1, 1, b"rgb")) == b"JPEG of rgb with [], None wide"
        assert engine.health.answered == 3
        assert engine.health.inferred == 0


async def test_pictures_that_are_none_are_refused_and_counted() -> None:
    async with running() as engine:
        for picture in (b"refuse", b"", bytes(SLOT_BYTES + 1)):
            assert isinstance(await refused(engine, picture), PictureRefused)
        for pixels in (Pixels(0, 0, b""), Pixels(2, 2, b"rgb"), Pixels(-1, -1, b"rgb")):
            with pytest.raises(PictureRefused):
                await engine.infer("street", pixels, least_score=0.3)
        assert engine.health.pictures_refused == 6
        assert isinstance(await refused(engine, b"failing"), ModelRefused)
        assert engine.health.restarts == 0
        await engine.infer("street", b"good", least_score=0.3)


async def test_the_worker_gets_none_of_the_secrets_of_the_bridge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZM_PASSWORD", "of the bridge")
    async with running() as engine:
        await engine.ready()
        found = engine.health.confinement["environment"].split(",")
        assert "ZM_PASSWORD" not in found
        assert "OPENBLAS_NUM_THREADS" in found


async def test_answers_find_those_who_asked() -> None:
    async with running() as engine:
        first = asyncio.create_task(engine.infer("street", b"later", least_score=0.3))
        await until(lambda: engine.health.waiting == 1)
        await engine.ready()
        await settle()
        second = await engine.infer("street", b"picture", least_score=0.3)
        assert second.found[0].label == "car"
        assert (await first).found[0].label == "person"
        stranger = await engine.infer("street", b"stranger", least_score=0.3)
        assert stranger.found[0].label == "person"


async def test_more_pictures_than_slots_wait_for_their_turn() -> None:
    async with running() as engine:
        pictures = [f"picture {number}".encode() for number in range(5 * SLOTS)]
        found = await asyncio.gather(*(engine.infer("street", picture, least_score=0.3) for picture in pictures))
        assert len(found) == len(pictures)
        assert engine.health.waiting == 0


async def test_who_goes_away_leaves_its_slot_to_others() -> None:
    async with running() as engine:
        waiting = [asyncio.create_task(engine.infer("street", b"later", least_score=0.3)) for _ in range(SLOTS - 1)]
        await until(lambda: engine.health.waiting == SLOTS - 1)
        await engine.ready()
        await settle()
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)
        for _ in range(3 * SLOTS):
            await engine.infer("street", b"picture", least_score=0.3)


async def test_no_more_wait_than_may() -> None:
    async with running() as engine:
        await engine.ready()
        waiting = [asyncio.create_task(engine.infer("street", b"hang", least_score=0.3)) for _ in range(MOST_WAITING)]
        await until(lambda: engine.health.waiting == MOST_WAITING)
        assert "wait to be looked at" in str(await refused(engine, b"picture"))
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)
        assert engine.health.waiting == 0


@pytest.mark.parametrize("picture", [b"crash", b"decode", b"nonsense"])
async def test_who_waits_hears_that_the_worker_has_ended_and_the_next_one_is_answered(picture: bytes) -> None:
    clock = FakeClock()
    async with running(clock=clock) as engine:
        await engine.ready()
        pid = engine.health.pid
        assert pid is not None
        hung = [asyncio.create_task(refused(engine, b"hang")) for _ in range(SLOTS + 3)]
        await until(lambda: engine.health.waiting == len(hung))
        hung[0].cancel()  # makes no room: the worker may still be at it
        ended = asyncio.create_task(refused(engine, picture))
        # All slots are taken by what hangs, so that this one waits; another process shows what it does.
        async with running(clock=clock) as other:
            await other.ready()
            assert isinstance(await refused(other, picture), EngineGone)
            await restarted(other, clock)
            assert (await other.infer("street", b"picture", least_score=0.3)).found
            assert other.health.restarts == 1
            assert other.health.problem == ""
        os.kill(pid, 9)
        for task in [*hung[1:], ended]:
            assert isinstance(await task, EngineGone)


async def test_between_two_workers_nobody_waits() -> None:
    clock = FakeClock()
    async with running(clock=clock) as engine:
        await refused(engine, b"crash")
        await until(lambda: engine.health.state is EngineState.WAITING)
        assert "SIGKILL" in str(await refused(engine, b"picture"))
        assert "SIGKILL" in engine.health.problem
        with pytest.raises(EngineGone):
            await engine.ready()


@pytest.mark.parametrize(
    ("way", "told"), [("dies", "said last: Traceback: no way"), ("nonsense", "no sense"), ("huge", "no sense")]
)
async def test_a_worker_that_never_begins_is_started_again_less_and_less_often(way: str, told: str) -> None:
    clock = FakeClock()
    async with running(way=way, clock=clock) as engine:
        assert told in str(await refused(engine, b"picture"))
        for wait_s in (1, 2, 4):
            await until(lambda: engine.health.state is EngineState.WAITING and clock.sleeping > 0)
            restarts = engine.health.restarts
            await clock.advance(wait_s - 0.5)
            assert engine.health.state is EngineState.WAITING
            await clock.advance(0.6)
            await until(lambda before=restarts: engine.health.restarts == before + 1)  # type: ignore[misc]  # bound here


async def test_a_program_that_is_not_there() -> None:
    clock = FakeClock()
    engine = Engine({"street": ModelSettings(file=Path("/m.xml"))}, RUNTIME, clock, program=("/nowhere/python",))
    task = asyncio.create_task(engine.run())
    with pytest.raises(EngineGone, match="could be started"):
        await engine.infer("street", b"picture", least_score=0.3)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    with pytest.raises(EngineGone, match="has ended"):
        await engine.infer("street", b"picture", least_score=0.3)


async def test_a_model_that_kills_when_it_is_loaded_is_set_aside_and_the_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()
    with caplog.at_level(logging.ERROR):
        async with running("deadly", "street", clock=clock) as engine:
            for number in range(3):
                await restarted(engine, clock, number + 1)
            await engine.ready()
            assert (await engine.infer("street", b"picture", least_score=0.3)).found
            trouble = engine.models["deadly"]
            assert isinstance(trouble, ModelTrouble)
            assert "3 times" in trouble.message
            assert "probe" in trouble.hint
            assert isinstance(await refused(engine, b"picture", "deadly"), ModelRefused)
    assert "'deadly' is set aside" in caplog.text


async def test_a_model_that_kills_when_it_looks_is_found_out_among_others() -> None:
    clock = FakeClock()
    async with running("street", "bad", clock=clock) as engine:
        await engine.ready()
        innocent = asyncio.create_task(refused(engine, b"hang"))
        await until(lambda: engine.health.waiting == 1)
        await settle()
        await refused(engine, b"crash", "bad")  # both were at work
        await innocent
        for number in range(3):
            await restarted(engine, clock, number + 1)
            good = asyncio.create_task(engine.infer("street", b"picture", least_score=0.3))
            await refused(engine, b"crash", "bad")
            with suppress(EngineGone):
                await good
        await restarted(engine, clock, 4)
        assert isinstance(await refused(engine, b"picture", "bad"), ModelRefused)
        assert (await engine.infer("street", b"picture", least_score=0.3)).found


async def test_a_picture_that_kills_the_decoder_is_no_fault_of_the_model() -> None:
    clock = FakeClock()
    async with running(clock=clock) as engine:
        for number in range(5):
            await refused(engine, b"decode")
            await restarted(engine, clock, number + 1)
        assert (await engine.infer("street", b"picture", least_score=0.3)).found


async def test_a_worker_that_hangs_is_ended() -> None:
    clock = FakeClock()
    async with running(clock=clock) as engine:
        await engine.ready()
        hung = asyncio.create_task(refused(engine, b"hang"))
        await until(lambda: engine.health.waiting == 1)
        await settle()
        while not hung.done():
            await until(lambda: clock.sleeping > 0 or hung.done())
            await clock.advance(LOOK_S)
        assert f"{HANGS_AFTER_S:g} s" in str(await hung)
        assert engine.health.timed_out == 1
        assert HANGS_AFTER_S < LONGEST_S
        await restarted(engine, clock)
        assert (await engine.infer("street", b"picture", least_score=0.3)).found


async def test_a_worker_that_never_gets_ready_is_ended_and_nobody_waits_for_ever() -> None:
    clock = FakeClock()
    async with running(way="mute", clock=clock) as engine:
        waiting = asyncio.create_task(refused(engine, b"picture"))
        await until(lambda: engine.health.waiting == 1)
        await clock.advance(LONGEST_S + 1)
        assert "within 60 s" in str(await waiting)
        await until(lambda: engine.health.pid is not None)
        for _ in range(int(LOADS_FOR_S / LOOK_S) + 2):
            await clock.advance(LOOK_S)
            await until(lambda: clock.sleeping > 0)
        await until(lambda: engine.health.restarts == 1)
        assert "were not loaded" in engine.health.problem


async def test_a_worker_that_takes_too_much_memory_is_ended() -> None:
    clock = FakeClock()
    small = RuntimeSettings.model_construct(**{**RUNTIME.model_dump(), "memory_mb": 1})
    async with running(clock=clock, runtime=small) as engine:
        await engine.ready()
        await until(lambda: clock.sleeping > 0)
        await clock.advance(LOOK_S)
        await until(lambda: engine.health.state is EngineState.WAITING)
        assert "MB of memory, of at most 1" in engine.health.problem
        assert "memory_mb" in engine.health.hint


async def test_the_memory_that_it_takes_is_told() -> None:
    clock = FakeClock()
    async with running(clock=clock) as engine:
        await engine.ready()
        await until(lambda: clock.sleeping > 0)
        await clock.advance(LOOK_S)
        await until(lambda: engine.health.rss_bytes is not None)
        assert 1_000_000 < (engine.health.rss_bytes or 0) < engine.health.most_bytes


async def test_an_answer_to_another_question_and_a_size_that_can_not_be() -> None:
    async with running() as engine:
        assert "no sense" in str(await refused(engine, b"other"))
        with pytest.raises(EngineGone, match="no sense"):
            await engine.encode(b"liar")
        assert (await engine.infer("street", b"picture", least_score=0.3)).found


async def test_what_is_asked_of_one_that_was_closed_ends_at_once() -> None:
    worker = await WorkerProcess.start({}, {}, SystemClock(), program=program("works"))
    await worker.close()
    for _ in range(SLOTS + 1):
        with pytest.raises(EngineGone):
            await worker.ask(b"picture", do="infer", model="street")
