from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.bridge.backends.zoneminder.support import recorded

from vms_bridge.downloads import parse_content_range
from vms_bridge.zoneminder import AlarmState, Storage, parse

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from(
    ["Id", "MonitorId", "Name", "StartDateTime", "EndDateTime", "Length", "Width", "Coords", "Units", "Deleted"]
)
ROW = st.dictionaries(FIELDS, JSON | st.sampled_from(["1", 1, "2026-11-20 10:00:00", "0,0 1,1"]), max_size=8)


def listed(plural: str, single: str) -> st.SearchStrategy[object]:
    wrapped = st.dictionaries(st.sampled_from([single, "Monitor_Status", "Event_Summary", "x"]), ROW | JSON, max_size=3)
    return JSON | st.fixed_dictionaries({plural: st.lists(wrapped | JSON, max_size=3) | JSON})


@settings(max_examples=80, deadline=None)
@given(listed("monitors", "Monitor"), listed("events", "Event"), listed("zones", "Zone"), listed("states", "State"), JSON)
def test_parsers_are_total(monitors: object, events: object, zones: object, states: object, any_json: object) -> None:
    rows = parse.parse_monitors(monitors)
    assert all(row.id.isdecimal() and row.name for row in rows.values())
    assert all(event.start.tzinfo is UTC for event in parse.parse_events(events, ZoneInfo("Europe/Berlin")))
    for some in parse.parse_zones(zones, rows).values():
        assert all(0 <= value <= 1 for zone in some for point in zone.points for value in point)
    parse.parse_states(states)
    for total in (
        parse.parse_storage,
        parse.parse_load,
        parse.parse_version,
        parse.parse_time_zone,
        parse.parse_count,
        parse.parse_logs,
    ):
        total(any_json)
    parse.parse_alarm_status(any_json, (1, 36, 33))
    parse.parse_monitor(any_json)


def test_recorded_monitors() -> None:
    found = parse.parse_monitors(recorded("monitors"))
    assert [(row.id, row.name, row.function) for row in found.values()] == [
        ("1", "Front Door", "Modect"), ("2", "Driveway", "Modect"), ("3", "Back Garden", "Mocord"),
    ]  # fmt: skip
    first = found["1"]
    assert (first.width, first.height, first.type, first.status) == (320, 240, "Ffmpeg", "Connected")
    assert first.capture_fps is not None
    assert first.is_delivering
    assert first.armed
    assert first.modes == {"function": "Modect"}
    assert first.shows_alarms_as_events
    assert not found["3"].shows_alarms_as_events
    assert found["2"].events["total"]


def test_recorded_monitor_with_function_none_is_no_fault() -> None:
    row = parse.parse_monitor(recorded("monitor-function-none")["monitor"])
    assert row is not None
    assert row.is_idle
    assert not row.captures
    assert row.armed is False


def test_counters_of_a_monitor_without_events_are_unknown() -> None:
    row = parse.parse_monitor(recorded("monitor-1-1.36.37")["monitor"])
    assert row is not None
    assert set(row.events.values()) == {None}


def test_modern_modes_take_over_where_their_columns_are() -> None:
    raw = {
        "Monitor": {
            "Id": "4",
            "Name": "é",
            "Function": "Modect",
            "Capturing": "Always",
            "Analysing": "None",
            "Recording": "Always",
        }
    }
    row = parse.parse_monitor(raw)
    assert row is not None
    assert row.modes == {"capturing": "Always", "analysing": "None", "recording": "Always"}
    assert row.armed is False
    assert row.captures
    assert not row.is_without_alarms


def test_deleted_and_repeated_monitors() -> None:
    rows = [{"Id": 1, "Name": "a"}, {"Id": 1, "Name": "b"}, {"Id": 2, "Deleted": True}]
    found = parse.parse_monitors({"monitors": [{"Monitor": row} for row in rows]})
    assert [(row.id, row.name) for row in found.values()] == [("1", "a")]


def test_turned_camera_has_its_sides_swapped() -> None:
    row = parse.parse_monitor({"Monitor": {"Id": 1, "Width": "640", "Height": "480", "Orientation": "ROTATE_90"}})
    assert row is not None
    assert (row.width, row.height) == (480, 640)


