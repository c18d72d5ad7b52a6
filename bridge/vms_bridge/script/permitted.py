"""The header of a script: what it may do, which an administrator has approved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.script.checks import check_switch, check_texts
from vms_bridge.script.declared import DECLARED

if TYPE_CHECKING:
    from collections.abc import Sequence


def permissions(
    *,
    monitors: Sequence[str] = ("*",),
    commands: Sequence[str] = (),
    http: Sequence[str] = (),
    mqtt: Sequence[str] = (),
    listen: Sequence[str] = (),
    webhooks: Sequence[str] = (),
    secrets: Sequence[str] = (),
    notify: bool = False,
    entities: bool = False,
    annotate: bool = False,
    export: bool = False,
    logs: bool = False,
    detect: bool = False,
) -> None:
    """Say what the script may do: once, at its top level, with everything written out.

    The bridge reads this before it runs a line of the script, and an administrator approves it. Here it is only looked at
    once more. `monitors` are those that the script sees, by globs over `system/key`: all, unless you say less.
    `commands` are names such as "trigger" and "arm", or "*"; `http` are URLs, as "https://api.example/*"; `mqtt` topics to
    publish to, `listen` topics to hear; `webhooks` and `secrets` are names. The others are yes or no.
    """
    if DECLARED.is_closed:
        raise RuntimeError("permissions() is called once, at the top level of the script: the bridge has read it already")
    lists = {"monitors": monitors, "commands": commands, "http": http, "mqtt": mqtt, "listen": listen}
    lists |= {"webhooks": webhooks, "secrets": secrets}
    for name, value in lists.items():
        if isinstance(value, str):
            raise TypeError(f"{name} is a list of texts: {name}=[{value!r}]")
        if value:
            check_texts(value, name, 500)
    switches = {"notify": notify, "entities": entities, "annotate": annotate, "export": export, "logs": logs, "detect": detect}
    for name, is_wanted in switches.items():
        check_switch(is_wanted, name)
