"""What a shell completes from the running bridge: systems, monitors, areas, what events have, commands and their values.

Whoever presses the tab key waits for it: a bridge that does not answer at once completes nothing, and nothing is said of it.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from click.shell_completion import CompletionItem

from vms_bridge.cli.client import segment
from vms_bridge.cli.output import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import click

    from vms_bridge.cli.client import Api

    Source = Callable[[Api, click.Context], Iterator[tuple[str, str]]]
    Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]

_PATIENCE_S = 1.0
"""For each step of an answer, and for all of them."""
_MOST = 200


def completer(source: Source) -> Completer:
    """Return what completes by the words, each with what it stands for, that the running bridge knows."""

    def complete(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
        try:
            return _complete(source, context, incomplete)
        except Exception:  # noqa: BLE001  # a shell's prompt is no place for whatever is wrong
            return []

    return complete


def target_kind(target: str) -> str:
    """Return what is named so: `bridge`, or a `system`, `monitor` or `event` by its key or id."""
    if target == "bridge":
        return "bridge"
    system, slash, _ = target.partition("/")
    if "-" in system:
        return "event"
    return "monitor" if slash else "system"


def _complete(source: Source, context: click.Context, incomplete: str) -> list[CompletionItem]:
    from vms_bridge.cli.asking import PLACE, way_by  # noqa: PLC0415  # which imports the options of verbs, and those what is here
    from vms_bridge.cli.client import Api  # noqa: PLC0415

    api = Api(way_by(context.obj, **{name: context.params[name] for name in PLACE}), _PATIENCE_S)
    ends_at = time.monotonic() + _PATIENCE_S  # reading the configuration is none of the bridge's time
    items = []
    for word, meaning in source(api, context):
        if word.startswith(incomplete) and word.isprintable():
            items.append(CompletionItem(word, help=printable(meaning)))
        if time.monotonic() > ends_at:
            return []  # a part of them would look like all
        if len(items) == _MOST:
            break
    return items


def _systems(api: Api, _context: click.Context) -> Iterator[tuple[str, str]]:
    for system in api.get("/systems")["systems"]:
        yield system["key"], system["name"]


def _monitors(api: Api, _context: click.Context) -> Iterator[tuple[str, str]]:
    for monitor in api.get("/monitors")["monitors"]:
        yield f"{monitor['system']}/{monitor['key']}", monitor["name"]


def _areas(api: Api, _context: click.Context) -> Iterator[tuple[str, str]]:
    for area in sorted({monitor["area"] for monitor in api.get("/monitors")["monitors"] if monitor["area"]}):
        yield area, ""


def _of_events(kind: str) -> Source:
    def values(api: Api, _context: click.Context) -> Iterator[tuple[str, str]]:
        for each in api.get("/values", [("of", kind), ("limit", str(_MOST))])["values"]:
            yield each["value"], f"{each['events']} events"

    return values


def _targets(api: Api, context: click.Context) -> Iterator[tuple[str, str]]:
    yield from _monitors(api, context)
    yield from _systems(api, context)
    yield "bridge", "the bridge itself"


def _commands(api: Api, context: click.Context) -> Iterator[tuple[str, str]]:
    target: str = context.params.get("target") or ""
    for mode in _modes(api, target):
        yield mode, "a mode of this monitor"
    for kind in api.get("/commands")["commands"]:
        if not target or kind["target"] == target_kind(target):
            yield kind["name"], kind["meaning"]


def _values(api: Api, context: click.Context) -> Iterator[tuple[str, str]]:
    target, name = context.params.get("target") or "", context.params.get("name")
    for mode, values in _modes(api, target).items():
        if mode == name:
            yield from ((value, "") for value in values)
    for kind in api.get("/commands")["commands"]:
        if (
            kind["target"] == target_kind(target)
            and name in {kind["name"], *kind["names"]}
            and re.search(r"\bON\b", kind["payload"])
        ):
            yield from (("ON", ""), ("OFF", ""))
    if name == "run_state" and target_kind(target) == "system":
        yield from ((state, "") for state in api.get(f"/systems/{segment(target)}")["state"]["run_states"])


def _modes(api: Api, target: str) -> dict[str, Any]:
    if target_kind(target) != "monitor":
        return {}
    system, _, key = target.partition("/")
    modes: dict[str, Any] = api.get(f"/monitors/{segment(system)}/{segment(key)}")["modes"]
    return modes


def _holders(api: Api, context: click.Context) -> Iterator[tuple[str, str]]:
    if context.params.get("change") == "drop":
        for claim in api.get("/discovery")["claims"]:
            yield claim["holder"], f"last seen {claim['seen']}"


def _scripts(api: Api, _context: click.Context) -> Iterator[tuple[str, str]]:
    for script in api.get("/scripts")["scripts"]:
        yield script["name"], script["status"]


scripts = completer(_scripts)
systems, monitors, areas = completer(_systems), completer(_monitors), completer(_areas)
holders = completer(_holders)
labels, zones, faces, kinds = (completer(_of_events(kind)) for kind in ("label", "zone", "face", "kind"))
targets, commands, values = completer(_targets), completer(_commands), completer(_values)