def test_disabled_monitor_is_not_armed() -> None:
    row = parse.parse_monitor({"Monitor": {"Id": 1, "Function": "Modect", "Enabled": "0"}})
    assert row is not None
    assert row.armed is False


def test_recorded_events() -> None:
    (opened,) = parse.parse_events(recorded("event-open"), UTC)
    assert (opened.id, opened.monitor_id, opened.end, opened.cause, opened.max_score) == (6, "1", None, "Forced Web", 255)
    assert opened.start == datetime(2026, 11, 20, 10, 5, 47, tzinfo=UTC)
    (closed,) = parse.parse_events(recorded("event-closed"), UTC)
    assert closed.end is not None
    assert closed.length_s is not None
    assert parse.parse_events(recorded("events-none"), UTC) == []
    assert parse.parse_count(recorded("events-none")) == 0


@given(listed("logs", "Log"))
def test_lines_of_a_log_are_total(logs: object) -> None:
    assert all(line.time.tzinfo is UTC for line in parse.parse_logs(logs))


def test_a_line_of_a_log() -> None:
    row = {"Id": "7", "TimeKey": "1795830625.250000", "Component": "zmc_m1", "Level": "-2", "Message": "Can't open it"}
    odd = [{"Id": 8, "TimeKey": None}, {"Id": None, "TimeKey": "1"}, {"Id": 9, "TimeKey": "1e300"}]
    (line,) = parse.parse_logs({"logs": [{"Log": each} for each in (row, *odd)]})
    assert (line.id, line.level, line.component, line.message) == (7, -2, "zmc_m1", "Can't open it")
    assert line.time == datetime(2026, 11, 28, 1, 50, 25, 250_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("bytes 0-9/100", (0, 9, 100)), ("bytes 5-5/6", (5, 5, 6)), ("Bytes 0-9/*", (0, 9, None)),
        ("bytes 0-999/100", (0, 999, 100)),
        ("bytes 9-0/100", None), ("bytes 100-109/100", None), ("bytes */100", None), ("items 0-9/100", None), ("", None),
        (None, None),
        ("bytes 0-9/" + "9" * 30, None),
    ],
)  # fmt: skip
def test_which_bytes_these_are(text: str | None, found: tuple[int, int, int | None] | None) -> None:
    assert parse_content_range(text) == found


def test_a_monitor_that_writes_no_video() -> None:
    for writer, writes in ((0, False), ("0", False), (2, True), (None, True)):
        row = parse.parse_monitor({"Monitor": {"Id": 1, "Name": "x", "VideoWriter": writer}})
        assert row
        assert row.writes_video is writes


def test_computed_end_of_a_running_event_is_no_end() -> None:
    row = {"Id": 1, "MonitorId": 1, "StartDateTime": "2026-01-01 10:00:00", "EndDateTime": None, "EndTime": "2026-01-01 10:00:05"}
    event = parse.parse_event(row, UTC)
    assert event is not None
    assert event.end is None


def test_times_are_local_to_the_server_and_an_end_never_precedes_its_start() -> None:
    zone = ZoneInfo("Europe/Berlin")
    row = {"Id": 1, "MonitorId": 1, "StartTime": "2026-10-25 02:59:00", "EndTime": "2026-10-25 02:01:00"}
    event = parse.parse_event(row, zone)
    assert event is not None
    assert event.start == datetime(2026, 10, 25, 0, 59, tzinfo=UTC)
    assert event.end == datetime(2026, 10, 25, 1, 1, tzinfo=UTC)  # in the second pass of the repeated hour
    odd = parse.parse_event({**row, "EndTime": "2026-10-25 01:01:00"}, zone)
    assert odd is not None
    assert odd.end == odd.start


@pytest.mark.parametrize(
    ("name", "state"),
    [("idle", AlarmState.IDLE), ("alarm", AlarmState.ALARM), ("alert", AlarmState.ALERT), ("mocord-quiet", AlarmState.IDLE)],
)
def test_recorded_alarm_status(name: str, state: AlarmState) -> None:
    assert parse.parse_alarm_status(recorded(f"alarm-status-{name}"), (1, 36, 33)) is state


