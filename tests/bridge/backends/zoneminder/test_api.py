from __future__ import annotations

import hashlib
import logging
import ssl
from typing import TYPE_CHECKING
from urllib.parse import quote

import aiohttp
import pytest
import trustme
from tests.bridge.backends.zoneminder.support import PASSWORD, FastClock, config
from tests.fakes.clock import FakeClock
from tests.fakes.zoneminder import FakeZoneMinder, Personality, World

from vms_bridge.backends.zoneminder.api import Api
from vms_bridge.errors import TimedOut, VmsAuthFailed, VmsError, VmsProtocolError, VmsUnreachable
from vms_bridge.zoneminder import NotThere, PermissionMissing, segments

if TYPE_CHECKING:
    from pathlib import Path


async def test_odd_password_sub_path_and_odd_token() -> None:
    async with FakeZoneMinder(World(), sub_path="/cameras/zm") as fake, Api(config(fake.url), FakeClock()) as api:
        assert await api.get("host/getVersion") == {"version": "1.36.33", "apiversion": "2.0"}
        assert fake.users["admin"].password == PASSWORD
        assert list(fake.logins) == ["password"]


async def test_revoked_token_is_replaced_once_without_anyone_noticing() -> None:
    clock = FakeClock()
    async with FakeZoneMinder(World()) as fake, Api(config(fake.url), clock) as api:
        await api.get("monitors")
        fake.revoke_tokens()
        await clock.advance(60)
        assert await api.get("monitors")
        assert list(fake.logins) == ["password", "password"]


async def test_persistent_401_is_no_login_storm() -> None:
    clock = FakeClock()
    async with FakeZoneMinder(World()) as fake, Api(config(fake.url), clock) as api:
        await api.get("monitors")
        fake.fail("states", "401")
        await clock.advance(60)
        for _ in range(5):
            with pytest.raises(VmsAuthFailed):
                await api.get("states")
        assert len(fake.logins) == 2


async def test_missing_permission_is_told_from_a_bad_login() -> None:
    async with FakeZoneMinder(World()) as fake:
        fake.users["admin"].permissions = frozenset({"monitors:view"})
        async with Api(config(fake.url), FakeClock()) as api:
            with pytest.raises(PermissionMissing, match="Insufficient"):
                await api.get("states")
        assert list(fake.logins) == ["password"]


async def test_wrong_password() -> None:
    async with FakeZoneMinder(World()) as fake, Api(config(fake.url, password="no"), FakeClock()) as api:
        with pytest.raises(VmsAuthFailed, match="refused the login") as caught:
            await api.get("monitors")
        assert "username" in caught.value.hint


@pytest.mark.parametrize(
    ("kind", "error", "said", "hint"),
    [
        ("html", VmsProtocolError, "web page instead of JSON", "OPT_USE_API"),
        ("500", VmsProtocolError, "HTTP 500", "error log"),
        ("500-json", VmsProtocolError, "TypeError: count", "logs"),
        ("403", VmsProtocolError, "no JSON", "log"),
        ("404", NotThere, "not there", "url:"),
        ("empty", VmsProtocolError, "answered nothing", "error log"),
        ("truncate", VmsProtocolError, "broke off", ""),
        ("redirect", VmsProtocolError, "redirects to https://elsewhere/zm", "url:"),
        ("close", VmsUnreachable, "closed the connection", ""),
        ("hang", TimedOut, "in time", "overloaded"),
        ("drip", TimedOut, "in time", "overloaded"),
    ],
)
async def test_everything_that_goes_wrong_becomes_ours(kind: str, error: type[VmsError], said: str, hint: str) -> None:
    async with FakeZoneMinder(World()) as fake, Api(config(fake.url), FakeClock()) as api:
        await api.auth.token()
        fake.fail("monitors", kind)
        with pytest.raises(error, match=said) as caught:
            await api.get("monitors", timeout_s=0.2)
        assert hint in caught.value.hint
        assert "access-" not in str(caught.value)


async def test_no_server_at_all() -> None:
    async with FakeZoneMinder(World()) as fake:
        url = fake.url
    async with Api(config(url), FakeClock()) as api:
        with pytest.raises(VmsUnreachable, match=r"no connection to .*: connection refused") as caught:
            await api.get("monitors")
        assert caught.value.hint.startswith("check url:")


async def test_closed_connection_says_so() -> None:
    async with Api(config("http://127.0.0.1:1"), FakeClock()) as api:
        pass
    with pytest.raises(VmsUnreachable, match="not open"):
        await api.get("monitors")


