"""The verbs that ask a ZoneMinder itself: what they show and change, for people and for programs."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.fakes.zoneminder import FakeZoneMinder, User, World
from tests.fakes.zoneminder.personality import V1_38_4
from tests.fakes.zoneminder.world import FakeLine

from vms_bridge.cli import FAILED, OK, USAGE
from vms_bridge.cli.codes import COMMAND_REFUSED
from vms_bridge.cli.zm.place import PASSWORD

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bridge.cli.zm.conftest import Zm


def table(out: str) -> list[list[str]]:
    """Return the cells of a table that is printed where no terminal is, without its heading."""
    return [line.split("  ") for line in out.splitlines()[1:]]


async def test_the_version(zm: Zm, fake: FakeZoneMinder) -> None:
    code, out, err = await zm("version")
    assert (code, err) == (OK, "")
    assert {"1.36.33", "UTC", "yes", fake.url} <= set(out.split())
    said = json.loads((await zm("version", "--json"))[1])
    assert said == {
        "url": fake.url,
        "version": {"zoneminder": "1.36.33", "api": "2.0"},
        "time_zone": "UTC",
        "is_running": True,
        "load": [0.5, 0.4, 0.3],
    }


async def test_monitors(zm: Zm, world: World) -> None:
    world.add_monitor(4, "Haus/Tür \x1b[31m", function="Record", enabled=False)
    code, out, err = await zm("monitors", "list")
    assert (code, err) == (OK, "")
    assert [row[0] for row in table(out)] == ["1", "2", "3", "4"]
    assert "Haus/Tür  [31m" in out
    assert "Record, off" in out
    lines = [json.loads(line) for line in (await zm("monitors", "list", "--ndjson"))[1].splitlines()]
    assert [(each["id"], each["modes"], each["armed"]) for each in lines[2:]] == [
        ("3", {"function": "Modect"}, True),
        ("4", {"function": "Record"}, False),
    ]
    assert "rtsp-camera-secret" not in json.dumps(lines)


async def test_one_monitor(zm: Zm, world: World) -> None:
    world.alarm(2)
    code, out, _ = await zm("monitors", "show", "Camera 2")
    assert (code, "alarm " in out, "640 x 480" in out) == (OK, True, True)
    said = json.loads((await zm("monitors", "show", "2", "--json"))[1])
    assert (said["name"], said["alarm"]) == ("Camera 2", "alarm")
    assert "rtsp-camera-secret" not in json.dumps(said)
    assert json.loads((await zm("monitors", "show", "2", "--raw"))[1])["Pass"] == "rtsp-camera-secret"


async def test_a_monitor_by_a_name_that_looks_like_an_id(zm: Zm, world: World) -> None:
    world.add_monitor(7, "9")
    assert json.loads((await zm("monitors", "show", "9", "--json"))[1])["id"] == "7"


async def test_a_monitor_that_is_not_there(zm: Zm) -> None:
    code, out, err = await zm("monitors", "show", "Attic")
    assert (code, out) == (FAILED, "")
    assert "there is no monitor 'Attic'" in err
    assert "1 Camera 1, 2 Camera 2" in err


async def test_whether_a_monitor_runs(zm: Zm, world: World) -> None:
    code, out, _ = await zm("monitors", "status", "1")
    assert (code, out.startswith("Camera 1: running, idle")) == (OK, True)
    world.monitors[1].status = "NotRunning"
    code, out, _ = await zm("monitors", "status", "1", "--json")
    assert (code, json.loads(out)["is_running"]) == (FAILED, False)


async def test_an_alarm_is_forced_and_ended(zm: Zm, world: World) -> None:
    assert (await zm("monitors", "alarm", "1", "on"))[:2] == (OK, "Camera 1: alarm on\n")
    assert json.loads((await zm("monitors", "show", "1", "--json"))[1])["alarm"] == "alarm"
    assert (await zm("monitors", "alarm", "1", "off"))[0] == OK
    assert (await zm("monitors", "alarm", "1", "suppress"))[0] == OK
    assert world.monitors[1].is_forced_off


async def test_what_a_monitor_does_is_set(zm: Zm, world: World) -> None:
    code, out, _ = await zm("monitors", "mode", "1", "--function", "Monitor", "--disable")
    assert (code, out) == (OK, "set monitor 1 Camera 1: function Monitor\n")
    assert (world.monitors[1].function, world.monitors[1].enabled) == ("Monitor", False)
    code, out, _ = await zm("monitors", "edit", "1", "--set", "Name=Front = Door", "--json")
    assert (code, json.loads(out)["name"], world.monitors[1].name) == (OK, "Front = Door", "Front = Door")


async def test_modes_of_newer_versions(zm: Zm, fake: FakeZoneMinder, world: World) -> None:
    world.upgrade(V1_38_4)
    code, out, _ = await zm("monitors", "mode", "1", "--recording", "Always", "--analysing", "None")
    assert (code, "analysing None, recording Always" in out) == (OK, True)
    assert (world.monitors[1].analysing, world.monitors[1].recording) == ("None", "Always")
    assert (await zm("monitors", "arm", "1", "on"))[0] == OK
    assert world.monitors[1].analysing == "Always"
    assert "Always/Always/Always" in (await zm("monitors", "list"))[1]
    assert fake.edits


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["mode", "1"], USAGE),
        (["edit", "1"], USAGE),
        (["edit", "1", "--set", "Name"], USAGE),
        (["edit", "1", "--set", "Colour=red"], COMMAND_REFUSED),
        (["add", " "], COMMAND_REFUSED),
    ],
)
async def test_changes_that_make_no_sense(arguments: list[str], code: int, zm: Zm, fake: FakeZoneMinder) -> None:
    assert (await zm("monitors", *arguments))[:2] == (code, "")
    assert not fake.edits


async def test_a_monitors_daemon(zm: Zm, fake: FakeZoneMinder) -> None:
    assert (await zm("monitors", "daemon", "2", "restart"))[:2] == (OK, "Camera 2: daemon restart\n")
    assert fake.restarts == [2]


async def test_a_picture_of_now(zm: Zm, fake: FakeZoneMinder, tmp_path: Path) -> None:
    code, out, _ = await zm("monitors", "snapshot", "1")
    assert (code, out, (tmp_path / "monitor-1.jpg").read_bytes()) == (OK, "monitor-1.jpg\n", fake.picture)
    code, _, err = await zm("monitors", "snapshot", "1", "--to", "nowhere/x.jpg")
    assert (code, "can't be written" in err) == (FAILED, True)


async def test_run_states(zm: Zm, world: World) -> None:
    code, out, _ = await zm("states", "list")
    assert (code, "active" in out, "a/b & c" in out) == (OK, True, True)
    said = json.loads((await zm("states", "list", "--json"))[1])
    assert {each["name"]: each["is_active"] for each in said} == {"default": True, "Quiet": False, "a/b & c": False}
    assert (await zm("states", "set", "a/b & c"))[:2] == (OK, "run state a/b & c\n")
    assert world.states["a/b & c"]
    assert (await zm("states", "set", "a/b & c"))[:2] == (OK, "run state a/b & c, as it was already\n")
    code, out, _ = await zm("states", "show", "Quiet")
    assert (code, "function: Modect" in out) == (OK, True)
    assert json.loads((await zm("states", "show", "Quiet", "--json"))[1])["modes"]["1"]["function"] == "Modect"


@pytest.mark.parametrize("verb", ["set", "show"])
async def test_a_run_state_that_is_not_there(verb: str, zm: Zm) -> None:
    code, out, err = await zm("states", verb, "Away")
    assert (code, out, "'Away'" in err, "->" in err) == (FAILED, "", True, True)


async def test_an_option(zm: Zm) -> None:
    assert (await zm("configs", "get", "ZM_PATH_ZMS"))[:2] == (OK, "/zm/cgi-bin/nph-zms\n")
    assert json.loads((await zm("configs", "get", "ZM_PATH_ZMS", "--json"))[1])["name"] == "ZM_PATH_ZMS"
    code, _, err = await zm("configs", "get", "ZM_NONE")
    assert (code, "no option ZM_NONE" in err) == (FAILED, True)


async def test_zones(zm: Zm, world: World) -> None:
    world.monitors[2].zones = ["Drive", "Sky:Privacy"]
    code, out, _ = await zm("zones", "list", "--monitor", "Camera 2")
    assert (code, [word for word in ("Drive", "Sky", "privacy", "0,0 1,0 1,1 0,1") if word in out]) == (
        OK,
        ["Drive", "Sky", "privacy", "0,0 1,0 1,1 0,1"],
    )
    assert {each["monitor_id"] for each in json.loads((await zm("zones", "list", "--json"))[1])} == {"1", "2", "3"}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["add", "1", "Gate", "0,0 1"], USAGE),
        (["add", "1", "Gate", "0,0 1,x 1,1"], USAGE),
        (["add", "1", "Gate", "0,0 1,1"], COMMAND_REFUSED),
        (["edit", "100"], USAGE),
        (["edit", "4", "--name", "x"], FAILED),
        (["delete", "4", "--yes"], FAILED),
    ],
)
async def test_zones_that_can_not_be(arguments: list[str], code: int, zm: Zm) -> None:
    assert (await zm("zones", *arguments))[:2] == (code, "")


async def test_storage_and_servers(zm: Zm, fake: FakeZoneMinder) -> None:
    fake.servers = [{"Id": 1, "Name": "one", "Hostname": "zm.example", "Port": 443, "Protocol": "https", "CpuLoad": "0.50"}]
    code, out, _ = await zm("storage", "list")
    assert (code, "/events" in out, "12.3 kB" in out) == (OK, True, True)
    assert json.loads((await zm("storage", "list", "--json"))[1])[0]["path"] == "/events"
    code, out, _ = await zm("servers", "list")
    assert (code, "https://zm.example:443" in out, "0.50" in out) == (OK, True, True)
    assert json.loads((await zm("servers", "list", "--json"))[1])[0]["hostname"] == "zm.example"


async def test_the_log(zm: Zm, world: World) -> None:
    now = world.now().timestamp()
    world.log += [FakeLine(now - 7200, "long ago"), FakeLine(now - 60, "worse", level=-2), FakeLine(now, "fine \x07")]
    code, out, _ = await zm("logs")
    assert (code, [line.rstrip().rpartition("  ")[2] for line in out.splitlines()[1:]]) == (OK, ["long ago", "worse", "fine"])
    assert "error" in out
    lines = [json.loads(line) for line in (await zm("logs", "--from", "1 hour ago", "--ndjson"))[1].splitlines()]
    assert [each["message"].strip() for each in lines] == ["worse", "fine \x07"]
    assert [json.loads((await zm("logs", "--level", "warning", "--ndjson"))[1])["level"]] == [-2]
    assert (await zm("logs", "--from", "whenever"))[0] == USAGE


async def test_who_may_not(fake: FakeZoneMinder, zm: Zm, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.users["admin"] = User("viewer", permissions=frozenset())
    monkeypatch.setenv(PASSWORD, "viewer")
    for verb in (["monitors", "list"], ["states", "list"], ["storage", "list"], ["logs"]):
        code, out, err = await zm(*verb)
        assert (code, out, "->" in err, "Traceback" in err) == (FAILED, "", True, False), verb


async def test_where_no_login_is_wanted(run: Zm, world: World) -> None:
    world.upgrade(replace(world.personality, auth=False))
    async with FakeZoneMinder(world) as open_to_all:
        assert (await run("monitors", "list", "--url", f"{open_to_all.url}/api"))[0] == OK


async def test_a_monitor_is_added_and_deleted(zm: Zm, world: World) -> None:
    code, out, _ = await zm("monitors", "add", "Gate", "--set", "Type=Ffmpeg", "--set", "Path=rtsp://gate/", "--json")
    number = json.loads(out)["id"]
    assert (code, world.monitors[int(number)].name) == (OK, "Gate")
    assert "rtsp://gate/" not in out
    assert (await zm("monitors", "delete", "Gate", "--yes"))[:2] == (OK, f"deleted monitor {number} Gate\n")
    assert (await zm("monitors", "show", "Gate"))[0] == FAILED


async def test_how_many_events_each_has_had(zm: Zm, world: World) -> None:
    world.open_event(2)
    code, out, _ = await zm("monitors", "counts", "--json")
    assert (code, json.loads(out)[:2]) == (
        OK,
        [{"monitor": "1", "name": "Camera 1", "events": 0}, {"monitor": "2", "name": "Camera 2", "events": 1}],
    )


async def test_zoneminder_is_stopped_and_started(zm: Zm, world: World) -> None:
    assert (await zm("states", "stop"))[:2] == (OK, "stopped\n")
    assert world.is_stopped
    assert (await zm("states", "stop"))[:2] == (OK, "it is stopped already\n")
    assert (await zm("states", "start"))[:2] == (OK, "started\n")
    assert (await zm("states", "start"))[:2] == (OK, "it runs already\n")
    assert (await zm("states", "restart"))[:2] == (OK, "restarted\n")
    assert not world.is_stopped


async def test_options_are_listed_and_set(zm: Zm, fake: FakeZoneMinder) -> None:
    code, out, _ = await zm("configs", "list", "zms", "path")
    assert (code, len(out.splitlines()), "/zm/cgi-bin/nph-zms" in out) == (OK, 2, True)
    assert {each["name"]: each["value"] for each in json.loads((await zm("configs", "list", "ZMS", "--json"))[1])} == {
        "ZM_PATH_ZMS": "/zm/cgi-bin/nph-zms"
    }
    assert (await zm("configs", "set", "ZM_PATH_ZMS", "/cgi-bin/zms"))[:2] == (OK, "ZM_PATH_ZMS is /cgi-bin/zms\n")
    assert fake.settings["ZM_PATH_ZMS"] == "/cgi-bin/zms"
    assert (await zm("configs", "set", "ZM_NONE", "1"))[0] == FAILED


async def test_zones_are_added_changed_and_deleted(zm: Zm) -> None:
    code, out, _ = await zm("zones", "add", "Camera 1", "Drive", "0,0.5 1,0.5 1,1 0,1", "--kind", "exclusive", "--json")
    added = json.loads(out)
    assert (code, added["name"], added["monitor_id"], len(added["points"])) == (OK, "Drive", "1", 4)
    code, out, _ = await zm("zones", "edit", added["id"], "--name", "Lane", "--points", "0,0 1,0 1,1")
    assert (code, out) == (OK, f"changed zone {added['id']} Lane of monitor 1\n")
    assert (await zm("zones", "delete", added["id"], "--dry-run"))[:2] == (
        OK,
        f"would delete zone {added['id']} Lane of monitor 1\n",
    )
    assert (await zm("zones", "delete", added["id"], "--yes"))[0] == OK
    assert added["id"] not in {each["id"] for each in json.loads((await zm("zones", "list", "--json"))[1])}


async def test_groups_and_users(zm: Zm, world: World) -> None:
    world.groups = [(1, "Outside", (1, 2))]
    code, out, _ = await zm("groups", "list")
    assert (code, "Outside" in out, "1, 2" in out) == (OK, True, True)
    assert json.loads((await zm("groups", "list", "--json"))[1])[0]["monitor_ids"] == ["1", "2"]
    code, out, _ = await zm("users", "list")
    assert (code, "admin" in out, "viewer" in out) == (OK, True, True)
    said = {each["name"]: each["permissions"] for each in json.loads((await zm("users", "list", "--json"))[1])}
    assert said["viewer"]["Events"] == "View"
