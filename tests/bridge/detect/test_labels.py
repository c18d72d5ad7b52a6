"""Patterns for labels match whole labels, the most specific one is meant, and none can run away."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.bridge.detect.calm import CALM, GARBAGE

from vms_bridge.detect.labels import LABEL_LENGTH, MOST_STEPS, PATTERN_LENGTH, WrongPattern, parse_pattern


@pytest.mark.parametrize(
    ("pattern", "labels", "others"),
    [
        ("car", ["car", "Car", " car "], ["carrot", "scar", "race car", ""]),
        ("car|truck", ["car", "truck"], ["cartruck", "trucks", "car|truck"]),
        ("*cat", ["cat", "wildcat"], ["cats", "cattle"]),
        ("*", ["anything", "🐕", "a/b c"], []),
        ("traffic light", ["traffic light"], ["traffic", "traffic  light"]),
        ("d?g", ["dog", "dig"], ["doog", "dg"]),
        ("[cb]ar", ["car", "bar"], ["far"]),
        ("🐕|a/b", ["🐕", "a/b"], ["a"]),
        ("re:(car|bus)", ["car", "BUS"], ["carrot", "scar"]),
        (r"re:plate-\d{2,4}", ["plate-12", "plate-1234"], ["plate-1", "plate-12345"]),
        ("re:[a-z]+ light", ["traffic light"], ["traffic lights"]),
        (r"re:a\*", ["a*"], ["aa"]),
        ("re:[]x]+", ["]x]"], ["a"]),
        ("car.", ["car."], ["cart"]),
    ],
)
def test_a_label_is_matched_whole(pattern: str, labels: list[str], others: list[str]) -> None:
    parsed = parse_pattern(pattern)
    assert [label for label in labels if label not in parsed] == []
    assert [label for label in others if label in parsed] == []


def test_the_most_specific_pattern_is_meant() -> None:
    ranks = [
        parse_pattern(text).precedence("wildcat") for text in ("wildcat", "wild?at", "wild*", "*cat", "*a*", "re:.*cat", "*")
    ]
    assert None not in ranks
    assert ranks == sorted(ranks, key=lambda rank: (rank is None, rank))
    assert parse_pattern("*|wildcat").precedence("wildcat") == parse_pattern("wildcat").precedence("wildcat")


@pytest.mark.parametrize(
    "expression",
    [
        "(a+)+",
        "(a|a)*",
        "(.*a){20}",
        ".*.*.*",
        "a*a*a*a*b",
        "(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)",
        "a?" * 15,
        "a{,}a{,}a{,}",
        "a{1,40}a{1,40}a{1,40}",
        r"(a)\1",
        "(?=a)a",
        "(?P<x>a)",
        r"\Aa",
        r"\x41",
        "(",
        ")",
        "[",
        "a[",
        "((((((((((a))))))))))",
        "*",
        "a{2,1}",
        "a{99999999999999999999}",
        "[[a]]",
        "[a--b]",
        "\\",
    ],
)
def test_what_could_run_away_or_is_none_is_refused_with_a_remedy(expression: str) -> None:
    with pytest.raises(WrongPattern) as wrong:
        parse_pattern(f"re:{expression}")
    assert str(wrong.value)
    assert wrong.value.remedy


@pytest.mark.parametrize("text", ["", "  ", "car|", "|", "a" * (PATTERN_LENGTH + 1)])
def test_what_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(WrongPattern):
        parse_pattern(text)


@CALM
@given(st.text(GARBAGE, max_size=40), st.text(GARBAGE, max_size=40))
def test_whatever_is_written_is_a_pattern_or_is_refused(text: str, label: str) -> None:
    try:
        pattern = parse_pattern(text)
    except WrongPattern:
        return
    assert (label in pattern) in {True, False}


_PIECES = st.sampled_from(
    ["a", "b", ".", "*", "+", "?", "(", ")", "|", "[ab]", "{1,9}", "{,}", "{2}", "(?:", "\\w", "^", "$", "a*"]
)


@CALM
@given(st.lists(_PIECES, max_size=14).map("".join))
def test_no_expression_that_is_taken_takes_long(expression: str) -> None:
    try:
        pattern = parse_pattern(f"re:{expression}")
    except WrongPattern:
        return
    re.compile(expression)
    began = time.process_time()
    for label in ("a" * LABEL_LENGTH, "a" * (LABEL_LENGTH - 1) + "!", "ab" * (LABEL_LENGTH // 2)):
        assert (label in pattern) in {True, False}
    assert time.process_time() - began < 1, f"of at most {MOST_STEPS} steps"