async def test_too_much_is_cut_off() -> None:
    async with FakeZoneMinder(World(monitors=20)) as fake, Api(config(fake.url), FakeClock()) as api:
        await api.auth.token()
        with pytest.raises(VmsProtocolError, match="more than 1000 bytes"):
            await api.fetch(f"{fake.url}/api/monitors.json", {}, 1000)


@pytest.mark.parametrize("name", aiohttp.client_exceptions.__all__)
def test_every_error_of_the_library_has_a_translation(name: str) -> None:
    error = getattr(aiohttp.client_exceptions, name)
    assert issubclass(error, (aiohttp.ClientError, OSError, ValueError)) or name == "WSMessageTypeError"


def test_segments_are_encoded() -> None:
    assert segments(("Id >", "5"), ("Notes REGEXP", "a/b?&c")) == "Id%20%3E:5/Notes%20REGEXP:a%2Fb%3F%26c"


async def test_redaction() -> None:
    async with Api(config("http://127.0.0.1:1", password="abc"), FakeClock()) as api:
        said = api.quoted("GET /zm/api?token=xyz&x=1 pass='q' eyJhbGci.eyJzdWI.c2ln abc")
        assert said == "GET /zm/api?<secret>&x=1 <secret>'q' <secret> ***"
        assert len(api.quoted("x" * 5000)) == 300
        assert len(api.quoted(f"{'x' * 298}abc")) <= 301, "struck out before it is cut"
        assert "ab" not in api.quoted(f"{'x' * 298}abc")


async def test_a_server_that_says_back_what_it_was_told() -> None:
    login = {"http_username": "proxy", "http_password": "of the proxy"}
    async with FakeZoneMinder(World()) as fake, Api(config(fake.url, **login), FakeClock()) as api:
        await api.get("monitors")
        token, refresh = await api.auth.token(), next(iter(reversed(fake.tokens)))
        fake.fail("", "echo")
        with pytest.raises(VmsProtocolError) as caught:
            await api.get("monitors")
        with pytest.raises(VmsProtocolError) as posted:
            await api.post("host/login", {"user": "admin", "pass": PASSWORD, "token": refresh})
    assert token
    for error in (caught.value, posted.value):
        text = f"{error} {error.hint} {error!r}"
        assert "***" in text
        for secret in (PASSWORD, quote(PASSWORD, safe=""), token, quote(token, safe=""), refresh, "of the proxy", "b2YgdGhl"):
            assert secret not in text


@pytest.fixture
def authority(tmp_path: Path) -> tuple[trustme.CA, Path]:
    ca = trustme.CA()
    path = tmp_path / "ca.pem"
    ca.cert_pem.write_to_path(str(path))
    return ca, path


async def test_self_signed_certificates(authority: tuple[trustme.CA, Path], tmp_path: Path) -> None:
    ca, path = authority
    issued = ca.issue_cert("127.0.0.1")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    issued.configure_cert(context)
    der = ssl.PEM_cert_to_DER_cert(issued.cert_chain_pems[0].bytes().decode())
    pin = hashlib.sha256(der).hexdigest()
    async with FakeZoneMinder(World(), ssl_context=context) as fake:
        for trusted in ({"ca_file": path}, {"fingerprint": pin}, {"verify_tls": False}):
            async with Api(config(fake.url, **trusted), FakeClock()) as api:
                assert await api.get("host/getVersion")
        async with Api(config(fake.url), FakeClock()) as api:
            with pytest.raises(VmsUnreachable, match="can't be trusted") as caught:
                await api.get("host/getVersion")
            assert "fingerprint" in caught.value.hint
        async with Api(config(fake.url, fingerprint="0" * 64), FakeClock()) as api:
            with pytest.raises(VmsUnreachable, match=pin):
                await api.get("host/getVersion")
    with pytest.raises(VmsUnreachable, match="ca_file"):
        async with Api(config("https://h", ca_file=tmp_path / "none.pem"), FakeClock()):
            pass


async def test_no_secret_in_any_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with FakeZoneMinder(World()) as fake, Api(config(fake.url), FastClock()) as api:
        await api.get("monitors")
        fake.fail("", "500-json")
        with pytest.raises(VmsProtocolError) as caught:
            await api.get("monitors")
        text = caplog.text + str(caught.value) + repr(caught.value)
    assert "access-" not in text
    assert PASSWORD not in text


async def test_authless_server_needs_no_login() -> None:
    async with FakeZoneMinder(World(Personality(auth=False))) as fake, Api(config(fake.url), FakeClock()) as api:
        assert await api.get_without_token("host/getVersion")
