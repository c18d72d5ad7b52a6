"""What the API says of systems, monitors, events and so on, and how it is asked."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from jsonschema import Draft202012Validator
from tests.bridge.api.lab import Answer, Api, closed, serving, until
from tests.bridge.api.world import World
from tests.fakes.backend import START, monitor, state
from tests.fakes.identity import HOME

from vms_bridge.api.openapi import document
from vms_bridge.archive import LogLine, LogQuery
from vms_bridge.commands import Ack, AckResult, Command, SetAlarm, SetArmed, SetMode, Target
from vms_bridge.entities import CATALOGUE, MONITOR, SYSTEM
from vms_bridge.errors import SearchRefused, StoreError
from vms_bridge.index import BucketSize, Search, ValueKind
from vms_bridge.model import EventRef, MonitorState, Zone
from vms_bridge.objects import ObjectCounts, Watched
from vms_bridge.tokens import Scope
from vms_bridge.views import STALE_AFTER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

DOCUMENT = document()
FIRST = Target(system="zm", monitor="1")


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def api(tmp_path: Path, world: World) -> AsyncIterator[Api]:
    async with serving(tmp_path, hub=world) as api:
        yield api


def holds(model: str, said: object) -> None:
    """Hold what was said against the document."""
    schema = {"$ref": f"#/components/schemas/{model}", "components": DOCUMENT["components"]}
    Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(said)


async def read(api: Api, path: str, model: str) -> Any:  # noqa: ANN401 - JSON
    answer = await api.get(f"/api/v1/{path}", token=api.token(Scope.ADMIN))
    assert answer.status == 200, answer.body
    holds(model, answer.said)
    return answer.said


async def give(api: Api, body: object, scope: Scope = Scope.ADMIN, **headers: str) -> Answer:
    return await api.post("/api/v1/commands", body, token=api.token(scope), headers=headers)


async def test_who_it_is(api: Api) -> None:
    answer = await api.get("/api/v1/info")
    assert answer.said == {"bridge_id": "b" * 32, "name": HOME.name, "protocol": {"lowest": 1, "highest": 1}}


async def test_how_it_fares(api: Api, world: World) -> None:
    world.fares = replace(world.fares, problem="the disk is full", undelivered=3)
    said = await read(api, "health", "Health")
    assert (said["problem"], said["undelivered"], said["epoch"]) == ("the disk is full", 3, "e1")


async def test_systems(api: Api) -> None:
    said = await read(api, "systems", "Systems")
    zm, other = said["systems"]
    assert (zm["key"], zm["name"], zm["kind"], zm["monitors"]) == ("zm", "ZM", "fake", ["1", "2"])
    assert zm["state"]["available"] is True
    assert zm["state"]["monitors"] == 2
    assert zm["index"]["is_complete"] is True
    assert other["index"] is None
    assert {"connectivity", "run_state"} <= set(zm["entities"]) <= {row.key for row in SYSTEM}
    assert "url" not in zm
    assert await read(api, "systems/zm", "System") == zm


async def test_monitors(api: Api, world: World) -> None:
    world.add_monitor("zm", monitor(3, zones=(Zone(id="a/b", name="Drive"),), modes={"profile": ("Day",)}), state())
    world.record(7, "1")
    view = world.monitor("zm", "1")
    assert view is not None
    world._monitors["zm"]["1"] = replace(view, objects=ObjectCounts(labels={"person": 2}, zones={"a b": {"person": 1}}))
    said = {f"{one['system']}/{one['key']}": one for one in (await read(api, "monitors", "Monitors"))["monitors"]}
    assert list(said) == ["zm/1", "zm/2", "zm/3", "other/1"]
    first, third = said["zm/1"], said["zm/3"]
    assert (first["area"], first["last_event"]["id"], first["state"]["motion"]) == ("Garden", "zm-7", False)
    assert first["objects"]["labels"] == {"person": 2}
    assert list(third["state"]["zones"]) == [zone["key"] for zone in third["zones"]]
    assert third["modes"] == {"profile": ["Day"]}
    assert set(first["entities"]) <= {row.key for row in MONITOR}
    assert await read(api, "monitors/zm/1", "Monitor") == first
    assert [one["key"] for one in (await read(api, "monitors?system=other", "Monitors"))["monitors"]] == ["1"]
    assert [one["area"] for one in (await read(api, "monitors?area=Garden&area=x", "Monitors"))["monitors"]] == ["Garden"]


async def test_the_best_picture_of_what_is_looked_for(api: Api, world: World) -> None:
    porch = Watched("person", "Porch")
    world._monitors["zm"]["1"] = replace(world._monitors["zm"]["1"], watched=(Watched("dog"), porch), pictures={porch: START})
    world.object_pictures[("zm", "1"), porch] = b"\xff\xd8\xff"
    said = await read(api, "monitors/zm/1", "Monitor")
    assert [(one["label"], one["zone"], one["name"]) for one in said["watched"]] == [
        ("dog", None, "Dog"),
        ("person", "Porch", "Porch person"),
    ]
    dog, person = (one["key"] for one in said["watched"])
    assert [said["state"]["objects"][key]["picture"] is None for key in (dog, person)] == [True, False]
    token = api.token()
    answer = await api.get(f"/api/v1/media/monitors/zm/1/objects/{person}/picture", token=token)
    assert (answer.status, answer.headers["Content-Type"], answer.body) == (200, "image/jpeg", b"\xff\xd8\xff")
    for other in (f"zm/1/objects/{dog}", "zm/1/objects/nothing", f"zm/9/objects/{person}"):
        assert (await api.get(f"/api/v1/media/monitors/{other}/picture", token=token)).status == 404


async def test_a_lost_monitor_has_nothing_live(api: Api, world: World) -> None:
    world._monitors["zm"]["1"] = replace(world._monitors["zm"]["1"], state=MonitorState())
    said = await read(api, "monitors/zm/1", "Monitor")
    assert said["state"]["available"] is False
    assert said["state"]["motion"] is None


async def test_names_with_half_a_character_are_told(api: Api, world: World) -> None:
    world.add_monitor("zm", monitor(5, name="Caf\udce9"))
    assert (await read(api, "monitors/zm/5", "Monitor"))["name"] == "Caf?"


async def test_the_catalogue(api: Api) -> None:
    said = await read(api, "catalogue", "Catalogue")
    assert {scope: [row["key"] for row in rows] for scope, rows in said.items()} == {
        str(scope): [row.key for row in rows] for scope, rows in CATALOGUE.items()
    }
    motion = next(row for row in said["monitor"] if row["key"] == "motion")
    assert (motion["type"], motion["device_class"], motion["field"], motion["needs"]) == (
        "boolean",
        "motion",
        "motion",
        ["alarm_state"],
    )


async def test_pages_of_events(api: Api) -> None:
    found: list[str] = []
    after = ""
    while True:
        page = await read(api, f"events?limit=5{after}", "EventPage")
        found += [event["id"] for event in page["events"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert found == [*(f"zm-{number}" for number in range(9, 0, -1)), "zm-11", "zm-2.5/a b", "other-1"]


async def test_an_event(api: Api) -> None:
    said = await read(api, "events/zm-1", "Event")
    assert said == {
        "id": "zm-1",
        "system": "zm",
        "monitor": "1",
        "monitor_name": "Camera 1",
        "kind": "alarm",
        "label": "person",
        "labels": ["person", "dog"],
        "score": 0.91,
        "zones": ["Drive"],
        "plates": ["B AB 123"],
        "faces": [],
        "text": "a courier with a parcel",
        "cause": "Motion",
        "notes": "by the gate",
        "start": "2026-11-20T12:01:00Z",
        "end": "2026-11-20T12:01:20Z",
        "duration": 20.0,
        "end_reason": "closed",
        "alarm_frames": None,
        "max_score": None,
        "archived": None,
        "locked": False,
        "tags": ["parcel"],
        "direction": None,
        "snapshot_ready": True,
        "clip_ready": True,
    }
    assert (await read(api, "events/zm-2.5%2Fa%20b", "Event"))["id"] == "zm-2.5/a b"


async def test_an_event_of_a_monitor_that_is_no_more(api: Api, world: World) -> None:
    world.remove_monitor("zm", "2")
    assert (await read(api, "events/zm-11", "Event"))["monitor_name"] is None


async def test_all_that_can_be_searched_for(api: Api, world: World) -> None:
    await read(
        api,
        "events?since=2026-11-20T12:00:00%2B01:00&until=2026-11-21T00:00:00Z&system=zm&system=other&monitor=zm/1&monitor=zm/2"
        "&kind=alarm&label=person&label=dog&zone=Drive&plate=B%20AB%20123&face=Anna&least_score=0.5&most_score=1"
        "&least_duration=1.5&most_duration=60&words=front%20gat*&is_open=false&limit=7&after=0",
        "EventPage",
    )
    assert world.pages == [
        (
            Search(
                since=datetime(2026, 11, 20, 11, tzinfo=UTC),
                until=datetime(2026, 11, 21, tzinfo=UTC),
                systems=frozenset({"zm", "other"}),
                monitors=frozenset({("zm", "1"), ("zm", "2")}),
                kinds=frozenset({"alarm"}),
                labels=frozenset({"person", "dog"}),
                zones=frozenset({"Drive"}),
                plates=frozenset({"B AB 123"}),
                faces=frozenset({"Anna"}),
                least_score=0.5,
                most_score=1.0,
                least_duration_s=1.5,
                most_duration_s=60.0,
                words="front gat*",
                is_open=False,
            ),
            "0",
            7,
        )
    ]


@pytest.mark.parametrize(
    ("query", "limits", "asked"),
    [
        ("", {}, Search()),
        ("?area=Garden", {}, Search(monitors=frozenset({("zm", "1")}))),
        ("?area=Garden&monitor=zm/2", {}, None),
        ("?area=Nowhere", {}, None),
        ("", {"systems": frozenset({"other"})}, Search(systems=frozenset({"other"}))),
        ("?system=zm", {"systems": frozenset({"other"})}, None),
        ("?system=zm&system=other", {"systems": frozenset({"other"})}, Search(systems=frozenset({"other"}))),
        ("", {"monitors": frozenset({("zm", "2")})}, Search(monitors=frozenset({("zm", "2")}))),
        ("?monitor=zm/1", {"monitors": frozenset({("zm", "2")})}, None),
        ("?area=Garden", {"monitors": frozenset({("zm", "2")})}, None),
        ("?system=zm", {"monitors": frozenset({("zm", "9")})}, None),
        (
            "",
            {"systems": frozenset({"other"}), "monitors": frozenset({("zm", "2")})},
            Search(monitors=frozenset({("zm", "2"), ("other", "1")})),
        ),
    ],
)
@pytest.mark.parametrize("path", ["events", "timeline"])
async def test_a_search_stays_within_areas_and_what_is_ones_own(
    api: Api, world: World, path: str, query: str, limits: dict[str, Any], asked: Search | None
) -> None:
    answer = await api.get(f"/api/v1/{path}{query}", token=api.token(**limits))
    assert answer.status == 200
    searches = [search for search, *_ in (world.pages if path == "events" else world.counts)]
    assert searches == ([] if asked is None else [asked])
    if asked is None:
        assert not (answer.said["events"] if path == "events" else answer.said["counts"])


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=1.0", "limit"),
        ("limit=ten", "limit"),
        ("limit=%31%30&limit=5", "limit"),
        ("limit=99999999999999999999", "limit"),
        ("since=yesterday", "since"),
        ("since=1700000000", "since"),
        ("since=2026-11-20T12:00:00", "since"),
        ("since=2026-13-20T12:00:00Z", "since"),
        ("since=0001-01-01T00:00:00%2B14:00", "since"),
        ("system=", "system.0"),
        ("monitor=1", "monitor.0"),
        ("monitor=zm/1&monitor=zm", "monitor.1"),
        ("least_score=2", "least_score"),
        ("least_score=nan", "least_score"),
        ("least_score=1e-3", "least_score"),
        ("most_duration=-1", "most_duration"),
        ("is_open=yes", "is_open"),
        ("words=", "words"),
        ("colour=red", "colour"),
        ("kind=" + "x" * 257, "kind.0"),
    ],
)
async def test_a_search_that_can_not_be_understood(api: Api, world: World, query: str, field: str) -> None:
    answer = await api.get(f"/api/v1/events?{query}", token=api.token())
    assert (answer.status, answer.code) == (400, "invalid")
    assert [mistake["field"] for mistake in answer.said["mistakes"]] == [field]
    assert answer.headers["Content-Type"] == "application/problem+json"
    holds("Problem", answer.said)
    assert world.pages == []


async def test_a_thousand_mistakes_are_told_by_the_first(api: Api) -> None:
    query = "&".join(f"x{number}=1" for number in range(500))
    answer = await api.get(f"/api/v1/events?{query}", token=api.token())
    assert answer.status == 400
    assert len(answer.said["mistakes"]) == 20
    assert len((await api.get(f"/api/v1/systems?{query}", token=api.token())).said["mistakes"]) == 20


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [(SearchRefused("no cursor", hint="begin anew"), 400, "search"), (StoreError("it is damaged"), 503, "store")],
)
async def test_an_index_that_does_not_answer(
    api: Api, world: World, fault: SearchRefused | StoreError, status: int, code: str
) -> None:
    world.refusal = fault
    answer = await api.get("/api/v1/events?after=x", token=api.token())
    assert (answer.status, answer.code, answer.said["detail"]) == (status, code, str(fault))


async def test_the_timeline(api: Api, world: World) -> None:
    said = await read(api, "timeline?bucket=month&time_zone=Europe/Berlin&label=dog", "Timeline")
    assert said["counts"] == [{"start": "2026-11-20T13:00:00+01:00", "events": 3}]
    assert world.counts == [(Search(labels=frozenset({"dog"})), BucketSize.MONTH, ZoneInfo("Europe/Berlin"))]


@pytest.mark.parametrize("query", ["bucket=year", "time_zone=Europe/X", "time_zone=../../etc/passwd", "time_zone=Europe", "x=5"])
async def test_a_timeline_that_there_can_be_none_of(api: Api, query: str) -> None:
    answer = await api.get(f"/api/v1/timeline?{query}", token=api.token())
    assert (answer.status, answer.code) == (400, "invalid")


async def test_which_values_events_have(api: Api, world: World) -> None:
    said = await read(api, "values?label=dog&monitor=zm/1", "Values")
    assert said == {
        "of": "label",
        "values": [{"value": "person", "events": 2}, {"value": "dog", "events": 1}],
        "is_complete": True,
    }
    await read(api, "values?of=zone&limit=1", "Values")
    assert world.listed == [
        (Search(labels=frozenset({"dog"}), monitors=frozenset({("zm", "1")})), ValueKind.LABEL, 100),
        (Search(), ValueKind.ZONE, 1),
    ]
    assert (await api.get("/api/v1/values", token=api.token(monitors=frozenset({("zm", "2")})))).status == 200
    assert world.listed[-1][0] == Search(monitors=frozenset({("zm", "2")}))
    nothing = await api.get("/api/v1/values?monitor=zm/1", token=api.token(monitors=frozenset({("zm", "2")})))
    assert (nothing.said["values"], len(world.listed)) == ([], 3)


@pytest.mark.parametrize("query", ["of=plate", "limit=1001", "after=1"])
async def test_values_that_can_not_be_listed(api: Api, query: str) -> None:
    answer = await api.get(f"/api/v1/values?{query}", token=api.token())
    assert (answer.status, answer.code) == (400, "invalid")


async def test_which_commands_there_are(api: Api) -> None:
    said = (await read(api, "commands", "Commands"))["commands"]
    assert {(one["target"], one["name"]) for one in said} >= {
        ("monitor", "alarm"),
        ("system", "run_state"),
        ("bridge", "discovery"),
    }


@pytest.mark.parametrize(
    ("body", "target", "action"),
    [
        (
            {"system": "zm", "monitor": "1", "command": "armed", "value": "ON"},
            FIRST,
            SetArmed(on=True),
        ),
        ({"system": "zm", "monitor": "1", "command": "armed", "on": False}, FIRST, SetArmed(on=False)),
        (
            {"system": "zm", "monitor": "1", "command": "alarm", "value": True, "seconds": 5},
            FIRST,
            SetAlarm(on=True, seconds=5.0),
        ),
        (
            {"system": "zm", "monitor": "2", "command": "mode", "value": "Monitor"},
            Target(system="zm", monitor="2"),
            SetMode(mode="function", value="Monitor"),
        ),
    ],
)
async def test_a_command(api: Api, world: World, body: dict[str, Any], target: Target, action: object) -> None:
    answer = await give(api, {**body, "request_id": "r1"}, Scope.CONTROL)
    assert answer.status == 200
    holds("Ack", answer.said)
    assert (answer.said["result"], answer.said["request_id"], answer.said["command"]) == ("applied", "r1", body["command"])
    (command,) = world.commands
    assert (command.target, command.action, command.request_id) == (target, action, "r1")
    assert (command.origin.door, command.level) == ("api", "control")
    assert command.origin.principal is not None


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"system": "zm", "monitor": "1", "command": "nonsense"}, "unsupported"),
        ({"system": "zm", "monitor": "1", "command": "armed", "value": "perhaps"}, "rejected"),
        ({"system": "zm", "monitor": "1", "command": "armed", "on": True, "score": 5}, "rejected"),
        ({"system": "zm", "command": "armed", "on": True}, "unsupported"),
        ({"command": "nonsense"}, "unsupported"),
        ({"command": "discovery", "value": "ON", "score": 5}, "rejected"),
        ({"event": "zm-1", "command": "armed", "on": True}, "unsupported"),
    ],
)
async def test_a_command_that_there_is_not_is_refused_in_the_words_of_mqtt(
    api: Api, world: World, body: dict[str, Any], code: str
) -> None:
    answer = await give(api, {**body, "request_id": "r1"})
    holds("Ack", answer.said)
    assert (answer.status, answer.said["result"], answer.said["error"]["code"]) == (200, "refused", code)
    assert answer.said["error"]["hint"]
    assert world.commands == []


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"system": "zm", "monitor": "9", "command": "armed"}, 404, "not_found"),
        ({"system": "nosuch", "command": "run_state"}, 404, "not_found"),
        ({"event": "zm-99", "command": "armed"}, 404, "not_found"),
        ({"event": "x", "command": "armed"}, 404, "not_found"),
        ({"event": "zm-1", "monitor": "2", "command": "armed"}, 422, "invalid"),
        ({"monitor": "2", "command": "armed"}, 422, "invalid"),
        ({"system": "zm"}, 422, "invalid"),
        ({"command": "x", "colour": "red"}, 422, "invalid"),
        ({"command": "x", "value": 1}, 422, "invalid"),
        ({"command": "x" * 65}, 422, "invalid"),
        ({"command": "x", "seconds": -1}, 422, "invalid"),
        ([], 422, "invalid"),
        ("x", 422, "invalid"),
        (None, 422, "invalid"),
    ],
)
async def test_a_body_that_asks_for_what_there_is_not(api: Api, world: World, body: object, status: int, code: str) -> None:
    answer = await give(api, json.loads("null") if body is None else body)
    assert (answer.status, answer.code) == (status, code) or (body is None and answer.status == 415)
    assert world.commands == []


async def raw(api: Api, body: bytes, headers: str = "Content-Type: application/json\n", scope: Scope = Scope.ADMIN) -> str:
    return await api.say(
        f"POST /api/v1/commands HTTP/1.1\nHost: {api.host}\nAuthorization: Bearer {api.token(scope)}\nConnection: close\n"
        f"{headers}Content-Length: {len(body)}\n\n{body.decode('latin-1')}"
    )


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b'{"command": "\\ud800"}', 400),
        (b'{"command": NaN}', 422),
        (b"[" * 10_000, 400),
        (b'{"command":' * 5_000 + b"1" + b"}" * 5_000, 400),
        (b'{"command": "x", "command": "y", "value": 1e999}', 422),
        (b"x" * 70_000, 413),
    ],
)
async def test_bodies_that_are_none(api: Api, body: bytes, status: int) -> None:
    answer = await raw(api, body)
    assert answer.startswith(f"HTTP/1.1 {status} "), answer[:300]
    assert "application/problem+json" in answer


@pytest.mark.parametrize("headers", ["Content-Type: text/plain\n", "Content-Type: application/x-www-form-urlencoded\n", ""])
async def test_a_form_of_somebodys_page_is_no_command(api: Api, world: World, headers: str) -> None:
    body = b'{"system": "zm", "monitor": "1", "command": "armed", "value": "ON"}'
    assert (await raw(api, body, headers)).startswith("HTTP/1.1 415 ")
    assert world.commands == []


async def test_what_a_level_does_not_allow_is_refused_with_the_remedy(api: Api) -> None:
    answer = await give(api, {"system": "zm", "monitor": "1", "command": "restart"}, Scope.CONTROL)
    assert answer.said["error"] == {"code": "forbidden", "hint": "this token may not; it takes one with the scope admin"}


async def slowly(world: World, told: int) -> asyncio.Event:
    """Have the hub tell that it runs so often, and then wait."""
    go_on = asyncio.Event()

    async def answer(command: Command, progress: Callable[[Ack], None] | None) -> Ack:
        for _ in range(told):
            if progress is not None:
                progress(Ack.of(command, AckResult.RUNNING, START))
        await go_on.wait()
        return Ack.of(command, AckResult.APPLIED, START, applied="ON")

    world.answer = answer
    return go_on


@pytest.mark.parametrize("accept", ["application/x-ndjson", "text/event-stream;q=0.9, */*"])
async def test_a_long_command_tells_how_it_goes(api: Api, world: World, accept: str) -> None:
    go_on = await slowly(world, 2)
    asking = asyncio.create_task(give(api, {"system": "zm", "monitor": "1", "command": "restart"}, Accept=accept))
    await until(lambda: world.commands)
    go_on.set()
    answer = await asking
    lines = answer.body.decode().splitlines()
    if "event-stream" in accept:
        assert lines[0] == "event: running"
        lines = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
    acks = [json.loads(line) for line in lines]
    assert [ack["result"] for ack in acks] == ["running", "running", "applied"]
    for ack in acks:
        holds("Ack", ack)
    assert answer.headers["Content-Type"] == accept.partition(";")[0]


async def test_a_stream_for_what_is_refused_at_once(api: Api) -> None:
    answer = await give(api, {"system": "zm", "command": "nonsense"}, Accept="application/x-ndjson")
    assert json.loads(answer.body)["result"] == "refused"


async def test_a_command_goes_on_when_who_asked_has_gone(api: Api, world: World) -> None:
    go_on = await slowly(world, 0)
    done = asyncio.Event()
    before = world.answer

    async def noted(command: Command, progress: Callable[[Ack], None] | None) -> Ack:
        ack = await before(command, progress)
        done.set()
        return ack

    world.answer = noted
    _, writer = await api.connect()
    body = b'{"system": "zm", "monitor": "1", "command": "armed", "value": "ON"}'
    writer.write(
        f"POST /api/v1/commands HTTP/1.1\r\nHost: {api.host}\r\nAuthorization: Bearer {api.token(Scope.CONTROL)}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body
    )
    await until(lambda: world.commands)
    await closed(writer)
    go_on.set()
    await done.wait()


async def test_who_claims_the_devices(api: Api, world: World) -> None:
    admin = api.token(Scope.ADMIN)
    assert await read(api, "discovery", "Discovery") == {"is_on": True, "claims": []}
    answer = await api.post("/api/v1/discovery/claims", {"holder": "ha-1"}, token=admin)
    holds("Discovery", answer.said)
    assert (answer.status, answer.said["is_on"], [one["holder"] for one in answer.said["claims"]]) == (200, False, ["ha-1"])
    refused = await api.post("/api/v1/discovery/claims", {"holder": "switch"}, token=admin)
    assert (refused.status, refused.code) == (409, "rejected")
    assert (await api.ask("DELETE", "/api/v1/discovery/claims/ha-1", token=admin)).said["is_on"] is True
    assert (await api.ask("PUT", "/api/v1/discovery", body={"is_on": False}, token=admin)).said["is_on"] is False
    assert world.holders == ("switch",)
    assert (await give(api, {"command": "discovery", "value": "ON"})).said["result"] == "applied"
    assert not world.holders


async def test_whose_a_claim_is(api: Api, world: World) -> None:
    """Each sees which are its own and which may be forgotten; by which token one was made only an admin is told."""
    token, text = world.tokens.add(Scope.CONTROL)
    other = api.token(Scope.CONTROL)
    assert (await api.post("/api/v1/discovery/claims", {"holder": "ha-2"}, token=other)).status == 200
    answer = await api.post("/api/v1/discovery/claims", {"holder": "ha-1"}, token=text)
    holds("Discovery", answer.said)
    assert [(one["holder"], one["is_own"], one["token"]) for one in answer.said["claims"]] == [
        ("ha-1", True, None),
        ("ha-2", False, None),
    ]
    by_socket = (await api.get("/api/v1/discovery", by_socket=True)).said["claims"]
    assert [(one["is_own"], one["token"]) for one in by_socket] == [(False, token.id), (False, other.split("_")[1])]
    assert not any(one["is_stale"] for one in by_socket)
    api.clock.set_by(STALE_AFTER.total_seconds())
    world.claim(*world.state.claims, "switch")
    said = (await read(api, "discovery", "Discovery"))["claims"]
    assert [(one["holder"], one["is_stale"]) for one in said] == [("ha-1", True), ("ha-2", True), ("switch", False)]


@pytest.mark.parametrize(
    ("said", "heard"),
    [("Ada", "Ada"), (" Ada\nL.\u202e ", "Ada L."), ("\u200b", None), ("\ud83d\ude00", "\U0001f600"), (None, None)],
)
async def test_for_whom_a_command_is_stands_in_the_log(
    api: Api, world: World, caplog: pytest.LogCaptureFixture, said: str | None, heard: str | None
) -> None:
    caplog.set_level(logging.INFO)
    token, text = world.tokens.add(Scope.CONTROL)
    body = {"system": "zm", "monitor": "1", "command": "armed", "value": "ON"} | ({"on_behalf_of": said} if said else {})
    answer = await api.post("/api/v1/commands", body, token=text)
    assert (answer.status, answer.said["result"]) == (200, "applied")
    (command,) = world.commands
    assert (command.origin.principal, command.origin.token) == (f"token {token.id}", token.id)
    assert command.origin.on_behalf_of == heard
    whose = f"token {token.id} for {heard}" if heard else f"token {token.id}"
    assert f"{whose} has given the command armed for zm/1: applied" in caplog.text


@pytest.mark.parametrize("name", ["", "x" * 129, 5, ["Ada"]])
async def test_who_can_be_nobody_is_refused(api: Api, world: World, name: object) -> None:
    answer = await give(api, {"system": "zm", "monitor": "1", "command": "armed", "value": "ON", "on_behalf_of": name})
    assert (answer.status, answer.code, answer.said["mistakes"][0]["field"]) == (422, "invalid", "on_behalf_of")
    assert world.commands == []


async def test_a_command_that_changes_nothing_is_no_news(api: Api, world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def unchanged(command: Command, _progress: Callable[[Ack], None] | None) -> Ack:
        return Ack.of(command, AckResult.UNCHANGED, START, applied="ON")

    world.answer = unchanged
    await give(api, {"system": "zm", "monitor": "1", "command": "armed", "value": "ON"})
    assert "has given the command" not in caplog.text


async def test_the_index(api: Api, world: World) -> None:
    said = await read(api, "index", "Index")
    assert [one["system"] for one in said["systems"]] == ["zm", "other"]
    admin = api.token(Scope.ADMIN)
    answer = await api.post("/api/v1/index/rebuild", {"system": "zm"}, token=admin)
    assert (answer.status, answer.said) == (202, {"systems": ["zm"]})
    assert (await api.post("/api/v1/index/rebuild", {}, token=admin)).said == {"systems": ["zm", "other"]}
    assert (await api.post("/api/v1/index/rebuild", {"system": "x"}, token=admin)).status == 404
    limited = api.token(Scope.ADMIN, systems=frozenset({"zm"}))
    assert (await api.post("/api/v1/index/rebuild", {}, token=limited)).status == 403
    assert world.rebuilt == ["zm", None]


async def test_logs(api: Api, world: World) -> None:
    world.lines = [LogLine(time=START, message="it rains", component="zmc")]
    said = await read(api, "logs?system=zm&since=2026-11-20T00:00:00Z&limit=5", "Log")
    assert said["lines"] == [{"time": "2026-11-20T12:00:00Z", "level": "info", "component": "zmc", "message": "it rains"}]
    assert world.log_queries == [LogQuery(since=datetime(2026, 11, 20, tzinfo=UTC), most=5)]
    admin = api.token(Scope.ADMIN)
    assert (await api.get("/api/v1/logs?system=other", token=admin)).code == "media"
    assert (await api.get("/api/v1/logs", token=admin)).said["mistakes"] == [{"field": "system", "reason": "Field required"}]


async def test_the_document_is_the_one_in_the_package(api: Api) -> None:
    answer = await api.get("/api/v1/openapi.json", token=api.token())
    assert answer.said == DOCUMENT


async def test_who_knows_it_already_gets_nothing(api: Api, world: World) -> None:
    token = api.token()
    first = await api.get("/api/v1/systems", token=token)
    known = {"If-None-Match": first.headers["ETag"]}
    again = await api.get("/api/v1/systems", token=token, headers=known)
    assert (again.status, again.body, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    world.set_system("zm", load=2.0)
    assert (await api.get("/api/v1/systems", token=token, headers=known)).status == 200
    head = await api.ask("HEAD", "/api/v1/systems", token=token)
    assert (head.status, head.body) == (200, b"")
    assert int(head.headers["Content-Length"]) > 0


@pytest.mark.parametrize(
    ("accept", "is_packed"), [("gzip", True), ("br, GZIP;q=0.5", True), ("gzip;q=0", False), ("br", False), ("", False)]
)
async def test_what_is_long_comes_compressed_to_who_takes_that(api: Api, accept: str, *, is_packed: bool) -> None:
    request = (
        f"GET /api/v1/catalogue HTTP/1.1\r\nHost: {api.host}\r\nAuthorization: Bearer {api.token()}\r\nConnection: close\r\n"
    )
    reader, writer = await api.connect()
    writer.write(f"{request}Accept-Encoding: {accept}\r\n\r\n".encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    await closed(writer)
    assert (b"Content-Encoding: gzip" in head) is is_packed
    assert b"Vary: Accept-Encoding" in head
    assert json.loads(gzip.decompress(body) if is_packed else body)["monitor"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/", 404),
        ("DELETE", "/api/v1/systems", 405),
        ("PATCH", "/api/v1/events/zm-1", 405),
    ],
)
async def test_what_there_is_not(api: Api, method: str, path: str, status: int) -> None:
    answer = await api.ask(method, path, token=api.token())
    assert answer.status == status
    holds("Problem", answer.said)
    assert answer.headers["Content-Type"] == "application/problem+json"
    if status == 405:
        assert "GET" in answer.headers["Allow"]


async def test_a_defect_is_told_without_anything_about_it(
    api: Api, world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(_ref: EventRef) -> None:
        raise KeyError("a secret thing")

    monkeypatch.setattr(world, "indexed", broken)
    answer = await api.get("/api/v1/events/zm-1", token=api.token())
    assert (answer.status, answer.code) == (500, "error")
    assert b"secret" not in answer.body
    assert b"KeyError" not in answer.body
    assert "a secret thing" in caplog.text
