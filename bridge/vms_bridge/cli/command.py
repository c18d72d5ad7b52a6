"""`vms-bridge command`."""

from __future__ import annotations

import sys
import uuid
from typing import TYPE_CHECKING, Any

import click

from vms_bridge.cli.asking import asks_the_bridge
from vms_bridge.cli.codes import COMMAND_REFUSED, COMMAND_TIMED_OUT, FAILED, OK
from vms_bridge.cli.completing import commands, target_kind, targets, values
from vms_bridge.cli.options import Number, form_options
from vms_bridge.cli.output import NDJSON, Listing, complain, printable, say, show_json
from vms_bridge.cli.ways import ApiFailed, NotReached

if TYPE_CHECKING:
    from vms_bridge.cli.client import Api

_SILENCE_S = 240.0
"""What takes longest has 180 s, and may have to wait for its turn."""
_CODES = {"applied": OK, "accepted": OK, "unchanged": OK, "refused": COMMAND_REFUSED, "timeout": COMMAND_TIMED_OUT}
_COLUMNS = ("COMMAND", "OF", "SCOPE", "VALUE", "DETAILS", "WHAT IT DOES")
_WORDS = {
    "accepted": "the system has taken it, and no state shows its effect",
    "unchanged": "it was so already",
    "timeout": "its effect has not shown in time",
}


@click.command("command")
@click.argument("target", required=False, shell_complete=targets)
@click.argument("name", required=False, shell_complete=commands)
@click.argument("value", required=False, shell_complete=values)
@click.option("--cause", metavar="TEXT", help="Of an alarm: what the system notes as its cause.")
@click.option("--text", metavar="TEXT", help="Of an alarm: what it notes beside that.")
@click.option("--score", type=click.IntRange(0, 255), help="Of an alarm: its score.")
@click.option("--seconds", type=Number(0.001, 86_400), metavar="SECONDS", help="Of an alarm or a move: it ends after so long.")
@click.option("--speed", type=Number(0, 1, min_open=True), metavar="SHARE", help="Of a camera's move: how fast, above 0, to 1.")
@click.option("--request-id", metavar="ID", help="Asked again by the same one, it is answered, and not done twice.")
@click.option("--list", "is_list", is_flag=True, help="List the commands that there are.")
@form_options
@asks_the_bridge
def command(
    api: Api,
    *,
    target: str | None,
    name: str | None,
    value: str | None,
    is_list: bool,
    form: str | None,
    **details: Any,  # noqa: ANN401 - the options above
) -> int:
    """Give a command to TARGET, and wait for what becomes of it.

    TARGET is a monitor (zm/1), a system (zm), an event (by its id) or `bridge`; NAME and VALUE are in --list. The exit code is
    0 where it was done, or was so already, 3 where it was refused, 4 where its effect has not shown in time, 1 where it failed.
    """
    if is_list:
        return _list(api, target, form)
    if target is None or name is None:
        raise click.UsageError("say to whom, and what: `vms-bridge command zm/1 alarm ON`; --list shows what there is")
    body = {"command": name, "value": value, **details, **_target(target)}
    body["request_id"] = body["request_id"] or uuid.uuid4().hex
    ack = _last(api, {field: said for field, said in body.items() if said is not None}, form)
    result = str(ack["result"])
    if form == "json":
        show_json(ack)
    elif form is None:
        _report(ack)
    return _CODES.get(result, FAILED)


def _last(api: Api, body: dict[str, Any], form: str | None) -> dict[str, Any]:
    """Give the command, say meanwhile that it goes on, and return what has become of it."""
    ack: dict[str, Any] | None = None
    try:
        for ack in api.lines("/commands", body, _SILENCE_S):
            if form == NDJSON:
                show_json(ack, is_line=True)
            elif ack["result"] == "running" and sys.stderr.isatty():
                say(f"{ack['command']} goes on ...", err=True)
    except ApiFailed as failed:
        if failed.status is None and not isinstance(failed, NotReached):
            failed.hint = f"it may go on all the same: ask again with --request-id {body['request_id']}, and it is not done twice"
        raise
    if ack is None or ack["result"] == "running":
        raise ApiFailed("the bridge has not said what became of it", f"ask again with --request-id {body['request_id']}")
    return ack


def _target(target: str) -> dict[str, str]:
    """Return who is meant, in the API's words."""
    match target_kind(target):
        case "bridge":
            return {}
        case "event":
            return {"event": target}
        case "system":
            return {"system": target}
        case _:
            system, _, key = target.partition("/")
            return {"system": system, "monitor": key}


def _report(ack: dict[str, Any]) -> None:
    result, error = str(ack["result"]), ack["error"]
    if error is not None:
        complain(f"{ack['command']}: {result} ({error['code']})", str(error["hint"] or _WORDS.get(result, "")))
        return
    applied = "" if ack["applied"] is None else f" {ack['applied']}"
    words = f": {_WORDS[result]}" if result in _WORDS else ""
    say(printable(f"{ack['command']}{applied} {result}{words}"))


def _list(api: Api, target: str | None, form: str | None) -> int:
    kind = None if target is None else target_kind(target)
    with Listing(form, _COLUMNS, _row) as listing:
        listing.add(each for each in api.get("/commands")["commands"] if kind in {None, each["target"]})
    return OK


def _row(kind: dict[str, Any]) -> tuple[object, ...]:
    names = ", ".join([kind["name"], *kind["names"]])
    details = ", ".join(f"--{detail}" for detail in kind["details"])
    return names, kind["target"], kind["level"], kind["payload"].replace("`", ""), details, kind["meaning"]
