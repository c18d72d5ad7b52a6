"""`vms-bridge pair`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from vms_bridge.cli.asking import asks_the_bridge
from vms_bridge.cli.codes import FAILED, OK
from vms_bridge.cli.output import say
from vms_bridge.cli.token import grant, grant_options

if TYPE_CHECKING:
    from vms_bridge.cli.client import Api

_SCOPES = ("read", "control", "admin")
_OPENING = "/pair/opening"
_PERIOD_S = 1.0


@click.command("pair")
@grant_options("control", _SCOPES)
@asks_the_bridge
def command(api: Api, *, scope: str, systems: tuple[str, ...], monitors: tuple[str, ...]) -> int:
    """Let one client fetch a token by a short code, such as Home Assistant; wait until it has, or the time is over."""
    opened = api.post(_OPENING, grant(scope, systems, monitors))
    code: str = opened["code"]
    try:
        say(f"{code[:4]}-{code[4:]}")
        say(f"Give this code to the client within {opened['seconds'] / 60:.0f} minutes. Ctrl-C closes it.", err=True)
        while (now := api.get(_OPENING))["is_open"] and now["opening"] == opened["opening"]:
            time.sleep(_PERIOD_S)
    except KeyboardInterrupt:
        api.delete(_OPENING)
        raise
    if now["opening"] != opened["opening"]:
        say("Pairing was opened anew meanwhile, or the bridge has begun to run anew: this code is good for nothing.", err=True)
        return FAILED
    if now["token_id"] is None:
        say("Nobody has paired: the time is over, or there were too many wrong codes.", err=True)
        return FAILED
    name = next((token["name"] for token in api.get("/tokens")["tokens"] if token["id"] == now["token_id"]), "A client")
    say(f"{name} has paired, and has the token {now['token_id']}.", err=True)
    return OK
