"""Which events: the options by which several verbs are told, and what they are in the API's words."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from vms_bridge.cli.completing import areas, faces, kinds, labels, monitors, systems, zones
from vms_bridge.cli.options import Number, time_options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vms_bridge.cli.client import Api

PAGE = 1_000
_SEVERAL = (
    ("system", "KEY", "Of this system", systems),
    ("monitor", "SYSTEM/KEY", "Of this monitor", monitors),
    ("area", "NAME", "Of the monitors in this area", areas),
    ("kind", "KIND", "Of this kind: alarm, continuous, ...", kinds),
    ("label", "LABEL", "With this label: person, car, ...", labels),
    ("zone", "NAME", "In this zone", zones),
    ("plate", "TEXT", "With this number plate", None),
    ("face", "NAME", "With this face", faces),
)
_RANGES = (
    ("least-score", "0..1", "Whose best detection has this score at least", 1.0),
    ("most-score", "0..1", "Whose best detection has this score at most", 1.0),
    ("least-duration", "SECONDS", "That lasted this long at least", 1e9),
    ("most-duration", "SECONDS", "That lasted this long at most", 1e9),
)


def filters(verb: Callable[..., Any]) -> Callable[..., Any]:
    """Give a verb the options that say which events, as the keywords of `query`, and `time_zone`."""
    options = [
        *(
            click.option(f"--{name}", multiple=True, metavar=value, help=f"{what}; may be repeated.", shell_complete=complete)
            for name, value, what, complete in _SEVERAL
        ),
        *(click.option(f"--{name}", type=Number(0, most), metavar=value, help=f"{what}.") for name, value, what, most in _RANGES),
        click.option(
            "--words", metavar="WORDS", help="With all of these words in cause, notes and labels; deliv* is any that begins so."
        ),
        click.option("--open/--over", "is_open", default=None, help="That go on, or are over."),
    ]
    for option in reversed(options):
        verb = option(verb)
    return time_options("That began")(verb)


def query(asked: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what was asked for by the options, in the API's words."""
    return list(_words(asked))


def found(api: Api, asked: dict[str, Any], *, most: int | None) -> Iterator[list[dict[str, Any]]]:
    """Yield the events, some at a time, the newest first."""
    for page in api.pages("/events", query(asked), most=most, page=PAGE):
        yield page["events"]


def _words(asked: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in asked.items():
        match value:
            case None:
                continue
            case tuple():
                yield from ((name, each) for each in value)
            case bool():
                yield name, "true" if value else "false"
            case datetime():
                yield name, value.isoformat().replace("+00:00", "Z")
            case float():
                yield name, f"{value:.6f}".rstrip("0").rstrip(".")
            case _:
                yield name, str(value)
