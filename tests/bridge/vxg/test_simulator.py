"""The simulated VXG itself: it refuses as the vendor's code expects, whoever asks; and it is started by hand."""

from __future__ import annotations

import asyncio
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.fakes.vxg import FakeVxg, answers, archive_answers
from tests.fakes.vxg.minting import inner_of

ROUTES = answers.ROUTES + archive_answers.ROUTES
ROOT = Path(__file__).parents[3]


async def ask(fake: FakeVxg, path: str, authorization: str = "", method: str = "GET", **more: Any) -> tuple[int, Any]:  # noqa: ANN401
    headers = {"Authorization": authorization} if authorization else {}
    async with aiohttp.ClientSession() as session:
        url = f"{fake.url}{path}"
        async with session.request(method, url, headers=headers, allow_redirects=False, **more) as answer:
            is_json = "json" in answer.content_type
            return answer.status, await answer.json() if is_json else await answer.text()


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_answer_says_how_it_is_known(route: Any) -> None:  # noqa: ANN401
    assert route.mark
    assert set(route.mark) <= set("SDTI")


@pytest.mark.parametrize(
    ("path", "scheme", "status"),
    [
        ("/api/v2/server/time/", "", 200),
        ("/api/v2/storage/events/", "SI", 200),
        ("/api/v2/storage/events/", "Acc", 200),
        ("/api/v2/storage/events/", "LKey", 200),
        ("/api/v2/storage/events/", "", 401),
        ("/api/v3/channels/", "LKey", 200),
        ("/api/v3/channels/", "SI", 401),
        ("/api/v3/channels/", "Acc", 401),
        ("/api/v4/live/watch/", "Acc", 200),
        ("/api/v4/live/watch/", "LKey", 401),
        ("/api/v4/live/watch/", "SI", 400),
        ("/api/v5/channels/", "SI", 200),
        ("/api/v5/channels/", "LKey", 200),
        ("/api/v5/channels/", "Acc", 401),
        ("/api/v5/channels/", "Bearer", 401),
        ("/api/v5/nothing/", "SI", 404),
    ],
)
async def test_each_version_knows_its_credentials(path: str, scheme: str, status: int) -> None:
    async with FakeVxg() as fake:
        texts = {"LKey": fake.lkey, "SI": fake.group_token(), "Acc": fake.world.channels[101].token, "Bearer": "x"}
        found, said = await ask(fake, path, f"{scheme}  {texts[scheme]}" if scheme else "")  # two spaces, as in the samples
        assert found == status
        if status >= 400:
            assert set(said) == {"status", "errorType", "errorDetail"}
            assert said["status"] == status
        assert status != 401 or said["errorType"] == "invalid_auth"


async def test_a_token_in_the_query_is_the_inner_one_and_for_two_versions_only() -> None:
    async with FakeVxg() as fake:
        channel = fake.world.channels[101].token
        inner = inner_of(channel)
        assert (await ask(fake, f"/api/v4/live/watch/?token={inner}"))[0] == 200
        assert (await ask(fake, f"/api/v2/cameras/101/?token={inner}"))[0] == 200
        assert (await ask(fake, f"/api/v4/live/watch/?token={channel.rstrip('=')}"))[0] == 401
        assert (await ask(fake, f"/api/v5/channels/?token={inner_of(fake.group_token())}"))[0] == 401


async def test_a_page_has_twenty_rows_and_a_thousand_at_most() -> None:
    async with FakeVxg(channels=30) as fake:
        _, said = await ask(fake, "/api/v5/channels/", f"SI {fake.group_token()}")
        assert len(said["objects"]) == 20
        assert said["meta"] == {
            "limit": 20,
            "offset": 0,
            "total_count": 30,
            "next": "/api/v5/channels/?limit=20&offset=20",
            "previous": None,
        }
        _, said = await ask(fake, said["meta"]["next"], f"SI {fake.group_token()}")
        assert (len(said["objects"]), said["meta"]["next"]) == (10, None)
        _, said = await ask(fake, "/api/v5/channels/?limit=5000", f"SI {fake.group_token()}")
        assert said["meta"]["limit"] == 1000


async def test_a_slash_is_missed_by_post_and_forgiven_by_get() -> None:
    async with FakeVxg() as fake:
        token = f"SI {fake.group_token()}"
        assert (await ask(fake, "/api/v5/channels", token))[0] == 301
        assert (await ask(fake, "/api/v2/storage/events", token, "POST", json={}))[0] == 500
        event = fake.world.happen(101, meta={"a": "1"})
        path = f"/api/v2/storage/events/{event.id}/meta/a"
        assert (await ask(fake, path, token, "PUT", json={"data": "2"}))[0] == 200
        assert (await ask(fake, f"{path}/", token, "DELETE"))[0] == 204


async def test_the_store_refuses_whoever_shows_a_credential() -> None:
    async with FakeVxg() as fake, aiohttp.ClientSession() as session:
        url = fake.media.signed("image/1")
        for headers, status in (({}, 200), ({"Authorization": "Acc x"}, 400)):
            async with session.get(url, headers=headers) as answer:
                assert answer.status == status
        for wrong in (url.replace("image/1", "image/2"), fake.media.signed("image/1", -5)):
            async with session.get(wrong) as answer:
                assert answer.status == 403
        assert fake.media.refused == ["image/1"]


async def test_it_is_started_by_hand() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.fakes.vxg", "--channels", "2", "--rate", "50", "--late", "0"),
        *("--ahead", "3600", "--fault", "/api/v5/=502:1"),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        env={"PYTHONPATH": f"{ROOT / 'bridge'}:{ROOT}"},
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(18):
            said = {
                key: value
                for key, _, value in [(await process.stdout.readline()).decode().strip().partition(" ") for _ in range(3)]
            }
        assert set(said) == {"url", "lkey", "token"}
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", said["url"])
        async with aiohttp.ClientSession() as session, asyncio.timeout(18):
            headers = {"Authorization": f"SI {said['token']}"}
            async with session.get(f"{said['url']}/api/v2/server/time/") as answer:
                ahead = datetime.fromisoformat((await answer.json())["utc"]).replace(tzinfo=UTC) - datetime.now(UTC)
                assert timedelta(minutes=50) < ahead < timedelta(minutes=70)
            statuses = []
            for _ in range(2):
                async with session.get(f"{said['url']}/api/v5/channels/", headers=headers) as answer:
                    statuses.append(answer.status)
            assert statuses == [502, 200]
            total = 0
            while not total:
                async with session.get(f"{said['url']}/api/v2/storage/events/", headers=headers) as answer:
                    total = (await answer.json())["meta"]["total_count"]
    finally:
        process.terminate()
        await process.wait()
