"""The fake's 1.38.4 answers as the real one did: the same status, the same keys, values of the same types.

What a real server tells of 1.38 is known from its recordings alone, so nothing else keeps the fake true.
"""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, timedelta
from typing import TYPE_CHECKING

import aiohttp
import pytest
from tests.fakes.zoneminder import FakeZoneMinder, User, World
from tests.fakes.zoneminder.personality import V1_38_4
from tests.fakes.zoneminder.recorded import EXCHANGES, body
from tests.fakes.zoneminder.server import VIEWER
from tests.fakes.zoneminder.world import ALARM, ALERT, UNKNOWN

from vms_bridge.zoneminder import AlarmState, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Shape = dict[str, set[str]]
MODELS = {"Monitor", "Monitor_Status", "Event_Summary", "Event", "Zone", "State", "Storage"}
"""A table's row is of the same columns wherever it is."""


def shape(value: object, at: str = "") -> Iterator[tuple[str, str]]:
    """Yield where in the JSON there is a value of what type; an object's own type is its keys."""
    if isinstance(value, dict):
        yield at, f"object with {', '.join(sorted(value)) or 'nothing'}"
        for key, item in value.items():
            yield from shape(item, key if key in MODELS else f"{at}.{key}")
    elif isinstance(value, list):
        yield at, "list"
        for item in value:
            yield from shape(item, f"{at}[]")
    else:
        yield at, type(value).__name__


def shapes(*values: object) -> Shape:
    found: Shape = defaultdict(set)
    for value in values:
        for at, kind in shape(value):
            found[at].add(kind)
    return found


def recorded_shape(name: str) -> Shape:
    """Return the shape of this recorded body, its rows with the types that their columns have in any: one may be null."""
    found = shapes(body(name))
    rows = shapes(*(exchange["body"] for exchange in EXCHANGES.values()))
    rows |= {"Monitor.User": {"str"}, "Monitor.Pass": {"str"}}  # the real cameras had no login
    return found | {at: kinds for at, kinds in rows.items() if at.partition(".")[0] in MODELS}


def begun(world: World, cause: str = "Motion", notes: str = "Motion: All", **fields: object) -> int:
    return world.open_event(1, cause, notes, frames=9, alarm_frames=1, length=1.6, **fields).id


def ended(world: World, cause: str = "Motion", notes: str = "Motion: All") -> int:
    return world.close_event(begun(world, cause, notes)).id


def numbered(world: World, following: int) -> World:
    world.next_event = following
    return world


def five_events(world: World) -> None:
    for _ in range(5):
        ended(world)


def without_second(world: World) -> None:
    ended(world)
    world.remove_monitor(2)


PREPARED: dict[str, Callable[[World], object]] = {
    "events-by-ids": five_events,
    "events-newest": five_events,
    "events-page-past-the-end": five_events,
    "events-no-limit": lambda world: five_events(numbered(world, 41)),
    "events-open-decoding-none": lambda world: numbered(world, 11).open_event(1, "Continuous", "", length=None, max_score=None),
    "events-open-forced": lambda world: begun(world, "Forced Web", "Forced Web: "),
    "events-closed-forced": lambda world: ended(world, "Forced Web", "Forced Web: "),
    "events-open-motion": begun,
    "events-closed-motion": ended,
    "event-delete": lambda world: numbered(world, 12).open_event(1),
    "alarm-status-alarm": lambda world: world.set_state(1, ALARM),
    "alarm-status-alert": lambda world: world.set_state(1, ALERT),
    "alarm-status-stopped": lambda world: world.stop(),
    "daemonCheck-stopped": lambda world: world.stop(),
    "alarm-status-capturing-none": lambda world: world.set_function(4, "None"),
    "alarm-on-capturing-none": lambda world: world.set_function(4, "None"),
    "monitor-4-capturing-none": lambda world: world.set_function(4, "None"),
    "monitor-1": ended,
    "monitors-with-soft-deleted": without_second,
}


@pytest.fixture
def world() -> World:
    world = World(V1_38_4, monitors=4)
    world.add_monitor(5)
    world.monitors[5].capturing = "Ondemand"
    world.restart_monitor(5)
    return world


async def answer(fake: FakeZoneMinder, name: str) -> tuple[int, str, str]:
    """Ask the fake what the real one was asked, as the same kind of user."""
    method, path, *rest = EXCHANGES[name]["request"].split()
    form = dict(pair.split("=", 1) for pair in rest[1].split("&")) if rest else {}
    user = "viewer" if name.startswith("viewer") else "admin"
    async with aiohttp.ClientSession() as session:
        login = {"user": user, "pass": fake.users[user].password}
        async with session.post(f"{fake.url}/api/host/login.json", data=login) as given:
            tokens = await given.json(content_type=None) if not fake.database_is_down else {}
        query: dict[str, str] = {}
        if path.endswith("login.json"):
            form |= login if name == "login" else {}
            form = {key: tokens["refresh_token"] if key == "token" else value for key, value in form.items()}
        elif "without-token" not in name and not fake.database_is_down:
            token = tokens["access_token"]
            query = {"token": {"refresh-token": tokens["refresh_token"], "bad-token": "nonsense"}.get(name[11:], token)}
        async with session.request(method, f"{fake.url}/{path}", params=query, data=form) as response:
            return response.status, response.content_type, await response.text()


