from __future__ import annotations

import hashlib
import re
import ssl
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import trustme
from tests.bridge.backends.zoneminder.support import FastClock, config
from tests.fakes.zoneminder import FakeZoneMinder, Personality, World
from tests.fakes.zoneminder.personality import V1_38_4
from tests.fakes.zoneminder.server import VIEWER

from vms_bridge.backends.zoneminder import KIND

if TYPE_CHECKING:
    from pathlib import Path

    from vms_bridge.backends.base import Finding
    from vms_bridge.backends.zoneminder.config import ZoneMinderConfig


async def findings(settings: ZoneMinderConfig) -> list[Finding]:
    return list(await KIND.create("zm", settings, FastClock()).check())


def problems(found: list[Finding]) -> str:
    return "\n".join(f"{finding.text} -> {finding.hint}" for finding in found if finding.problem)


async def test_all_is_well(tmp_path: Path) -> None:
    async with FakeZoneMinder(World(shm_dir=tmp_path)) as fake:
        found = await findings(config(fake.url, shared_memory=tmp_path))
    text = "\n".join(finding.text for finding in found)
    assert not problems(found)
    assert "login of 'admin' is good" in text
    assert "ZoneMinder 1.36.33" in text
    assert "serves 3 monitors" in text


async def test_no_login_wanted() -> None:
    async with FakeZoneMinder(World(Personality(auth=False))) as fake:
        found = await findings(config(fake.url, username=None, password=None))
    assert "wants no login" in found[0].text
    assert "switched off" in found[-1].text


async def test_what_a_viewer_lacks_and_memory_that_is_missing(tmp_path: Path) -> None:
    (tmp_path / "zm.mmap.99").touch()
    async with FakeZoneMinder(World(monitors=8)) as fake:
        fake.users["admin"].permissions = VIEWER
        fake.fail("host/getTimeZone", "404")
        fake.fail("zones", "500")
        said = problems(await findings(config(fake.url, shared_memory=tmp_path)))
    assert "may not read run states" in said
    assert "System: View" in said
    assert "zones can't be read" in said
    assert "time zone" in said
    assert "no shared memory for monitor 1, 2, 3, 4, 5, ...: it is not there" in said


async def test_zones_that_a_daemon_has_not_read(tmp_path: Path) -> None:
    world = World(V1_38_4, shm_dir=tmp_path)
    world.edit_zones_by_api(2, "All", "Gate")
    async with FakeZoneMinder(world) as fake:
        said = problems(await findings(config(fake.url, shared_memory=tmp_path)))
    assert "the daemon of monitor 2 goes by another number of zones than there are" in said
    assert "restart of the monitor" in said


async def test_host_without_zoneminder(tmp_path: Path) -> None:
    async with FakeZoneMinder(World()) as fake:
        found = await findings(config(fake.url, shared_memory=tmp_path))
    assert not problems(found)
    assert "slower ways" in found[-1].text
    assert "does it run" in found[-1].hint  # 127.0.0.1


async def test_wrong_password_and_no_server() -> None:
    async with FakeZoneMinder(World()) as fake:
        assert "refused the login" in problems(await findings(config(fake.url, password="x")))
        url = fake.url
    assert "no connection" in problems(await findings(config(url)))


async def test_a_user_without_access_to_the_api() -> None:
    async with FakeZoneMinder(World()) as fake:
        fake.users["admin"].api = False
        assert "API disabled for: admin" in (said := problems(await findings(config(fake.url))))
        assert said.endswith("-> turn on API access for this user under Options > Users")


async def test_a_user_who_may_see_nothing() -> None:
    async with FakeZoneMinder(World()) as fake:
        fake.users["admin"].permissions = frozenset()
        said = problems(await findings(config(fake.url)))
    assert "this user may not read monitors: Insufficient Privileges" in said
    assert "Monitors: View" in said


async def test_no_monitors_is_worth_a_word() -> None:
    async with FakeZoneMinder(World(monitors=0)) as fake:
        found = await findings(config(fake.url))
    assert not problems(found)
    assert [finding.text for finding in found if finding.hint] == ["it shows no monitors"]


@pytest.mark.parametrize(("sub_path", "asked"), [("/zm", ""), ("/zm", "/ZM"), ("", "/zm"), ("/cctv", "/zm")])
async def test_a_wrong_path_is_told_with_the_right_one(sub_path: str, asked: str) -> None:
    async with FakeZoneMinder(World(), sub_path=sub_path) as fake:
        found = await findings(config(fake.url.removesuffix(sub_path) + asked))
    assert "HTTP 404" in problems(found)
    told = [finding.hint for finding in found if "a ZoneMinder answers at" in finding.text]
    assert told == ([] if sub_path == "/cctv" else [f"set url: to {fake.url}"])


