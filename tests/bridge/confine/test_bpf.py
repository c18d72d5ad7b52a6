"""Programs that look at calls, run one instruction at a time on calls of every kind."""

from __future__ import annotations

import errno

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.seccomp import answer, steps_of

from vms_bridge.confine.bpf import ALLOW, KILL_PROCESS, Argument, Rule, program, refuse
from vms_bridge.confine.calls import MACHINES, Machine

X86, ARM = MACHINES["x86_64"], MACHINES["aarch64"]
WORDS = st.one_of(
    st.integers(0, 8), st.sampled_from([1 << 31, (1 << 32) - 1, 1 << 32, (1 << 64) - 1]), st.integers(0, (1 << 64) - 1)
)
VALUES = st.lists(st.one_of(st.integers(0, 8), st.integers(0, (1 << 32) - 1)), min_size=1, max_size=9, unique=True).map(tuple)
MASKS = st.one_of(st.just((1 << 64) - 1), WORDS)


def the(machine: Machine, *rules: Rule, default: int = refuse(), foreign: int = KILL_PROCESS) -> bytes:
    return program(machine, rules, default=default, foreign=foreign)


@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)
def test_a_call_is_answered_by_its_rule_and_any_other_by_default(machine: Machine) -> None:
    made = the(machine, Rule("read"), Rule("clone3", answer=refuse(errno.ENOSYS)))
    read, clone3 = machine.number("read"), machine.number("clone3")
    answers = {number: answer(made, number, machine.architecture) for number in range(1025)}
    assert {number: said for number, said in answers.items() if said != refuse()} == {read: ALLOW, clone3: refuse(errno.ENOSYS)}


@settings(deadline=None)
@given(number=st.integers(0, (1 << 32) - 1), architecture=st.integers(0, (1 << 32) - 1))
def test_what_is_numbered_in_another_way_never_comes_to_the_rules(number: int, architecture: int) -> None:
    for machine, other in ((X86, ARM), (ARM, X86)):
        made = steps_of(the(machine, *(Rule(call) for call in machine.numbers), default=ALLOW))
        assert answer(made, number, other.architecture) == KILL_PROCESS
        if architecture != machine.architecture:
            assert answer(made, number, architecture) == KILL_PROCESS
    made = steps_of(the(X86, *(Rule(call) for call in X86.numbers), default=ALLOW))
    assert answer(made, number | 1 << 30, X86.architecture) == KILL_PROCESS
    assert answer(made, number & (1 << 30) - 1, X86.architecture) == ALLOW


@settings(max_examples=200, deadline=None)
@given(
    wanted=st.dictionaries(st.integers(0, 5), st.tuples(VALUES, MASKS), min_size=1, max_size=4),
    given_=st.tuples(*[WORDS] * 6),
    fits=st.booleans(),
    flipped=st.one_of(st.none(), st.tuples(st.integers(0, 5), st.integers(0, 63))),
)
def test_arguments_are_compared_in_all_their_bits(
    wanted: dict[int, tuple[tuple[int, ...], int]], given_: tuple[int, ...], flipped: tuple[int, int] | None, *, fits: bool
) -> None:
    arguments = list(given_)
    for index, (values, mask) in wanted.items():
        if fits:  # bits that the mask leaves out may be any
            arguments[index] = given_[index] & ~mask | values[0] & mask
    if flipped is not None:
        arguments[flipped[0]] ^= 1 << flipped[1]
    rule = Rule("ioctl", tuple(Argument(index, values, mask) for index, (values, mask) in wanted.items()))
    expected = all(arguments[index] & mask in values for index, (values, mask) in wanted.items())
    for machine in MACHINES.values():
        made = the(machine, Rule("read"), rule, Rule("write"))
        said = answer(made, machine.number("ioctl"), machine.architecture, tuple(arguments))
        assert said == (ALLOW if expected else refuse())


def test_a_rule_that_this_machine_has_no_call_for_is_left_out() -> None:
    assert "epoll_wait" not in ARM.numbers
    made = the(ARM, Rule("epoll_wait"), Rule("read"))
    assert [number for number in range(1025) if answer(made, number, ARM.architecture) == ALLOW] == [ARM.number("read")]


def test_what_no_program_can_have_is_said_when_it_is_made() -> None:
    with pytest.raises(ValueError, match="two rules"):
        the(X86, Rule("read"), Rule("read"))
    with pytest.raises(ValueError, match="too many conditions: ioctl"):
        the(X86, Rule("ioctl", (Argument(1, tuple(range(300))),)))
    with pytest.raises(ValueError, match="can't be compared"):
        Argument(6, (0,))
    with pytest.raises(ValueError, match="can't be compared"):
        Argument(0, (1 << 32,))
    with pytest.raises(ValueError, match="can't be compared"):
        Argument(0, ())
    many = [Rule(call, (Argument(1, tuple(range(240))),)) for call in X86.numbers]
    with pytest.raises(ValueError, match="of at most 4096"):
        the(X86, *many)
