"""What is typed into the search means something, whatever it is, and what was understood can be typed again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from custom_components.vms_bridge.media_words import LANGUAGES, words_of
from custom_components.vms_bridge.places import MOST_CAMERAS, Place, Wanted
from custom_components.vms_bridge.searching import LONGEST, Vocabulary, parse, tell
from custom_components.vms_bridge.spoken_spans import Listener
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

SETTINGS = settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2025, 3, 13, 14, 30, 20, tzinfo=BERLIN)
LISTENER = Listener(NOW, BERLIN)
VOCABULARY = Vocabulary(
    {"zm/1": "Front door", "zm/2": "Back door", "zm/3": "Gate", "vxg/1": "Front door", "vxg/2": "Today", "vxg/3": "zm/1"},
    labels=["person", "Dog", "license plate"],
    zones=["Drive", "The lawn"],
)
PRINTABLE = st.characters(exclude_categories=("C", "Z")) | st.just(" ")
TEXTS = st.text(PRINTABLE, min_size=1, max_size=8)
VOCABULARIES = st.builds(
    Vocabulary,
    st.dictionaries(
        st.from_regex(r"[a-c]/[1-9]", fullmatch=True),
        TEXTS | st.sampled_from(["Front door", "front door", "a/1", "b/2"]),
        max_size=5,
    ),
    st.lists(TEXTS, max_size=3),
    st.lists(TEXTS, max_size=3),
)
SAID = (
    'label: camera: zone:Drive kind:alarm art:Dauer plate:"B AB 12" face: "front gate*" front door Gate person Hund yesterday '
    'evening seit 8:00 last 3 hours 2025-03-10..2025-03-12 am " \\ : gate* \uff9e \xbd a:b label:"a\\"b" camera:a/1 camera:oo '
    "before monday 2025-10-26T02:30+01:00"
)
PIECES = st.sampled_from(SAID.split(" "))
QUERIES = st.lists(PIECES | TEXTS, max_size=10).map(" ".join) | st.text(max_size=300)


def meant(text: str) -> Wanted:
    """Return what the text means to somebody in Berlin."""
    return parse(text, VOCABULARY, LISTENER)


def local(text: str) -> datetime:
    """Return a time as the clock in Berlin shows it."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).astimezone(UTC)


MONDAY: dict[str, Any] = {"since": local("2025-03-10"), "until": local("2025-03-11")}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", Wanted()),
        ("  the  am ", Wanted()),
        ("person", Wanted(labels=("person",))),
        ("PERSON dog", Wanted(labels=("Dog", "person"))),
        ("Hund", Wanted(labels=("Dog",))),
        ("Auto Katzen", Wanted(labels=("car", "cat"))),
        ("license plate", Wanted(labels=("license plate",))),
        ("label:parcel", Wanted(labels=("package",))),
        ("objekt:Rasenmäher", Wanted(labels=("Rasenmäher",))),
        ("front door", Wanted(cameras=("vxg/1", "zm/1"))),
        ("zm/2", Wanted(cameras=("zm/2",))),
        ("kamera:zm/1", Wanted(cameras=("zm/1",))),
        ("camera:door", Wanted(cameras=("vxg/1", "zm/1", "zm/2"))),
        ('camera: "Back door"', Wanted(cameras=("zm/2",))),
        ("camera:cellar", Wanted(words="cellar")),
        ("today", Wanted(cameras=("vxg/2",))),
        ("drive", Wanted(zones=("Drive",))),
        ('zone:"the lawn" zone:Path', Wanted(zones=("Path", "The lawn"))),
        ("kind:Alarm art:Dauer", Wanted(kinds=("alarm", "continuous"))),
        ("plate:B-AB face:Ann gesicht:Bob", Wanted(plates=("B-AB",), faces=("Ann", "Bob"))),
        ('"front door"', Wanted(words="front door")),
        ("courier with a parc*", Wanted(words="courier parc*")),
        ("monday", Wanted(**MONDAY)),
        ("person at the gate on monday", Wanted(labels=("person",), cameras=("zm/3",), **MONDAY)),
        ("Montag Hund, Gate", Wanted(labels=("Dog",), cameras=("zm/3",), **MONDAY)),
        ("Hund in den letzten 3 Stunden", Wanted(labels=("Dog",), since=local("2025-03-13T11:30:20"))),
        ("since monday until monday", Wanted(**MONDAY)),
        ("yesterday monday", Wanted(**MONDAY)),
        ("since yesterday before monday", Wanted(until=local("2025-03-10"))),
        ("foo:bar _ ?", Wanted(words="foo bar")),
        ("bell bell", Wanted(words="bell")),
        ('label:"a\\"b\\\\"', Wanted(labels=('a"b\\',))),
        ('label:"open', Wanted(labels=("open",))),
        ("label:", Wanted(words="label")),
    ],
)
def test_what_people_mean(text: str, wanted: Wanted) -> None:
    assert meant(text) == wanted


