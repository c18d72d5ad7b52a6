"""What the traces are of: all that was recorded of real ZoneMinders, and ten rows of random happenings, faults and lies.

    .venv/bin/python -m tests.bridge.backends.zoneminder.scenarios [NAME...]

writes their traces anew, or these of them.
"""

from __future__ import annotations

import json
import re
import struct
import sys
from functools import partial
from typing import TYPE_CHECKING

from tests.bridge.backends.zoneminder.random_faults import HAPPENINGS
from tests.bridge.backends.zoneminder.support import RECORDED
from tests.bridge.backends.zoneminder.tracing import KEPT, play, staged
from tests.fakes.zoneminder.personality import V1_36_33, V1_36_36, V1_38_4
from tests.fakes.zoneminder.recorded import body
from tests.fakes.zoneminder.world import ALARM, ALERT, IDLE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.bridge.backends.zoneminder.tracing import Scenario, Stage, Trace
    from tests.fakes.zoneminder import Personality

_MEMORY_S = 3.0
_HOLD_S = 8.0
_STARTED_AGO_S = 60
_LAST_EVENT = {760: 32, 768: 40, 872: 56}
"""By layout, where the memory names the last event."""
_PICTURE_BYTES = {760: 72, 768: 80, 872: 100}
_MEMORIES: Mapping[str, tuple[Personality, tuple[str, ...]]] = {
    "1.36.33": (
        V1_36_33,
        ("1-idle", "1-alarm", "1-alert", "1-idle", "1-alarm-by-motion", "3-tape", "1-idle"),
    ),
    "1.36.37": (V1_36_36, ("1-idle", "1-alarm", "1-idle")),
    "1.38.4": (
        V1_38_4,
        (
            "2-motion-prealarm", "2-motion-idle", "2-motion-alarm", "2-motion-alert", "2-motion-idle",
            "1-forced-idle", "1-forced-alarm", "1-forced-alert", "1-forced-idle", "1-forced-off", "1-forced-idle",
        ),
    ),
}  # fmt: skip


async def recorded_memory(version: str, folder: Path) -> Trace:
    """Play the memory files that were recorded, one after the other, with times of now."""
    personality, names = _MEMORIES[version]
    raw = {name: (RECORDED / f"zm.mmap.{name}-{version}.bin").read_bytes() for name in names}
    async with staged(folder, personality) as stage:
        world, now = stage.world, stage.clock.now().timestamp()
        if version == "1.38.4":
            world.edit_zones(2, "Left", "Right", "Ignore:Inactive")
        for name, each in sorted(raw.items(), key=lambda pair: _named_event(pair[1])):
            number, event = int(name[0]), _named_event(each)
            (pixels,) = struct.unpack_from("<I", each, _PICTURE_BYTES[_size(each)])
            world.monitors[number].width, world.monitors[number].height = pixels // 960, 240
            world.memories[number].set(imagesize=pixels)
            if event and event not in world.events:
                world.next_event = event
                world.close_event(world.open_event(number).id)
        stage.start()
        await stage.clock.sleep(_MEMORY_S)
        for name in names:
            writer = world.memories[int(name[0])]
            writer.overwrite(raw[name])
            writer.set(startup=int(now) - _STARTED_AGO_S)
            writer.beat(stage.clock.now().timestamp())
            await stage.clock.sleep(_MEMORY_S)
    return stage.trace


def _size(raw: bytes) -> int:
    return int.from_bytes(raw[:4], "little")


def _named_event(raw: bytes) -> int:
    (event,) = struct.unpack_from("<Q", raw, _LAST_EVENT[_size(raw)])
    return int(event)


async def recorded_answers_of_1_36(folder: Path) -> Trace:
    """Have the answers that were recorded of 1.36 in the place of the fake's, some of them one after the other."""
    always = {
        r"monitors": "monitors", r"states": "states", r"storage": "storage", r"zones": "zones-of-monitor-1",
        r"host/getLoad": "get-load", r"host/getTimeZone": "get-timezone", r"host/getVersion": "get-version",
    }  # fmt: skip
    phases: tuple[dict[str, str], ...] = (
        {r"events/.*": "events-none", r"monitors/alarm/.*": "alarm-status-idle"},
        {r"events/.*": "event-open", r"monitors/alarm/.*": "alarm-status-alarm"},
        {r"events/.*": "event-open", r"monitors/alarm/.*": "alarm-status-alert"},
        {r"events/.*": "event-closed", r"monitors/alarm/.*": "alarm-status-mocord-quiet"},
        {r"events/.*": "events", r"monitors/alarm/.*": "alarm-status-not-running"},
        {r"events/.*": "events", r"monitors/alarm/.*": "alarm-bad-command", r"states": "viewer-reads-states"},
        {r"events/.*": "events", r"monitors/\d": "monitor-function-none"},
    )  # fmt: skip
    answers = {name: (RECORDED / f"{name}.json").read_bytes() for phase in (always, *phases) for name in phase.values()}
    async with staged(folder, V1_36_33, has_memory=False) as stage:
        await _replay(stage, [always | phase for phase in phases], lambda name: answers[name])
    return stage.trace


