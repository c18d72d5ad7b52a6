"""What is known of one script of the folder, and how that is shown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from vms_bridge.scripting import ScriptLife, ScriptStatus, ScriptTrouble, ScriptView, SettingView
from vms_bridge.scripts.approvals import what_differs, words_of
from vms_bridge.scripts.folder import Found, Refused
from vms_bridge.scripts.header import Header
from vms_bridge.scripts.permission_words import in_words as may
from vms_bridge.scripts.settings import SettingKind, in_force, is_set

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vms_bridge.scripting import Approval
    from vms_bridge.scripts.admitted import Admitted
    from vms_bridge.scripts.settings import Setting
    from vms_bridge.scripts.store import Kept


@dataclass(slots=True)
class Entry:
    """What is known of one script: `found` in the folder, and `header` of that."""

    found: Found | Refused
    header: Header | Refused | None = None
    is_approved: bool = False
    """Whether what is in the folder may run."""
    judged: tuple[object, ...] = ()
    """Of what that was found out."""
    approved: Admitted | None = None
    """The version that may run, which may be an earlier one."""
    is_recalled: bool = False
    """Whether it was looked for an earlier one."""
    taken: Admitted | None = None
    """The version that is to run."""
    kept_sha256: str = ""
    """Of which version it is known that its source is kept."""
    made_of: tuple[object, ...] = ()
    shown: ScriptView | None = None
    """How it is shown, but for how it runs; made of the above, and of what administrators have decided."""

    def show(self, name: str, kept: Kept | None) -> None:
        """Make anew how it is shown, if something of it has changed."""
        approval = None if kept is None else kept.approvals.get(name)
        is_enabled = kept is None or name not in kept.stopped
        made_of = (self.found, self.header, approval, is_enabled, self.is_approved, kept is None)
        if not is_same(made_of, self.made_of):
            self.made_of, self.shown = made_of, _shown(name, self, approval, is_known=kept is not None, is_enabled=is_enabled)


def is_same(now: tuple[object, ...], before: tuple[object, ...]) -> bool:
    """Say whether these are the very same things."""
    return len(now) == len(before) and all(one is other for one, other in zip(now, before, strict=True))


def view_of(shown: ScriptView, life: ScriptLife | None) -> ScriptView:
    """Return a script as it is shown; `life` is how it runs, if it does."""
    if life is None:
        return shown
    why = shown.life
    if why.status is ScriptStatus.STOPPED:
        return shown
    if why.status is ScriptStatus.STARTING:  # nothing speaks against it
        return replace(shown, life=life)
    trouble = life.trouble if why.trouble is None else why.trouble
    reason = f"the version before it is at work: {why.reason}"
    return replace(shown, life=replace(life, reason=reason, hint=why.hint, trouble=trouble))


def settings_shown(schema: Sequence[Setting], kept: Mapping[str, object]) -> Sequence[SettingView]:
    """Return settings with their values as they are shown: those of secrets are not."""
    values = in_force(schema, kept)
    return [
        SettingView(
            name=each.name,
            kind=each.kind,
            value=None if each.kind is SettingKind.SECRET else values[each.name],
            default=each.checked(each.default),
            is_set=is_set(each, kept),
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


def _shown(name: str, entry: Entry, approval: Approval | None, *, is_known: bool, is_enabled: bool) -> ScriptView:
    found, header = entry.found, entry.header
    life = _why_not(entry, is_known=is_known, is_enabled=is_enabled)
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


def _why_not(entry: Entry, *, is_known: bool, is_enabled: bool) -> ScriptLife:
    """Return why what is in the folder does not run, in words that quote nothing of it; else that it starts."""
    refused = next((each for each in (entry.found, entry.header) if isinstance(each, Refused)), None)
    if refused is not None:
        return _refused(entry, refused)
    if not is_known:
        text = "which scripts are approved can't be read"
        return ScriptLife(status=ScriptStatus.REFUSED, reason=text, hint="see the bridge's log")
    if not is_enabled:
        return ScriptLife(status=ScriptStatus.STOPPED, reason="it is disabled", hint="`script restart` lets it run")
    if not entry.is_approved:
        text = "it waits for an administrator's approval"
        return ScriptLife(status=ScriptStatus.WAITING, reason=text, hint="`script approve`")
    return ScriptLife(status=ScriptStatus.STARTING)


def _refused(entry: Entry, refused: Refused) -> ScriptLife:
    if not refused.is_quoting or not isinstance(entry.found, Found):
        return ScriptLife(status=ScriptStatus.REFUSED, reason=refused.text, hint=refused.hint)
    where = "" if refused.line is None else f"line {refused.line}: "
    trouble = ScriptTrouble(time=entry.found.modified, text=refused.text, line=refused.line, hint=refused.hint)
    hint = "`script show` tells administrators more"
    return ScriptLife(status=ScriptStatus.REFUSED, reason=f"{where}it can't be read", hint=hint, trouble=trouble)
