"""Events and their media have one name each in every place, and nothing else is taken for one."""

from __future__ import annotations

import pytest
from custom_components.vms_bridge.media_ids import (
    OWN,
    EventRef,
    from_segment,
    media_content_id,
    media_path,
    parse_identifier,
    to_segment,
)
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from yarl import URL

SETTINGS = settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
PRINTABLE = st.characters(exclude_categories=("C", "Z")) | st.just(" ")
TEXTS = st.text(PRINTABLE, min_size=1, max_size=20)
REFS = st.builds(
    EventRef,
    st.from_regex(r"[a-z][a-z0-9_]{0,31}", fullmatch=True),
    st.just(OWN) | st.integers(1, 3) | st.integers(1, 999_999_999),
    st.from_regex(r"(own\.)?[0-9.\-a]{1,6}", fullmatch=True) | TEXTS,
)


@SETTINGS
@given(REFS)
@example(EventRef("zm", 1, "2.5"))
@example(EventRef("zm", OWN, "17"))
@example(EventRef("zm", 1, "own.17"))
@example(EventRef("zm", 1, "~a/b %20ü"))
def test_an_event_is_known_by_each_of_its_names(ref: EventRef) -> None:
    text = ref.format()
    assert EventRef.parse(text) == ref
    assert from_segment(to_segment(text)) == text
    for item in ("clip", "picture", None):
        identifier = media_content_id("b1", text, item).removeprefix("media-source://vms_bridge/")
        assert parse_identifier(identifier) == ("b1", ref, item)


@SETTINGS
@given(REFS)
def test_a_path_stays_what_it_is_when_it_is_signed(ref: EventRef) -> None:
    path = media_path("01ENTRY", ref.format(), "clip")
    assert URL(path).path == URL(path).raw_path == path


@SETTINGS
@given(st.text(max_size=30) | st.from_regex(r"(zm|[a-z-]?)-?[0-9]{0,11}[.\-]?[0-9.]{0,5}", fullmatch=True))
def test_nothing_else_is_taken_for_one(text: str) -> None:
    ref = EventRef.parse(text)
    assert ref is None or ref.format() == text
    assert parse_identifier(text) is None
    segment = from_segment(text)
    assert segment is None or to_segment(segment) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "zm",
        "zm-",
        "-12",
        "zm-2.",
        "zm-1.12",
        "Zm-1",
        "zm-1\n",
        "../zm-1",
        "zm-\ud800",
        "z" * 40 + "-1",
        "zm-" + "1" * 600,
        7,
        None,
    ],
)
def test_what_is_no_event(text: object) -> None:
    assert EventRef.parse(text) is None


@pytest.mark.parametrize(
    "segment", ["", "a/b", "zm-1%2F", "~", "~!", "~====", "~em0tMQ", "~em0tMQ==", "~w", "~wyg", "ü", "~ü", "zm 1"]
)
def test_what_is_no_segment(segment: str) -> None:
    text = from_segment(segment)
    assert text is None or EventRef.parse(text) is None


@pytest.mark.parametrize(
    "identifier",
    [
        "",
        "b1",
        "b1/event",
        "b1/event/",
        "b1/event/zm-1/",
        "b1/event/zm-1/clips",
        "b1/event/zm-1/clip/x",
        "b1/zm/zm-1",
        "b1/event/zm%2d1",
    ],
)
def test_what_names_no_media(identifier: str) -> None:
    named = parse_identifier(identifier)
    assert named is None


def test_how_they_look() -> None:
    assert media_content_id("5f0c", "zm-1234", "clip") == "media-source://vms_bridge/5f0c/event/zm-1234/clip"
    assert media_path("01E", "zm-1234", "clip") == "/api/vms_bridge/media/01E/zm-1234/clip.mp4"
    assert media_path("01E", "zm-2.1", "picture") == "/api/vms_bridge/media/01E/zm-2.1/picture.jpg"
    assert media_path("01E", "zm-a/b", "picture") == "/api/vms_bridge/media/01E/~em0tYS9i/picture.jpg"
