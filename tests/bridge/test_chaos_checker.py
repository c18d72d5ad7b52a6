"""The chaos suite's judge finds each kind of fault: a checker that can't fail proves nothing."""

from __future__ import annotations

import ast
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.chaos.checker import (
    Delivery,
    Excuses,
    MonitorFacts,
    Row,
    Truth,
    check_delivery,
    compared_states,
    compared_topics,
    is_told_deleted,
)
from tests.chaos.commands import Answers
from tests.chaos.faults import DUE_TO_A_FULL_DISK
from tests.chaos.lab import orphans
from tests.chaos.result import Result
from tests.chaos.schedule import KINDS, dump, load, rounds
from tests.chaos.tap import Accepted, Tap
from tests.e2e.bridge import grave_lines

if TYPE_CHECKING:
    from collections.abc import Collection

ROOT = "vms_bridge/chaos"
START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
END = START + timedelta(seconds=8)
ROWS = [Row(1, 1, START, END), Row(2, 1, END), Row(3, 2, START, END)]


def message(number: int, type_: str, seq: int, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    monitor = "2" if number == 3 else "1"
    end = f"{END:%Y-%m-%dT%H:%M:%SZ}" if type_ == "end" else None
    event = {"epoch": "a", "seq": seq, "id": f"zm-{number}", "type": type_, "late": False, "system": "zm", "monitor": monitor}
    start = END if number == 2 else START
    return event | {"start": f"{start:%Y-%m-%dT%H:%M:%SZ}", "end": end, "end_reason": "closed" if end else None} | fields


GOOD = [message(1, "new", 1), message(3, "new", 1), message(1, "end", 2), message(2, "new", 3), message(3, "end", 2)]


def accepted(messages: list[dict[str, Any]]) -> list[Accepted]:
    """Return the messages as the tap would have seen them, on both topics, one a second."""
    found: list[Accepted] = []
    for event in messages:
        payload = json.dumps(event).encode()
        for topic in (f"{ROOT}/zm/{event['monitor']}/event", f"{ROOT}/event"):
            found.append(Accepted(topic, payload, len(found), len(found) / 2))
    return found


def judge(messages: list[Accepted], rows: Collection[Row] = ROWS, **excuses: Any) -> Delivery:  # noqa: ANN401 - as they are
    return check_delivery(rows, messages, root=ROOT, system="zm", excuses=Excuses(**excuses))


def judged(messages: list[dict[str, Any]], rows: Collection[Row] = ROWS, **excuses: Any) -> Delivery:  # noqa: ANN401 - as they are
    return judge(accepted(messages), rows, **excuses)


def test_a_faultless_run_is_found_so() -> None:
    delivery = judged(GOOD)
    assert delivery.faults == []
    assert (delivery.recorded, delivery.announced, delivery.duplicates) == (3, 3, 0)


@pytest.mark.parametrize("missing", range(len(GOOD)))
def test_every_lost_message_is_found(missing: int) -> None:
    lost = judged(GOOD[:missing] + GOOD[missing + 1 :]).lost
    assert sum("never announced" in each or "never told" in each for each in lost) == 2  # on both topics


@pytest.mark.parametrize("topic", [f"{ROOT}/event", f"{ROOT}/zm/1/event"])
def test_a_message_on_one_of_its_topics_alone_is_found(topic: str) -> None:
    told = [*GOOD, message(1, "media", 4, end=f"{END:%Y-%m-%dT%H:%M:%SZ}")]
    assert judged(told).faults == []
    everything = accepted(told)
    assert judge(everything[:-2] + [each for each in everything[-2:] if each.topic == topic]).lost


def test_an_event_of_before_the_run_need_not_be_told() -> None:
    assert check_delivery(ROWS, [], root=ROOT, system="zm", since=3).faults == []


def test_a_reordering_is_found_within_a_lane_only() -> None:
    swapped = [GOOD[2], GOOD[1], GOOD[0], *GOOD[3:]]
    assert len(judged(swapped).disordered) == 4  # the number, and the end before its beginning, on both topics
    overtaken = [GOOD[0], GOOD[1], GOOD[3], {**GOOD[2], "late": True}, GOOD[4]]
    assert judged(overtaken).disordered == []


def test_duplicates_are_counted_and_must_be_identical() -> None:
    again = judged([*GOOD, GOOD[0]])
    assert (again.faults, again.duplicates) == ([], 2)
    assert len(judged([*GOOD, {**GOOD[0], "score": 1}]).differing) == 2


def test_other_bytes_on_the_other_topic_are_found() -> None:
    messages = accepted(GOOD)
    messages[0] = replace(messages[0], payload=json.dumps(GOOD[0] | {"score": 1}).encode())
    assert len(judge(messages).differing) == 1


def test_a_message_on_another_monitors_topic_is_found() -> None:
    messages = accepted(GOOD)
    messages[0] = replace(messages[0], topic=f"{ROOT}/zm/2/event")
    assert judge(messages).untrue == [f"zm-1 of monitor 1 was told on {ROOT}/zm/2/event"]


def test_a_gap_in_the_numbers_is_found_at_the_beginning_too() -> None:
    assert judged([*GOOD, message(1, "media", 5, end=f"{END:%Y-%m-%dT%H:%M:%SZ}")]).lost
    assert judged([each if each["monitor"] == "1" else each | {"seq": each["seq"] + 1} for each in GOOD]).lost


def test_a_number_that_came_late_is_no_gap() -> None:
    late = message(1, "update", 4, late=True, end=f"{END:%Y-%m-%dT%H:%M:%SZ}")
    assert judged([*GOOD, message(2, "update", 5), late]).faults == []


def test_an_event_is_told_once_unless_the_memory_of_it_was_lost() -> None:
    assert judged([*GOOD, message(1, "new", 4)]).untrue
    assert judged([*GOOD, message(1, "end", 4)]).untrue
    anew = [each | {"epoch": "b"} for each in (GOOD[0], GOOD[2])]
    told = [GOOD[1], *anew, GOOD[0], GOOD[2], GOOD[3], GOOD[4]]
    assert judged(told, full=[0.5]).untrue
    assert judged(told, full=[0.5], forgotten=[2.5]).faults == []


def test_what_is_late_for_no_reason_is_found() -> None:
    told = [*GOOD[:4], {**GOOD[4], "late": True}]
    assert judged(told, calm_until=4.0).faults == []
    assert judged(told, calm_until=6.0).untrue == ["zm-3 was told as late (end), and nothing was hurt yet"]


def test_another_epoch_is_found_unless_a_disk_was_full_before() -> None:
    told = [*GOOD, message(2, "update", 4, epoch="b"), message(2, "update", 5, epoch="c")]
    assert len(judged(told).untrue) == 2
    assert len(judged(told, full=[4.0]).untrue) == 1
    assert len(judged(told, full=[4.0, 60.0]).untrue) == 1
    assert judged(told, full=[4.0, 5.5]).faults == []


def test_a_gap_is_excused_where_memory_was_lost_and_nowhere_else() -> None:
    told = [*GOOD, message(2, "update", 4, epoch="b"), message(2, "update", 6, epoch="b")]
    assert judged(told, full=[4.0]).lost
    assert judged(told, full=[4.0], forgotten=[6.0]).faults == []
    assert judged([*GOOD, message(2, "update", 5)], full=[4.0], forgotten=[6.0]).lost


@pytest.mark.parametrize(
    "wrong",
    [
        {"start": "2026-11-20T12:00:01Z"},
        {"end": "2026-11-20T12:00:09Z"},
        {"end": None},
        {"monitor": "2"},
        {"id": "zm-99"},
        {"type": "deleted"},
    ],
)
def test_an_untrue_message_is_found(wrong: dict[str, Any]) -> None:
    assert judged([*GOOD, message(1, "update", 4, end=f"{END:%Y-%m-%dT%H:%M:%SZ}") | wrong]).untrue


@pytest.mark.parametrize("wrong", [{"start": "2026-11-20T12:00:01Z"}, {"monitor": "2", "seq": 3}])
def test_an_untrue_message_of_an_open_event_is_found(wrong: dict[str, Any]) -> None:
    assert judged([*GOOD, message(2, "update", 4)]).faults == []
    assert judged([*GOOD, message(2, "update", 4) | wrong]).untrue


def test_an_open_event_that_was_told_to_have_ended_is_found_unless_nobody_will_close_it() -> None:
    told = [*GOOD, message(2, "end", 4)]
    assert judged(told).untrue
    assert judged(told, orphans={2}).faults == []


def test_a_deleted_event_may_be_told_of_or_not() -> None:
    rows = [row for row in ROWS if row.id != 3]
    assert judged(GOOD, rows=rows).untrue
    assert judged(GOOD, rows=rows, gone={3}).faults == []
    assert judged([event for event in GOOD if event["id"] != "zm-3"], rows=rows, gone={3}).faults == []


def test_a_deleted_event_that_was_announced_must_end_or_be_told_to_be_deleted() -> None:
    rows = [row for row in ROWS if row.id != 3]
    assert len(judged(GOOD[:-1], rows=rows, gone={3}).lost) == 2
    assert judged([*GOOD[:-1], message(3, "deleted", 2)], rows=rows, gone={3}).faults == []


def test_an_open_row_is_an_orphan_when_another_has_followed_long_ago() -> None:
    assert orphans([Row(1, 1, START), Row(2, 1, END)], {}) == {1}
    now = datetime.now(UTC)
    assert orphans([Row(1, 1, now), Row(2, 1, now)], {}) == set()


FACTS = {1: MonitorFacts(alarm="alarm", delivers=True, modes={"function": "Modect"}, newest=ROWS[1], open=ROWS[1])}
STATE = {"available": True, "connected": True, "alarm": "alarm", "motion": True, "function": "Modect"}
STATE |= {"event_id": "zm-2", "is_recording": True}
LAST = {"id": "zm-2", "start": "2026-11-20T12:00:08Z", "end": None, "type": "new"}


def retained(
    state: dict[str, Any] | None = None, last: dict[str, Any] | None = None, status: bytes = b"online"
) -> dict[str, bytes]:
    return {
        f"{ROOT}/status": status,
        f"{ROOT}/zm/state": b'{"available": true}',
        f"{ROOT}/zm/1/state": json.dumps(STATE | (state or {})).encode(),
        f"{ROOT}/zm/1/last_event": json.dumps(LAST | (last or {})).encode(),
    }


def untrue(messages: dict[str, bytes], facts: dict[int, MonitorFacts] = FACTS) -> set[str]:
    return set(Truth().untrue(compared_states(facts, messages, root=ROOT, system="zm"), 0.0))


def test_true_states_are_found_so() -> None:
    assert untrue(retained()) == set()


@pytest.mark.parametrize("field", sorted(STATE))
@pytest.mark.parametrize("value", [None, "another"])
def test_every_untrue_field_of_a_state_is_found(field: str, value: str | None) -> None:
    assert untrue(retained(state={field: value})) == {f"zm/1/state {field}"}


@pytest.mark.parametrize(
    ("field", "value"), [("id", "zm-1"), ("start", "2026-11-20T12:00:09Z"), ("start", None), ("end", "2026-11-20T12:00:09Z")]
)
def test_every_untrue_field_of_a_last_event_is_found(field: str, value: str | None) -> None:
    assert untrue(retained(last={field: value})) == {f"zm/1/last_event {field}"}


def test_what_is_missing_garbage_or_offline_is_untrue() -> None:
    assert "status" in untrue(retained(status=b"offline"))
    for payload in (b"", b"nonsense", b"[]"):
        assert "zm/1/state alarm" in untrue({**retained(), f"{ROOT}/zm/1/state": payload})
    assert len(untrue({})) == 12


DISCOVERY = "homeassistant/device/vms_bridge_chaos"
TOPICS = {
    **retained(),
    f"{ROOT}/info": b"{}",
    f"{ROOT}/health": b"{}",
    f"{DISCOVERY}/_bridge/config": b"{}",
    f"{DISCOVERY}/zm/config": b"{}",
    f"{DISCOVERY}/zm-1/config": b"{}",
}


def topics(messages: dict[str, bytes], facts: dict[int, MonitorFacts] = FACTS) -> set[str]:
    compared = compared_topics(facts, messages, root=ROOT, system="zm", discovery=DISCOVERY)
    return set(Truth().untrue(compared, 0.0))


def test_the_right_topics_are_found_so() -> None:
    assert topics(TOPICS) == set()
    assert topics(TOPICS | {f"{ROOT}/zm/1/snapshot": b"jpeg", "another/topic": b"x", f"{ROOT}/zm/99/state": b""}) == set()


@pytest.mark.parametrize("missing", sorted(TOPICS))
def test_a_retained_topic_that_is_missing_is_found(missing: str) -> None:
    assert topics({topic: payload for topic, payload in TOPICS.items() if topic != missing}) == {f"{missing} is retained"}
    assert topics(TOPICS | {missing: b""}) == {f"{missing} is retained"}


@pytest.mark.parametrize(
    "stray", [f"{ROOT}/zm/99/state", f"{ROOT}/event", f"{ROOT}/zm/1/event", f"{ROOT}/gone/state", f"{DISCOVERY}/zm-99/config"]
)
def test_a_retained_topic_of_nothing_is_found(stray: str) -> None:
    assert topics(TOPICS | {stray: b"{}"}) == {f"{stray} is retained"}


def test_the_picture_of_an_event_that_has_ended_is_missed_where_there_is_a_camera() -> None:
    ended = replace(FACTS[1], newest=ROWS[0])
    assert topics(TOPICS, {1: ended}) == {f"{ROOT}/zm/1/snapshot is retained"}
    assert topics(TOPICS, {1: replace(ended, alarm=None)}) == set()


def test_a_deleted_event_stays_the_last_one_only_if_it_was_newer_than_all_there_are() -> None:
    def excused(told: bytes, deleted: set[int]) -> bool:
        return is_told_deleted(told, ROWS[1], deleted, system="zm")

    assert excused(b'{"id": "zm-3", "type": "deleted"}', {3})
    assert not excused(b'{"id": "zm-3", "type": "end"}', {3})
    assert not excused(b'{"id": "zm-3", "type": "deleted"}', {4})
    assert not excused(b'{"id": "zm-1", "type": "deleted"}', {1, 3})
    assert not excused(b"", {3})


def test_errors_in_the_log_are_found_unless_a_full_disk_explains_them() -> None:
    stamp = "2026-11-20T12:00:00.000Z"
    fine = f"{stamp} info    vms_bridge.app: error? none\n{stamp} warning vms_bridge.mqtt.sink: no connection\n"
    full = f"{stamp} error   vms_bridge.store.database: the store can't be written: events are kept in memory only. Why\n"
    assert grave_lines(fine + full, DUE_TO_A_FULL_DISK) == []
    assert grave_lines(fine + full) == [full.strip()]
    for grave in (
        f"{stamp} error   x: y",
        f"{stamp} critical x: y",
        "Traceback (most recent call last):",
        "  + Exception Group Traceback (m",
    ):
        assert grave_lines(f"{fine}{grave}\n{full}", DUE_TO_A_FULL_DISK) == [grave]


def test_the_judge_and_all_of_the_suite_know_nothing_of_the_bridge() -> None:
    for path in (Path(__file__).parents[1] / "chaos").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(name.partition(".")[0] == "vms_bridge" for name in names), path


def test_what_can_not_be_known_is_not_compared() -> None:
    unknown = {1: replace(FACTS[1], alarm=None, delivers=None)}
    assert untrue(retained(state={"alarm": "idle", "connected": False}), unknown) == set()


def test_a_state_may_lag_a_little_and_no_more() -> None:
    truth = Truth(lag_s=4, fast_s=1.5)

    def at(now: float, so: object, said: object = "old", name: str = "zm/1/state event_id") -> bool:
        return not truth.untrue({name: (said, so)}, now)

    assert at(0, "old")
    assert at(1, "new")
    assert at(4.9, "new")
    assert not at(5.1, "new")
    assert at(0, "old", name="zm/1/state alarm")
    assert at(1, "new", name="zm/1/state alarm")
    assert not at(2.6, "new", name="zm/1/state alarm")
    assert not at(6, "new", said="never so")


@pytest.mark.parametrize(
    ("events", "faults", "commands", "passes"),
    [(200, 30, 100, True), (199, 30, 100, False), (200, 29, 100, False), (200, 30, 99, False)],
)
def test_a_run_that_says_too_little_fails(
    events: int,
    faults: int,
    commands: int,
    passes: bool,  # noqa: FBT001 - a parameter
) -> None:
    answers = Answers(results={"applied": commands})
    result = Result(seconds=600, faults=faults, delivery=Delivery(recorded=events), answers=answers)
    assert (not result.wrong) is passes
    assert "longest heal" in str(result)


@pytest.mark.parametrize(
    "wrong",
    [
        Result(untrue=["a state"]),
        Result(crashes=["ended"]),
        Result(complaints=["error"]),
        Result(answers=Answers(faults=["an answer"])),
        Result(broken_off="hung"),
        Result(delivery=Delivery(lost=["an event"])),
    ],
)
def test_any_fault_fails_a_run(wrong: Result) -> None:
    assert wrong.wrong


def test_a_schedule_depends_on_its_seed_alone_and_can_be_repeated_from_its_print() -> None:
    one, other = list(islice(rounds(7), 60)), list(islice(rounds(8), 60))
    assert one == list(islice(rounds(7), 60))
    assert one != other
    assert load(dump(one)) == one
    assert {fault.kind for each in one for fault in each.faults} == set(KINDS)
    assert all(len({fault.part for fault in each.faults}) == len(each.faults) for each in one)


def packet(head: int, body: bytes) -> bytes:
    assert len(body) < 128
    return bytes([head, len(body)]) + body


CONNECT = packet(0x10, b"\x00\x04MQTT\x05\x02\x00\x05\x00\x00\x01c")
PUBLISH = packet(0x32, b"\x00\x01t\x00\x07\x05\x02\x00\x00\x00\x3chello")


def test_the_tap_counts_what_was_acknowledged_and_nothing_else() -> None:
    tap = Tap()
    line = tap.connection()
    for byte in CONNECT + PUBLISH + packet(0x30, b"\x00\x01q\x00free"):
        line.from_client(bytes([byte]))
    assert tap.accepted == []
    line.from_broker(packet(0x40, b"\x00\x07\x10\x00"))
    assert [(each.topic, each.payload) for each in tap.accepted] == [("t", b"hello")]
    line.from_client(PUBLISH)
    line.from_broker(packet(0x40, b"\x00\x07\x87\x00"))
    assert (len(tap.accepted), tap.refused, tap.sent) == (1, 1, 3)


def test_the_tap_reads_mqtt_3_too_and_forgets_a_connection_with_what_was_open_on_it() -> None:
    tap = Tap()
    tap.connection().from_client(CONNECT + PUBLISH)
    line = tap.connection()
    line.from_client(packet(0x10, b"\x00\x04MQTT\x04\x02\x00\x05\x00\x01c") + packet(0x3A, b"\x00\x01t\x00\x07again"))
    line.from_broker(packet(0x40, b"\x00\x07"))
    assert [each.payload for each in tap.accepted] == [b"again"]
