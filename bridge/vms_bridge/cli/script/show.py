"""`vms-bridge script show`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from vms_bridge.cli.asking import asks_the_bridge
from vms_bridge.cli.client import segment
from vms_bridge.cli.completing import scripts
from vms_bridge.cli.options import json_option
from vms_bridge.cli.output import local_time, printable, say, show_fields, show_json, size

if TYPE_CHECKING:
    from vms_bridge.cli.client import Api


@click.command("show")
@click.argument("name", shell_complete=scripts)
@click.option("--source", "is_source", is_flag=True, help="Print its source, and nothing else.")
@json_option
@asks_the_bridge
def command(api: Api, *, name: str, is_source: bool, as_json: bool) -> None:
    """Show one script: how it fares, what it may do, and why it did not start, or has ended, last."""
    path = f"/scripts/{segment(name)}"
    if is_source:
        found = api.get(f"{path}/source")
        if as_json:
            show_json(found)
        else:
            say("\n".join(printable(line) for line in found["text"].splitlines()))
        return
    script = api.get(path)
    if as_json:
        show_json(script)
        return
    show_fields(_fields(script))
    for remark in script["remarks"]:
        say(f"  {printable(remark)}")
    trouble = script["trouble"]
    if trouble is not None:
        say(f"\nAt {local_time(trouble['time'])}: {printable(trouble['text'])}")
        if trouble["hint"]:
            say(f"  -> {printable(trouble['hint'])}")
        for line in (trouble["traceback"] or "").splitlines():
            say(f"  | {printable(line)}")
    if script["counts"]["failures"]:
        say(f"\nWhat its handlers have raised is in its log: vms-bridge script logs {name} --level error")


def _fields(script: dict[str, Any]) -> list[tuple[str, object]]:
    approval, counts = script["approval"], script["counts"]
    memory = script["memory_bytes"]
    return [
        ("script", script["name"]),
        ("", script["doc"]),
        ("status", script["status"]),
        ("since", local_time(script["since"])),
        ("", script["reason"]),
        ("", script["hint"]),
        ("locked in by", script["level"]),
        ("may", "; ".join(script["may"])),
        ("approved", None if approval is None else f"{local_time(approval['time'])} by {approval['by']}"),
        ("source", script["sha256"]),
        ("runs", script["running_sha256"] if script["running_sha256"] != script["sha256"] else None),
        ("called", f"{counts['calls']} times, {counts['failures']} failed, {counts['dropped']} dropped"),
        ("asked", f"{counts['asks']} times, {counts['refused']} refused"),
        ("started", f"{counts['starts']} times, {counts['crashes']} crashes"),
        ("waiting", script["queued"] or None),
        ("memory", None if memory is None else size(memory)),
        ("next start", local_time(script["next_start"])),
    ]
