"""A transcript as people read it: what happened, what the script did, what it logged, and where it failed."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from vms_bridge.scripts.trying.expected import ACTING
from vms_bridge.scripts.trying.transcript import EntryKind, in_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import tzinfo

    from vms_bridge.scripts.trying.transcript import Entry

_LONGEST = 160
_UNTOLD = frozenset({"headers", "timeout_s", "qos"})
"""What is asked with, and too much for a line."""


def lines(entries: Iterable[Entry], zone: tzinfo | None, *, is_verbose: bool = False, has_days: bool = True) -> Iterator[str]:
    """Yield the lines; without `is_verbose` not what no handler is for, what was only asked for, and when which was called."""
    day = ""
    for entry in entries:
        local = datetime.fromisoformat(entry.time).astimezone(zone)
        if not is_verbose and _is_minor(entry):
            continue
        if has_days and (today := local.strftime("%Y-%m-%d")) != day:
            day = today
            yield f"{day}"
        first, *more = _said(entry)
        yield f"  {local.strftime('%H:%M:%S')}  {first}"
        yield from (f"              {line}" for line in more)


def _is_minor(entry: Entry) -> bool:
    """Say whether nobody asks for it at first."""
    if entry.kind == EntryKind.CALLED or entry.words.get("wanted") is False:
        return True
    return entry.kind == EntryKind.DID and entry.what not in ACTING and "error" not in entry.words


def _said(entry: Entry) -> list[str]:
    words = entry.words
    match entry.kind:
        case EntryKind.HAPPENED:
            return [f"* {_happened(entry.what, words.get('what') or {})}"]
        case EntryKind.CALLED:
            return [f"  {entry.what}()  line {words.get('line')}"]
        case EntryKind.DID:
            return _did(entry.what, words)
        case EntryKind.LOG:
            line = f"  (line {words['line']})" if words.get("line") else ""
            level = "" if words.get("level") == "info" else f"{words.get('level')}: "
            return [f"  log {level}{_cut(entry.what)}{line}"]
        case _:
            place = f", line {words['line']}" if words.get("line") else ""
            hint = [f"-> {words['hint']}"] if words.get("hint") else []
            return [f"! {entry.what}{place}: {words.get('text')}", *str(words.get("traceback") or "").splitlines(), *hint]


def _did(what: str, words: Mapping[str, Any]) -> list[str]:
    asked = {name: value for name, value in (words.get("with") or {}).items() if name not in _UNTOLD and value is not None}
    if "text" in words:
        asked["body"] = words["text"]
    elif "bytes" in words:
        asked["body"] = f"{words['bytes']} bytes"
    first = f"> {what} {_cut(' '.join(f'{name}={_plain(value)}' for name, value in asked.items()))}"
    error = words.get("error")
    if error:
        return [first, f"! {error['code']}: {error['message']}"]
    return [first]


def _happened(kind: str, what: Mapping[str, Any]) -> str:
    """Return an occurrence in a few words."""
    where = "/".join(str(what[part]) for part in ("system", "monitor") if what.get(part))
    name = what.get("name") or what.get("monitor_name")
    place = f"{name} ({where})" if name and where else str(name or where)
    match kind:
        case "event":
            labels = ", ".join(what.get("labels") or ()) or what.get("cause") or ""
            detail = f"{what.get('step')} {what.get('kind')} {labels}"
        case "alarm":
            detail = f"{what.get('before')} -> {what.get('now')}"
        case "detection":
            detail = ", ".join(str(each.get("label")) for each in what.get("objects") or ()) or "nothing"
        case "monitor_state" | "system_state":
            detail = f"{what.get('field')}: {_plain(what.get('before'))} -> {_plain(what.get('now'))}"
        case "notice":
            detail = f"{what.get('kind')}{'' if what.get('active', True) else ' is over'}: {what.get('text') or ''}"
        case "mqtt":
            detail = f"{what.get('topic')} {what.get('payload')}"
        case _:
            detail = in_json(what)
    return _cut(f"{kind}  {place}  {detail}" if place else f"{kind}  {detail}")


def _plain(value: object) -> str:
    return value if isinstance(value, str) and value and " " not in value else in_json(value)


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
