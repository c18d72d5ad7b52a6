"""What a script may do: what its header may ask for at all, and the checks by which every service asks whether it may."""

from __future__ import annotations

from dataclasses import fields, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, NamedTuple

from vms_bridge.commands import COMMANDS, Level, TargetKind
from vms_bridge.keys import INSTANCE_PATTERN
from vms_bridge.messaging import ALWAYS_RESERVED, covers, filter_mistake, matches, reserved_mistake, topic_mistake
from vms_bridge.script_errors import PermissionMissing
from vms_bridge.scripts.urls import MOST_CHARACTERS, UrlPattern, WrongUrl, parse_pattern, parse_url
from vms_bridge.scripts.values import Permissions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from vms_bridge.scripts.urls import Url
    from vms_bridge.views import MonitorKey

MOST_OF_A_KIND = 64
MOST_STARS = 8
NOTHING = Permissions(monitors=())
FLAGS = ("notify", "entities", "annotate", "export", "logs", "detect")
"""What is granted as a whole, or not."""
LISTS = tuple(each.name for each in fields(Permissions) if each.name not in FLAGS)
ALL = "*"
_PATTERN_CHARACTERS = 128


class Mistake(NamedTuple):
    """What can't be asked for: which permission, what of it, and what to do."""

    permission: str
    text: str
    hint: str = ""


class GrantedUrl(NamedTuple):
    """A URL that may be asked for, in its one form, and the pattern that grants it."""

    url: Url
    pattern: UrlPattern

    @property
    def is_address_granted(self) -> bool:
        """Whether the pattern names this very address: only then it may be one of a private network, or of this machine."""
        return self.url.address is not None and not self.pattern.is_domain


def normal(permissions: Permissions) -> Permissions:
    """Return the same permissions in the form in which equal ones are equal: each list in order, and nothing twice."""
    lists: dict[str, Any] = {name: tuple(sorted(set(getattr(permissions, name)))) for name in LISTS}
    return replace(permissions, **lists)


def mistakes_in(permissions: Permissions, reserved: Iterable[str] = ALWAYS_RESERVED) -> tuple[Mistake, ...]:
    """Return what no header may ask for; `reserved` is what MQTT topics begin with that are not for others."""
    reserved = tuple(reserved)
    found: list[Mistake] = []
    for name in LISTS:
        asked = getattr(permissions, name)
        if len(asked) > MOST_OF_A_KIND:
            found.append(Mistake(name, f"asks for {len(asked)} of them", f"a script has at most {MOST_OF_A_KIND}"))
            continue
        found += [Mistake(name, f"{_shown(text)} {what}", hint) for text in asked for what, hint in _wrong(name, text, reserved)]
    return tuple(found)


def sees(permissions: Permissions, monitor: MonitorKey) -> bool:
    """Say whether it may know of this monitor."""
    name = "/".join(monitor)
    return any(fnmatchcase(name, pattern) for pattern in permissions.monitors)


def sees_all(permissions: Permissions) -> bool:
    """Say whether it may know of every monitor, those too that are yet to come."""
    return ALL in permissions.monitors


def sees_any(permissions: Permissions, monitors: Iterable[MonitorKey]) -> bool:
    """Say whether it may know of any of these; with a system's monitors: whether it may know of the system."""
    return sees_all(permissions) or any(sees(permissions, monitor) for monitor in monitors)


def hears(permissions: Permissions, about: MonitorKey, monitors_of: Callable[[str], Iterable[str]]) -> bool:
    """Say whether it may be told of what happens at a monitor; with no key of one, to its system; with neither, to the bridge.

    `monitors_of` returns the keys of a system's monitors. Who sees one of them may know how the system fares, and who sees
    all monitors how the bridge does.
    """
    system, monitor = about
    if not system:
        return sees_all(permissions)
    if not monitor:
        return sees_any(permissions, ((system, one) for one in monitors_of(system)))
    return sees(permissions, about)


def level_for(permissions: Permissions, *names: str) -> Level:
    """Return how far it may go with a command of these names (a mode's, and its row's). Raises PermissionMissing.

    A command that is named may be one of the level `admin`; `*` is all of the level `control`.
    """
    if any(name in permissions.commands for name in names):
        return Level.ADMIN
    if ALL in permissions.commands:
        return Level.CONTROL
    raise PermissionMissing(f"the script may not give the command {names[0]}", hint=_add("commands", names[0]))


def require_url(permissions: Permissions, text: str) -> GrantedUrl:
    """Return the URL in its one form, and what grants it. Raises PermissionMissing, for one that can't be meant too."""
    try:
        url = parse_url(text)
    except WrongUrl as error:
        raise PermissionMissing(f"this URL {error}", hint=error.hint) from None
    return granted_url(permissions, url)


def granted_url(permissions: Permissions, url: Url) -> GrantedUrl:
    """Return what grants a URL, one that names its host before others. Raises PermissionMissing."""
    found = [pattern for pattern in map(parse_pattern, permissions.http) if pattern.matches(url)]
    if not found:
        place = f"{url.scheme}://{url.host}"
        raise PermissionMissing(f"the script may not ask for {place}{url.path}"[:300], hint=_add("http", f"{place}/*"))
    return GrantedUrl(url, min(found, key=lambda pattern: pattern.is_domain))


