"""`vms-bridge link`: links to what people name, and the keys that sign them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from tests.bridge.api.lab import serving
from tests.bridge.api.world import CLIP

from vms_bridge.cli import FAILED, OK, USAGE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.bridge.api.lab import Api
    from tests.bridge.api.world import World
    from tests.bridge.cli.conftest import Ask

HOME = "https://cameras.example"


@pytest.fixture
async def api(folder: Path, world: World) -> AsyncIterator[Api]:
    async with serving(folder, hub=world, public_url=HOME) as api:
        yield api


async def test_a_link_to_a_clip_opens_it(ask: Ask, api: Api) -> None:
    code, out, err = await ask("link", "make", "zm-9")
    assert (code, out.startswith(f"{HOME}/api/v1/media/events/zm-9/clip?auth=")) == (OK, True)
    assert f"as long as the key {api.hub.links.usual} is good." in err
    opened = await api.get(out.strip().removeprefix(HOME))
    assert (opened.status, opened.body) == (200, CLIP)


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        (["zm-2.5/a b", "--picture"], "/media/events/zm-2.5%2Fa%20b/picture"),
        (["zm/1"], "/media/monitors/zm/1/picture"),
        (["zm/1", "--live", "mp4"], "/media/monitors/zm/1/live.mp4"),
        (
            ["zm/1", "--during", "2026-11-20 8pm to 8:05pm", "--time-zone", "Europe/Berlin"],
            "/media/monitors/zm/1/clip?since=2026-11-20T19%3A00%3A00Z&until=2026-11-20T19%3A05%3A00Z&",
        ),
        (["/api/v1/media/events/zm-9/picture?frame=alarm"], "/media/events/zm-9/picture?"),
    ],
)
async def test_what_can_be_named(arguments: list[str], path: str, ask: Ask) -> None:
    code, out, _ = await ask("link", "make", *arguments, "--json")
    assert (code, json.loads(out)["path"].startswith(f"/api/v1{path}")) == (OK, True), out


async def test_its_terms_are_said(ask: Ask) -> None:
    code, out, err = await ask("link", "make", "zm-9", "--uses", "3", "--life", "10m")
    assert (code, out.count("\n")) == (OK, 1)
    assert re.search(r"until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d, 3 times\.", err)
    code, out, _ = await ask("link", "make", "zm-9", "--uses", "1", "--json")
    assert (code, json.loads(out)["uses"]) == (OK, 1)


@pytest.mark.parametrize(
    "arguments",
    [
        ["zm"],
        ["bridge"],
        ["zm/1", "--picture"],
        ["zm-9", "--live", "ts"],
        ["zm-9", "--during", "yesterday"],
        ["zm/1", "--during", "1 hour ago"],
        ["zm/1", "--during", "yesterday", "--live", "ts"],
        ["zm-9", "--life", "2020-01-01"],
        ["zm-9", "--uses", "0"],
    ],
)
async def test_what_can_not_be_linked(arguments: list[str], ask: Ask) -> None:
    assert (await ask("link", "make", *arguments))[0] == USAGE


async def test_what_there_is_not(ask: Ask) -> None:
    code, _, err = await ask("link", "make", "zm-404")
    assert (code, err.startswith("vms-bridge: ")) == (FAILED, True)


async def test_keys_are_made_listed_and_revoked(ask: Ask, api: Api) -> None:
    code, out, err = await ask("link", "new-key", "Neighbours")
    key = out.strip()
    assert (code, f"--key {key}" in err) == (OK, True)
    made = json.loads((await ask("link", "make", "zm-9", "--key", key, "--json"))[1])
    assert made["key"] == key
    code, out, _ = await ask("link", "keys")
    [row] = [line for line in out.splitlines() if line.startswith(key)]
    assert re.split(r"  +", row)[1:3] == ["Neighbours", "links that name it"]
    assert key in {each["id"] for each in json.loads((await ask("link", "keys", "--json"))[1])}
    assert await ask("link", "revoke", key) == (OK, f"The key {key} is revoked, and every link that it has signed.\n", "")
    assert (await api.get(made["path"])).status == 403
    code, _, err = await ask("link", "revoke", key)
    assert (code, "no such key" in err) == (FAILED, True)
    assert json.loads((await ask("link", "new-key", "Others", "--json"))[1])["name"] == "Others"
