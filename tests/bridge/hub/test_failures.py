"""A command that failed is answered by what its error means."""

from __future__ import annotations

import pytest
from tests.fakes.backend import START

from vms_bridge.commands import AckResult, AddTag, Command, Level, Origin, Target
from vms_bridge.errors import (
    BackendDefect,
    BridgeError,
    CommandRejected,
    CommandUnverified,
    StoreError,
    UnsupportedCommand,
    VmsError,
)
from vms_bridge.hub.failures import failure

ASKED = Command(
    target=Target(system="zm", monitor="1"), name="x", action=AddTag(tag="x"), origin=Origin(door="test"), level=Level.ADMIN
)


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (UnsupportedCommand("no"), AckResult.REFUSED),
        (CommandRejected("no"), AckResult.REFUSED),
        (CommandUnverified("who knows"), AckResult.TIMEOUT),
        (VmsError("it broke"), AckResult.FAILED),
        (StoreError("it is full"), AckResult.FAILED),
    ],
)
def test_the_answer_says_what_became_of_it(error: BridgeError, result: AckResult) -> None:
    ack = failure(ASKED, error, START)
    assert (ack.result, ack.code, ack.time) == (result, error.code, START)
    assert str(error) in (ack.hint or "")


def test_a_defect_s_own_words_are_told_to_nobody() -> None:
    ack = failure(ASKED, BackendDefect("KeyError"), START)
    assert (ack.result, ack.hint) == (AckResult.FAILED, "internal error: KeyError")