async def recorded_answers_of_1_38(folder: Path) -> Trace:
    """The same with those of 1.38."""
    always = {
        r"monitors": "monitors-with-soft-deleted", r"monitors/1": "monitor-1", r"monitors/5": "monitor-5-ondemand",
        r"states": "states", r"storage": "storage", r"servers": "servers", r"zones": "zones", r"host/getLoad": "getLoad",
        r"host/getTimeZone": "getTimeZone", r"host/daemonCheck": "daemonCheck",
    }  # fmt: skip
    phases: tuple[dict[str, str], ...] = (
        {r"events/.*": "events-none", r"monitors/alarm/.*": "alarm-status-idle"},
        {r"events/.*": "events-open-motion", r"monitors/alarm/.*": "alarm-status-alarm"},
        {r"events/.*": "events-closed-motion", r"monitors/alarm/.*": "alarm-status-alert"},
        {r"events/.*": "events-open-decoding-none", r"monitors/alarm/.*": "alarm-status-stopped"},
        {r"events/.*": "events-open-forced", r"host/getTimeZone": "getTimeZone-new-york"},
        {r"events/.*": "events-closed-forced", r"host/daemonCheck": "daemonCheck-stopped"},
        {r"events/.*": "events-no-limit", r"monitors/4": "monitor-4-capturing-none"},
    )  # fmt: skip
    async with staged(folder, V1_38_4, has_memory=False) as stage:
        await _replay(stage, [always | phase for phase in phases], lambda name: json.dumps(body(name)).encode())
    return stage.trace


async def _replay(stage: Stage, phases: list[dict[str, str]], answer: Callable[[str], bytes]) -> None:
    phase: dict[str, str] = phases[0]

    def rewrite(path: str, true: bytes) -> bytes:
        name = next((name for pattern, name in phase.items() if re.fullmatch(pattern, path)), None)
        return true if name is None else answer(name)

    stage.fake.rewrite = rewrite
    stage.start()
    for each in phases:
        phase = each
        await stage.clock.sleep(_HOLD_S)
        await stage.order("refresh", "1", None)


async def camera_halt(folder: Path, *, version: str) -> Trace:
    """Have a camera halt as one was recorded to; in 1.36 the rate stays what it was."""
    text = (RECORDED / "timeline-camera-halt-1.38.4.txt").read_text()
    async with staged(folder, V1_38_4 if version == "1.38" else V1_36_33) as stage:
        world, clock = stage.world, stage.clock
        stage.start()
        await clock.sleep(5.0)
        world.silent.add(1)
        began, memory = clock.now().timestamp(), world.memories[1]
        halted_at = clock.elapsed
        for line in re.findall(r"^ +\d.*$", text, re.MULTILINE):
            at, valid, signal, write, beat, startup, fps, _, _, file, *_ = line.split()
            await clock.sleep(max(0.0, halted_at + float(at) - clock.elapsed))
            times = {"startup": int(began) + int(startup), "heartbeat": int(began) + int(beat) if int(beat) else int(began)}
            times["last_write"] = int(began) + int(write) if int(write) else 0
            rates = {"capture_fps": float(fps)} if version == "1.38" else {}
            if file == "B" and valid == "0":
                memory.create(clock.now().timestamp(), valid=0, imagesize=640 * 480 * 4)
                world.monitors[1].status, world.monitors[1].fps = "Running", "0.00"
            memory.set(**times, **rates, valid=int(valid), signal=int(signal))
        await clock.sleep(5.0)
    return stage.trace


async def short_alarm_in_long_event(folder: Path, *, has_memory: bool) -> Trace:
    """Have an event outlive its alarm by its least length, as one was recorded to."""
    text = (RECORDED / "timeline-onmotion-min-section-length-1.38.4.txt").read_text()
    times = {state: float(at) for at, state in re.findall(r"^ +([\d.]+)\s+shared memory\s+(\w+)", text, re.MULTILINE)}
    async with staged(folder, V1_38_4, has_memory=has_memory) as stage:
        world, clock = stage.world, stage.clock
        world.monitors[1].min_section = 20
        stage.start()
        await clock.sleep(5.0)
        event = None
        for state, code in (("ALARM", ALARM), ("ALERT", ALERT), ("IDLE", IDLE)):
            await clock.sleep(max(0.0, 5.0 + times[state] - clock.elapsed))
            if event is None:
                event = world.alarm(1)
            world.set_state(1, code)
        await clock.sleep(5.0 + 19.5 - clock.elapsed)
        assert event is not None
        world.close_event(event.id)
        await clock.sleep(8.0)
    return stage.trace


SCENARIOS: dict[str, Scenario] = {
    **{f"memory-{version}": partial(recorded_memory, version) for version in _MEMORIES},
    "answers-1.36.33": recorded_answers_of_1_36,
    "answers-1.38.4": recorded_answers_of_1_38,
    "camera-halt-1.36.33": partial(camera_halt, version="1.36"),
    "camera-halt-1.38.4": partial(camera_halt, version="1.38"),
    "onmotion-by-memory-1.38.4": partial(short_alarm_in_long_event, has_memory=True),
    "onmotion-by-api-1.38.4": partial(short_alarm_in_long_event, has_memory=False),
    **HAPPENINGS,
}
"""By the name of the kept trace."""


def main() -> None:
    """Write traces anew."""
    KEPT.mkdir(exist_ok=True)
    for name in sys.argv[1:] or SCENARIOS:
        lines = play(SCENARIOS[name])
        (KEPT / f"{name}.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        print(f"{name}: {len(lines)} lines")  # noqa: T201 - it is for a person


if __name__ == "__main__":
    main()
