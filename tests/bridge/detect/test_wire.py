"""What the worker says is believed only where it makes sense."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vms_bridge.detect.engine.wire import (
    HEADER,
    MOST_FOUND,
    Asked,
    Hello,
    Inference,
    Job,
    Refusal,
    pack,
    read_asked,
    read_job,
    read_said,
)

ROW = (0, 0.5, 0.1, 0.2, 0.3, 0.4)
FOUND = {"say": "found", "id": 1, "found": [ROW], "width": 1, "height": 1, "waited_s": 0, "decode_s": 0.1, "infer_s": 0.2}


def said(**words: object) -> bytes:
    return json.dumps({**FOUND, **words}).encode()


def test_what_is_said_is_read_as_it_was_written() -> None:
    answer = Inference(id=3, found=(ROW,) * 3, width=10, height=20, waited_s=0.0, decode_s=0.5, infer_s=1.5)
    content = pack(answer)
    assert HEADER.unpack(content[:4]) == (len(content) - 4,)
    assert read_said(content[4:]) == answer
    hello = Hello(confinement={"user": "its own"})
    assert read_said(pack(hello)[4:]) == hello


def test_requests_and_jobs_are_read_as_they_were_written() -> None:
    asked = Asked(
        id=1, do="draw", slot=2, size=3, width=4, height=5, drawn=(("Größe 🚗", (0.0, 0.1, 0.2, 0.3), 4),), most_width=640
    )
    assert read_asked(pack(asked)[4:]) == asked
    job = Job(
        models={"a": {"file": "a.xml", "anchors": [[1.0, 2.0]]}}, runtime={"device": "CPU"}, memory=5, slots=2, slot_bytes=9
    )
    assert read_job(pack(job)[4:]) == job


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"null",
        b"{}",
        b'{"say": "nothing"}',
        b'{"say": "found", "id": 1}',
        said(more=1),
        said(id="1"),
        said(found=[ROW] * (MOST_FOUND + 1)),
        said(found=[(0, 1.5, 0.1, 0.1, 0.1, 0.1)]),
        said(found=[(0, 0.5, float("nan"), 0.1, 0.1, 0.1)]),
        said(found=[(0, 0.5, float("inf"), 0.1, 0.1, 0.1)]),
        said(found=[(-1, 0.5, 0.1, 0.1, 0.1, 0.1)]),
        said(found=[(0, 0.5, -0.1, 0.1, 0.1, 0.1)]),
        said(width=-1),
        said(width=2**40),
        said(infer_s=-1.0),
        b'{"say": "refused", "id": 1, "why": "because", "message": ""}',
        b'{"say": "refused", "id": 1, "why": "picture", "message": "' + b"x" * 2_000 + b'"}',
        b'{"say": "hello", "confinement": {"user": 1}}',
    ],
)
def test_what_makes_no_sense_is_nothing(content: bytes) -> None:
    assert read_said(content) is None


def test_what_just_makes_sense_is_read() -> None:
    assert read_said(said()) is not None
    assert read_said(said(found=[ROW] * MOST_FOUND)) is not None
    assert isinstance(read_said(b'{"say": "refused", "id": 1, "why": "other", "message": ""}'), Refusal)


@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.floats() | st.text(max_size=5), st.lists).map(lambda x: json.dumps(x).encode())
)
def test_nothing_that_is_said_can_do_harm(content: bytes) -> None:
    read_said(content)
