"""URLs and their patterns: one reading only, and nothing granted but what the pattern says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vms_bridge.scripts.urls import WrongUrl, parse_pattern, parse_url


@pytest.mark.parametrize(
    ("pattern", "url"),
    [
        ("https://api.example/*", "https://api.example"),
        ("https://api.example/*", "https://API.example:443/v1/things?x=1&y=../.."),
        ("https://api.example/v1/*", "https://api.example/v1/a/b"),
        ("https://api.example/v1/*/state", "https://api.example/v1/gate/state"),
        ("https://api.example/%7Euser/a", "https://api.example/~user/a"),
        ("http://192.168.1.20:8080/open", "http://192.168.1.20:8080/open?who=me"),
        ("http://[fd00::1]/*", "http://[fd00:0::1]/x"),
        ("https://*.example.org/*", "https://a.b.example.org/x"),
        ("https://bücher.example/*", "https://xn--bcher-kva.example/x"),
        ("https://api.example/a%20b", "https://api.example/a%20b"),
        ("https://api.example/a*b*c*/x", "https://api.example/a1b2b3c/x"),
    ],
)
def test_a_pattern_grants(pattern: str, url: str) -> None:
    assert parse_pattern(pattern).matches(parse_url(url))


@pytest.mark.parametrize(
    ("pattern", "url"),
    [
        ("https://api.example/*", "http://api.example/"),
        ("https://api.example/*", "https://api.example:8443/"),
        ("https://api.example/*", "https://api.example.evil/"),
        ("https://api.example/*", "https://evil-api.example/"),
        ("https://api.example/v1/*", "https://api.example/v1"),
        ("https://api.example/v1/*", "https://api.example/v10/x"),
        ("https://api.example/v1/*/state", "https://api.example/v1/a/b/state"),
        ("https://api.example/open", "https://api.example/open/x"),
        ("https://api.example/open", "https://api.example/OPEN"),
        ("https://api.example/a*b*c/x", "https://api.example/acb/x"),
        ("https://api.example/a*b*c/x", "https://api.example/abc/y"),
        ("https://api.example/a*b*c/x", "https://api.example/a1c1c/x"),
        ("https://*.example.org/*", "https://example.org/"),
        ("https://*.example.org/*", "https://evilexample.org/"),
        ("https://*.example.org/*", "https://[fd00::1]/"),
    ],
)
def test_a_pattern_does_not_grant(pattern: str, url: str) -> None:
    assert not parse_pattern(pattern).matches(parse_url(url))


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example@evil.example/",
        "https://user:word@api.example/",
        "https://api.example\\@evil.example/",
        "https://api.example/\r\nHost: evil",
        "https://api.example/a b",
        "https://api.example./",
        "https://api.example/../admin",
        "https://api.example/v1/..;/admin",
        "https://api.example/v1/%2e%2e/admin",
        "https://api.example/v1/.%2E/admin",
        "https://api.example/v1%2fadmin",
        "https://api.example/v1%5cadmin",
        "https://api.example/v1/%252e%252e/admin",
        "https://api.example/%00",
        "https://api.example/%0d%0aX",
        "https://api.example/%zz",
        "https://api.example/%ff",
        "https://api.example/x#frag",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.1/",
        "http://127.1/",
        "http://0177.0.0.1/",
        "http://256.1.1.1/",
        "http://[::ffff:127.0.0.1]/",
        "http://[fe80::1%25eth0]/",
        "http://[::1/",
        "http://*.example.org/",
        "file:///etc/passwd",
        "gopher://api.example/",
        "//api.example/",
        "https:///x",
        "https://api.example:0/",
        "https://api.example:99999/",
        " https://api.example/",
        "https://api.example/" + "x" * 3000,
        "",
    ],
)
def test_a_url_that_could_be_read_in_two_ways_is_refused(url: str) -> None:
    with pytest.raises(WrongUrl):
        parse_url(url)


@pytest.mark.parametrize(
    "pattern",
    [
        "*",
        "https://*/*",
        "https://*.org/*",
        "https://api.*/*",
        "https://api.example",
        "https://api.example/x?y=*",
        "http://169.254.169.254/*",
        "http://[fd00:ec2::254]/*",
        "http://*.0.0.1/*",
        "*://api.example/*",
        "https://api.example/../*",
    ],
)
def test_a_pattern_that_grants_too_much_is_refused(pattern: str) -> None:
    with pytest.raises(WrongUrl):
        parse_pattern(pattern)


SEGMENT = st.text(st.sampled_from("ab%2eE5/.;*\\@:?#[] é"), max_size=12)


@given(SEGMENT, SEGMENT)
def test_what_is_granted_begins_as_the_pattern_does(first: str, rest: str) -> None:
    pattern = parse_pattern("https://api.example/v1/*")
    try:
        url = parse_url(f"https://api.example{first}/{rest}")
    except WrongUrl:
        return
    if pattern.matches(url):
        assert (url.host, url.port, url.scheme) == ("api.example", 443, "https")
        assert url.path.startswith("/v1/")
        assert ".." not in url.path.split("/")
    again = parse_url(str(url))
    assert (again.host, again.path, again.query) == (url.host, url.path, url.query), "its one form is read as itself"


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    for read in (parse_url, parse_pattern):
        try:
            read(text)
        except WrongUrl:
            continue


def test_a_path_with_many_stars_is_matched_soon() -> None:
    pattern = parse_pattern("https://api.example/" + "*a" * 8)
    assert not pattern.matches(parse_url("https://api.example/" + "a" * 2000 + "b"))
