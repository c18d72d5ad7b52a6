"""The benchmark of the library for ZoneMinder, in tiny form: that every client does the same, and that counts are right."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from benchmarks.lab.event_pages import Pages
from benchmarks.lab.running import CannotMeasureError
from benchmarks.zoneminder_library import Taken, _row

if TYPE_CHECKING:
    from collections.abc import Sequence


def ids(text: str) -> Sequence[int]:
    return [row["Event"]["Id"] for row in json.loads(text)["events"]]


def test_pages_are_lists_by_id_in_both_directions() -> None:
    pages = Pages(250)
    assert ids(pages.page("Id >:0", descends=False, limit=3, number=1)) == [1, 2, 3]
    assert ids(pages.page("Id >:0", descends=True, limit=3, number=2)) == [247, 246, 245]
    assert ids(pages.page("Id >:100/Id <:103", descends=False, limit=100, number=1)) == [101, 102]
    assert ids(pages.page("Id >=:249/MonitorId:1", descends=True, limit=100, number=1)) == [250, 249]
    assert ids(pages.page("Id >:250", descends=False, limit=100, number=1)) == []
    whole = json.loads(pages.page("Id <=:101", descends=True, limit=100, number=1))
    assert (whole["pagination"]["count"], whole["pagination"]["nextPage"]) == (101, True)
    assert whole["events"][0]["Event"]["DefaultVideo"] == "101-video.mp4"


def taken(*seconds: float, proof: object = 1, requests: int = 1) -> Taken:
    return Taken(seconds=list(seconds), cpu=[0.0] * len(seconds), proof=proof, requests=requests)


def test_the_verdict_is_of_rounds_and_of_requests() -> None:
    bare, pyzm = taken(1.0, 2.0, 3.0), taken(1.0, requests=2)
    names = ("library", "bare HTTP", "pyzm 0.3.56")
    good = _row("what", dict(zip(names, (taken(1.05, 2.1, 9.0), bare, pyzm), strict=True)))
    assert (good.is_good, "1.05 times bare HTTP" in good.reached) == (True, True)
    slow = _row("what", dict(zip(names, (taken(1.2, 2.4, 3.0), bare, pyzm), strict=True)))
    assert slow.is_good is False
    asks = _row("what", dict(zip(names, (taken(1.0, 2.0, 3.0, requests=3), bare, pyzm), strict=True)))
    assert asks.is_good is False
    with pytest.raises(CannotMeasureError):
        _row("what", dict(zip(names, (taken(1.0, proof=2), bare, pyzm), strict=True)))
