"""Options, groups, users, storage, the log and zones; and monitors that are added and deleted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.bridge.zoneminder.support import library
from tests.fakes.zoneminder import FakeLine, User, World
from tests.fakes.zoneminder.personality import ALL, V1_34, V1_36_33, V1_38_4, Personality
from tests.fakes.zoneminder.server import VIEWER

from vms_bridge.errors import VmsProtocolError
from vms_bridge.zoneminder import LogRow, NotDone, NotThere, PermissionMissing, ServerFailed, WrongValue
from vms_bridge.zoneminder.changes import is_same, refusal_in
from vms_bridge.zoneminder.parse import parse_loads
from vms_bridge.zoneminder.resources.groups import parse_groups
from vms_bridge.zoneminder.resources.servers import parse_server_rows
from vms_bridge.zoneminder.resources.users import parse_users

ODD = "a/b & c? #1 %41 \"'<é>\\"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
BOTH = pytest.mark.parametrize("personality", [V1_34, V1_36_33, V1_38_4], ids=lambda each: each.version)


@BOTH
async def test_options_are_read_found_and_set(personality: Personality) -> None:
    async with library(personality) as (zm, fake):
        fake.settings = {"ZM_WEB_TITLE": ODD, "ZM_OPT_USE_AUTH": "1"}
        option = await zm.configs.find(name="ZM_WEB_TITLE")
        assert option is not None
        assert (option.value, await zm.configs.get("ZM_WEB_TITLE")) == (ODD, ODD)
        assert await zm.configs.find(id=option.id or "") == option
        assert ODD not in repr(option)
        assert await zm.configs.get("ZM_NO_SUCH_THING") is None
        await zm.configs.set("ZM_WEB_TITLE", f"{ODD}!")
        await zm.configs.set("ZM_OPT_USE_AUTH", value=False)
        assert [one.value for one in await zm.configs.list()][-2:] == [f"{ODD}!", "0"]
        with pytest.raises(NotThere, match="no option ZM_NO_SUCH_THING"):
            await zm.configs.set("ZM_NO_SUCH_THING", "1")
        fake.rewrite = lambda _, body: body.replace(b"option-value", b"another")
        with pytest.raises(NotDone, match="did not change the option ZM_WEB_TITLE"):
            await zm.configs.set("ZM_WEB_TITLE", "option-value")
        fake.users["admin"] = User(fake.users["admin"].password, VIEWER)
        with pytest.raises(PermissionMissing):
            await zm.configs.set("ZM_WEB_TITLE", "mine")


async def test_groups_users_and_storage_are_read() -> None:
    async with library(V1_38_4) as (zm, fake):
        fake.world.groups = [(7, ODD, (1, 3)), (8, "Empty", ())]
        group = await zm.groups.find(name=ODD)
        assert group is not None
        assert (group.id, group.monitor_ids) == ("7", ("1", "3"))
        assert [one.name for one in await zm.groups.list()] == [ODD, "Empty"]
        fake.users["viewer"] = User("viewer", VIEWER, hidden=frozenset({2}))
        own, viewer = await zm.users.own(), await zm.users.find(name="viewer")
        assert own is not None
        assert viewer is not None
        assert own.may("System", "Edit")
        assert (viewer.may("Events"), viewer.may("Events", "Edit"), viewer.may("Control")) == (True, False, False)
        assert viewer.monitor_ids == ("1", "3")
        assert "Password" not in viewer.raw
        (area,) = await zm.storage.list()
        assert (area.name, area.scheme, area.enabled) == ("Default", "Medium", True)
        assert area.path
        fake.more_storage = [{"Id": 2, "Name": "NAS", "Path": "/nas", "Scheme": "Deep", "DiskSpace": 5}]
        assert await zm.storage.find(name="NAS") is None
        _, nas = await zm.storage.list(force_reload=True)
        assert (nas.path, nas.scheme, nas.used_bytes) == ("/nas", "Deep", 5)


async def test_the_log_is_read_from_its_end_and_no_further_than_wanted() -> None:
    now = datetime.now(UTC)
    async with library(V1_36_33) as (zm, fake):
        ago = [now - timedelta(seconds=300 - number) for number in range(250)]
        fake.world.log = [FakeLine(time.timestamp(), f"line {number}") for number, time in enumerate(ago)]
        fake.world.log[20] = FakeLine(ago[20].timestamp(), "broken", level=-2, component="zmdc")
        assert [line.message for line in await zm.logs.list(2)] == ["line 249", "line 248"]
        assert fake.asked("logs") == 1
        assert len(await zm.logs.list(1000)) == 250
        assert [line.message for line in await zm.logs.list(worst=-1)] == ["broken"]
        assert [line.message for line in await zm.logs.list(component="zmdc")] == ["broken"]
        found = await zm.logs.list(since=now - timedelta(seconds=60.5))
        assert [line.message for line in found] == [f"line {number}" for number in range(249, 239, -1)]
        fake.world.log = fake.world.log[:100]
        assert len(await zm.logs.list(1000)) == 100, "the page behind the last one is a 404"
        assert isinstance(found[0], LogRow)


@pytest.mark.parametrize("personality", ALL, ids=lambda each: each.version)
async def test_zones_are_added_edited_and_deleted(personality: Personality) -> None:
    async with library(World(personality, monitors=2)) as (zm, _):
        triangle = ((0.0, 0.0), (0.5, 0.0), (0.0, 1.0))
        zone = await zm.zones.add(2, "Drive/way", triangle, kind="privacy", raw={"Zone[MinAlarmPixels]": 3})
        assert (zone.monitor_id, zone.name, zone.kind) == ("2", "Drive/way", "privacy")
        assert [(round(x, 2), round(y, 2)) for x, y in zone.points] == list(triangle)
        assert zone.raw["Units"] == ("Percent" if personality.modern_modes else "Pixels")
        assert await zm.zones.find(name="Drive/way", monitor=2) == zone
        assert await zm.zones.find(id=zone.id, monitor=1) is None
        square = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
        edited = await zm.zones.edit(zone, name="Street", points=square, kind="Inactive")
        assert (edited.id, edited.name, edited.kind, edited.points) == (zone.id, "Street", "inactive", square)
        assert await zm.zones.edit(zone.id, name="Street") == edited
        await zm.zones.delete(zone)
        assert [one.name for one in await zm.zones.list(2)] == ["All"]
        assert len(await zm.zones.list()) == 2
        with pytest.raises(NotThere):
            await zm.zones.delete(zone)
        with pytest.raises(NotThere, match=f"no zone {zone.id}"):
            await zm.zones.edit(zone, name="x")


@pytest.mark.parametrize("points", [(), ((0.0, 0.0), (1.0, 1.0)), ((0.0, 0.0), (1.0, 0.0), (0.0, 2.0)), ((0.0, 0.0),) * 300])
async def test_corners_that_make_no_zone_are_refused(points: tuple[tuple[float, float], ...]) -> None:
    async with library(V1_36_33) as (zm, fake):
        before = fake.count
        with pytest.raises(WrongValue, match="three corners"):
            await zm.zones.add(1, "x", points)
        assert fake.count == before + 1, "the monitor was looked up, and nothing was sent"
        with pytest.raises(WrongValue, match="no kind of zone 'Hot'"):
            await zm.zones.add(1, "x", ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0)), kind="Hot")


@pytest.mark.parametrize("personality", ALL, ids=lambda each: each.version)
async def test_a_monitor_is_added_edited_and_deleted(personality: Personality) -> None:
    async with library(personality) as (zm, fake):
        added = await zm.monitors.add(
            {"Monitor[Name]": ODD, "Type": "Ffmpeg", "Width": 320, "Height": 240, "Monitor[Colours]": 4}
        )
        assert (added.id, added.name, added.width, added.height) == ("4", ODD, 320, 240)
        edited = await zm.monitors.edit(added, {"Name": f"{ODD}2", "Monitor[Colours]": "3"})
        assert (edited.name, str(edited.raw["Colours"])) == (f"{ODD}2", "3")
        assert await zm.monitors.find(name=f"{ODD}2") is not None
        await zm.monitors.delete(added)
        assert len(await zm.monitors.list()) == 3
        with pytest.raises(NotThere):
            await zm.monitors.delete(added)
        with pytest.raises(NotThere):
            await zm.monitors.edit(4, {"Name": "x"})
        assert fake.world.monitors.keys() == {1, 2, 3}


async def test_what_the_database_refuses_is_said() -> None:
    async with library(V1_38_4) as (zm, _):
        with pytest.raises(ServerFailed, match="Incorrect string value"):
            await zm.monitors.add({"Name": "\N{PARTY POPPER}", "Type": "Ffmpeg"})
        with pytest.raises(WrongValue, match="needs a name"):
            await zm.monitors.add({"Type": "Ffmpeg"})
        with pytest.raises(NotDone, match=r"did not save the monitor 'x': Device: Invalid value"):
            await zm.monitors.add({"Name": "x", "Device": "nothing"})


async def test_an_answer_that_is_none_is_told() -> None:
    async with library(V1_36_33) as (zm, fake):
        fake.fail("configs", "list")
        with pytest.raises(VmsProtocolError, match="without options"):
            await zm.configs.list()
        fake.fail("monitors", "list")
        assert await zm.monitors.list(force_reload=True) == ()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (True, 1, True),
        ("1", True, True),
        (False, "false", True),
        (None, "", True),
        ("5.00", 5, True),
        ("a", "A", False),
        (0, "", False),
    ],
)
def test_spellings_of_one_value(one: object, other: object, same: bool) -> None:  # noqa: FBT001
    assert is_same(one, other) is is_same(other, one) is same


def test_what_is_no_refusal() -> None:
    assert refusal_in({"message": "Saved"}) == refusal_in(None) == refusal_in([]) == ""
    assert refusal_in({"message": "The zone has been saved."}) == ""
    assert refusal_in({"message": "The monitor could not be deleted. Please, try again."})


@settings(max_examples=30)
@given(JSON)
def test_any_json_is_read(value: object) -> None:
    for plural, single in (("users", "User"), ("groups", "Group"), ("servers", "Server")):
        for raw in (
            {plural: value},
            {plural: [value]},
            {plural: [{single: value}]},
            {plural: [{single: {"Id": 1, "Name": value}}]},
        ):
            parse_users(raw)
            parse_groups(raw)
            parse_server_rows(raw)
    parse_loads({"load": value})
    refusal_in({"message": value})
