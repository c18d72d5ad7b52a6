"""Credentials: what is read of them, what is refused, to whom they may be shown, and that none is ever seen."""

from __future__ import annotations

import base64
import json
import pickle
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes.vxg.minting import Mint, packed

from vms_bridge.errors import ConfigError
from vms_bridge.vxg import ChannelToken, GroupToken, HostRefused, LKey, TokenUnusable, Vxg, parse_lkey, parse_token
from vms_bridge.vxg.hosts import Hosts
from vms_bridge.vxg.tokens import Place

INNER = "share.eyJzaSI6IDEyfQ.00ff.SgnSgnSgnSgnSgnSgnSgn"
URL = "https://web.vms.example"


def test_a_channels_token_says_whose_it_is() -> None:
    token = parse_token(f"  {Mint(host='api.example', port=80).of_channel(7, 'watch')}\n")
    assert isinstance(token, ChannelToken)
    assert (token.channel_id, token.access) == (7, "watch")
    assert token.place == Place("api.example", 443, 80)
    assert token.header.startswith("Acc ey")


def test_a_token_without_a_channel_is_a_groups() -> None:
    token = parse_token(Mint().of_group(3))
    assert isinstance(token, GroupToken)
    assert token.header.startswith("SI ey")


def test_the_old_form_is_packed_as_tokens_are_now() -> None:
    token = parse_token(f"17;{INNER}")
    assert isinstance(token, ChannelToken)
    assert (token.channel_id, token.place) == (17, None)
    said = json.loads(base64.b64decode(token.packed.get_secret_value()))
    assert said == {"token": INNER, "camid": 17, "access": "all"}


@pytest.mark.parametrize("alphabet", ["standard", "url-safe", "unpadded"])
def test_base64_is_read_as_others_write_it(alphabet: str) -> None:
    text = base64.b64encode(
        json.dumps({"token": INNER, "camid": 5, "path": "cloud/é?"[:5]}, ensure_ascii=False).encode()
    ).decode()
    text = {"standard": text, "url-safe": text.translate(str.maketrans("+/", "-_")), "unpadded": text.rstrip("=")}[alphabet]
    token = parse_token(text)
    assert isinstance(token, ChannelToken)
    assert token.channel_id == 5


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("v3.abcdef", "is an LKey"),
        ("srv.abcdef", "is an LKey"),
        (INNER, "within a token"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "another kind"),
        ("not base64!", "strange character"),
        ("a" * 9000, "more than 8192"),
        ("YWJj", "no token of VXG's"),
        (packed({}), "no token in this token"),
        (packed({"token": 5}), "no token in this token"),
        (packed({"token": "a b"}), "no token in this token"),
        (packed({"token": INNER, "camid": "x"}), "number is none"),
        (packed({"token": INNER, "camid": -1}), "number is none"),
        (packed({"token": INNER, "api": "evil.example/x"}), "host is none"),
        (packed({"token": INNER, "api": "https://evil.example"}), "host is none"),
        (packed({"token": INNER, "api": "user@evil.example"}), "host is none"),
        (packed({"token": INNER, "api": "a.example", "api_sp": 70000}), "port is none"),
        (packed({"token": INNER, "api": "a.example", "path": "/../x"}), "path can't be one"),
        (packed({"token": INNER, "api": "a.example", "path": "/x?y"}), "path can't be one"),
        (f"x;{INNER}", "no <camid>;<token>"),
        (f"0;{INNER}", "no <camid>;<token>"),
        ("5;", "no <camid>;<token>"),
        (f"5;{INNER};6", "no <camid>;<token>"),
        (base64.b64encode(b"[" * 3000).decode(), "no token of VXG's"),
        (base64.b64encode(b'{"token": NaN}').decode(), "no token of VXG's"),
    ],
)
def test_what_is_no_token_is_refused_by_what_it_is(text: str, said: str) -> None:
    with pytest.raises(TokenUnusable, match=said) as caught:
        parse_token(text)
    assert caught.value.hint
    assert len(text) < 4 or text.strip() not in f"{caught.value} {caught.value.hint}"


@given(st.integers(min_value=0))
def test_a_token_that_is_cut_short_is_never_another_one(cut: int) -> None:
    whole = Mint().of_channel(7)
    cut %= len(whole)
    try:
        token = parse_token(whole[:cut])
    except TokenUnusable:
        return
    assert token.inner == parse_token(whole).inner, "only padding was cut"


@given(st.one_of(st.text(max_size=300), st.binary(max_size=300).map(lambda raw: base64.b64encode(raw).decode())))
def test_any_text_is_a_token_or_refused(text: str) -> None:
    for parse in (parse_token, parse_lkey):
        with suppress(TokenUnusable):
            parse(text)


