"""What the verbs that change events share: a command to each, one after the other, and what became of it."""

from __future__ import annotations

import sys
import uuid
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import click

from vms_bridge.cli.codes import COMMAND_REFUSED, COMMAND_TIMED_OUT, FAILED, OK
from vms_bridge.cli.output import Listing
from vms_bridge.cli.ways import ApiFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from vms_bridge.cli.client import Api

_CODES = {"applied": OK, "accepted": OK, "unchanged": OK, "refused": COMMAND_REFUSED, "timeout": COMMAND_TIMED_OUT}
_WORST_FIRST = (FAILED, COMMAND_TIMED_OUT, COMMAND_REFUSED, OK)

ids_argument: Callable[[Callable[..., Any]], Callable[..., Any]] = click.argument(
    "events", metavar="ID...", nargs=-1, required=True
)


def change(api: Api, events: Sequence[str], command: str, value: str | None, form: str | None) -> int:
    """Give the command to each of these events, list what became of it, and return the code of what went worst."""
    codes = {OK}

    def done() -> Iterator[dict[str, Any]]:
        for event in dict.fromkeys(events):
            ack = _given(api, event, command, value)
            codes.add(_CODES.get(str(ack["result"]), FAILED))
            yield ack

    with Listing(form, ("EVENT", "RESULT", "WHY"), _row) as listing:
        listing.add(done())
    return next(code for code in _WORST_FIRST if code in codes)


def confirmed(question: str, *, is_sure: bool) -> None:
    """Ask whether that is meant, unless it was said that it is. Raises click.UsageError where nobody can be asked."""
    if is_sure:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("nobody is there to be asked: say --yes")
    click.confirm(question, abort=True, err=True)


def _given(api: Api, event: str, command: str, value: str | None) -> dict[str, Any]:
    body = {"command": command, "event": event, "request_id": uuid.uuid4().hex}
    try:
        ack: dict[str, Any] = api.post("/commands", body if value is None else {**body, "value": value})
    except ApiFailed as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        ack = {"command": command, "event": event, "result": "failed", "error": {"code": "not_found", "hint": str(error)}}
    return {**ack, "event": event}


def _row(ack: dict[str, Any]) -> tuple[object, ...]:
    error = ack.get("error")
    return ack["event"], ack["result"], None if error is None else error["hint"]
