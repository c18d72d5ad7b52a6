"""What happened to an event between two looks at it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes.backend import START, event

from vms_bridge.hub.lifecycle import steps
from vms_bridge.model import EndReason, Event, EventKind
from vms_bridge.views import MessageType

NEW, UPDATE, END, MEDIA, DELETED = MessageType.NEW, MessageType.UPDATE, MessageType.END, MessageType.MEDIA, MessageType.DELETED


def over(**changes: object) -> Event:
    return replace(event(end=START + timedelta(seconds=5), end_reason=EndReason.CLOSED), **changes)  # type: ignore[arg-type]  # keywords


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (None, event(), (NEW,)),
        (None, over(), (NEW, END)),
        (None, event(deleted=True), ()),
        (event(), event(), ()),
        (event(), over(), (END,)),
        (event(), event(end_reason=EndReason.ABANDONED), (END,)),
        (event(), event(snapshot_ready=True), (MEDIA,)),
        (over(), over(clip_ready=True), (MEDIA,)),
        (event(), event(labels=("person",)), (UPDATE,)),
        (event(), event(alarm_frames=9, max_score=200, duration_s=2.0), ()),
        (over(), over(max_score=200), (UPDATE,)),
        (over(), over(labels=("car",)), (UPDATE,)),
        (event(), event(deleted=True), (DELETED,)),
        (over(), over(archived=True), (UPDATE,)),
        (event(tags=()), event(tags=("parcel",)), (UPDATE,)),
        (over(locked=True), over(locked=False), (UPDATE,)),
        (event(deleted=True), event(), ()),
        (event(notes="a"), event(notes="b"), ()),
    ],
)
def test_steps(before: Event | None, after: Event, expected: tuple[MessageType, ...]) -> None:
    assert steps(before, after) == expected


looks = st.builds(
    event,
    end=st.sampled_from([None, START + timedelta(seconds=5)]),
    end_reason=st.sampled_from([None, *EndReason]),
    snapshot_ready=st.booleans(),
    clip_ready=st.booleans(),
    deleted=st.booleans(),
    labels=st.sampled_from([(), ("person",), ("car", "person")]),
    kind=st.sampled_from(list(EventKind)),
)


@given(st.lists(looks, max_size=8))
def test_a_life_opens_once_first_and_is_deleted_once_last(life: list[Event]) -> None:
    told: list[MessageType] = []
    before = None
    for look in life:
        told += steps(before, look)
        before = before if before and before.deleted else look
    if told:
        assert told[0] is NEW
        assert told.count(NEW) == 1
        assert told.count(DELETED) <= 1
        assert DELETED not in told[:-1]


@given(looks, looks)
def test_an_end_is_told_exactly_when_it_comes(before: Event, after: Event) -> None:
    told = END in steps(before, after)
    assert told == (after.is_over and not before.is_over and not before.deleted and not after.deleted)