@given(
    st.dictionaries(
        st.sampled_from(["token", "camid", "api", "api_p", "api_sp", "path", "access", "proxy", "cam"]),
        st.one_of(
            st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=30), st.lists(st.integers(), max_size=3)
        ),
    )
)
def test_any_object_is_a_token_or_refused(said: dict[str, Any]) -> None:
    try:
        token = parse_token(packed(said))
    except TokenUnusable:
        return
    assert isinstance(said["token"], str)
    assert isinstance(token, ChannelToken) is (said.get("camid") is not None)
    assert "\n" not in token.header


def test_what_is_secret_is_never_seen() -> None:
    group, channel, key = parse_token(Mint().of_group(1)), parse_token(f"5;{INNER}"), parse_lkey("v3.verySecretKey")
    vxg = Vxg(URL, lkey="v3.verySecretKey", token=f"5;{INNER}")
    for shown in (repr(group), repr(channel), repr(key), str(key), f"{group}", repr(vxg), repr(vars(vxg)), repr(vxg.token)):
        assert "share." not in shown
        assert "verySecret" not in shown
        assert "eyJ" not in shown
    assert pickle.loads(pickle.dumps(group)) == group  # noqa: S301 (its own)


@pytest.mark.parametrize("text", ["", " ", "v3.a b", "v3.a\nb", "v3." + "a" * 9000, Mint().of_group(1)])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(TokenUnusable):
        parse_lkey(text)


def place(**said: Any) -> GroupToken:  # noqa: ANN401
    token = parse_token(packed({"token": INNER, **said}))
    assert isinstance(token, GroupToken)
    return token


@pytest.mark.parametrize(
    ("url", "allowed", "said", "base"),
    [
        (URL, [], {}, URL),
        (URL, [], {"api": "web.vms.example"}, URL),
        (URL, [], {"api": "WEB.vms.example", "api_p": 80, "api_sp": 443}, URL),
        (URL, [], {"api": "web.vms.example", "path": "cloud"}, f"{URL}/cloud"),
        (f"{URL}/api/v2/", [], {"api": "web.vms.example"}, URL),
        (f"{URL}/docs/v4.html", [], {}, URL),
        ("https://10.0.0.5:86", [], {"api": "10.0.0.5", "api_p": 83, "api_sp": 86}, "https://10.0.0.5:86"),
        (URL, ["other.example"], {"api": "other.example", "path": "/x"}, "https://other.example/x"),
        (URL, ["other.example:8443"], {"api": "other.example", "api_sp": 8443}, "https://other.example:8443"),
        ("http://127.0.0.1:8000", [], {"api": "127.0.0.1", "api_p": 8000, "api_sp": 443}, "http://127.0.0.1:8000"),
    ],
)
def test_a_token_leads_to_its_own_host(url: str, allowed: list[str], said: dict[str, Any], base: str) -> None:
    assert Hosts(url, allowed).base_for(place(**said)) == base


@pytest.mark.parametrize(
    ("allowed", "said"),
    [
        ([], {"api": "evil.example"}),
        ([], {"api": "web.vms.example", "api_sp": 8443}),
        ([], {"api": "web.vms.example.evil.example"}),
        (["other.example"], {"api": "other.example", "api_sp": 8443}),
        (["other.example"], {"api": "sub.other.example"}),
        ([], {"api": "127.0.0.1"}),
    ],
)
def test_a_token_that_leads_elsewhere_is_shown_to_nobody(allowed: list[str], said: dict[str, Any]) -> None:
    with pytest.raises(HostRefused, match="is not listed"):
        Hosts(URL, allowed).base_for(place(**said))
    with pytest.raises(HostRefused):
        Vxg(URL, token=packed({"token": INNER, **said}), allowed_hosts=allowed)


def test_a_key_goes_to_the_configured_host_whatever_is_listed() -> None:
    key = LKey(parse_lkey("v3.key").secret)
    assert Hosts(URL, ["other.example"]).base_for(key) == URL


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://vms.example", "nothing is encrypted"),
        ("http://10.0.0.5", "nothing is encrypted"),
        ("http://127.evil.example", "nothing is encrypted"),
        ("ftp://vms.example", "does not start with"),
        ("https://user:secret@vms.example", "a login"),
        ("https://vms.example/?token=secret", "a login"),
        ("https://", "no host"),
    ],
)
def test_an_address_that_can_not_be_meant_is_refused_and_not_quoted(url: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        Vxg(url, lkey="v3.key")
    assert "secret" not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize("host", ["", "http://other.example", "other.example/x", "user@other.example", "a b", "other.example:0"])
def test_a_listed_host_is_a_host(host: str) -> None:
    with pytest.raises(ConfigError, match="listed host"):
        Hosts(URL, [host])
