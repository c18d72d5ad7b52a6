"""Public event ids: each event has one, each says which event it is, and nothing else is taken for one."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vms_bridge.keys import INSTANCE_PATTERN
from vms_bridge.model import MOST_GENERATIONS, OWN, EventRef

REFS = st.builds(
    EventRef,
    st.from_regex(INSTANCE_PATTERN, fullmatch=True),
    st.just(OWN) | st.integers(1, 3) | st.integers(1, MOST_GENERATIONS),
    st.from_regex(r"(own\.)?[0-9.\-a]{1,6}", fullmatch=True) | st.text(min_size=1, max_size=40),
)


@given(REFS)
@example(EventRef("zm", 1, "2.5"))
@example(EventRef("zm", 1, "0.5"))
@example(EventRef("zm", 1, "1.2.5"))
@example(EventRef("zm", 1, "own.5"))
@example(EventRef("zm", OWN, "own.5"))
@example(EventRef("zm", MOST_GENERATIONS, "-\n."))
def test_a_public_id_says_which_event_it_is(ref: EventRef) -> None:
    assert EventRef.parse(ref.format()) == ref


@given(REFS, REFS)
def test_two_events_have_two_public_ids(one: EventRef, other: EventRef) -> None:
    assert (one.format() == other.format()) is (one == other)


@given(st.text(max_size=20) | st.from_regex(r"(zm|[a-z-]?)-?[0-9]{0,11}[.\-]?[0-9.]{0,5}", fullmatch=True))
def test_nothing_else_is_taken_for_one(text: str) -> None:
    ref = EventRef.parse(text)
    assert ref is None or (
        ref.format() == text and ref.system and ref.id and (ref.is_own or 1 <= ref.generation <= MOST_GENERATIONS)
    )


@pytest.mark.parametrize(
    ("ref", "text"),
    [
        (EventRef("zm", 1, "12"), "zm-12"),
        (EventRef("zm", 2, "12"), "zm-2.12"),
        (EventRef("zm", 1, "2.12"), "zm-1.2.12"),
        (EventRef("zm", 1, "02.12"), "zm-02.12"),
        (EventRef("sim", 1, "1-s7"), "sim-1-s7"),
        (EventRef("zm", 3, "a b/ü"), "zm-3.a b/ü"),
        (EventRef("zm", OWN, "17"), "zm-own.17"),
        (EventRef("zm", 1, "own.17"), "zm-1.own.17"),
        (EventRef("zm", 1, "own17"), "zm-own17"),
    ],
)
def test_the_form_of_public_ids(ref: EventRef, text: str) -> None:
    assert ref.format() == text
    assert EventRef.parse(text) == ref


@pytest.mark.parametrize("text", ["", "zm", "zm-", "-12", "zm-2.", "zm-1.12", "zm-own.", f"zm-{MOST_GENERATIONS}."])
def test_what_is_no_public_id(text: str) -> None:
    assert EventRef.parse(text) is None
