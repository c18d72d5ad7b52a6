"""Signatures of links: what was signed is known again, for what was signed, and nothing else is taken for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vms_bridge.links import MOST_USES, Terms, Uses, address_of, is_genuine, parse, sign, target_of
from vms_bridge.logs import redact

BRIDGE, SECRET = "b" * 32, b"k" * 32
IDS = st.from_regex(r"[0-9a-z]{10}", fullmatch=True)
TIMES = st.integers(1, 99_999_999_999).map(lambda seconds: datetime.fromtimestamp(0, UTC) + timedelta(seconds=seconds))
TERMS = st.builds(
    Terms,
    key=IDS,
    token=st.none() | IDS,
    until=st.none() | TIMES,
    uses=st.none() | st.builds(Uses, most=st.integers(1, MOST_USES), id=IDS),
)
NAMES = st.text(min_size=1, max_size=12)
TEMPLATE = "/api/v1/media/monitors/{system}/{monitor}/picture"
TARGETS = st.tuples(NAMES, NAMES, st.lists(st.tuples(NAMES, st.text(max_size=8)), max_size=3))
ALIKE = "1.0123456789.-.-.-."


def text_of(target: tuple[str, str, list[tuple[str, str]]]) -> str:
    system, monitor, query = target
    return target_of(TEMPLATE, {"system": system, "monitor": monitor}, query)


@given(TERMS, TARGETS)
def test_what_is_signed_is_known_again(terms: Terms, target: tuple[str, str, list[tuple[str, str]]]) -> None:
    signature = sign(SECRET, BRIDGE, text_of(target), terms)
    assert parse(signature) == terms
    assert is_genuine(signature, SECRET, BRIDGE, text_of(target), terms)
    assert not is_genuine(signature, b"x" * 32, BRIDGE, text_of(target), terms), "another key"
    assert not is_genuine(signature, SECRET, "c" * 32, text_of(target), terms), "another instance"
    assert not is_genuine(signature, SECRET, BRIDGE, f"{text_of(target)}x", terms), "another target"


@given(TERMS, TERMS)
def test_terms_can_not_be_exchanged(terms: Terms, others: Terms) -> None:
    signature = sign(SECRET, BRIDGE, "/x", terms)
    changed = f"{others.text()}.{signature.rpartition('.')[2]}"
    assert parse(changed) == others
    assert is_genuine(changed, SECRET, BRIDGE, "/x", others) is (terms == others)


@given(TERMS, st.integers(0, 200), st.text(max_size=2))
def test_a_signature_that_is_cut_or_changed_is_none(terms: Terms, at: int, put_in: str) -> None:
    signature = sign(SECRET, BRIDGE, "/x", terms)
    at %= len(signature)
    changed = f"{signature[:at]}{put_in}{signature[at + 1 :]}"
    for text in (changed, signature[:at], f"{signature}{put_in or 'A'}"):
        read = parse(text)
        assert text == signature or read is None or not is_genuine(text, SECRET, BRIDGE, "/x", read)


def test_each_last_letter_but_one_is_refused() -> None:
    terms = Terms(key="0123456789")
    signature = sign(SECRET, BRIDGE, "/x", terms)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    good = [letter for letter in letters if is_genuine(signature[:-1] + letter, SECRET, BRIDGE, "/x", terms)]
    assert good == [signature[-1]], "base64 has bits to spare there"


@given(st.text(max_size=200) | st.from_regex(r"1\.[0-9a-z.-]{0,60}\.[\w=-]{0,50}"))
@example(ALIKE + "A" * 42)
@example(ALIKE + "A" * 44)
@example(ALIKE + "A" * 42 + "=")
@example(ALIKE + "A" * 43 + "\n")
@example("2" + ALIKE[1:] + "A" * 43)
@example("1.0123456789.-.0.-." + "A" * 43)
@example("1.0123456789.-.-.0-0123456789." + "A" * 43)
@example("1.0123456789.-.999999999999." + "A" * 43)
@example("1.٠١٢٣٤٥٦٧٨٩.-.-.-." + "A" * 43)
def test_nothing_else_is_taken_for_one(text: str) -> None:
    read = parse(text)
    assert read is None or text.startswith(f"{read.text()}.")


def test_the_largest_of_each_is_read() -> None:
    terms = Terms(
        key="z" * 10,
        token="z" * 10,
        until=datetime.fromtimestamp(99_999_999_999, UTC),
        uses=Uses(most=MOST_USES, id="z" * 10),
    )
    assert parse(sign(SECRET, BRIDGE, "/x", terms)) == terms


@given(TARGETS, TARGETS)
@example(("a/b", "c", []), ("a", "b/c", []))
@example(("a", "b?c=d", []), ("a", "b", [("c", "d")]))
@example(("a", "b", [("c", "d&e=f")]), ("a", "b", [("c", "d"), ("e", "f")]))
@example(("a", "%2F", []), ("a", "/", []))
@example(("{monitor}", "x", []), ("x", "{monitor}", []))
def test_two_targets_have_two_forms(
    one: tuple[str, str, list[tuple[str, str]]], other: tuple[str, str, list[tuple[str, str]]]
) -> None:
    is_same = (one[0], one[1], sorted(one[2])) == (other[0], other[1], sorted(other[2]))
    assert (text_of(one) == text_of(other)) is is_same


@given(TARGETS)
def test_the_form_is_an_address_that_says_what_was_meant(target: tuple[str, str, list[tuple[str, str]]]) -> None:
    path, _, query = text_of(target).partition("?")
    parts = path.split("/")
    assert [unquote(parts[5]), unquote(parts[6])] == [target[0], target[1]]
    assert parse_qsl(query, keep_blank_values=True) == sorted(target[2])
    assert path.isascii()
    assert not set(path) & set(" \"'<>\\")


@pytest.mark.parametrize(("target", "address"), [("/a", "/a?auth=S"), ("/a?b=c", "/a?b=c&auth=S")])
def test_its_address(target: str, address: str) -> None:
    assert address_of(target, "S") == address


@pytest.mark.parametrize("around", ["{}", "GET {} failed", '{{"snapshot_url":"https://h{}"}}', "<a href='{}'>", "({})"])
def test_a_log_shows_no_signature(around: str) -> None:
    signature = sign(SECRET, BRIDGE, "/api/v1/x", Terms(key="0123456789"))
    said = redact(around.format(address_of("/api/v1/x?frame=alarm", signature)))
    assert signature.rpartition(".")[2] not in said
    assert "frame=alarm" in said


def test_a_half_character_can_be_signed_and_is_no_other() -> None:
    assert target_of("/{x}", {"x": "\udc80"}) != target_of("/{x}", {"x": "?"})
