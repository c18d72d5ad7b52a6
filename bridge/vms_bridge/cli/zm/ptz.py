"""`vms-bridge zm ptz`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

import click
from click.shell_completion import CompletionItem

from vms_bridge.cli.direct.showing import said, yes_or_no
from vms_bridge.cli.options import Duration, json_option
from vms_bridge.cli.output import JSON, Listing, printable, say, show_fields, show_json
from vms_bridge.cli.zm.asking import Ask, asks_zoneminder
from vms_bridge.cli.zm.completing import monitors
from vms_bridge.cli.zm.finding import the_monitor

if TYPE_CHECKING:
    from vms_bridge.zoneminder import MonitorRow

_LENS = ("near", "far", "auto", "manual")


class Order(NamedTuple):
    """What a camera can be told: how many words follow it, and which ones complete."""

    least: int
    most: int
    words: tuple[str, ...] = ()


_DIRECTIONS = ("up", "down", "left", "right", "up_left", "up_right", "down_left", "down_right")
_ORDERS = {
    "show": Order(0, 0),
    "presets": Order(0, 0),
    "move": Order(1, 1, _DIRECTIONS),
    "stop": Order(0, 1),
    "preset": Order(1, 1),
    "set-preset": Order(1, 2),
    "home": Order(0, 0),
    "zoom": Order(1, 1, ("in", "out")),
    "focus": Order(1, 1, _LENS),
    "iris": Order(1, 1, ("open", "close", "auto", "manual")),
    "point": Order(2, 2),
    **dict.fromkeys(("wake", "sleep", "reset", "reboot"), Order(0, 0)),
}

_GOING_ON = ("move", "zoom", "focus", "iris")


def _words(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    order = _ORDERS.get(str(context.params.get("order") or ""))
    return [CompletionItem(word) for word in (order.words if order else ()) if word.startswith(incomplete)]


@click.command("ptz", epilog="orders: " + ", ".join(_ORDERS))
@click.argument("monitor", metavar="ID|NAME", shell_complete=monitors)
@click.argument("order", type=click.Choice(list(_ORDERS)), default="show", metavar="[ORDER]")
@click.argument("words", nargs=-1, metavar="[WORD]...", shell_complete=_words)
@click.option("--mode", type=click.Choice(["continuous", "relative", "absolute"]), help="How it moves (default: as it can).")
@click.option("--amount", type=click.FloatRange(0, 1, min_open=True), help="How fast or how far (default: 0.5).")
@click.option("--for", "seconds", type=Duration(), metavar="TIME", help="Stop it after so long: 2s, say.")
@json_option
@asks_zoneminder
def command(
    ask: Ask,
    *,
    monitor: str,
    order: str,
    words: tuple[str, ...],
    seconds: float | None,
    as_json: bool,
    **how: Any,  # noqa: ANN401 - the options above
) -> None:
    r"""Move the camera of a monitor, or show what it can do.

    \b
    ptz 1                     what it can do
    ptz 1 presets             the places that it remembers
    ptz 1 preset 2            go there; a preset has a number, and may have a name
    ptz 1 set-preset 3 Gate   remember this place
    ptz 1 move left --for 2s  turn; without --for until `ptz 1 stop`, where the camera moves so
    ptz 1 zoom in
    """
    told = _ORDERS[order]
    if not told.least <= len(words) <= told.most:
        expected = "no word" if not told.most else f"{told.least} to {told.most} words"
        raise click.UsageError(f"{order} takes {expected}, and not {len(words)}")
    if order not in _GOING_ON and (seconds is not None or any(value is not None for value in how.values())):
        raise click.UsageError(f"--mode, --amount and --for belong to: {', '.join(_GOING_ON)}")
    row = ask(the_monitor(ask.zm, monitor))
    if order == "show":
        _show(ask, row, as_json=as_json)
    elif order == "presets":
        _presets(ask, row, as_json=as_json)
    else:
        _tell(ask, row, order, words, {name: value for name, value in how.items() if value is not None})
        if seconds is not None:
            try:
                time.sleep(seconds)
            finally:
                ask(ask.zm.ptz.stop(row, order))
        if as_json:
            show_json({"monitor": row.id, "order": order, "words": list(words)})
        else:
            say(printable(f"{row.name}: {' '.join((order, *words))}"))


def _tell(ask: Ask, row: MonitorRow, order: str, words: tuple[str, ...], how: dict[str, Any]) -> None:
    """Give the order, of which the words are as many as it takes. Raises CommandRejected and VmsError."""
    match order:
        case "preset":
            ask(ask.zm.ptz.preset(row, int(words[0]) if words[0].isdecimal() else words[0]))
        case "set-preset":
            ask(ask.zm.ptz.set_preset(row, _number(words[0]), *words[1:]))
        case "point":
            ask(ask.zm.ptz.point(row, _share(words[0]), _share(words[1])))
        case _:
            ask(getattr(ask.zm.ptz, order)(row, *words, **how))


def _show(ask: Ask, row: MonitorRow, *, as_json: bool) -> None:
    able = ask(ask.zm.ptz.capabilities(row))
    if as_json:
        show_json({**said(able), "directions": list(able.directions)})
        return
    lenses = (("zoom", able.zoom), ("focus", able.focus), ("iris", able.iris))
    powers = (("wake", able.wakes), ("sleep", able.sleeps), ("reset", able.resets), ("reboot", able.reboots))
    show_fields(
        (
            ("monitor", f"{row.id} {row.name}"),
            ("control", able.name),
            ("module", able.protocol),
            ("moves", ", ".join(able.directions)),
            ("how", ", ".join(able.moves)),
            ("to a point", yes_or_no(able.moves_to_point)),
            *((name, ", ".join((*lens.modes, *(("auto",) if lens.is_automatic else ())))) for name, lens in lenses),
            ("presets", able.presets or None),
            ("sets presets", yes_or_no(able.sets_presets)),
            ("home", yes_or_no(able.has_home)),
            ("power", ", ".join(name for name, can in powers if can)),
        )
    )


def _presets(ask: Ask, row: MonitorRow, *, as_json: bool) -> None:
    rows = ask(ask.zm.ptz.presets(row))
    with Listing(JSON if as_json else None, ("NUMBER", "NAME"), lambda each: (each.number, each.name)) as listing:
        listing.add([said(each) for each in rows] if as_json else rows)


def _number(word: str) -> int:
    if not word.isdecimal():
        raise click.UsageError(f"a preset is remembered by its number, and {word!r} is none")
    return int(word)


def _share(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        raise click.UsageError(f"a point is two numbers, 0 to 1 from the left and from the top, and {word!r} is none") from None
