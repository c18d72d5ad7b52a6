"""What a token is good for, and what its text looks like."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes.backend import START

from vms_bridge.commands import Level
from vms_bridge.logs import redact
from vms_bridge.tokens import Scope, Token, digest_of, id_in, new_token


def test_a_text_holds_256_random_bits_behind_its_id() -> None:
    made = [new_token() for _ in range(50)]
    assert len({token_id for token_id, _ in made}) == len({text for _, text in made}) == 50
    for token_id, text in made:
        assert text.startswith(f"vb_{token_id}_")
        assert len(text) == 57
        assert id_in(text) == token_id
        assert digest_of(text) == hashlib.sha256(text.encode()).digest()
        assert redact(f"GET with {text}, or {text[:40]}") == f"GET with vb_{token_id}_***, or vb_{token_id}_***"


@given(st.text(max_size=80))
def test_what_is_no_text_of_a_token_has_no_id(text: str) -> None:
    assert id_in(text) is None


def test_no_part_of_a_text_is_one() -> None:
    _, text = new_token()
    assert not [cut for cut in range(len(text)) if id_in(text[:cut])]
    assert id_in(f"{text}x") is id_in(f" {text}") is id_in(f"{text}\n") is None


@pytest.mark.parametrize(
    ("scope", "level", "includes"),
    [
        (Scope.READ, Level.READ, {Scope.READ}),
        (Scope.CONTROL, Level.CONTROL, {Scope.READ, Scope.CONTROL}),
        (Scope.ADMIN, Level.ADMIN, {Scope.READ, Scope.CONTROL, Scope.ADMIN}),
        (Scope.HOOK, None, {Scope.HOOK}),
        (Scope("newer"), None, set()),
    ],
)
def test_what_a_scope_includes(scope: Scope, level: Level | None, includes: set[Scope]) -> None:
    assert scope.level is level
    assert {other for other in Scope if scope.includes(other)} == includes


def test_what_a_token_sees() -> None:
    token = Token(id="a", name="a", scope=Scope.READ, created=START)
    assert token.sees("zm")
    assert token.sees("zm", "1")
    assert not token.is_limited
    limited = Token(
        id="a", name="a", scope=Scope.READ, created=START, systems=frozenset({"zm"}), monitors=frozenset({("barn", "3")})
    )
    assert [limited.sees(*one) for one in (("zm",), ("zm", "9"), ("barn", "3"), ("barn",), ("barn", "4"), ("yard",))] == [
        *(True, True, True, False, False, False)
    ]
    assert [limited.knows(one) for one in ("zm", "barn", "yard")] == [True, True, False]
    nothing = Token(id="a", name="a", scope=Scope.READ, created=START, systems=frozenset())
    assert not nothing.sees("zm", "1")


def test_when_its_time_is_over() -> None:
    token = Token(id="a", name="a", scope=Scope.READ, created=START, expires=START + timedelta(seconds=1))
    assert not token.has_expired(START)
    assert token.has_expired(START + timedelta(seconds=1))
