"""Where a request comes from: names that are not ours, pages of others, and proxies that nobody has named."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.bridge.api.lab import serving

from vms_bridge.api.config import HttpConfig
from vms_bridge.api.connections import Door
from vms_bridge.api.limits import neighbourhood
from vms_bridge.api.visits import Visit, _split, is_own

if TYPE_CHECKING:
    from pathlib import Path

PUBLIC: dict[str, Any] = {"public_url": "https://cameras.example", "allowed_hosts": ["nas.lan"]}


def status(answer: str) -> int:
    return int(answer.split(" ", 2)[1])


async def asked(folder: Path, headers: str, **options: Any) -> int:  # noqa: ANN401 - as of HttpConfig
    """Return the status by which a request with these headers is answered, 404 where it was let in."""
    async with serving(folder, **options) as api:
        token = api.token()
        text = f"GET /nowhere HTTP/1.1\n{headers}Authorization: Bearer {token}\nConnection: close\n\n"
        return status(await api.say(text.replace("PORT", str(api.port))))


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1:PORT", 404),
        ("localhost:PORT", 404),
        ("LOCALHOST.", 404),
        ("192.168.1.9", 404),  # an address can't be made to lead elsewhere
        ("[::1]:80", 404),
        ("cameras.example", 404),
        ("Nas.Lan.:9999", 404),
        ("evil.example", 421),
        ("evil.example:PORT", 421),
        ("cameras.example.evil.example", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.nip.io", 421),
        ("evil@127.0.0.1", 421),
        ("[evil]", 421),
        ("[::1", 421),
        ("127.0.0.1:PORT:80", 421),
        ("127.0.0.1:http", 421),
        ("", 421),
        ("cameras.example, evil.example", 421),
    ],
)
async def test_the_host_has_to_be_a_name_of_the_api(tmp_path: Path, host: str, expected: int) -> None:
    assert await asked(tmp_path, f"Host: {host}\n", **PUBLIC) == expected


@pytest.mark.parametrize("headers", ["", "Host: 127.0.0.1\nHost: 127.0.0.1\n"], ids=["none", "two"])
async def test_the_host_is_said_once(tmp_path: Path, headers: str) -> None:
    assert await asked(tmp_path, headers) == 400


@pytest.mark.parametrize("target", ["http://evil.example/", "http://127.0.0.1/", "*", "//evil.example/", "evil.example:443"])
async def test_a_request_names_a_path_and_no_more(tmp_path: Path, target: str) -> None:
    async with serving(tmp_path) as api:
        answer = await api.say(f"OPTIONS {target} HTTP/1.1\nHost: {api.host}\nConnection: close\n\n")
        assert status(answer) in {400, 401, 404}
        assert "evil" not in answer


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("http://127.0.0.1:PORT", 404),
        ("HTTPS://cameras.example", 404),
        ("https://cameras.example:443", 404),
        ("http://cameras.example", 403),
        ("https://cameras.example:8443", 403),
        ("http://127.0.0.1", 403),
        ("http://127.0.0.1:1", 403),
        ("http://192.168.1.66:PORT", 403),
        ("http://evil.example", 403),
        ("null", 403),
        ("", 403),
        ("file://", 403),
        ("http://127.0.0.1:PORT http://evil.example", 403),
        ("chrome-extension://abcdef", 403),
    ],
)
async def test_a_page_of_another_server_may_not(tmp_path: Path, origin: str, expected: int) -> None:
    assert await asked(tmp_path, f"Host: 127.0.0.1:PORT\nOrigin: {origin}\n", **PUBLIC) == expected


async def test_a_page_with_two_origins_may_not(tmp_path: Path) -> None:
    origin = "Origin: http://127.0.0.1:PORT\n"
    assert await asked(tmp_path, f"Host: 127.0.0.1:PORT\n{origin}{origin}") == 403


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        ([], "X-Forwarded-Host: cameras.example\n", 404),  # it is not believed, and what Host says is a name of ours
        (["127.0.0.1"], "X-Forwarded-Host: cameras.example\n", 404),
        (["127.0.0.1"], "X-Forwarded-Host: evil.example\n", 421),
        (["127.0.0.1"], "X-Forwarded-Host: cameras.example, evil.example\n", 421),
        (["10.0.0.0/8"], "X-Forwarded-Host: evil.example\n", 404),
    ],
)
async def test_the_host_that_a_proxy_was_asked_for(tmp_path: Path, proxies: list[str], forwarded: str, expected: int) -> None:
    options = PUBLIC | {"trusted_proxies": proxies}
    assert await asked(tmp_path, f"Host: 127.0.0.1:PORT\n{forwarded}", **options) == expected


@pytest.mark.parametrize(
    ("proxies", "said", "address"),
    [
        ([], "1.2.3.4", "127.0.0.1"),
        (["127.0.0.1"], "1.2.3.4", "1.2.3.4"),
        (["127.0.0.1"], "1.2.3.4, 5.6.7.8", "5.6.7.8"),
        (["127.0.0.1", "5.6.7.0/24"], "1.2.3.4, 5.6.7.8", "1.2.3.4"),
        (["127.0.0.1", "5.6.7.0/24"], "5.6.7.8", "5.6.7.8"),
        (["127.0.0.1"], "9.9.9.9, [2001:db8::1]:443", "2001:db8::1"),
        (["127.0.0.1"], "1.2.3.4, unknown", "127.0.0.1"),
        (["127.0.0.1"], "", "127.0.0.1"),
    ],
)
async def test_whose_word_on_an_address_is_believed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, proxies: list[str], said: str, address: str
) -> None:
    caplog.set_level("DEBUG", "vms_bridge")
    async with serving(tmp_path, trusted_proxies=proxies) as api:
        await api.get("/nowhere", token="wrong", headers={"X-Forwarded-For": said})
    assert f"somebody at {address} came with a token that is not known" in caplog.text


@pytest.mark.parametrize(
    ("host", "local", "expected"),
    [
        ("192.168.1.2:8098", ("192.168.1.2", 8098), True),
        ("192.168.1.2", ("192.168.1.2", 80), True),
        ("192.168.1.66:8098", ("192.168.1.2", 8098), False),  # somebody in between, who has passed on what he was asked
        ("192.168.1.2:9999", ("192.168.1.2", 8098), False),  # another program on the same machine
        ("localhost:8098", ("127.0.0.1", 8098), True),
        ("localhost:8098", ("192.168.1.2", 8098), False),
        ("[::1]:8098", ("::1", 8098), True),
        ("192.168.1.2:8098", ("::ffff:192.168.1.2", 8098), True),
        ("nas.lan:1234", ("172.17.0.2", 8098), True),  # a name that somebody has said to be ours
        ("10.0.0.5:1234", ("172.17.0.2", 8098), True),
        ("", ("172.17.0.2", 8098), False),
    ],
)
def test_which_addresses_are_the_bridges_own(host: str, local: tuple[str, int], expected: bool) -> None:  # noqa: FBT001 - a case
    config = HttpConfig(allowed_hosts=("nas.lan", "10.0.0.5"))
    assert is_own(Visit(door=Door.API, address="1.2.3.4", host=host, local=local), config) is expected


def test_by_the_socket_there_is_nobody_in_between() -> None:
    assert is_own(Visit(door=Door.SOCKET, address="", host="localhost"), HttpConfig())


@given(st.text(alphabet="a.:[]%1 @\\/,-", max_size=12))
def test_whatever_stands_in_host_is_a_host_or_none(text: str) -> None:
    host, port = _split(text)
    assert port is None or 0 <= port <= 99_999
    assert host in text


def test_what_counts_as_one_address() -> None:
    assert neighbourhood("1.2.3.4") == "1.2.3.4"
    assert neighbourhood("2001:db8:1:2:3:4:5:6") == neighbourhood("2001:db8:1:2::9") == "2001:db8:1:2::"
    assert neighbourhood("::ffff:1.2.3.4") == "1.2.3.4"
    assert neighbourhood("somebody") == "somebody"


async def test_a_problem_says_what_to_do_and_nothing_of_the_bridge(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        answer = await api.say("GET / HTTP/1.1\nHost: evil.example\nConnection: close\n\n")
    head, _, body = answer.partition("\r\n\r\n")
    said = json.loads(body)
    assert (said["status"], said["code"]) == (421, "misdirected")
    assert "http.allowed_hosts" in said["hint"]
    headers = {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in head.split("\r\n")[1:]}
    assert headers["server"] == "vms-bridge"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert "aiohttp" not in answer.lower()


async def test_who_is_misdirected_again_and_again_is_slowed_too(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        request = "GET / HTTP/1.1\nHost: evil.example\nConnection: close\n\n"
        statuses = [status(await api.say(request)) for _ in range(25)]
        assert statuses == [421] * 20 + [429] * 5
        assert (await api.get("/nowhere", token=api.token())).status == 404


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd",
        "/api/v1/%2e%2e/%2e%2e/etc/passwd",
        "/api/v1//systems",
        "/api/v1/systems/%00",
        "/api/v1/systems/..%2f..",
        "/api/v1/systems;x=1",
    ],
)
async def test_paths_that_lead_elsewhere_lead_nowhere(tmp_path: Path, path: str) -> None:
    async with serving(tmp_path) as api:
        request = f"GET {path} HTTP/1.1\nHost: {api.host}\nAuthorization: Bearer {api.token()}\nConnection: close\n\n"
        answer = await api.say(request)
    assert status(answer) in {400, 404}
    assert "root:" not in answer


@pytest.mark.parametrize(
    "via", ["1.1 vms-bridge-script", "1.1 vms-bridge-script, 2 proxy.example", "1.1 a\nVia: 1.1 vms-bridge-script"]
)
async def test_what_a_script_asks_for_is_turned_away_by_whichever_proxy_it_comes(tmp_path: Path, via: str) -> None:
    host = "Host: 127.0.0.1:PORT\n"
    assert await asked(tmp_path, f"{host}Via: {via}\n") == 403
    (tmp_path / "other").mkdir()
    assert await asked(tmp_path / "other", f"{host}Via: 1.1 proxy.example\n") == 404
