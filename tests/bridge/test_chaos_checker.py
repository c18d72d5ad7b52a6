"""The chaos suite's judge finds each kind of fault: a checker that can't fail proves nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest
from tests.chaos.checker import Delivery, MonitorFacts, Row, Truth, check_delivery, compared_states
from tests.chaos.lab import orphans
from tests.chaos.run import Result
from tests.chaos.schedule import KINDS, dump, load, rounds
from tests.chaos.tap import Accepted, Tap

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


def judged(
    messages: list[dict[str, Any]], rows: Collection[Row] = ROWS, gone: Collection[int] = (), orphaned: Collection[int] = ()
) -> Delivery:
    accepted: list[Accepted] = []
    for event in messages:
        payload = json.dumps(event).encode()
        for topic in (f"{ROOT}/zm/{event['monitor']}/event", f"{ROOT}/event"):
            accepted.append(Accepted(topic, payload, len(accepted), 0.0))
    return check_delivery(rows, accepted, root=ROOT, system="zm", gone=gone, orphans=orphaned)


def test_a_faultless_run_is_found_so() -> None:
    delivery = judged(GOOD)
    assert delivery.faults == []
    assert (delivery.recorded, delivery.announced, delivery.duplicates) == (3, 3, 0)


@pytest.mark.parametrize("missing", range(len(GOOD)))
def test_every_lost_message_is_found(missing: int) -> None:
    assert len(judged(GOOD[:missing] + GOOD[missing + 1 :]).lost) == 2  # on both topics


def test_an_event_lost_on_one_topic_alone_is_found() -> None:
    accepted = [Accepted(f"{ROOT}/event", json.dumps(event).encode(), at, 0.0) for at, event in enumerate(GOOD)]
    assert len(check_delivery(ROWS, accepted, root=ROOT, system="zm").lost) == 3


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


def test_an_event_announced_twice_is_found_unless_the_epoch_is_another() -> None:
    assert judged([*GOOD, message(1, "new", 9), message(1, "end", 10)]).untrue
    assert judged([*GOOD, message(1, "new", 1, epoch="b"), message(1, "end", 2, epoch="b")]).faults == []


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
    assert judged([*GOOD, message(1, "update", 9, end=f"{END:%Y-%m-%dT%H:%M:%SZ}") | wrong]).untrue


def test_an_open_event_that_was_told_to_have_ended_is_found_unless_nobody_will_close_it() -> None:
    told = [*GOOD, message(2, "end", 4)]
    assert judged(told).untrue
    assert judged(told, orphaned={2}).faults == []


def test_a_deleted_event_may_be_told_of_or_not() -> None:
    rows = [row for row in ROWS if row.id != 3]
    assert judged(GOOD, rows=rows).untrue
    assert judged(GOOD, rows=rows, gone={3}).faults == []
    assert judged([event for event in GOOD if event["id"] != "zm-3"], rows=rows, gone={3}).faults == []


def test_an_open_row_is_an_orphan_when_another_has_followed_long_ago() -> None:
    assert orphans([Row(1, 1, START), Row(2, 1, END)], {}) == {1}
    now = datetime.now(UTC)
    assert orphans([Row(1, 1, now), Row(2, 1, now)], {}) == set()


FACTS = {1: MonitorFacts(alarm="alarm", delivers=True, function="Modect", newest=ROWS[1], open=ROWS[1])}
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


@pytest.mark.parametrize(("events", "faults", "passes"), [(200, 30, True), (199, 30, False), (200, 29, False)])
def test_a_run_that_says_too_little_fails(events: int, faults: int, passes: bool) -> None:  # noqa: FBT001 - a parameter
    result = Result(seconds=600, faults=faults, delivery=Delivery(recorded=events))
    assert (not result.wrong) is passes
    assert "longest heal" in str(result)


@pytest.mark.parametrize(
    "wrong", [Result(untrue=["a state"]), Result(crashes=["ended"]), Result(delivery=Delivery(lost=["an event"]))]
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
