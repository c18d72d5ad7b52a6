"""How a script might get by HTTP where it must not: each attempt is refused before, or without, anything reaching its goal."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.bridge.scripts.services.outside import Names, Request, outside, redirect, said, script, serving

from vms_bridge.errors import BodyInvalid, BridgeError
from vms_bridge.http_addresses import is_local, never, refusal
from vms_bridge.script_errors import PermissionMissing
from vms_bridge.scripts.services.http_client import HttpFailed, HttpRefused
from vms_bridge.scripts.services.http_headers import check

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

SECRET = "s3cr3t-of-the-gate"
METADATA = ["169.254.169.254", "169.254.170.2", "100.100.100.200", "fd00:ec2::254", "fd20:ce::254"]
DISGUISES = [
    *("::ffff:169.254.169.254", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "2002:7f00:1::", "2002:a9fe:a9fe::1"),
    *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "::ffff:0:127.0.0.1"),
]
LOCAL = [
    "127.0.0.1",
    "127.9.9.9",
    "::1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.1.1",
    "100.64.0.1",
    "fd12::1",
    "fe80::1",
]
NOWHERE = ["0.0.0.0", "0.1.2.3", "224.0.0.1", "239.1.1.1", "255.255.255.255", "240.0.0.1", "::", "ff02::1", "2001:db8::1"]  # noqa: S104
PUBLIC = ["93.184.216.34", "1.1.1.1", "2606:2800:220:1:248:1893:25c8:1946", "64:ff9b::101:101"]


@pytest.mark.parametrize("address", [*METADATA, *DISGUISES, *LOCAL, *NOWHERE])
async def test_a_name_that_leads_where_nobody_may_go(address: str) -> None:
    names = Names({"innocent.example": [[address]]})
    with pytest.raises(HttpRefused):
        await outside(names=names).ask(script("http://innocent.example/*"), "http://innocent.example/latest/meta-data/")


@pytest.mark.parametrize("address", [*METADATA, *NOWHERE, "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe"])
async def test_also_where_the_configuration_names_the_host(address: str) -> None:
    names = Names({"gate.lan": [[address]]})
    with pytest.raises(HttpRefused):
        await outside(names=names, local_hosts=frozenset({"gate.lan"})).ask(script("http://gate.lan/*"), "http://gate.lan/")


@pytest.mark.parametrize(
    "url",
    [
        *("http://169.254.169.254/", "http://[fd00:ec2::254]/", "http://[::ffff:169.254.169.254]/", "http://2852039166/"),
        *("http://0xa9fea9fe/", "http://0251.0376.0251.0376/", "http://169.254.43518/", "http://[::1]:80/", "http://127.1/"),
        *(
            "http://127.0.0.1:8098/api/v1/systems",
            "http://localhost./",
            "http://user@127.0.0.1/",
            "http://innocent.example@127.0.0.1/",
        ),
        *("file:///etc/passwd", "gopher://127.0.0.1/", "ftp://127.0.0.1/", "unix:/run/vms-bridge.sock", "http:///etc/passwd"),
        *("http://innocent.example\\@127.0.0.1/", "http://innocent.example#@127.0.0.1/", "http://innocent.example\r\nHost: x/"),
    ],
)
async def test_an_address_that_the_header_does_not_name(url: str) -> None:
    gate = outside()
    with pytest.raises(PermissionMissing):
        await gate.ask(script("http://innocent.example/*", "https://*.innocent.example/*"), url)
    assert gate.names.asked == []


async def test_a_name_with_one_good_address_and_a_bad_one() -> None:
    names = Names({"innocent.example": [["93.184.216.34", "169.254.169.254"]]})
    with pytest.raises(HttpRefused, match="its own secrets"):
        await outside(names=names).ask(script("http://innocent.example/*"), "http://innocent.example/")


async def test_a_name_server_that_answers_otherwise_the_second_time_is_asked_once() -> None:
    # Rebinding: the first answer passes a check, the second one would be connected to. Only the first counts.
    async with serving() as goal, serving() as innocent:
        del goal
        names = Names({"gate.lan": [["127.0.0.1"], ["169.254.169.254"]]})
        gate = outside(names=names, local_hosts=frozenset({"gate.lan"}))
        url = innocent.url(host="gate.lan")
        answered = await gate.ask(script(f"{url}*"), url)
        assert (answered.data, names.asked, innocent.connections) == (b"hello", ["gate.lan"], 1)
        with pytest.raises(HttpRefused):
            await gate.ask(script(f"{url}*"), url)
        assert innocent.connections == 1


async def test_a_redirect_is_resolved_and_checked_anew() -> None:
    async with serving() as server:
        server.answer = redirect("/there")
        names = Names({"gate.lan": [["127.0.0.1"], ["fd00:ec2::254"]]})
        url = server.url(host="gate.lan")
        with pytest.raises(HttpRefused):
            await outside(names=names, local_hosts=frozenset({"gate.lan"})).ask(script(f"{url}*"), url)
    assert server.connections == 1


@pytest.mark.parametrize(
    "location",
    [
        *("http://169.254.169.254/latest/meta-data/", "//169.254.169.254/", "http://[::ffff:a9fe:a9fe]/", "http://localhost/"),
        *("https://evil.example/", "file:///etc/passwd", "http://127.0.0.1:1/", "\\\\127.0.0.1\\x", "javascript:alert(1)"),
    ],
)
async def test_a_redirect_to_where_the_script_may_not_go(location: str) -> None:
    async with serving() as server:
        server.answer = redirect(location)
        with pytest.raises(BridgeError) as caught:
            await outside().ask(script(server.url("/*")), server.url())
    assert caught.value.code in {"permission", "failed", "refused"}
    assert server.connections == 1


async def test_a_redirect_takes_no_secret_and_no_other_word_of_who_asks_to_another_host() -> None:
    async with serving() as thief, serving() as gate:
        gate.answer = redirect(thief.url("/loot"))
        service = outside(secrets={"token": (SECRET, (gate.url("/*"),))})
        worker = script(gate.url("/*"), thief.url("/*"), secrets=("token",))
        headers = {
            "Authorization": {"secret": "token", "prefix": "Bearer "},
            "X-Key": "plain",
            "Cookie": "a=b",
            "Accept": "text/plain",
        }
        await service.ask(worker, gate.url(), headers=headers)
    (stolen,) = thief.requests
    assert gate.requests[0].headers["authorization"] == f"Bearer {SECRET}"
    assert SECRET not in f"{stolen.headers}"
    assert not {"authorization", "x-key", "cookie"} & stolen.headers.keys()
    assert stolen.headers["accept"] == "text/plain"


async def test_a_redirect_takes_no_secret_to_a_path_that_it_is_not_for() -> None:
    async with serving() as server:
        server.answer = redirect("/echo")
        service = outside(secrets={"token": (SECRET, (server.url("/"),))})
        await service.ask(script(server.url("/*"), secrets=("token",)), server.url(), headers={"X-Key": {"secret": "token"}})
    assert server.requests[0].headers["x-key"] == SECRET
    assert "x-key" not in server.requests[1].headers


async def test_a_secret_does_not_come_back_in_the_address_of_a_redirect_or_in_an_error() -> None:
    async def betray(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(said(b"", f"Location: http://evil.example/{request.headers['x-key']}", status="302 Found"))

    async def betray_quietly(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(said(b"", f"Location: http://evil.example/{request.headers['x-key']}", status="201 Created"))

    async with serving() as server:
        service = outside(secrets={"token": (SECRET, (server.url("/*"),))})
        worker, headers = script(server.url("/*"), secrets=("token",)), {"X-Key": {"secret": "token"}}
        server.answer = betray
        with pytest.raises(PermissionMissing) as caught:
            await service.ask(worker, server.url(), headers=headers)
        server.answer = betray_quietly
        answered = await service.ask(worker, server.url(), headers=headers)
    assert SECRET not in f"{caught.value} {caught.value.hint} {caught.value.args} {answered.words}"
    assert answered.words["headers"]["location"] == "http://evil.example/***"


@pytest.mark.parametrize("name", ["Range", "if-range", "Accept-Encoding"])
async def test_a_secret_is_not_had_in_parts(name: str) -> None:
    with pytest.raises(BodyInvalid, match="not for scripts"):
        await outside().ask(script("http://a.example/*"), "http://a.example/", headers={name: "bytes=0-3"})


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "127.0.0.1"},
        {"host": "x"},
        {"Content-Length": "0"},
        {"Transfer-Encoding": "chunked"},
        {"Connection": "upgrade"},
        {"Upgrade": "websocket"},
        {"Via": "1.1 somebody"},
        {"Forwarded": "for=127.0.0.1"},
        {"X-Forwarded-For": "127.0.0.1"},
        {"X-Real-IP": "127.0.0.1"},
        {"Proxy-Authorization": "x"},
        {"Expect": "100-continue"},
        {"X-Original-URL": "/admin"},
        {"X": "a\r\nHost: evil"},
        {"X": "a\nb"},
        {"X": "a\x00b"},
        {"X": "a\rb"},
        {"X": " a"},
        {"X": "ä"},
        {"X\r\nHost": "evil"},
        {"X:": "a"},
        {"X Y": "a"},
        {"": "a"},
        {"Hоst": "a"},  # noqa: RUF001 - a Cyrillic letter
        {"A": "1", "a": "2"},
        {"X": "a" * 20_000},
    ],
)
async def test_headers_that_say_something_else_than_a_script_may(headers: dict[str, str]) -> None:
    gate = outside()
    with pytest.raises(BodyInvalid):
        await gate.ask(script("http://a.example/*"), "http://a.example/", headers=headers)
    assert gate.names.asked == []


@given(st.dictionaries(st.text(max_size=12), st.text(max_size=12), max_size=3))
def test_what_passes_as_headers_is_one_line_each(headers: dict[str, str]) -> None:
    try:
        check(headers)
    except BodyInvalid:
        return
    raw = "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode("ascii")
    assert raw.count(b"\n") == raw.count(b"\r") == len(headers)


async def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving() as proxy, serving() as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url())
        await outside().ask(script(server.url("/*")), server.url())
    assert (proxy.connections, server.connections) == (0, 1)


async def test_https_is_not_left_for_http() -> None:
    # Without TLS of our own: what counts is that nobody is asked by http.
    async with serving() as server:
        names = Names({"gate.lan": [["127.0.0.1"]]})
        url = server.url(scheme="https", host="gate.lan")
        with pytest.raises(HttpFailed):
            await outside(names=names, local_hosts=frozenset({"gate.lan"})).ask(script(f"{url}*"), url)


@pytest.mark.parametrize("address", [*METADATA, *NOWHERE, *DISGUISES[:2]])
def test_some_addresses_are_for_nobody_whoever_names_them(address: str) -> None:
    assert refusal(ip_address(address), is_named=True)


@pytest.mark.parametrize("address", LOCAL)
def test_local_ones_are_for_who_names_them(address: str) -> None:
    assert refusal(ip_address(address), is_named=False)
    assert refusal(ip_address(address), is_named=True) is None


@pytest.mark.parametrize("address", PUBLIC)
def test_public_ones_are_for_all(address: str) -> None:
    assert refusal(ip_address(address), is_named=False) is None


@given(st.ip_addresses(v=4))
def test_no_form_of_ipv6_opens_what_ipv4_has_closed(address: IPv4Address) -> None:
    if never(address) is None and not is_local(address):
        return
    number = int(address)
    forms: Sequence[int] = ((0xFFFF << 32) | number, number, (0x64FF9B << 96) | number, (0x2002 << 112) | (number << 80))
    for form in forms:
        assert refusal(IPv6Address(form), is_named=False)
