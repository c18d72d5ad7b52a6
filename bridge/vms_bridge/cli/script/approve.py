"""`vms-bridge script approve`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from vms_bridge.cli.asking import asks_the_bridge
from vms_bridge.cli.client import segment
from vms_bridge.cli.codes import FAILED, OK
from vms_bridge.cli.completing import scripts
from vms_bridge.cli.events.changing import confirmed
from vms_bridge.cli.options import json_option
from vms_bridge.cli.output import complain, local_time, printable, say, show_json

if TYPE_CHECKING:
    from vms_bridge.cli.client import Api


@click.command("approve")
@click.argument("name", shell_complete=scripts)
@click.option("--sha256", metavar="HEX", help="Only if the source has this hash, as `sha256sum` says of the file you read.")
@click.option("--yes", "is_sure", is_flag=True, help="Do not ask before.")
@json_option
@asks_the_bridge
def command(api: Api, *, name: str, sha256: str | None, is_sure: bool, as_json: bool) -> int:
    """Let a script run as it asks, once you have seen what that is.

    What is approved is the source that is in its file now, with its permissions: whoever changes it has it approved anew.
    """
    path = f"/scripts/{segment(name)}"
    script = api.get(path)
    if sha256 is not None and sha256.lower() != script["sha256"]:
        hint = f"read it: `vms-bridge script show {name} --source`"
        complain(f"the source of {name} has the hash {script['sha256'] or '-'}", hint)
        return FAILED
    if not script["needs_approval"] and script["approval"] is not None:
        _tell(script, is_approved=True, as_json=as_json)
        return OK
    _show(script)
    confirmed(f"Approve {name}?", is_sure=is_sure)
    _tell(api.put(f"{path}/approval", {"sha256": script["sha256"]}), is_approved=False, as_json=as_json)
    return OK


def _show(script: dict[str, Any]) -> None:
    """Show on stderr what is to be approved."""
    say(f"The script {script['name']} ({script['bytes']} bytes, SHA-256 {script['sha256']}) wants to:", err=True)
    gained = {one["text"] for one in script["differences"] if one["is_more"]}
    is_new = script["approval"] is None
    for phrase in script["may"]:
        say(f"  {'+' if phrase in gained and not is_new else ' '} {printable(phrase)}", err=True)
    if not script["permissions"].get("commands"):
        say("    and to give no commands", err=True)
    if is_new:
        say("It was never approved.", err=True)
        return
    approval = script["approval"]
    say(f"It was approved at {local_time(approval['time'])} by {printable(approval['by'])}. Since then:", err=True)
    for one in script["differences"]:
        say(f"  {'+ it may' if one['is_more'] else '- it may no more'} {printable(one['text'])}", err=True)
    if approval["sha256"] != script["sha256"]:
        say(f"  its source has changed (it was {approval['sha256']})", err=True)


def _tell(script: dict[str, Any], *, is_approved: bool, as_json: bool) -> None:
    if as_json:
        show_json(script)
    else:
        say(f"The script {script['name']} {'was approved before' if is_approved else 'is approved'}: it is {script['status']}.")
