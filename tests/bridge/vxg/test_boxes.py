"""What was found in pictures: each form that the vendor's pages show, and anything else, which is never evaluated."""

from __future__ import annotations

import ast
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vms_bridge.vxg import Box
from vms_bridge.vxg.boxes import MOST_BOXES, boxes_in_file, boxes_in_meta, read_literal

RESOLUTION = "{u'width': 1280, u'height': 720}"


def test_tags_as_python_wrote_them() -> None:
    said = "{u'car': [320, 180, 640, 360], 'bus': (64L, 36.0, 0, 0)}"
    found = boxes_in_meta({"bounding_boxes": said, "frame_resolution": RESOLUTION})
    assert found == (Box("car", 0.5, 0.5, 0.25, 0.25), Box("bus", 0, 0, 0.05, 0.05))
    assert boxes_in_meta({"bounding_boxes": "[[128, 72, 0, 0]]", "frame_resolution": RESOLUTION}) == (Box("", 0, 0, 0.1, 0.1),)


def test_labels_as_aws_writes_them() -> None:
    box = {"Left": 0.1, "Top": 0.2, "Width": 0.3, "Height": 0.4}
    said = {
        "Labels": [
            {"Name": "Person", "Confidence": 90.0, "Instances": [{"BoundingBox": box, "Confidence": 97.5}, {"BoundingBox": box}]},
            {"Name": "Street", "Instances": []},
        ]
    }
    found = boxes_in_file(json.dumps(said).encode(), None, None)
    assert [(each.label, each.score) for each in found] == [("Person", 0.975), ("Person", 0.9)]
    assert (found[0].left, found[0].top) == (0.1, 0.2)


def test_pixels_as_yolo_writes_them() -> None:
    item = {"ObjectClassName": "dog", "coordinates": {"left": 640, "top": 0, "right": 1280, "bottom": 360}}
    raw = json.dumps({"data": {"bounding-boxes": [item]}}).encode()
    assert boxes_in_file(raw, 1280, 720) == (Box("dog", 0.5, 0.0, 0.5, 0.5),)
    assert boxes_in_file(raw, None, None) == (), "of how many pixels the picture has, nothing is known"


@pytest.mark.parametrize(
    "meta",
    [
        {},
        {"bounding_boxes": "{'a': [1, 2, 3, 4]}"},
        {"bounding_boxes": "{'a': [1, 2, 3, 4]}", "frame_resolution": "{'width': 0, 'height': 0}"},
        {"bounding_boxes": "{'a': [1, 2, 3]}", "frame_resolution": RESOLUTION},
        {"bounding_boxes": "{'a': [1, 2, 3, 'x']}", "frame_resolution": RESOLUTION},
        {"bounding_boxes": "{'a': [-5, 2, 3, 4]}", "frame_resolution": RESOLUTION},
        {"bounding_boxes": "{'a': [5, 5, 9999, 9999]}", "frame_resolution": RESOLUTION},
        {"bounding_boxes": "__import__('os').system('id')", "frame_resolution": RESOLUTION},
        {"bounding_boxes": "{'a': [1, 2, 3, 4]} + evil()", "frame_resolution": RESOLUTION},
        {"bounding_boxes": "[" * 100_000, "frame_resolution": RESOLUTION},
        {"bounding_boxes": "9" * 300_000, "frame_resolution": RESOLUTION},
    ],
)
def test_what_is_no_box_is_none(meta: dict[str, str]) -> None:
    assert boxes_in_meta(meta) == ()


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b"\xff", b"[" * 100_000, b'{"Labels": NaN}', b"{" + b" " * 300_000 + b"}"])
def test_what_is_no_file_of_boxes_has_none(raw: bytes) -> None:
    assert boxes_in_file(raw, 10, 10) == ()


def test_there_are_no_more_than_anybody_looks_at() -> None:
    many = "{" + ", ".join(f"'{number}': [1, 1, 1, 1]" for number in range(2 * MOST_BOXES)) + "}"
    assert len(boxes_in_meta({"bounding_boxes": many, "frame_resolution": RESOLUTION})) == MOST_BOXES


@pytest.mark.parametrize("source", ["'" * 200_000, "'" + "\\" * 200_000, "{'" + "a" * 4000 + "': " * 50, "(" * 200_000])
def test_what_is_long_and_nothing_is_refused_at_once(source: str) -> None:
    began = time.process_time()
    assert read_literal(source) is None
    assert time.process_time() - began < 2


values = st.recursive(
    st.one_of(st.integers(-(10**15), 10**15), st.text(alphabet="ab c,:[]{}'\"\\", max_size=10), st.booleans(), st.none()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.text(alphabet="abc ", max_size=5), inner, max_size=4),
        st.tuples(inner, inner),
    ),
    max_leaves=8,
)


@given(values)
def test_what_python_writes_is_read_as_python_reads_it(value: Any) -> None:  # noqa: ANN401
    assert read_literal(repr(value)) == plain(ast.literal_eval(repr(value)))


@given(st.text(alphabet="u'\"[](){},:0123456789.-eE TrueNoneFalse\\", max_size=80))
def test_any_text_is_read_or_not(source: str) -> None:
    read_literal(source)


@given(st.dictionaries(st.sampled_from(["Labels", "data", "bounding-boxes"]), values), st.integers(), st.integers())
def test_any_file_is_read_or_not(said: dict[str, Any], width: int, height: int) -> None:
    for box in boxes_in_file(json.dumps(said).encode(), width, height):
        assert 0 <= box.left < 1


def plain(value: Any) -> Any:  # noqa: ANN401
    """Return it with lists for tuples: the reader has no use for the difference."""
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return {key: plain(each) for key, each in value.items()} if isinstance(value, dict) else value
