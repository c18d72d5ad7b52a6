"""No secret is found in a text, whatever has encoded it and whatever stands around it."""

from __future__ import annotations

import html
import json
import re
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretBytes, SecretStr

from vms_bridge.concealment import Secrets

ODD = "p&=+ä/%s# \"'\\x<€𝄞"


def encodings(secret: str) -> list[str]:
    raw = secret.encode()
    twice = quote(quote(secret, safe=""), safe="")
    return [
        secret,
        quote(secret),
        quote(secret, safe=""),
        re.sub("%..", lambda found: found[0].lower(), quote(secret, safe="")),
        quote_plus(secret),
        twice,
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        json.dumps(secret)[1:-1].replace("/", "\\/"),
        json.dumps(json.dumps(secret))[3:-3],
        html.escape(secret),
        html.escape(secret).replace("&#x27;", "&#039;"),
        html.escape(html.escape(secret)),
        "".join(f"&#{ord(char)};" for char in secret),
        repr(secret)[1:-1],
        repr(raw)[2:-1],
        raw.decode("latin-1"),
        b64encode(raw).decode().rstrip("="),
    ]


@pytest.mark.parametrize("encoded", encodings(ODD))
def test_usual_encodings(encoded: str) -> None:
    assert Secrets([ODD]).strike(f"before<{encoded}>after") == "before<***>after"


@pytest.mark.parametrize("before", ["", "u:", "us:", "user:"])
def test_within_a_longer_text_in_base64(before: str) -> None:
    login = f"{before}correct horse battery?>~".encode()
    for encoded in (b64encode(login).decode(), urlsafe_b64encode(login + b" and more").decode()):
        struck = Secrets(["correct horse battery?>~"]).strike(f"Authorization {encoded} end")
        assert "***" in struck
        assert len(struck) < len("Authorization ***  end") + 24


@given(secret=st.text(st.characters(exclude_categories=["Cs"]), min_size=6, max_size=40), around=st.text(max_size=20))
def test_any_secret_in_any_encoding(secret: str, around: str) -> None:
    secrets = Secrets([secret])
    for encoded in encodings(secret):
        struck = secrets.strike(f"{around} {encoded} {around}")
        assert encoded not in struck or encoded in f"{around} *** {around}"


def test_short_ones_only_where_somebody_else_is_quoted() -> None:
    secrets = Secrets(["1234", "longer"])
    assert secrets.strike("the port 1234 and longer") == "the port 1234 and ***"
    assert secrets.strike_foreign("pin 1234, longer") == "pin ***, ***"


def test_a_secret_that_holds_another() -> None:
    assert Secrets(["secret", "secret of old"]).strike("the secret of old") == "the ***"


def test_tokens_come_and_go() -> None:
    secrets = Secrets()
    assert secrets.strike("nothing") == "nothing"
    secrets.keep_passing(None, "", *(f"token-{number:02}" for number in range(40)))
    assert secrets.strike("token-39 token-00") == "*** token-00"
    secrets.keep_passing("token-24")
    secrets.keep_passing("token-40")
    assert secrets.strike("token-24 token-25 token-40") == "*** token-25 ***"


def test_others_are_struck_out_as_they_are_at_the_time() -> None:
    own, system = Secrets(["password"]), Secrets()
    own.include("zm", system)
    own.include("zm", system)
    assert own.strike("password and first token") == "*** and first token"
    system.keep_passing("first token")
    assert own.strike("password and first token") == "*** and ***"
    own.include("zm", None)
    own.include("me", own)
    assert own.strike("password and first token") == "*** and first token"
    assert repr(own) == "<1 secrets>"


def test_a_long_token_is_found() -> None:
    token = f"eyJ{'aB0-_.' * 100}"
    secrets = Secrets([token])
    assert secrets.strike(f"?token={token}&x") == "?token=***&x"
    assert token not in repr(secrets)


def test_what_is_secret_in_a_model() -> None:
    class Inner(BaseModel):
        pin: SecretStr = SecretStr("pin of the inner")
        raw: SecretBytes = SecretBytes(b"raw bytes")

    class Outer(BaseModel):
        username: str = "me"
        password: SecretStr | None = SecretStr("of the outer")
        nothing: SecretStr | None = None
        inner: Inner = Inner()
        more: list[Inner] = [Inner(pin=SecretStr("in a list"))]
        by_name: dict[str, SecretStr] = {"a": SecretStr("in a mapping")}

    secrets = Secrets.of(Outer(), None)
    login = b64encode(b"me:of the outer").decode()
    text = f"me: pin of the inner, raw bytes, of the outer, in a list, in a mapping, {login}"
    assert secrets.strike(text).rstrip("=") == "me: ***, ***, ***, ***, ***, ***"


@pytest.mark.parametrize("before", [0, 10, 32_760, 32_768, 65_530, 200_000])
@pytest.mark.parametrize("encoded", encodings(ODD))
def test_in_a_long_text_too_wherever_it_stands(encoded: str, before: int) -> None:
    text = f"{'.' * before}{encoded}{'.' * 40_000}{encoded}."
    assert Secrets([ODD]).strike_long(text) == f"{'.' * before}***{'.' * 40_000}***."


@pytest.mark.parametrize("text", ["\\", "%25", "%2525", "25", "&amp;", "amp;", "&#0", "0"])
def test_no_text_makes_it_slow(text: str) -> None:
    # What took the square of its length would take hours here: the test's own time limit ends it.
    secrets = Secrets(["a-token-of-some-length"])
    assert secrets.strike_foreign(text * 300_000) == text * 300_000
    assert secrets.strike_long(text * 300_000) == text * 300_000


def test_a_long_token_is_struck_by_its_pieces_and_a_short_one_in_any_encoding() -> None:
    secrets = Secrets()
    long = f"{'aB3' * 30}+/{'c4D' * 30}=="
    secrets.keep_long(long)
    secrets.keep_long("camera;short-one")
    assert secrets.strike(f"token={long} and camera;short-one, or camera%3Bshort-one") == "token=***+/***== and ***, or ***"
