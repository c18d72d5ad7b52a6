"""A trial says no where the bridge says no, in the same words: one script, with all that is refused, through both."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.bridge.scripts.test_sink import approved, bridge_with, until, view
from tests.bridge.scripts.trying.trials import HEAD, trial

from vms_bridge.scripting import LinesAsked
from vms_bridge.scripts.trying.transcript import EntryKind
from vms_bridge.scripts.trying.trial import try_out

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(120)
REFUSED = """
import json, re

permissions(
    monitors=["home/1", "home/2"], commands=["trigger", "explode"], http=["https://a.example/*"], mqtt=["home/gate"],
    listen=["home/door"], webhooks=["gate"], secrets=["unsaid"], notify=True, entities=True,
)
bell = entity.event("bell", ["ring"])


async def rate(ask, times):
    for _ in range(times):
        try:
            await ask()
        except TooMany:
            raise
        except ScriptError:
            pass


async def held():
    async with lock("held"), lock("held", timeout=0.1):
        pass


async def many_locks():
    taken = [lock(f"l{number}") for number in range(33)]
    for each in taken:
        await each.__aenter__()


async def full():
    for number in range(4):
        await state.set(f"k{number}", "x" * 400_000)


async def entities():
    for number in range(60):
        await asyncio.sleep(0)
        made = entity.sensor(f"s{number}")
    await made.set(1)


ASKED = {
    "command": lambda: monitors["home/1"].arm(),
    "http": lambda: http.get("https://b.example/"),
    "http to nobody": lambda: http.get("http://a.example/"),
    "secret": lambda: http.get("https://a.example/", headers={"X": secret("other")}),
    "mqtt": lambda: mqtt.publish("home/other", "x"),
    "wait for mqtt": lambda: wait_for(on.mqtt("home/other")),
    "wait for a webhook": lambda: wait_for(on.webhook("other")),
    "annotate": lambda: archive_of("annotate"),
    "detect": lambda: detect(b"x"),
    "logs": lambda: bridge.logs(),
    "logs of a system": lambda: systems["home"].logs(),
    "export": lambda: exported(),
    "monitor that it may not see": lambda: monitors["home/3"].state(),
    "monitor that there is not": lambda: monitors["home/nowhere"].snapshot(),
    "system that there is not": lambda: systems["nowhere"].state(),
    "system of which it does not see all": lambda: systems["home"].command("restart"),
    "event that there is not": lambda: archive.event("home-999999"),
    "event that can't be": lambda: archive.event("?"),
    "command that there is not": lambda: monitors["home/1"].command("explode", 1),
    "command with a bad value": lambda: monitors["home/1"].command("alarm", "perhaps"),
    "preset": lambda: monitors["home/1"].trigger(seconds="300d"),
    "entity that there is not": lambda: entity_gone(),
    "entity of a bad value": lambda: bell.fire("song"),
    "entity with large attributes": lambda: bell.fire("ring", {"a": "x" * 9_000}),
    "large message": lambda: mqtt.publish("home/gate", b"x" * 300_000),
    "large data": lambda: notify("x", data={"a": "x" * 9_000}),
    "deep data": lambda: notify("x", data={"a": deep(35)}),
    "long sleep": lambda: sleep("400d"),
    "long wait": lambda: wait_for(on.alarm(), timeout="400d"),
    "long lock": lambda: locked("x", "1h"),
    "clip of times to come": lambda: monitors["home/1"].clip(before="1s", after="20m"),
    "held lock": held,
    "full state": full,
    "bad key of state": lambda: state.set("a\\nb", 1),
    "many entities": entities,
    "often: notify": lambda: rate(lambda: notify("x"), 20),
    "many locks": many_locks,
}


async def archive_of(what):
    event = Event_({"id": "home-1", "system": "home", "monitor": "1"})
    await event.annotate(text="x")


from vms_bridge.script import Event as Event_


async def exported():
    picture = Media_({"id": "m999", "type": "image/jpeg", "size": 1, "name": "a"})
    await picture.export("a")


from vms_bridge.script import Media as Media_


async def entity_gone():
    made = entity.sensor("made")
    await made.withdraw()
    await made.set(1)


async def locked(name, timeout):
    async with lock(name, timeout=timeout):
        pass


def deep(levels):
    return [deep(levels - 1)] if levels else 0


@on.startup(timeout="5m")
async def begin():
    for name, ask in ASKED.items():
        try:
            await ask()
        except Exception as error:
            said = re.sub(r"[0-9]+[.][0-9]+ s", "N s", str(getattr(error, "message", error)))
            print(json.dumps([name, type(error).__name__, getattr(error, "code", ""), said, getattr(error, "hint", "")]))
        else:
            print(json.dumps([name, "", "", "", ""]))
    waiting = [sleep(1000) for _ in range(64)]
    try:
        await now_one_more()
    except ScriptError as error:
        print(json.dumps(["under way", type(error).__name__, error.code, error.message, error.hint]))
    for each in waiting:
        each.cancel()
    print("over")


async def now_one_more():
    await sleep(0)
"""
MONITORS = [{"system": "home", "key": str(number), "name": f"Camera {number}"} for number in range(1, 5)]


def answers_in(lines: list[str]) -> dict[str, list[str]]:
    """Return what was answered, by what was asked."""
    return {row[0]: row[1:] for row in (json.loads(line) for line in lines if line.startswith("["))}


async def in_the_bridge(tmp_path: Path) -> dict[str, list[str]]:
    async with bridge_with(tmp_path, asks=HEAD + REFUSED) as bridge:
        await until(lambda: (found := view(bridge, "asks")) is not None and found.sha256)
        await until(lambda: bridge.hub.monitor("home", "2") is not None)
        await approved(bridge, "asks")
        lines: list[str] = []
        after = 0
        while "over" not in lines:
            page = await bridge.hub.scripts.current.lines("asks", LinesAsked(after=after, wait_s=30))
            lines += [line.text for line in page.lines]
            after = page.after
    return answers_in(lines)


async def on_trial() -> dict[str, list[str]]:
    tried = await try_out(trial(REFUSED, name="asks", answers={"monitors": MONITORS}))
    return answers_in([entry.what for entry in tried.transcript.entries if entry.kind is EntryKind.LOG])


async def test_what_the_bridge_refuses_a_trial_refuses_too(tmp_path: Path) -> None:
    bridge, tried = await in_the_bridge(tmp_path), await on_trial()
    assert list(tried) == list(bridge)
    assert {name: (tried[name], said) for name, said in bridge.items() if tried[name] != said} == {}
    assert [name for name, (kind, *_) in bridge.items() if kind in {"", "ScriptError"}] == []