async def test_time_zones_and_clocks() -> None:
    world = World()
    async with FakeZoneMinder(world) as fake:
        world.zone_name = "Mars/Olympus"
        assert "'Mars/Olympus' is not known here -> set TIMEZONE" in problems(await findings(config(fake.url)))
        world.zone_name = ""
        assert "does not say what its time zone is -> set TIMEZONE" in problems(await findings(config(fake.url)))
        world.zone_name = "Europe/Berlin"  # its times are those of UTC
        world.open_event(1).start = datetime.now(UTC) + timedelta(hours=3)
        said = problems(await findings(config(fake.url)))
    assert re.search(r"begins 1?[0-9]{2} minutes in the future -> compare both clocks", said)


@pytest.mark.parametrize("is_file", [True, False])
async def test_a_directory_for_shared_memory_that_is_none(tmp_path: Path, is_file: bool) -> None:  # noqa: FBT001 - a case
    place = tmp_path / "shm"
    if is_file:
        place.touch()
    async with FakeZoneMinder(World()) as fake:
        said = problems(await findings(config(fake.url, shared_memory=place)))
    assert f"there is no directory {place} that this user may read -> set shared_memory:" in said


async def test_something_else_at_this_address() -> None:
    async with FakeZoneMinder(World()) as fake:
        fake.fail("", "garbage")
        assert "does not say what version it is" in problems(await findings(config(fake.url)))


async def test_version_out_of_range() -> None:
    async with FakeZoneMinder(World(Personality(version="1.32.3"))) as fake:
        assert "1.34 to 1.39" in problems(await findings(config(fake.url)))


async def test_self_signed_certificate_is_shown_for_pinning() -> None:
    issued = trustme.CA().issue_cert("127.0.0.1")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    issued.configure_cert(context)
    pin = hashlib.sha256(ssl.PEM_cert_to_DER_cert(issued.cert_chain_pems[0].bytes().decode())).hexdigest()
    async with FakeZoneMinder(World(), ssl_context=context) as fake:
        assert "any certificate is accepted" in (await findings(config(fake.url, verify_tls=False)))[0].text
        found = await findings(config(fake.url))
        assert pin in found[-1].text
        url = fake.url
    assert "no connection" in problems(await findings(config(url)))


async def test_settings_that_matter_to_others(tmp_path: Path) -> None:
    async with FakeZoneMinder(World(shm_dir=tmp_path)) as fake:
        names = ("AUTH_RELAY", "AUTH_HASH_IPS", "ENABLE_CSRF_MAGIC", "OPT_USE_GOOG_RECAPTCHA")
        fake.settings |= dict.fromkeys((f"ZM_{name}" for name in names), "1") | {"ZM_AUTH_RELAY": "none"}
        found = await findings(config(fake.url, shared_memory=tmp_path))
        said = [finding.text.partition(",")[0] for finding in found if "does not matter" in finding.text]
        assert said == ["AUTH_RELAY is none", "AUTH_HASH_IPS is on", "ENABLE_CSRF_MAGIC is on", "OPT_USE_GOOG_RECAPTCHA is on"]
        assert not problems(found)
        fake.settings |= dict.fromkeys((f"ZM_{name}" for name in names), "0") | {"ZM_AUTH_RELAY": "hashed"}
        assert "does not matter" not in str(await findings(config(fake.url, shared_memory=tmp_path)))
        fake.fail("configs/viewByName", "401")
        assert not problems(await findings(config(fake.url, shared_memory=tmp_path)))


async def test_recaptcha_before_1_34() -> None:
    async with FakeZoneMinder(World(Personality(version="1.32.3"))) as fake:
        fake.settings["ZM_OPT_USE_GOOG_RECAPTCHA"] = "1"
        said = problems(await findings(config(fake.url)))
    assert "OPT_USE_GOOG_RECAPTCHA is on: before 1.34 no program can log in -> turn it off under Options > System" in said


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("ZM_OPT_USE_API", "0", "API Disabled (api/host/login, HTTP 401) -> turn on OPT_USE_API under Options > System"),
        (
            "ZM_AUTH_HASH_SECRET",
            "",
            "Please create a valid AUTH_HASH_SECRET in ZoneMinder (api/host/login, HTTP 403)"
            " -> enter a long random text as AUTH_HASH_SECRET under Options > System: ZoneMinder signs its tokens with it",
        ),
    ],
)
async def test_settings_that_keep_everybody_out(setting: str, value: str, said: str) -> None:
    async with FakeZoneMinder(World()) as fake:
        fake.settings[setting] = value
        found = problems(await findings(config(fake.url)))
    assert found == f"ZoneMinder refused the login: {said}"
