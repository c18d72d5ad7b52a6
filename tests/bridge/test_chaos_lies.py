"""Chaos that lies: each lie alters what it is told of, and the judge finds whoever is taken in, and nobody else."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from tests.chaos.checker import Delivery
from tests.chaos.commands import Answers, History
from tests.chaos.lies.judge import Devices, Doubt, Onlooker, secrets_in
from tests.chaos.lies.lookout import Lookout
from tests.chaos.lies.result import Result
from tests.chaos.lies.schedule import POISON, RESTART, SYSTEMS, dump, load, rounds, sort_of
from tests.chaos.lies.tales import TALES, Answer, Past, Question, Sort, kinds, poisoned, rows_of
from tests.chaos.lies.web import Lie, WebLiar, part_of
from tests.chaos.lies.world import CAMERAS, COMMANDED, ENDLESS, PAPER, PASSING, Scene, event_of, picture_of
from tests.chaos.recorder import Recorder
from tests.e2e.broker import Message
from tests.fakes.zoneminder import FakeZoneMinder, World
from tests.fakes.zoneminder.personality import V1_38_4
from tests.fakes.zoneminder.world import ALARM, FakeEvent

if TYPE_CHECKING:
    from collections.abc import Mapping

MONITORS = {"monitors": [{"Monitor": {"Id": number, "Name": f"Camera {number}"}} for number in range(1, 9)]}
EVENTS = {
    "events": [
        {"Event": {"Id": number, "MonitorId": 1, "StartDateTime": "2026-11-20 12:00:00", "Notes": ""}} for number in (7, 8, 9)
    ]
}
BODIES: Mapping[str, object] = {
    "monitors": MONITORS,
    "events": EVENTS,
    "monitor": {"monitor": MONITORS["monitors"][0]},
    "status": {"status": 1},
    "version": {"version": "1.38.4"},
    "zone": {"tz": "UTC"},
    "states": {"states": [{"State": {"Id": 1, "Name": "default"}}]},
    "storage": {"storage": [{"Storage": {"Id": 1}}]},
    "zones": {"zones": [{"Zone": {"Id": 1, "Name": "All"}}]},
    "login": {"access_token": "secret"},
    "edit": {"message": "Saved"},
    "alarm": {"status": "Alarmed event id: 9"},
    "picture": {"not": "a picture"},
    "all": {"version": "1.38.4"},
}
EARLIER = {"monitors": {"monitors": []}, "events": {"events": []}, "monitor": {}, "status": {"status": 0}}


def asked(part: str) -> Question:
    return Question("GET", "monitors/1" if part == "monitor" else "events/index/Id >:5" if part == "events" else part, part)


def the_truth(part: str) -> Answer:
    return Answer(200, json.dumps(BODIES[part]).encode())


def the_past() -> Past:
    past = Past()
    for part, body in EARLIER.items():
        past.note(asked(part), Answer(200, json.dumps(body).encode()), 0.0)
    for part in BODIES:
        past.note(asked(part), the_truth(part), 10.0)
    return past


@pytest.mark.parametrize(("name", "part"), [(name, part) for name, part, _ in kinds()])
def test_every_lie_says_something_else(name: str, part: str) -> None:
    tale = TALES[name]
    lie = tale.tell(asked(part), the_truth(part), the_past())
    assert lie is not None
    assert tale.replaces or lie != the_truth(part)


@pytest.mark.parametrize(("name", "part"), [(name, part) for name, part, tale in kinds() if tale.sort is Sort.UNCLEAN])
def test_the_truth_in_odd_clothes_is_the_truth(name: str, part: str) -> None:
    lie = TALES[name].tell(asked(part), the_truth(part), the_past())
    assert lie is not None
    body = gzip.decompress(lie.body) if lie.encoding else lie.body
    found = json.loads(body[body.index(b"{") : body.rindex(b"}") + 1].decode("latin-1"))

    def ids(answer: Any) -> set[int]:  # noqa: ANN401 - JSON
        return {int(row["Id"]) for row in rows_of(Answer(200, json.dumps(answer).encode()), part)}

    assert found.keys() == json.loads(the_truth(part).body).keys()
    assert ids(found) == ids(BODIES[part])


def test_a_row_is_poison_to_each_page_that_holds_it_and_to_no_other() -> None:
    question, answer = asked("events"), the_truth("events")
    broken = poisoned(8, is_empty=False)(question, answer, Past())
    assert broken is not None
    assert broken.status == 500
    assert poisoned(8, is_empty=True)(question, answer, Past()) == Answer(200, b"")
    assert poisoned(10, is_empty=True)(question, answer, Past()) is None


def test_an_older_answer_is_one_to_the_like_of_the_question() -> None:
    past = Past()
    one, like, other = Answer(200, b"[1]"), Answer(200, b"[2]"), Answer(200, b"[3]")
    question = Question("GET", "events/index/Id >:5", "events")
    past.note(question, one, 0.0)
    past.note(Question("GET", "events/index/Id:5", "events"), other, 1.0)
    past.note(replace(question, path="events/index/Id >:9"), like, 8.0)
    assert past.older(question, like) == one
    assert past.older(question, one) is None, "what is a moment old is no older answer"


@pytest.mark.parametrize(
    ("method", "path", "part"),
    [
        ("GET", "monitors", "monitors"),
        ("GET", "monitors/12", "monitor"),
        ("POST", "monitors/12", "edit"),
        ("GET", "monitors/alarm/id:1/command:status", "status"),
        ("GET", "monitors/alarm/id:1/command:on", "alarm"),
        ("GET", "events/index/Id >:5", "events"),
        ("GET", "index.php", "picture"),
        ("GET", "tags", "other"),
    ],
)
def test_a_path_asks_for_a_part(method: str, path: str, part: str) -> None:
    assert part_of(method, path) == part


async def test_the_liar_lies_as_long_as_it_is_told_to_and_remembers_what_it_said() -> None:
    world = World(V1_38_4, monitors=8)
    async with FakeZoneMinder(world) as fake, WebLiar(fake.url.removesuffix("/zm")) as liar, aiohttp.ClientSession() as session:

        async def get(path: str) -> tuple[int, Any]:
            url = f"{liar.url}/api/{path}.json?token={token}"
            async with session.get(url) as response:
                return response.status, await response.json(content_type=None) if response.status == 200 else None

        token = ""
        login = {"user": "viewer", "pass": "viewer"}
        async with session.post(f"{liar.url}/api/host/login.json", data=login) as response:
            token = (await response.json())["access_token"]
        most = Lie("most", "monitors", TALES["most"].tell, Sort.BRIEF)
        with liar.telling(most):
            counts = [len((await get("monitors"))[1]["monitors"]) for _ in range(4)]
        assert counts == [2, 8, 2, 8], "each second look is at the truth"
        assert most.told == 2
        assert [each.missing for each in liar.told] == [frozenset(range(3, 9))] * 2
        with liar.telling(Lie("502", "all", TALES["502"].tell, Sort.BROKEN)):
            assert (await get("host/getTimeZone"))[0] == 502
            assert "zone" not in liar.asked
        assert await get("host/getTimeZone") == (200, {"tz": "UTC"})
        assert "zone" in liar.asked
        with liar.telling(Lie("not-done", "alarm", TALES["not-done"].tell, Sort.HIDDEN, replaces=True)):
            assert (await get("monitors/alarm/id:1/command:on"))[0] == 200
        assert (world.monitors[1].state, liar.changes) == (0, [])
        assert (await get("monitors/alarm/id:1/command:on"))[0] == 200
        assert (world.monitors[1].state, [each.path for each in liar.changes]) == (ALARM, ["monitors/alarm/id:1/command:on"])


def test_a_schedule_depends_on_its_seed_alone_and_can_be_repeated_from_its_print() -> None:
    one, other = list(islice(rounds(7), 300)), list(islice(rounds(8), 300))
    assert one == list(islice(rounds(7), 300))
    assert one != other
    assert load(dump(one)) == one
    told = {(lie.where, lie.kind, lie.part) for each in one for lie in each.lies}
    for system in SYSTEMS:
        assert {(kind, part) for where, kind, part in told if where == system} >= {(name, part) for name, part, _ in kinds()}
        assert (system, POISON, "events") in told
    assert ("bridge", RESTART, "") in told
    for each in one:
        parts = [(lie.where, lie.part) for lie in each.lies if (lie.kind, lie.part) != ("502", "all")]
        assert len(parts) == len(set(parts)), "two lies about one part: nobody knows which is told"
        assert all(sort_of(lie) in Sort for lie in each.lies)


def doubted(doubt: Doubt, name: str, now: float) -> bool:
    return doubt.covers("old", name, now)


def test_a_doubt_ends_ten_seconds_after_the_lie_and_is_about_what_follows_from_it() -> None:
    doubt = Doubt("old", "status", since=10.0)
    assert doubted(doubt, "old/3/state alarm", 20.0)
    assert not doubted(doubt, "old/3/state function", 20.0)
    assert not doubt.covers("new", "new/3/state alarm", 20.0)
    assert doubt.settle(None, 20.0) is None
    assert doubt.until is None
    doubt = replace(doubt, over=21.0)
    assert doubt.settle(None, 22.0) is None
    assert doubted(doubt, "old/3/state alarm", 30.9)
    assert not doubted(doubt, "old/3/state alarm", 31.1)


def test_a_doubt_about_what_is_asked_seldom_ends_when_it_was_asked_again_which_has_to_be() -> None:
    doubt = Doubt("old", "zone", since=10.0, over=20.0)
    assert (doubt.settle(15.0, 90.0), doubt.until) == (None, None)
    assert (doubt.settle(80.0, 90.0), doubt.until) == (None, 90.0)
    forgotten = Doubt("old", "zone", since=10.0, over=20.0)
    assert forgotten.settle(15.0, 96.0) == "old: zone was not asked for again within 75 s"


def test_an_onlooker_takes_unknown_for_true_only_while_lies_are_told() -> None:
    looker = Onlooker("old", lag_s=4, fast_s=1)
    said = {"old/1/state alarm": (None, "idle"), "old/1/state available": (False, True)}
    assert looker.strictly(said, 0.0).keys() == said.keys()
    assert looker.leniently(said, 0.0) == {}
    wrong: dict[str, tuple[object, object]] = {"old/1/state alarm": ("alert", "idle")}
    assert looker.leniently(wrong, 20.0).keys() == wrong.keys()
    looker.doubts.append(Doubt("old", "version", since=19.0))
    assert looker.leniently(wrong, 20.3) == {}


DISCOVERY = "homeassistant/device/vms_bridge_lies"
DEVICE = {"cmps": {"motion": {"p": "binary_sensor", "uniq_id": "m"}, "state": {"p": "select", "ops": ["Quiet", "default"]}}}


def heard(
    *messages: tuple[str, bytes],
    at: float = 100.0,
    unsure_until: float = 0.0,
    **known: Any,  # noqa: ANN401 - as they are
) -> Devices:
    absent = {("old", 6): [(0.0, 50.0), (200.0, None)]}
    devices = Devices("vms_bridge/lies", DISCOVERY, event_of, losing=(5,), absent=absent, unsure_until=unsure_until)
    devices.hear([Message(topic, payload, retained=False, at=at) for topic, payload in messages], **known)
    return devices


@pytest.mark.parametrize(
    "topic", [f"{DISCOVERY}/old-6/config", "vms_bridge/lies/old/6/state", "vms_bridge/lies/old/6/last_event"]
)
def test_what_is_taken_away_is_found_unless_the_monitor_was_away(topic: str) -> None:
    assert heard((topic, b"")).faults
    assert heard((topic, b""), at=60.0).faults == []
    assert heard((topic, b""), at=70.0).faults
    assert heard((topic, b""), at=900.0).faults == []
    assert heard((topic, b""), excused=[("old", 6)]).faults == []


def test_a_device_that_loses_something_is_found() -> None:
    topic, whole = f"{DISCOVERY}/old-1/config", json.dumps(DEVICE).encode()
    without = json.dumps({"cmps": {"state": DEVICE["cmps"]["state"]}}).encode()
    removed = json.dumps({"cmps": {**DEVICE["cmps"], "motion": {"p": "binary_sensor"}}}).encode()
    fewer = json.dumps({"cmps": {**DEVICE["cmps"], "state": {"p": "select", "ops": ["Quiet"]}}}).encode()
    assert heard((topic, whole), (topic, whole)).faults == []
    for less in (without, removed, fewer):
        assert len(heard((topic, whole), (topic, less)).faults) == 1
        assert heard((topic, whole), (topic, less), doubtful=["old"]).faults == []
    assert heard((topic, b"nonsense")).faults
    anew = f"{DISCOVERY}/old-6/config"
    assert heard((anew, whole), (anew, b""), (anew, without), at=10.0).faults == [], "it was away: what comes is another"


def test_an_event_that_was_the_last_while_another_was_told_for_it_may_be_told_a_moment_after_its_deletion() -> None:
    """As new-70, which began while new-69 was told, was read, and was deleted before anybody could look at what was told."""
    name = "new/8/last_event id"

    def wrong(*, is_noted: bool) -> list[bool]:
        looker = Onlooker("new", lag_s=5.0, fast_s=2.0)
        looker.strictly({name: ("new-69", "new-69")}, 0.0)
        if is_noted:
            looker.note({name: "new-70"}, 0.5)
        looker.strictly({name: ("new-69", "new-69")}, 0.5)
        return [name in looker.strictly({name: ("new-70", "new-69")}, now) for now in (1.0, 3.0, 5.0, 6.1)]

    assert wrong(is_noted=True) == [False, False, False, True]
    assert wrong(is_noted=False) == [True] * 4


async def test_a_lookout_notes_the_last_event_that_is_not_told_yet() -> None:
    scenes = {system: Scene(system, World(V1_38_4, monitors=0), 1) for system in SYSTEMS}
    scene, recorder = scenes["new"], Recorder(0)
    lookout = Lookout("root", "ha", scenes=scenes, liars={}, recorder=recorder, history=History())
    number = PAPER[0]
    before = scene.insert(number)
    before.start -= timedelta(seconds=10)
    told = f"root/new/{number}/last_event"
    recorder.retained[told] = f'{{"id":"new-{before.id}"}}'.encode()
    name = f"new/{number}/last_event id"
    assert name not in lookout.untrue()
    after = scene.insert(number)
    assert name not in lookout.untrue()
    scene.world.delete_event(after.id)
    recorder.retained[told] = f'{{"id":"new-{after.id}"}}'.encode()
    assert name not in lookout.untrue()


def test_a_picture_that_is_none_is_found_and_one_that_is_taken_away() -> None:
    topic = "vms_bridge/lies/old/1/snapshot"
    picture, another = (picture_of(FakeEvent(id=each, monitor_id=1, start=datetime.now(UTC))) for each in (1, 2))
    assert heard((topic, picture)).faults == []
    assert heard((topic, b"<html>")).faults
    assert heard((topic, b"")).faults
    assert heard(("vms_bridge/lies/old/5/snapshot", b"")).faults == [], "events of this monitor are deleted"
    first, second = (("vms_bridge/lies/old/1/last_event", json.dumps({"id": each}).encode()) for each in ("old-1", "old-2"))
    assert heard(first, (topic, picture), second, (topic, b"")).faults == [], "it was of the event before"
    assert heard(first, second, (topic, picture), (topic, b"")).faults == [], "it was, and came late"
    assert heard(first, (topic, picture), (topic, b""), second).faults == [], "it came over another connection"
    assert heard(first, (topic, picture), first, (topic, b"")).faults
    assert heard(first, (topic, picture), first, (topic, b""), unsure_until=200.0).faults == []
    assert heard(first, (topic, picture), second, (topic, another), (topic, b"")).faults


@pytest.mark.parametrize(
    "text", ["pass=p&ss ä", "pass=p%26ss%20%C3%A4", "p%26ss+%C3%A4", "p&amp;ss ä", "cCZzcyDDpA==", 'p&ss \\u00e4"']
)
def test_a_secret_is_found_in_every_spelling(text: str) -> None:
    assert secrets_in(f"a line with {text} in it", ["p&ss ä"])
    assert secrets_in("a line", ["p&ss ä"]) == []


def test_a_scene_tells_what_is_so() -> None:
    moment = datetime(2026, 11, 20, 12, 0, 0, 250_000, tzinfo=UTC)
    scene = Scene("new", World(V1_38_4, monitors=0, now=lambda: moment), seed=1)
    facts = scene.facts()
    assert facts.keys() == {*CAMERAS, ENDLESS, COMMANDED, *PAPER, 7, 9}
    assert facts[ENDLESS].open is not None
    assert facts[PAPER[0]].alarm is None
    event = scene.world.alarm(CAMERAS[0])
    assert event is not None
    told = scene.facts()[CAMERAS[0]]
    assert (told.alarm, told.open, told.newest) == ("alarm", scene.rows()[-1], scene.rows()[-1])
    assert scene.rows()[-1].start == moment.replace(microsecond=0)
    scene.settle()
    assert scene.facts()[CAMERAS[0]].open is None
    assert PASSING not in facts
    history = History()
    scene.note(history)
    assert history.between("new", str(COMMANDED), "armed", 0.0, 1e12) == ["ON"]
    assert event_of(picture_of(event)) == str(event.id)


TOLD = dict.fromkeys(TALES, 1)


@pytest.mark.parametrize(
    "wrong",
    [
        Result(told=TOLD, untrue=["a state"]),
        Result(told=TOLD, devices=["a device"]),
        Result(told=TOLD, crashes=["ended"]),
        Result(told=TOLD, complaints=["error"]),
        Result(told=TOLD, broken_off="hung"),
        Result(told=TOLD, answers=Answers(faults=["an answer"])),
        Result(told=TOLD, deliveries={"old": Delivery(lost=["an event"])}),
        Result(told=TOLD, memory_mb=2000),
        Result(told=TOLD, tree_mb=2000),
        Result(told={}, seconds=60, deliveries={"old": Delivery(recorded=500)}),
        Result(told=TOLD, seconds=60, deliveries={"old": Delivery(recorded=5)}),
    ],
)
def test_any_fault_fails_a_run_and_so_does_one_that_says_too_little(wrong: Result) -> None:
    assert wrong.wrong
    fine = Result(told=TOLD, seconds=60, deliveries={"old": Delivery(recorded=500)})
    assert fine.wrong == []
    assert "longest heal" in str(fine)
