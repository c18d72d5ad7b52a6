"""What the kernel does with a program that looks at calls: the few instructions that such programs may have, one at a time."""

from __future__ import annotations

import struct
from typing import NamedTuple

_MOST_STEPS = 4096
_LOAD, _AND, _EQUAL, _AT_LEAST, _GIVE = 0x20, 0x54, 0x15, 0x35, 0x06
_JUMPS = {_EQUAL, _AT_LEAST}


class Step(NamedTuple):
    code: int
    holds: int
    not_: int
    constant: int


def steps_of(program: bytes) -> list[Step]:
    """Return its instructions, checked as the kernel checks them before it takes a program."""
    steps = [Step(*each) for each in struct.iter_unpack("=HBBI", program)]
    assert 0 < len(steps) <= _MOST_STEPS
    for at, step in enumerate(steps):
        assert step.code in {_LOAD, _AND, _GIVE, *_JUMPS}, f"{at}: no such instruction: {step}"
        if step.code == _LOAD:
            assert step.constant in range(0, 64, 4), f"{at}: loads from beyond what there is: {step}"
        if step.code in _JUMPS:
            assert at + 1 + max(step.holds, step.not_) < len(steps), f"{at}: jumps out of the program: {step}"
    assert steps[-1].code == _GIVE
    return steps


def answer(program: bytes | list[Step], number: int, architecture: int, arguments: tuple[int, ...] = ()) -> int:
    """Return what becomes of this call, whose arguments have 64 bits each."""
    steps = program if isinstance(program, list) else steps_of(program)
    data = struct.pack("<IIQ6Q", number, architecture, 0x7F00_0000_0000, *arguments, *(0,) * (6 - len(arguments)))
    at = accumulator = 0
    while True:
        step = steps[at]
        at += 1
        if step.code == _GIVE:
            return step.constant
        if step.code == _LOAD:
            (accumulator,) = struct.unpack_from("<I", data, step.constant)
        elif step.code == _AND:
            accumulator &= step.constant
        else:
            holds = accumulator == step.constant if step.code == _EQUAL else accumulator >= step.constant
            at += step.holds if holds else step.not_
