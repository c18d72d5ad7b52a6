"""Programs by which Linux looks at each call of a process (seccomp): which may be made, and with which arguments.

A program sees the number of a call, how calls are numbered (the architecture word) and six arguments of 64 bits, but not
what an argument points to. Calls that are numbered in another way come first, whatever the rules say: their numbers mean
other calls.
"""

from __future__ import annotations

import errno
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vms_bridge.confine.calls import X32_BIT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vms_bridge.confine.calls import Machine

ALLOW = 0x7FFF_0000
KILL_PROCESS = 0x8000_0000
_ERRNO = 0x0005_0000
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16
_LOAD, _AND, _EQUAL, _AT_LEAST, _GIVE = 0x20, 0x54, 0x15, 0x35, 0x06
_MOST_STEPS = 4096
_FARTHEST = 255
_WORD = 0xFFFF_FFFF

Step = tuple[int, int, int, int]
"""Code, how far to jump where it holds, where not, and its constant."""


def refuse(number: int = errno.EPERM) -> int:
    """Return the answer by which a call fails with that error."""
    return _ERRNO | number


@dataclass(frozen=True, slots=True)
class Argument:
    """What one argument has to be, all its 64 bits: with only the bits of the mask looked at, one of these values (32 bits)."""

    index: int
    values: tuple[int, ...]
    mask: int = (1 << 64) - 1

    def __post_init__(self) -> None:
        """Refuse what can't be compared."""
        if not 0 <= self.index < 6 or not self.values or not all(0 <= value <= _WORD for value in self.values):
            raise ValueError(f"can't be compared: {self!r}")


@dataclass(frozen=True, slots=True)
class Rule:
    """What becomes of a call: `answer` where all of these arguments are so, and what a program answers by default elsewhere."""

    call: str
    arguments: tuple[Argument, ...] = ()
    answer: int = ALLOW


def program(machine: Machine, rules: Sequence[Rule], *, default: int, foreign: int) -> bytes:
    """Return the program with one rule for each call; those that this machine does not have are left out.

    `foreign` is the answer to calls that are numbered in another way. Raises ValueError for rules that no program can have.
    """
    known = [rule for rule in rules if rule.call in machine.numbers]
    if len({rule.call for rule in known}) < len(known):
        raise ValueError("two rules for one call")
    steps: list[Step] = [(_LOAD, 0, 0, _ARCHITECTURE_AT), (_EQUAL, 1, 0, machine.architecture), (_GIVE, 0, 0, foreign)]
    steps.append((_LOAD, 0, 0, _NUMBER_AT))
    if machine.has_x32:
        steps += [(_AT_LEAST, 0, 1, X32_BIT), (_GIVE, 0, 0, foreign)]
    for rule in known:
        steps += _block(machine.number(rule.call), rule, default)
    steps.append((_GIVE, 0, 0, default))
    if len(steps) > _MOST_STEPS:
        raise ValueError(f"a program of {len(steps)} steps, of at most {_MOST_STEPS}")
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def _block(number: int, rule: Rule, default: int) -> list[Step]:
    """Return the steps for one call: whoever comes in does not come out, for what was loaded is no longer the call's number."""
    checks = [step for argument in rule.arguments for step in _check(argument)]
    after = len(checks) + (2 if checks else 1)
    if after > _FARTHEST:
        raise ValueError(f"too many conditions: {rule.call}")
    denied = len(checks) + 1
    bound = [_to(step, at, denied) for at, step in enumerate(checks)]
    end: list[Step] = [(_GIVE, 0, 0, rule.answer)]
    return [(_EQUAL, 0, after, number), *bound, *end, *([(_GIVE, 0, 0, default)] if checks else [])]


_DENIED = -1
"""In place of a jump: to where the default is answered."""


def _check(argument: Argument) -> list[Step]:
    """Return the steps that go on after the last where an argument is as it has to be."""
    at = _ARGUMENTS_AT + 8 * argument.index
    steps = [*_masked(at + 4, argument.mask >> 32), (_EQUAL, 0, _DENIED, 0), *_masked(at, argument.mask & _WORD)]
    last = len(argument.values) - 1
    steps += [(_EQUAL, last - place, _DENIED if place == last else 0, value) for place, value in enumerate(argument.values)]
    return steps


def _masked(at: int, mask: int) -> list[Step]:
    return [(_LOAD, 0, 0, at), *([] if mask == _WORD else [(_AND, 0, 0, mask)])]


def _to(step: Step, at: int, denied: int) -> Step:
    code, holds, not_, constant = step
    return (code, holds, denied - at - 1 if not_ == _DENIED else not_, constant)