@pytest.mark.parametrize(
    ("wanted", "english", "german"),
    [
        (Wanted(), "", ""),
        (
            Wanted(labels=("license plate",), cameras=("vxg/1", "zm/1"), since=local("2025-03-10"), until=local("2025-03-11")),
            'label:"license plate" camera:"Front door" 2025-03-10',
            'objekt:"license plate" kamera:"Front door" 2025-03-10',
        ),
        (Wanted(cameras=("zm/1",), words="bell"), 'camera:"zm/1" "bell"', 'kamera:"zm/1" "bell"'),
        (
            Wanted(kinds=("alarm",), since=local("2025-03-10T08:00")),
            "kind:alarm since 2025-03-10T08:00",
            "art:alarm seit 2025-03-10T08:00",
        ),
    ],
)
def test_how_it_is_told(wanted: Wanted, english: str, german: str) -> None:
    assert tell(wanted, VOCABULARY, words_of("en"), BERLIN) == english
    assert tell(wanted, VOCABULARY, words_of("de-CH"), BERLIN) == german


@SETTINGS
@given(QUERIES, VOCABULARIES, st.sampled_from(LANGUAGES))
@example('"½ ½a"', Vocabulary(), "en")
@example("a/1 b/2", Vocabulary({"a/1": "b/2", "b/2": "x"}), "en")
def test_there_is_always_a_query_and_it_can_be_typed_again(text: str, vocabulary: Vocabulary, language: str) -> None:
    wanted = parse(text, vocabulary, LISTENER)
    told = tell(wanted, vocabulary, words_of(language), BERLIN)
    assume(len(told) <= LONGEST)
    later = Listener(NOW + timedelta(days=400, seconds=7), BERLIN)
    assert parse(told, vocabulary, later) == wanted


@SETTINGS
@given(QUERIES, VOCABULARIES)
def test_what_is_meant_can_be_browsed(text: str, vocabulary: Vocabulary) -> None:
    wanted = parse(text, vocabulary, LISTENER)
    place = Place(bridge_id="b1", wanted=replace(wanted, cameras=tuple(camera for camera in wanted.cameras)))
    assert len(wanted.words) <= LONGEST
    assert Place.parse(place.format()) == place


def test_what_is_typed_is_bounded() -> None:
    many = Vocabulary({f"zm/{number}": f"Door {number}" for number in range(1_000)})
    assert len(parse("camera:door", many, LISTENER).cameras) == MOST_CAMERAS
    assert len(meant(" ".join(f"w{number}" for number in range(100))).words.split()) == 16
    assert meant("x" * 100_000).words == "x" * LONGEST
    assert len(parse('"' * 100_000, many, LISTENER).words) == 0


def test_other_languages_get_english() -> None:
    assert words_of("fr") is words_of("en") is words_of("")
    assert words_of("de") is words_of("de_AT")
