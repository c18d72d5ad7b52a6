"""What is known of one script of the folder, and how that is shown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from vms_bridge.scripting import ScriptLife, ScriptStatus, ScriptView, SettingView
from vms_bridge.scripts.approvals import what_differs, words_of
from vms_bridge.scripts.folder import Found, Refused
from vms_bridge.scripts.header import Header
from vms_bridge.scripts.permission_words import in_words as may
from vms_bridge.scripts.settings import SettingKind, in_force

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vms_bridge.scripts.settings import Setting
    from vms_bridge.scripts.store import Kept


@dataclass(slots=True)
class Entry:
    """What is known of one script: `found` in the folder, `header` of that, and which version (by its hash) is to run."""

    found: Found | Refused
    header: Header | Refused | None = None
    is_approved: bool = False
    taken: str | None = None


def view_of(name: str, entry: Entry, kept: Kept | None, life: ScriptLife | None) -> ScriptView:
    """Return a script as it is shown; `kept` is what is known of all (None: it can't be read), `life` how it runs, if it does."""
    approval = None if kept is None else kept.approvals.get(name)
    is_enabled = kept is None or name not in kept.stopped
    found, header = entry.found, entry.header
    life = _life(entry, life, is_known=kept is not None, is_enabled=is_enabled)
    view = ScriptView(name=name, life=life, is_enabled=is_enabled, approval=approval)
    if not isinstance(found, Found):
        return view
    view = replace(view, sha256=found.source.sha256, bytes=len(found.source.text.encode()), modified=found.modified)
    if not isinstance(header, Header):
        return view
    return replace(
        view,
        doc=header.doc,
        permissions=words_of(header.permissions),
        may=may(header.permissions),
        needs_approval=not entry.is_approved,
        differences=what_differs(approval, header.permissions),
        remarks=[f"line {remark.line}: {remark.text}" for remark in header.imports.remarks],
    )


def settings_shown(schema: Sequence[Setting], kept: Mapping[str, object]) -> Sequence[SettingView]:
    """Return settings with their values as they are shown: those of secrets are not."""
    values = in_force(schema, kept)
    return [
        SettingView(
            name=each.name,
            kind=each.kind,
            value=None if each.kind is SettingKind.SECRET else values[each.name],
            default=each.checked(each.default),
            is_set=each.name in kept,
            title=each.title,
            help=each.help,
            unit=each.unit,
            min=each.min,
            max=each.max,
            step=each.step,
            options=each.options,
            max_length=each.max_length if each.kind is SettingKind.TEXT else None,
        )
        for each in schema
    ]


def _life(entry: Entry, life: ScriptLife | None, *, is_known: bool, is_enabled: bool) -> ScriptLife:
    """Return how a script fares: as who runs it says, or why it does not run."""
    refused = next((each for each in (entry.found, entry.header) if isinstance(each, Refused)), None)
    if refused is not None:
        status, reason, hint = ScriptStatus.REFUSED, refused.text, refused.hint
    elif not is_known:
        status, reason, hint = ScriptStatus.REFUSED, "which scripts are approved can't be read", "see the bridge's log"
    elif not is_enabled:
        return ScriptLife(status=ScriptStatus.STOPPED, reason="it is disabled", hint="`script restart` lets it run")
    elif not entry.is_approved:
        status, reason, hint = ScriptStatus.WAITING, "it waits for an administrator's approval", "`script approve`"
    else:
        return life or ScriptLife(status=ScriptStatus.STARTING)
    if life is None:
        return ScriptLife(status=status, reason=reason, hint=hint)
    return replace(life, reason=f"the version before it is at work: {reason}", hint=hint)
