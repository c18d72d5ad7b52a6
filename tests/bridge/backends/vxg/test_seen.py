"""What documents say was seen: each form that the vendor's pages and samples show, plain ones, and anything else."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vms_bridge.backends.vxg.seen import MOST_OBJECTS, Seen, detection_of, enrichment_of, seen_in
from vms_bridge.hub.door import DETECTIONS, ENRICHMENTS
from vms_bridge.model import DetectedObject
from vms_bridge.vxg import Document
from vms_bridge.vxg.metadata import read

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
BOX = {"Left": 0.1, "Top": 0.2, "Width": 0.3, "Height": 0.4}
AWS = json.dumps({"Labels": [{"Name": "Person", "Instances": [{"BoundingBox": BOX, "Confidence": 90}]}]})
PIXELS = {"bounding_boxes": "{u'car': [320, 180, 640, 360]}", "frame_resolution": "{u'width': 1280, u'height': 720}"}


def seen(**said: Any) -> Seen | None:  # noqa: ANN401
    return seen_in(Document(timestamp=NOON, **said), 101)


def objects(**said: Any) -> list[tuple[str, float | None]]:  # noqa: ANN401
    found = seen(**said)
    return [] if found is None else [(one.label, one.score) for one in found.objects]


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({"numbers": {"Person": 2, "Vehicle": 0}}, [("Person", None), ("Person", None)]),  # as sample-filter-meta.html
        ({"numbers": {"people_count": 2}}, [("people", None), ("people", None)]),  # as ai_integration.py
        ({"texts": {"label": "car"}, "floats": {"score": 0.93}}, [("car", 0.93)]),
        ({"texts": {"Labels": "cat, dog,,cat"}, "floats": {"confidence": 80.0}}, [("cat", 0.8), ("dog", 0.8)]),
        ({"texts": {"label": "car"}, "numbers": {"speed": 50}}, [("car", None)]),
        ({"raw": AWS}, [("Person", 0.9)]),
        ({"texts": PIXELS, "floats": {"score": 0.5}}, [("car", 0.5)]),
        ({"texts": {"label": "car"}, "floats": {"score": 400.0}}, [("car", None)]),
    ],
)
def test_what_was_seen_is_read(said: dict[str, Any], found: list[tuple[str, float | None]]) -> None:
    assert objects(**said) == found


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"texts": {"source": "vms_bridge", "labels": "person"}, "floats": {"score": 0.9}},
        {"texts": {"type": "clip", "description": "a note"}, "numbers": {"clip_id": 7, "incident": 3}},  # as the vendor's pages
        {"numbers": {"x": 3, "width": 40, "track_id": 7, "cam-id": 5, "person": 0, "crowd": 101, "negative": -1, "_count": 4}},
        {"texts": {"label": " , ", "description": "person"}},
        {"raw": "no JSON"},
    ],
)
def test_what_is_a_note_says_nothing(said: dict[str, Any]) -> None:
    assert seen(**said) is None


def test_where_something_is_is_read_in_parts_of_the_picture() -> None:
    sides = {"left": 0.1, "top": 0.2, "width": 0.3, "height": 0.4}
    for floats, box in ((sides, (0.1, 0.2, 0.3, 0.4)), ({**sides, "left": 0.8}, None), ({**sides, "width": 0.0}, None)):
        found = seen(texts={"label": "car"}, floats=floats)
        assert found is not None
        assert found.objects[0].box == box


def test_plates_faces_and_who_has_seen_them_are_read() -> None:
    found = seen(texts={"plate": "AB 123", "faces": "Ann, Bob", "ai_engine": " rekognition "})
    assert found is not None
    assert (found.plates, found.faces, found.engine) == (("AB 123",), ("Ann", "Bob"), "rekognition")
    told = detection_of("vms", [found])
    assert [(one.label, one.text) for one in told.objects] == [("plate", "AB 123"), ("face", "Ann"), ("face", "Bob")]


def at(seconds: float, *labels: str, score: float | None = None) -> Seen:
    found = tuple(DetectedObject(label=label, score=score) for label in labels)
    return Seen(camera_id=101, time=NOON + timedelta(seconds=seconds), engine="", objects=found)


def test_of_several_pictures_no_label_is_lost_and_nothing_counts_twice() -> None:
    told = detection_of("vms:x", [at(0, "car"), at(1, "person", "person"), at(1, "dog"), at(2, "person")])
    assert sorted(one.label for one in told.objects) == ["car", "dog", "person", "person"]
    assert (told.monitor_id, told.time, told.source) == ("101", NOON + timedelta(seconds=2), "vms:x")


def test_all_that_was_seen_in_an_event_is_added_to_it_the_best_first() -> None:
    added = enrichment_of([at(0, "car", score=0.4), at(1, "person", score=0.9), at(2, "car", "tree")])
    assert (added.labels, added.score) == (("person", "car", "tree"), 0.9)
    assert enrichment_of([]).score is None
    assert enrichment_of([at(0, "car")]).score is None


scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12))
fields = st.sampled_from(
    [
        "label",
        "labels",
        "score",
        "left",
        "top",
        "width",
        "height",
        "Person",
        "plate",
        "faces",
        "source",
        "bounding_boxes",
        "x_count",
    ]
)
parts = st.one_of(scalars, st.dictionaries(st.one_of(fields, st.text(max_size=5)), scalars, max_size=5))
rows = st.fixed_dictionaries(
    {"timestamp": st.just("2026-11-01T12:00:00.5")},
    optional={"long": parts, "float": parts, "string": parts, "raw_data": st.one_of(scalars, st.just(AWS)), "id": scalars},
)


@given(st.lists(rows, min_size=1, max_size=4))
def test_whatever_documents_say_what_comes_of_it_can_be_told(answered: list[dict[str, Any]]) -> None:
    documents = [document for row in answered if (document := read(row, 101)) is not None]
    found = [each for document in documents if (each := seen_in(document, 101)) is not None]
    assert all(len(each.objects) <= MOST_OBJECTS for each in found)
    if found:
        told = DETECTIONS.admit(detection_of("vms", found))
        assert 0 < len(told.objects) <= MOST_OBJECTS
        assert all(one.score is None or 0 <= one.score <= 1 for one in told.objects)
    added = ENRICHMENTS.admit(enrichment_of(found))
    assert len(added.labels) <= 32
