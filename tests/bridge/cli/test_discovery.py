"""`vms-bridge discovery`: who claims the devices, and turning it on and off."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from tests.fakes.backend import START

from vms_bridge.cli import FAILED, OK, USAGE
from vms_bridge.tokens import Scope
from vms_bridge.views import STALE_AFTER, Claim

if TYPE_CHECKING:
    from tests.bridge.api.lab import Api
    from tests.bridge.api.world import World
    from tests.bridge.cli.conftest import Ask


async def test_nobody_claims_them(ask: Ask) -> None:
    code, out, err = await ask("discovery")
    assert (code, err) == (OK, "")
    assert out.startswith("MQTT discovery is on")
    assert json.loads((await ask("discovery", "--json"))[1]) == {"is_on": True, "claims": []}


async def test_who_claims_them_and_who_may_be_no_more(ask: Ask, api: Api, world: World) -> None:
    token = api.token(Scope.CONTROL).split("_")[1]
    long_ago = START - STALE_AFTER
    world.claim(
        "switch",
        Claim(holder="here", since=long_ago, seen=START, token=token),
        Claim(holder="gone\x1b[31m", since=long_ago, seen=long_ago),
    )
    code, out, err = await ask("discovery")
    assert (code, out.splitlines()[0]) == (OK, "MQTT discovery is off:")
    heading, *rows = [re.split(r"  +", line.strip()) for line in out.splitlines()[1:]]
    assert heading == ["CLAIMED BY", "SINCE", "LAST SEEN", "BY TOKEN"]
    assert [row[0] for row in rows] == ["you, by `off`", "here", "gone [31m"]
    assert rows[1][3] == token
    assert err == "gone [31m was not seen for a week: if it is no more, `vms-bridge discovery drop gone [31m`.\n"
    assert [one["is_stale"] for one in json.loads((await ask("discovery", "--json"))[1])["claims"]] == [False, False, True]


async def test_it_is_turned_off_and_on_and_a_claim_is_dropped(ask: Ask, world: World) -> None:
    world.claim("a home/assistant")
    code, out, _ = await ask("discovery", "off")
    assert (code, "you, by `off`" in out) == (OK, True)
    assert list(world.holders) == ["a home/assistant", "switch"]
    assert (await ask("discovery", "on"))[0] == OK
    assert list(world.holders) == ["a home/assistant"]
    code, out, _ = await ask("discovery", "drop", "a home/assistant")
    assert (code, out.startswith("MQTT discovery is on"), len(world.holders)) == (OK, True, 0)


@pytest.mark.parametrize("arguments", [["drop"], ["on", "ha-1"], ["perhaps"], ["off", "on"]])
async def test_what_can_not_be_meant(arguments: list[str], ask: Ask, world: World) -> None:
    assert (await ask("discovery", *arguments))[0] == USAGE
    assert world.state.claims == ()


async def test_the_claim_of_a_person_is_no_home_assistants(ask: Ask) -> None:
    code, _, err = await ask("discovery", "drop", "switch")
    assert (code, "the claim of a person" in err) == (FAILED, True)
