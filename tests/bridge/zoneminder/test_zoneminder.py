"""`ZoneMinder`: the way to it, logins, and what it says of itself, over the versions that there are."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
from tests.bridge.zoneminder.support import PASSWORD, USER, library
from tests.fakes.zoneminder import FakeZoneMinder, User, World
from tests.fakes.zoneminder.personality import ALL, V1_34, V1_36_33, V1_38_4, Personality

from vms_bridge.errors import ConfigError, VmsAuthFailed, VmsUnreachable
from vms_bridge.zoneminder import PermissionMissing, ZoneMinder
from vms_bridge.zoneminder.sync import ZoneMinder as SyncZoneMinder


@pytest.mark.parametrize("personality", ALL, ids=lambda each: each.version)
async def test_one_request_opens_the_way_and_tells_the_version(personality: Personality) -> None:
    async with library(World(personality, monitors=2, zone="America/New_York")) as (zm, fake):
        assert zm.is_logged_in
        version = await zm.version()
        assert version.zoneminder == personality.version
        assert (version.api, version.numbers[:2]) == ("2.0", tuple(int(part) for part in personality.version.split(".")[:2]))
        assert fake.count == 1
        zone = await zm.time_zone()
        assert zone is not None
        assert zone.key == "America/New_York"
        assert [monitor.name for monitor in await zm.monitors.list()] == ["Camera 1", "Camera 2"]
        assert await zm.is_running()
        assert await zm.load() == (0.5, 0.4, 0.3)


@pytest.mark.parametrize("said", ["version", "nulls", "error"])
@pytest.mark.parametrize("username", [None, USER])
async def test_none_is_logged_in_where_none_has_to_be(said: str, username: str | None) -> None:
    personality = replace(V1_34, auth=False, login_when_auth_off=said)
    async with library(personality, username=username, password=username and PASSWORD) as (zm, _):
        assert zm.is_logged_in
        assert (await zm.version()).numbers == (1, 34, 26)
        assert len(await zm.monitors.list()) == 3


async def test_a_login_that_is_wanted_and_not_given_is_said() -> None:
    async with FakeZoneMinder(World()) as fake:
        zm = ZoneMinder(fake.url)
        with pytest.raises(VmsAuthFailed, match="wants a login") as raised:
            async with zm:
                pass
        assert raised.value.hint == "give the name and the password of a user"
        with pytest.raises(VmsAuthFailed, match="refused the login"):
            async with ZoneMinder(fake.url, USER, "wrong"):
                pass


async def test_a_token_is_renewed_by_itself() -> None:
    async with library(V1_36_33) as (zm, fake):
        fake.revoke_tokens()
        zm.client.auth._access = replace(zm.client.auth._access, got=-1e9)  # type: ignore[type-var]
        assert len(await zm.monitors.list()) == 3
        assert list(fake.logins) == ["password", "password"]
        await zm.login()
        assert len(fake.logins) == 2


async def test_the_two_causes_of_a_refusal_are_told_apart() -> None:
    async with FakeZoneMinder(World()) as fake:
        fake.users["viewer"] = User("viewer", frozenset({"monitors:view"}))
        async with ZoneMinder(fake.url, "viewer", "viewer") as zm:
            await zm.monitors.list()
            with pytest.raises(PermissionMissing, match="Insufficient Privileges"):
                await zm.states.list()
            assert list(fake.logins) == ["password"]


@pytest.mark.parametrize("path", ["", "/", "/api", "/index.php?view=console", "/api/host/getVersion.json"])
async def test_the_address_may_be_that_of_a_page(path: str) -> None:
    async with FakeZoneMinder(World()) as fake, ZoneMinder(fake.url + path, USER, PASSWORD) as zm:
        assert zm.url == fake.url


@pytest.mark.parametrize(
    ("url", "options", "said"),
    [
        ("host/zm", {}, "url:"),
        ("http://user:secret@host/zm", {}, "url: credentials do not belong in the address"),
        ("http://host/zm", {"fingerprint": "12"}, "fingerprint: is not a SHA-256"),
        ("https://host/zm", {"http_username": "a"}, "http_password: is missing"),
        ("https://host/zm", {"verify": False, "fingerprint": "ab" * 32}, "verify: "),
    ],
)
def test_what_can_not_be_meant_is_said_at_once(url: str, options: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        ZoneMinder(url, **options)  # type: ignore[arg-type]
    assert str(raised.value).startswith(said)
    assert "secret" not in str(raised.value)
    with pytest.raises(ConfigError, match="a password a user"):
        ZoneMinder("http://host/zm", "user")


async def test_nothing_answers_where_nobody_is() -> None:
    zm = ZoneMinder("http://127.0.0.1:9/zm", USER, PASSWORD)
    with pytest.raises(VmsUnreachable):
        async with zm:
            pass
    assert PASSWORD not in repr(zm) + repr(vars(zm))


async def test_another_logger_is_told(caplog: pytest.LogCaptureFixture) -> None:
    async with FakeZoneMinder(World()) as fake:
        fake.fail("host/getTimeZone", "404")
        async with ZoneMinder(fake.url, USER, PASSWORD, logger=logging.getLogger("script")) as zm:
            assert await zm.time_zone() is None
    assert [(record.name, record.levelname) for record in caplog.records] == [("script", "WARNING")]


async def test_a_version_that_changes_is_told_when_it_is_asked_for_again() -> None:
    async with library(V1_36_33) as (zm, fake):
        fake.world.upgrade(V1_38_4)
        assert (await zm.version()).numbers == (1, 36, 33)
        assert (await zm.version(force_reload=True)).numbers == (1, 38, 4)


def test_out_of_its_with_it_says_how_it_is_used() -> None:
    zm = SyncZoneMinder("http://127.0.0.1/zm")
    with pytest.raises(RuntimeError, match="use it by"):
        zm.monitors.list()
