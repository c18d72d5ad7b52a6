"""Everything that a script can ask for has an answer in a trial: asked by the API itself, in the real worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.scripts.trying.trials import START, alarm, trial

from vms_bridge.scripts.triggers.occurrences import of
from vms_bridge.scripts.trying.report import lines
from vms_bridge.scripts.trying.transcript import EntryKind
from vms_bridge.scripts.trying.trial import try_out

if TYPE_CHECKING:
    from vms_bridge.scripts.trying.trial import Tried

ALL = """
permissions(
    commands=["*"], http=["https://a.example/*"], mqtt=["home/#"], listen=["home/#"], secrets=["token"],
    notify=True, entities=True, annotate=True, export=True, logs=True, detect=True,
)
"""
RECORDED = {"id": "zm-7", "monitor": "zm/1", "start": "2026-11-20T11:00:00Z", "end": "2026-11-20T11:01:00Z", "labels": ["car"]}


async def said(body: str, **answers: Any) -> tuple[Tried, list[str]]:  # noqa: ANN401
    """Have a handler do this when camera 1 alarms, and return what it has logged."""
    lines = "\n".join(f"    {line}" for line in body.strip().splitlines())
    text = f"{ALL}\n@on.alarm(timeout='2m')\nasync def handler(alarm):\n    m = alarm.monitor\n{lines}\n"
    tried = await try_out(trial(text, alarm(0), answers={"events": [RECORDED], **answers}))
    failed = [entry.words for entry in tried.transcript.entries if entry.kind is EntryKind.FAILED]
    assert not failed, failed
    return tried, [entry.what for entry in tried.transcript.entries if entry.kind is EntryKind.LOG]


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        (
            "state.ttl('a', 1, '5s')\nawait sleep('4s')\nprint('a' in state)\nawait sleep('2s')\nprint('a' in state)",
            ["True", "False"],
        ),
        ("state['a'] = 1\ndel state['a']\nstate.ttl('b', 1, '5s')\nstate.clear()\nprint(len(state))", ["0"]),
        ("print([each.label for each in await detect(await m.snapshot())])", ["['dog']"]),
        ("async for frame in m.frames(0.5):\n    print(frame.time.second, len(frame.data))\n    break", ["2 204"]),
        ("print((await systems['zm'].state())['run_state'])", ["Home"]),
        ("print((await bridge.state())['problem'], await bridge.logs(), await systems['zm'].logs())", ["None [] []"]),
        ("print(await (await m.snapshot()).export('a'))", ["exports/a.jpg"]),
        ("print((await (await m.snapshot()).read())[:2])", [r"b'\xff\xd8'"]),
        ("print([each.id for each in await archive.find(labels='car')])", ["['zm-7']"]),
        (
            "event = await archive.event('zm-7')\nprint((await event.clip()).type, (await event.snapshot()).type)",
            ["video/mp4 image/jpeg"],
        ),
        ("count = entity.sensor('count')\nawait count.set(3)\nawait count.withdraw()\nprint('ok')", ["ok"]),
        ("print((await notify('x')).by)", ["home_assistant"]),
        ("clip = await m.clip(before='5s', after='10s')\nprint(clip.type, now().second)", ["video/mp4 10"]),
        ("answer = await http.get('https://a.example/x')\nprint(answer.status, answer.json())", ["200 {'a': 1}"]),
        ("try:\n    await http.get('https://a.example/gone')\nexcept Failed as e:\n    print(e.message)", None),
        (
            "async def hold():\n    async with lock('a'):\n        await sleep('10s')\nafter(0, hold)\nawait sleep('1s')\n"
            "try:\n    async with lock('a', timeout='2s'): pass\nexcept TimedOut:\n    print('held')\n"
            "async with lock('a'):\n    print(now().second)",
            ["held", "10"],
        ),
        (
            "after('3s', lambda: mqtt.publish('home/a', 'x'))\nprint((await wait_for(on.mqtt('home/+'))).payload, now().second)",
            ["x 3"],
        ),
        ("try:\n    await wait_for(on.alarm(), timeout='7s')\nexcept TimedOut:\n    print(now().second)", ["7"]),
    ],
)
async def test_what_is_asked_for_is_answered(body: str, lines: list[str] | None) -> None:
    rows = [{"url": "*/gone", "error": "no route"}, {"json": {"a": 1}}]
    _, found = await said(body, objects=[{"label": "dog"}], http=rows)
    if lines is None:
        assert "no route" in found[0]
    else:
        assert found == lines


@pytest.mark.parametrize(
    ("call", "why"),
    [
        ("detect(b'x')", "detect"),
        ("bridge.logs()", "logs"),
        ("notify('x')", "notify"),
        ("mqtt.publish('home/a', 'x')", "publish"),
        ("mqtt.publish('homeassistant/a', 'x')", "Home Assistant's discovery"),
        ("http.get('https://a.example/')", "a.example"),
    ],
)
async def test_what_it_may_not_is_refused(call: str, why: str) -> None:
    text = f"@on.alarm()\nasync def handler():\n    await {call}\n"
    tried = await try_out(trial(text, alarm(0)))
    [failed] = [entry.words["text"] for entry in tried.transcript.entries if entry.kind is EntryKind.FAILED]
    assert failed.startswith("NotPermitted: ")
    assert why in failed


async def test_nobody_may_be_there_to_be_told() -> None:
    text = f"{ALL}\n@on.alarm()\nasync def handler():\n    await notify('x')\n"
    tried = await try_out(trial(text, alarm(0), answers={"notify": "nobody"}))
    [failed] = [entry.words["text"] for entry in tried.transcript.entries if entry.kind is EntryKind.FAILED]
    assert failed.startswith("Unavailable: nobody was told")


async def test_all_kinds_of_happenings_are_shown() -> None:
    about = {"system": "zm", "monitor": "1", "name": "Gate"}
    happens = [
        of("detection", {**about, "objects": [{"label": "car"}], "source": "vms"}),
        of("system_state", {"system": "zm", "name": "Home", "field": "available", "before": True, "now": False}),
        of("notice", {"id": "a", "kind": "system_lost", "active": False, "text": "gone"}),
        of("webhook", {"name": "gate", "body": {}}),
    ]
    tried = await try_out(trial("", *[(START, each) for each in happens]))
    shown = "\n".join(lines(tried.transcript.entries, None, is_verbose=True))
    for words in ("car", "available: true -> false", "system_lost is over: gone", '"name": "gate"'):
        assert words in shown


async def test_what_no_handler_is_for_is_shown_to_who_asks_for_it() -> None:
    """At a site much happens each second, and a script is for little of it."""
    about = {"system": "zm", "monitor": "1", "name": "Gate"}
    happens = [
        of("monitor_state", {**about, "field": "bandwidth", "before": 1, "now": 2}),
        of("monitor_state", {**about, "field": "armed", "before": True, "now": False}),
        of("detection", {**about, "objects": [{"label": "car"}], "source": "vms"}),
    ]
    text = "@on.monitor_state()\nasync def changed(change):\n    log.info(change.field)\n"
    tried = await try_out(trial(text, *[(START, each) for each in happens]))
    (line, logged) = [each for each in lines(tried.transcript.entries, None) if each.startswith("  ")]
    assert line.endswith("armed: true -> false")
    assert "log armed" in logged
    assert len(list(lines(tried.transcript.entries, None, is_verbose=True))) > 4


LOCKS = """
async def hold():
    async with lock("gate"):
        await sleep("20s")


