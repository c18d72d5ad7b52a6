"""Permissions in words, for who is to approve them: what a script may do, and how that differs from what was approved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.scripting import Difference
from vms_bridge.scripts.permissions import ALL, FLAGS, LISTS, NOTHING, sees_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vms_bridge.scripts.values import Permissions


_SAYS = {
    "monitors": "see the monitors {}",
    "commands": "give the commands {}",
    "http": "ask for {} by HTTP",
    "mqtt": "publish to the MQTT topics {}",
    "listen": "listen to the MQTT topics {}",
    "webhooks": "be called by the webhooks {}",
    "secrets": "send the secrets {}, without seeing them",
    "notify": "send notifications",
    "entities": "have entities of its own in Home Assistant",
    "annotate": "write into events",
    "export": "put pictures and clips into the export folder",
    "logs": "read the logs of the systems and of the bridge",
    "detect": "have pictures looked at by models",
}


def in_words(permissions: Permissions) -> tuple[str, ...]:
    """Return what a script may do, each ability a phrase that follows `may`."""
    told = [_list_in_words(name, getattr(permissions, name)) for name in LISTS if getattr(permissions, name)]
    return (*told, *(_SAYS[name] for name in FLAGS if getattr(permissions, name)))


def differences(before: Permissions | None, now: Permissions) -> tuple[Difference, ...]:
    """Return in which ways these permissions are more and less than those of before."""
    old = NOTHING if before is None else before
    found: list[Difference] = []
    for name in LISTS:
        was, has = getattr(old, name), getattr(now, name)
        for is_more, those in (
            (True, [each for each in has if each not in was]),
            (False, [each for each in was if each not in has]),
        ):
            if those:
                found.append(Difference(is_more=is_more, text=_list_in_words(name, those)))
    found += [
        Difference(is_more=getattr(now, name), text=_SAYS[name]) for name in FLAGS if getattr(old, name) is not getattr(now, name)
    ]
    if sees_all(old) and not sees_all(now):
        found = [each for each in found if not (each.is_more and each.text == _list_in_words("monitors", now.monitors))]
    return tuple(found)


def _list_in_words(name: str, those: Sequence[str]) -> str:
    if ALL in those and name == "monitors":
        return "see all monitors"
    if ALL in those and name == "commands":
        others = [each for each in those if each != ALL]
        return f"give all commands of the level control{' and ' if others else ''}{', '.join(others)}"
    return _SAYS[name].format(", ".join(those))