@pytest.mark.parametrize(
    "answer", [recorded("alarm-status-not-running"), {"status": -1}, {"status": ""}, {"status": 9}, [], None]
)
def test_no_alarm_status(answer: object) -> None:
    assert parse.parse_alarm_status(answer, (1, 36, 33)) is None


def test_alarm_status_of_the_shifted_versions() -> None:
    assert parse.parse_alarm_status({"status": "1"}, (1, 36, 20)) is AlarmState.IDLE
    assert parse.parse_alarm_status({"status": "3"}, (1, 36, 20)) is AlarmState.ALARM
    assert parse.parse_alarm_status({"status": "2"}, (1, 34, 26)) is AlarmState.ALARM


def test_recorded_system_answers() -> None:
    assert parse.parse_version(recorded("get-version")) == (1, 36, 33)
    assert parse.parse_time_zone(recorded("get-timezone")) == ZoneInfo("UTC")
    assert [(state.name, state.is_active) for state in parse.parse_states(recorded("states"))] == [
        ("default", True),
        ("Quiet", False),
    ]
    assert parse.parse_storage(recorded("storage")) == (Storage(id="1", name="Default", used_bytes=641149),)
    assert parse.parse_load(recorded("get-load")) == pytest.approx(0.0137, abs=0.001)
    (zone,) = parse.parse_zones(recorded("zones-of-monitor-1"), parse.parse_monitors(recorded("monitors")))["1"]
    assert (zone.name, zone.points[2]) == ("All", (1.0, 1.0))


def test_zones_by_percent_in_zoneminders_own_order() -> None:
    rows: list[dict[str, Any]] = [
        {
            "Zone": {
                "Id": 2,
                "MonitorId": 1,
                "Name": "Gate",
                "Type": "Active",
                "Units": "Percent",
                "Coords": "0,0 50.5,0 50.5,100",
            }
        },
        {"Zone": {"Id": 3, "MonitorId": 1, "Type": "Privacy", "Coords": ""}},
        {"Zone": {"Id": 1, "MonitorId": 1, "Type": "Inclusive", "Units": "Percent", "Coords": "0,0 x,y"}},
    ]
    first, second, third = parse.parse_zones({"zones": rows}, {})["1"]
    assert (first.id, first.points) == ("2", ((0.0, 0.0), (0.505, 0.0), (0.505, 1.0)))
    assert (second.id, second.name, second.kind, second.points) == ("1", "Zone 1", "inclusive", ())
    assert (third.id, third.kind) == ("3", "privacy")


@pytest.mark.parametrize("raw", [{"tz": "../../etc/passwd"}, {"tz": "Nowhere/Land"}, {"tz": ""}, {"tz": "\0"}, []])
def test_no_time_zone(raw: object) -> None:
    assert parse.parse_time_zone(raw) is None


@pytest.mark.parametrize(("value", "known"), [("1", True), (0, False), ("false", False), ("on", True), (None, True), ("?", True)])
def test_booleans(value: object, *, known: bool) -> None:
    assert parse.as_bool(value, default=True) is known


def test_lists_that_came_as_objects() -> None:
    assert list(parse.parse_monitors({"monitors": {"0": {"Monitor": {"Id": 5}}}})) == ["5"]
    assert [s.name for s in parse.parse_states({"states": {"1": {"State": {"Name": "x"}}}})] == ["x"]


@settings(max_examples=80)
@given(JSON | st.text(st.characters(categories=("Cs", "L")), max_size=10))
def test_a_text_can_always_be_stored_and_told(value: object) -> None:
    assert parse.as_text(value).encode().decode() == parse.as_text(value)


@pytest.mark.parametrize(
    ("raw", "read"),
    [("Tür \ud83d", "Tür ?"), ("🚪" * 5000, "🚪" * parse.TEXT_LIMIT), (7, "7"), (2.5, "2.5"), (True, ""), (None, ""), ([], "")],
)
def test_texts(raw: object, read: str) -> None:
    assert parse.as_text(raw) == read