@pytest.mark.parametrize("name", EXCHANGES)
async def test_the_fake_answers_as_the_real_one_did(name: str, world: World) -> None:
    real = EXCHANGES[name]
    if name in PREPARED:
        PREPARED[name](world)
    users = {"admin": User("secret"), "viewer": User("viewer", VIEWER, hidden=frozenset({2})), "noapi": User("...", api=False)}
    fake = FakeZoneMinder(world, users=users)
    async with fake:
        fake.database_is_down = name.startswith("db-down")
        status, content_type, text = await answer(fake, name)
    assert (status, content_type) == (real["status"], real["type"].partition(";")[0])
    if real["body"] is None:
        assert text == ""
        return
    expected = recorded_shape(name)
    for at, kinds in shapes(json.loads(text)).items():
        assert kinds <= expected.get(at, set()), at


def test_a_shape_that_differs_is_seen() -> None:
    expected = recorded_shape("events-open-motion")
    row = body("events-open-motion")
    assert all(kinds <= expected[at] for at, kinds in shapes(row).items())
    for change in ({"Id": "12"}, {"Group": None}, {"DefaultVideo": 5}):
        changed = {"events": [{"Event": row["events"][0]["Event"] | change}], "pagination": row["pagination"]}
        assert any(not kinds <= expected.get(at, set()) for at, kinds in shapes(changed).items())


async def test_a_state_that_is_unknown_is_minus_one(world: World) -> None:
    world.set_state(1, UNKNOWN)
    async with FakeZoneMinder(world, users={"admin": User("secret")}) as fake:
        _, _, text = await answer(fake, "alarm-status-idle")
    assert json.loads(text) == {"status": -1, "output": -1}
    assert parse.parse_alarm_status(json.loads(text), (1, 38, 4)) is None


async def test_what_is_not_decoded_has_no_picture_until_it_ends(world: World) -> None:
    world.monitors[1].decoding = "None"
    number = begun(world)
    async with FakeZoneMinder(world, users={"admin": User("secret")}) as fake, aiohttp.ClientSession() as session:
        async with session.post(f"{fake.url}/api/host/login.json", data={"user": "admin", "pass": "secret"}) as given:
            token = (await given.json())["access_token"]
        query = {"view": "image", "eid": str(number), "fid": "snapshot", "token": token}
        for status in (404, 200):
            async with session.get(f"{fake.url}/index.php", params=query) as response:
                assert response.status == status
            world.close_event(number)


# What the bridge makes of what the real one said.


def test_recorded_monitors() -> None:
    first, gone = (row["Monitor"]["Name"] for row in body("monitors-with-soft-deleted")["monitors"])
    found = parse.parse_monitors(body("monitors-with-soft-deleted"))
    assert (first, gone, [row.name for row in found.values()]) == ("Front Door", "Gone", ["Front Door"])
    row = found["1"]
    assert row.modes == {"capturing": "Always", "analysing": "Always", "recording": "OnMotion"}
    assert (row.function, row.armed, row.captures, row.is_delivering, row.capture_fps) == ("Monitor", True, True, True, 5.01)
    assert row.shows_alarms_as_events
    assert not row.is_without_alarms, "`Function` says nothing any more"
    assert row.events["total"] == 4
    on_demand = parse.parse_monitor(body("monitor-5-ondemand")["monitor"])
    assert on_demand is not None
    assert (on_demand.captures, on_demand.is_idle, on_demand.is_delivering, on_demand.status) == (False, False, False, None)


def test_recorded_events() -> None:
    (opened,), (closed,) = (parse.parse_events(body(f"events-{name}"), UTC) for name in ("open-motion", "closed-motion"))
    assert (opened.id, opened.end, opened.cause, opened.notes) == (12, None, "Motion:All", "Motion: All")
    assert closed.end == closed.start + timedelta(seconds=5)
    assert (closed.video, closed.frames, closed.alarm_frames, closed.length_s) == ("12-video.h264.mp4", 29, 13, 5.6)
    assert [row.cause for row in parse.parse_events(body("events-by-ids"), UTC)] == [
        "Motion:Left", "Motion:Left,Right", "Forced Web",
    ]  # fmt: skip
    assert parse.parse_count(body("events-no-limit")) is None


def test_recorded_zones_are_in_the_order_of_the_scores() -> None:
    zones = parse.parse_zones(body("zones"), {})["2"]
    assert [(zone.id, zone.name, zone.kind) for zone in zones] == [
        ("3", "Left", "active"), ("4", "Right", "active"), ("2", "Ignore", "inactive"),
    ]  # fmt: skip


def test_recorded_statuses() -> None:
    names = ("idle", "alarm", "alert", "stopped", "capturing-none")
    read = [parse.parse_alarm_status(body(f"alarm-status-{name}"), (1, 38, 4)) for name in names]
    assert read == [AlarmState.IDLE, AlarmState.ALARM, AlarmState.ALERT, None, None]


def test_recorded_rest() -> None:
    assert parse.parse_version(body("login")) == parse.parse_version(body("getVersion")) == (1, 38, 4)
    assert str(parse.parse_time_zone(body("getTimeZone-new-york"))) == "America/New_York"
    assert [(state.name, state.is_active) for state in parse.parse_states(body("states"))] == [
        ("default", True),
        ("Quiet", False),
    ]
    (area,) = parse.parse_storage(body("storage"))
    assert (area.used_bytes, area.total_bytes) == (194373632000, 270553174016)
    assert parse.parse_load(body("getLoad")) == pytest.approx(1.91, abs=0.01)