@on.alarm(timeout="1m")
async def handler():
    after(0, hold)
    await sleep("1s")
    try:
        async with lock("gate"):
            print("mine")
    except TimedOut:
        print("not free at", now().second)
"""


async def test_a_lock_is_waited_for_no_longer_than_in_the_bridge() -> None:
    tried = await try_out(trial(LOCKS, alarm(0)))
    assert [entry.what for entry in tried.transcript.entries if entry.kind is EntryKind.LOG] == ["not free at 11"]


async def test_people_are_told_no_more_often_than_by_the_bridge() -> None:
    text = "permissions(notify=True)\n\n@every('2s')\nasync def tell():\n    await notify('x')\n"
    tried = await try_out(trial(text, rest_s=60.0))
    refused = [entry.at_s for entry in tried.transcript.entries if entry.kind is EntryKind.FAILED]
    assert refused[:4] == [34.0, 36.0, 40.0, 44.0]  # ten at once, and one more each five seconds


@pytest.mark.parametrize(("monitors", "lines"), [('["zm/1"]', ["zm"]), ('["other/*"]', []), ('["*"]', ["zm"])])
async def test_who_sees_a_monitor_hears_of_its_system_as_in_the_bridge(monitors: str, lines: list[str]) -> None:
    text = f"permissions(monitors={monitors})\n\n@on.system_state(field='available')\ndef f(change):\n    print(change.system)\n"
    lost = of("system_state", {"system": "zm", "name": "Home", "field": "available", "before": True, "now": False})
    tried = await try_out(trial(text, (START, lost), answers={"monitors": [{"system": "zm", "key": "1"}]}))
    assert [entry.what for entry in tried.transcript.entries if entry.kind is EntryKind.LOG] == lines
