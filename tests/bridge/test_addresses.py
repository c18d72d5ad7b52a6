from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vms_bridge.addresses import WrongAddress, parse_address

SCHEMES = {"mqtt": 1883, "mqtts": 8883, "ws": 80, "wss": 443, "http": 80}


@pytest.mark.parametrize(
    ("text", "host", "port", "username"),
    [
        ("mqtt://host", "host", 1883, None),
        (" MQTTS://Host.Example:8884/ \n", "host.example", 8884, None),
        ("mqtt://cam%40home.example@host", "host", 1883, "cam@home.example"),
        ("mqtt://cam@home.example@host", "host", 1883, "cam@home.example"),
        ("mqtt://vh%3Acam@host", "host", 1883, "vh:cam"),
        ("mqtt://dom%2fcam@host:1", "host", 1, "dom/cam"),
        ("mqtt://a%23b%3Fc%25d@host", "host", 1883, "a#b?c%d"),
        ("mqtt://j%C3%BCrgen+x@host", "host", 1883, "jürgen+x"),
        ("mqtt://jürgen@host", "host", 1883, "jürgen"),
        ("mqtt://me@[::1]", "::1", 1883, "me"),
        ("mqtt://[2001:DB8::0:1]:01884", "2001:db8::1", 1884, None),
        ("mqtt://[fe80::1%25eth0]:1884", "fe80::1%eth0", 1884, None),
        ("mqtt://[fe80::1%eth0]", "fe80::1%eth0", 1883, None),
        ("mqtt://host:", "host", 1883, None),
        ("mqtt://my_broker-1.lan.", "my_broker-1.lan.", 1883, None),
        ("mqtt://bücher.example", "xn--bcher-kva.example", 1883, None),
        ("mqtt://192.168.1.2:65535", "192.168.1.2", 65535, None),
    ],
)
def test_what_is_meant(text: str, host: str, port: int, username: str | None) -> None:
    address = parse_address(text, SCHEMES)
    assert (address.host, address.port, address.username, address.password) == (host, port, username, None)


@pytest.mark.parametrize(
    ("text", "said", "remedy"),
    [
        ("host:1883", "does not start with mqtt://, mqtts://, ws://, wss:// or http://", ""),
        ("mqtt:host", "does not start with", ""),
        ("tcp://host", "does not start with", ""),
        ("mqtt://", "has no host", ""),
        ("mqtt://:1883", "has no host", ""),
        ("mqtt:///path", "has no host", ""),
        ("mqtt://me@", "has no host", ""),
        ("mqtt://@host", "no user before its @", "leave the @ out"),
        ("mqtt://:secret@host", "no user before its @", "leave the @ out"),
        ("mqtt://dom/cam@host", "an @ behind a /, ? or #", "%2F"),
        ("mqtt://a#b@host", "an @ behind a /, ? or #", "%23"),
        ("mqtt://a?b@host", "an @ behind a /, ? or #", "%3F"),
        ("mqtt://me:se/cret@host", "an @ behind a /, ? or #", "username:"),
        ("mqtt://a\\b@host", "has a \\", "%5C"),
        ("mqtt://a b@host", "a space", "%20"),
        ("mqtt://host name", "a space", "%20"),
        ("mqtt://ho\tst", "invisible", "%20"),
        ("mqtt://ho\u202est", "invisible", "%20"),
        ("mqtt://50%@host", "a % that begins no", "%25"),
        ("mqtt://%zz@host", "a % that begins no", "%25"),
        ("mqtt://%ff@host", "not of UTF-8", "UTF-8"),
        ("mqtt://a%00b@host", "control character", "leave it out"),
        ("mqtt://host:0", "port that is not a number from 1 to 65535", ""),
        ("mqtt://host:65536", "port", ""),
        ("mqtt://host:99999999999999999999", "port", ""),
        ("mqtt://host:-1", "port", ""),
        ("mqtt://host:secret", "port", ""),
        ("mqtt://host:\u0661", "port", ""),
        ("mqtt://host:1_8", "port", ""),
        ("mqtt://::1", "more than one :", "[::1]"),
        ("mqtt://fe80::1:1883", "more than one :", "[::1]"),
        ("mqtt://[::1", "not closed", "[::1]"),
        ("mqtt://[::1]1883", "behind its ]", "[::1]"),
        ("mqtt://[host]", "no IPv6 address", "[::1]"),
        ("mqtt://[v1.x]", "no IPv6 address", "[::1]"),
        ("mqtt://[fe80::1%]", "no interface", "eth0"),
        ("mqtt://ho%73t", "characters that a host can't have", ""),
        ("mqtt://host,other", "characters that a host can't have", ""),
        ("mqtt://a..b", "characters that a host can't have", ""),
        (f"mqtt://{'a' * 64}", "characters that a host can't have", ""),
        (f"mqtt://{'a.' * 128}", "characters that a host can't have", ""),
        ("mqtt://ü..b", "characters that a host can't have", ""),
        ("mqtt://192.168.1.300", "no IPv4 address", "0 to 255"),
    ],
)
def test_what_is_refused(text: str, said: str, remedy: str) -> None:
    with pytest.raises(WrongAddress) as caught:
        parse_address(text, SCHEMES)
    assert said in str(caught.value)
    assert remedy in caught.value.remedy
    assert "secret" not in str(caught.value) + caught.value.remedy


def test_a_path_a_query_and_a_fragment() -> None:
    address = parse_address("ws://host/a b/ü%20?x=1#y".replace(" ", "%20"), SCHEMES)
    assert (address.path, address.query, address.fragment) == ("/a%20b/%C3%BC%20", "x=1", "y")


def test_a_password_is_in_no_repr() -> None:
    address = parse_address("mqtt://me:hunter2@host?token=hunter2#hunter2", SCHEMES)
    assert address.password == "hunter2"
    assert "hunter2" not in repr(address)


@given(username=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30))
@example(username="vh:dom/cam@home.example#?%[]")
def test_every_name_can_be_written(username: str) -> None:
    assert parse_address(f"mqtt://{quote(username, safe='')}@[::1]:1", SCHEMES).username == username


@pytest.mark.timeout(60)  # what is drawn by a pattern takes long under coverage
@given(text=st.text(max_size=60) | st.from_regex(r"(mqtt|ws|http)s?://[\w:@/?#\[\]%.\\ -]{0,40}", fullmatch=True))
@example(text="mqtt://[::1%]")
@example(text="http://\u2100")
def test_nothing_else_is_raised_and_nothing_is_quoted(text: str) -> None:
    said = ""
    try:
        address = parse_address(text, SCHEMES)
    except WrongAddress as wrong:
        said = f"{wrong} {wrong.remedy}"
    else:
        assert address.host.isascii()
        assert 0 < address.port < 65536
    parts = [part for part in text.partition("://")[2].split("@")[:-1] if len(part) > 6]
    assert not any(part in said for part in parts)
