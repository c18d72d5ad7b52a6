"""Which events: the options by which several verbs are told, and what they are in the library's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from vms_bridge.cli.zm.completing import monitors
from vms_bridge.cli.zm.finding import the_monitors
from vms_bridge.cli.zm.times import Words, zone_option

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping
    from datetime import tzinfo

    from vms_bridge.cli.zm.asking import Ask
    from vms_bridge.zoneminder import EventRow
    from vms_bridge.zoneminder.events.query import EventQuery

_OPTIONS = (
    click.option(
        "--monitor", multiple=True, metavar="ID|NAME", help="Of this monitor; may be repeated.", shell_complete=monitors
    ),
    click.option(
        "--from",
        "--since",
        "since",
        type=Words(),
        metavar="TIME",
        help="That began then or later: 2h, '2 hours ago', 'yesterday 8pm', 2026-11-20T11:00.",
    ),
    click.option("--until", type=Words(), metavar="TIME", help="That began before that."),
    click.option(
        "--during", type=Words(is_range=True), metavar="RANGE", help="That began in that time: 'yesterday 8pm to 10pm', say."
    ),
    zone_option,
    click.option("--min-alarm-frames", type=click.IntRange(0), metavar="N", help="With so many alarmed frames at least."),
    click.option("--max-alarm-frames", type=click.IntRange(0), metavar="N", help="With so many at most."),
    click.option("--min-score", type=click.IntRange(0), metavar="N", help="With this highest score at least."),
    click.option("--objects", "object_only", is_flag=True, help="In which objects were detected."),
    click.option("--label", metavar="TEXT", help="In which this was detected: person, car, ..."),
    click.option("--cause", metavar="TEXT", help="With this in their cause."),
    click.option("--notes", metavar="TEXT", help="With this in their notes."),
    click.option("--tag", metavar="TAG", help="With this tag, from ZoneMinder 1.38 on."),
    click.option("--archived/--not-archived", "archived", default=None, help="That are archived, or are not."),
)


def filters(verb: Callable[..., Any]) -> Callable[..., Any]:
    """Give a verb the options that say which events, as the keywords of `query`, and `time_zone`."""
    for option in reversed(_OPTIONS):
        verb = option(verb)
    return verb


def are_any(asked: Mapping[str, Any]) -> bool:
    """Say whether any of these options was given."""
    return bool(_given(asked))


def query(ask: Ask, asked: Mapping[str, Any], zone: tzinfo | None, **more: Any) -> EventQuery:  # noqa: ANN401 - the library's
    """Return the question for these events. Raises click.UsageError, FilterRefused, NotFoundThere and VmsError."""
    said = _given(asked)
    if "during" in said and said.keys() & {"since", "until"}:
        raise click.UsageError("name --during, or --from and --until, and not both")
    if "monitor" in said:
        said["monitor"] = ask(the_monitors(ask.zm, said["monitor"]))
    if zone is not None:
        said["tz"] = zone
    return ask.zm.events(**said, **more)


def found(
    ask: Ask,
    asked: Mapping[str, Any],
    zone: tzinfo | None,
    *,
    most: int | None,
    **more: Any,  # noqa: ANN401 - the library's
) -> Iterator[tuple[EventRow, ...]]:
    """Yield the events, some at a time. Raises as `query` does."""
    if most is not None:
        more["limit"] = most
    pages = query(ask, asked, zone, **more).pages()
    while (page := ask(_next(pages))) is not None:
        yield page


async def _next(pages: AsyncIterator[tuple[EventRow, ...]]) -> tuple[EventRow, ...] | None:
    return await anext(pages, None)


def _given(asked: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value for name, value in asked.items() if value not in {None, ()} and (value is not False or name == "archived")
    }
