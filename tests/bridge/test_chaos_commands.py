"""The chaos suites' judge of commands finds each kind of wrong answer."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tests.chaos.commands import Allowances, Answers, Change, History, Order, check_commands
from tests.chaos.tap import Accepted, Handed

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = "vms_bridge/chaos"
RESPONSE = f"{ROOT}/ack/commander"
ARM = Order("a", "zm", "1", "armed", "ON", sent=10.0, accepted=10.1)
MODE = Order("m", "zm", "2", "function", "Modect", sent=11.0, accepted=11.1, response_topic=RESPONSE)
ORDERS = [ARM, MODE]


def answer(order: Order, result: str = "applied", **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    is_done = result in {"applied", "unchanged"}
    said = {"request_id": order.request_id, "system": order.system, "monitor": order.monitor, "command": order.command}
    said |= {"result": result, "applied": order.value if is_done else None, "time": "2026-11-20T12:00:00Z"}
    return said | {"error": None if is_done else {"code": "rejected", "hint": "for a reason"}} | fields


def told(*answers: dict[str, Any], on: str = f"{ROOT}/ack") -> list[Accepted]:
    return [Accepted(on, json.dumps(each).encode(), number, 15.0 + number) for number, each in enumerate(answers)]


GOOD = [*told(answer(ARM), answer(MODE)), *told(answer(MODE), on=RESPONSE)]
DONE = [Change("zm", "1", 12.0, "monitors/1"), Change("zm", "2", 12.0, "monitors/2")]


def history(*, armed: str = "ON", function: str = "Modect") -> History:
    found = History()
    for at, values in ((0.0, {"armed": "OFF", "function": "Monitor"}), (13.0, {"armed": armed, "function": function})):
        for monitor in ("1", "2"):
            found.note("zm", monitor, at, values)
    return found


def judged(
    answers: Sequence[Accepted] = GOOD,
    orders: Sequence[Order] = ORDERS,
    *,
    handed: Sequence[Handed] = (),
    looked: History | None = None,
    changes: Sequence[Change] = DONE,
    **allowances: Any,  # noqa: ANN401 - as they are
) -> Answers:
    return check_commands(
        orders, answers, handed,
        root=ROOT, history=looked or history(), changes=changes, allowances=Allowances(**allowances),
    )  # fmt: skip


def handed_over(order: Order, at: float, *, confirmed: bool = True) -> Handed:
    return Handed(f"{ROOT}/{order.topic}", order.payload, at, at if confirmed else None)


def test_good_answers_are_found_so() -> None:
    found = judged()
    assert found.faults == []
    assert (found.sent, found.accepted, found.unanswered, dict(found.results)) == (2, 2, 0, {"applied": 2})


def test_a_command_without_an_answer_is_found_once_the_broker_or_the_bridge_has_taken_it() -> None:
    assert judged(GOOD[1:]).faults == [f"{ARM}: was taken and never answered"]
    nobodys = [replace(ARM, accepted=None), MODE]
    assert judged(GOOD[1:], nobodys).unanswered == 1
    assert judged(GOOD[1:], nobodys, handed=[handed_over(ARM, 10.0)]).faults
    assert judged(GOOD[1:], nobodys, handed=[handed_over(ARM, 10.0, confirmed=False)]).faults == []


def test_what_the_bridge_was_ended_over_may_have_no_answer_and_what_waited_at_the_broker_must() -> None:
    taken = [handed_over(ARM, 10.2)]
    assert judged(GOOD[1:], handed=taken, ended=[12.0]).faults == []
    assert judged(GOOD[1:], handed=taken, ended=[10.1]).faults
    assert judged(GOOD[1:], ended=[12.0]).faults, "it was not handed over before that, so the broker has kept it"
    assert judged(GOOD[1:], forgotten=[12.0]).faults == []
    assert judged(GOOD[1:], forgotten=[10.0]).faults


def test_two_answers_are_found_and_resends_are_none() -> None:
    assert judged([*GOOD, *told(answer(ARM), answer(ARM, time="2026-11-20T12:00:09Z"))]).faults == []
    found = judged([*GOOD, *told(answer(ARM, "failed"))]).faults
    assert any("has 2 answers: applied, failed" in each for each in found)


def test_a_bridge_that_was_ended_while_its_disk_was_full_does_not_know_what_it_had_answered() -> None:
    hint = {"code": "unverified", "hint": "the bridge was stopped while this was under way"}
    later = [replace(each, sent=20, at=20.0) for each in told(answer(ARM, "timeout", error=hint))]
    assert judged([*GOOD, *later], unwritten=[15.0], ended=[15.0]).faults == []
    assert any("has 2 answers" in each for each in judged([*GOOD, *later], ended=[15.0]).faults)
    assert any("has 2 answers" in each for each in judged([*GOOD, *later], unwritten=[21.0], ended=[21.0]).faults)


def test_an_answer_to_nobody_and_one_to_another_command_are_found() -> None:
    stranger = replace(ARM, request_id="x")
    assert judged([*GOOD, *told(answer(stranger))]).faults == ["x: answered, and nobody has asked"]
    assert judged([*told(answer(ARM, monitor="2")), *GOOD[1:]]).faults
    assert judged([*told(answer(ARM, command="alarm")), *GOOD[1:]]).faults


def test_progress_comes_before_the_end() -> None:
    running = answer(ARM, "running")
    assert judged([*told(running, answer(ARM), running), *GOOD[1:]]).faults == [], "a resend"
    assert judged([*told(answer(ARM), running), *GOOD[1:]]).faults


@pytest.mark.parametrize("result", ["applied", "unchanged"])
def test_what_was_not_so_is_found(result: str) -> None:
    answers = [*told(answer(ARM, result)), *GOOD[1:]]
    assert judged(answers, changes=()).faults == []
    assert judged(answers, looked=history(armed="OFF"), changes=()).faults
    assert judged(answers, looked=history(armed="OFF"), changes=(), doubtful=["a"]).faults == []
    assert judged([*told(answer(ARM, result, applied="OFF")), *GOOD[1:]], changes=()).faults


def test_what_was_so_only_before_the_command_was_given_is_found() -> None:
    looked = history(armed="OFF")
    early = History()
    for at, value in ((0.0, "ON"), (5.0, "OFF")):
        early.note("zm", "1", at, {"armed": value})
    early.note("zm", "2", 0.0, {"function": "Modect"})
    assert judged(looked=early).faults
    assert judged(looked=looked).faults


def test_a_refusal_gives_a_reason() -> None:
    assert judged([*told(answer(ARM, "refused")), *GOOD[1:]], changes=DONE[1:]).faults == []
    assert judged([*told(answer(ARM, "refused", error=None)), *GOOD[1:]], changes=DONE[1:]).faults


def test_a_change_after_a_refusal_or_a_second_one_is_found() -> None:
    assert judged([*told(answer(ARM, "refused")), *GOOD[1:]]).faults
    assert judged([*told(answer(ARM, "unchanged")), *GOOD[1:]]).faults
    assert judged(changes=[*DONE, DONE[0]]).faults
    assert judged([*told(answer(ARM, "failed")), *GOOD[1:]]).faults == []


def test_the_answer_on_the_response_topic_is_the_same_one() -> None:
    assert judged([*GOOD[:2], *told(answer(MODE, "failed"), on=RESPONSE)]).faults
    assert judged([*GOOD, *told(answer(ARM), on=RESPONSE)]).faults


def test_an_id_that_is_used_for_something_else_is_to_be_refused() -> None:
    misused = replace(ARM, command="alarm", sent=12.0)
    orders = [*ORDERS, misused]
    assert judged([*GOOD, *told(answer(misused, "refused"))], orders).faults == []
    assert judged([*GOOD, *told(answer(misused))], orders).faults
    looked = history()
    looked.note("zm", "1", 14.0, {"alarm": "ON"})
    assert judged([*GOOD, *told(answer(misused))], orders, looked=looked).faults
    assert judged([*GOOD, *told(answer(misused))], orders, looked=looked, ended=[13.0]).faults == [], "it knows no ids of before"


def test_an_answer_is_held_against_the_command_that_came_of_those_with_its_id() -> None:
    lost = replace(ARM, value="OFF", sent=9.0)
    orders = [lost, *ORDERS]
    assert judged(orders=orders).faults
    assert judged(orders=orders, handed=[handed_over(ARM, 10.5)]).faults == []
    assert judged(orders=orders, handed=[handed_over(lost, 9.5), handed_over(ARM, 10.5)]).faults