def require_publish(permissions: Permissions, topic: str, reserved: Iterable[str] = ALWAYS_RESERVED) -> None:
    """Raise PermissionMissing where it may not publish to this topic, or nobody but the bridge may."""
    _refuse_topic(topic, topic_mistake(topic) or reserved_mistake(topic, reserved))
    if not any(matches(granted, topic) for granted in permissions.mqtt):
        raise PermissionMissing(f"the script may not publish to {_shown(topic)}", hint=_add("mqtt", topic))


def require_listen(permissions: Permissions, topics: str, reserved: Iterable[str] = ALWAYS_RESERVED) -> None:
    """Raise PermissionMissing where it may not hear all topics that this filter matches."""
    _refuse_topic(topics, filter_mistake(topics) or reserved_mistake(topics, reserved))
    if not any(covers(granted, topics) for granted in permissions.listen):
        raise PermissionMissing(f"the script may not listen to {_shown(topics)}", hint=_add("listen", topics))


def require_webhook(permissions: Permissions, name: str) -> None:
    """Raise PermissionMissing where it may not be called by this webhook."""
    _require_name(permissions.webhooks, "webhooks", name)


def require_secret(permissions: Permissions, name: str) -> None:
    """Raise PermissionMissing where it may not use this secret."""
    _require_name(permissions.secrets, "secrets", name)


def require_flag(permissions: Permissions, flag: str) -> None:
    """Raise PermissionMissing where it may not do this, which is one of FLAGS."""
    if not getattr(permissions, flag):
        raise PermissionMissing(f"the script has not the permission {flag}", hint=f"ask for it: permissions({flag}=True)")


def is_within(permissions: Permissions, granted: Permissions) -> bool:
    """Say whether all of these permissions have been granted word by word."""
    lists = all(set(getattr(permissions, name)) <= set(getattr(granted, name)) for name in LISTS if name != "monitors")
    monitors = sees_all(granted) or set(permissions.monitors) <= set(granted.monitors)
    return lists and monitors and all(getattr(granted, name) or not getattr(permissions, name) for name in FLAGS)


def _require_name(granted: Iterable[str], permission: str, name: str) -> None:
    if name not in granted:
        raise PermissionMissing(f"the script may not use {_shown(name)} of its {permission}", hint=_add(permission, name))


def _refuse_topic(topic: str, mistake: str | None) -> None:
    if mistake is not None:
        raise PermissionMissing(f"{_shown(topic)} can't be granted: {mistake}")


def _add(permission: str, what: str) -> str:
    return f"add it to the script's header, and have that approved: permissions({permission}=[{what[:100]!r}])"


def _shown(text: str) -> str:
    return repr(text if len(text) <= _PATTERN_CHARACTERS else f"{text[:_PATTERN_CHARACTERS]}...")


def _wrong(permission: str, text: str, reserved: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return what is wrong with one of a list, and what to do."""
    if not text or not text.isprintable():
        return [("is empty, or has a character that can't be seen", "")]
    if permission == "http":
        return _wrong_pattern(text)
    if permission in {"mqtt", "listen"}:
        return _wrong_topics(text, reserved)
    if len(text) > _PATTERN_CHARACTERS:
        return [(f"has more than {_PATTERN_CHARACTERS} characters", "")]
    return _RULES[permission](text)


def _wrong_pattern(text: str) -> list[tuple[str, str]]:
    try:
        pattern = parse_pattern(text)
    except WrongUrl as error:
        return [(str(error), error.hint)]
    if pattern.url.path.count("*") > MOST_STARS:
        return [(f"has more than {MOST_STARS} *", f"and at most {MOST_CHARACTERS} characters")]
    return []


def _wrong_topics(text: str, reserved: tuple[str, ...]) -> list[tuple[str, str]]:
    mistake = filter_mistake(text) or reserved_mistake(text, reserved)
    return [(f"can't be granted: {mistake}", "name the topics that are meant, such as home/gate/#")] if mistake else []


def _wrong_monitors(text: str) -> list[tuple[str, str]]:
    if text.count("*") + text.count("?") > MOST_STARS or "[" in text:
        return [(f"has a [, or more than {MOST_STARS} wildcards", "use * and ?")]
    if "/" not in text and "*" not in text:
        return [("is no system and key", "write them as in topics, such as zm/3 or zm/*")]
    return []


def _wrong_command(text: str) -> list[tuple[str, str]]:
    if text == ALL or INSTANCE_PATTERN.fullmatch(text):
        return []
    names = ", ".join(sorted({row.name for row in COMMANDS.rows if row.target is not TargetKind.BRIDGE}))
    return [("is no name of a command", f"there are: {names}")]


def _wrong_name(text: str) -> list[tuple[str, str]]:
    if INSTANCE_PATTERN.fullmatch(text):
        return []
    return [("is no name", "one has small letters, digits and _, and begins with a letter")]


_RULES: dict[str, Callable[[str], list[tuple[str, str]]]] = {
    "monitors": _wrong_monitors,
    "commands": _wrong_command,
    "webhooks": _wrong_name,
    "secrets": _wrong_name,
}
