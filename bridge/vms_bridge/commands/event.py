"""What can be asked of an event: each action, with the row that says all about it.

Their effects show in no state, but in what the backend records of the event when it is to refresh it (`Backend.refresh`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vms_bridge.commands.request import switch, text, word
from vms_bridge.commands.row import CommandRow, Seen, Shows, in_event
from vms_bridge.commands.values import Action, Level, TargetKind
from vms_bridge.errors import CommandRejected
from vms_bridge.model import Capability

if TYPE_CHECKING:
    from vms_bridge.commands.request import Request
    from vms_bridge.model import Event, MonitorState

_TAG_CHARACTERS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteEvent(Action):
    """Delete the event with all its pictures and clips, for good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetArchived(Action):
    """Keep the event when the VMS makes room, or let it go like any other again."""

    on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SetLocked(Action):
    """Protect the event from being deleted by anybody, or end that."""

    on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AddTag(Action):
    """Give the event this tag beside those that it has."""

    tag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveTag(Action):
    """Take this tag away from the event; its other tags stay."""

    tag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetNote(Action):
    """Replace the event's notes; an empty text clears them."""

    text: str


def _is_deleted(_action: DeleteEvent, _before: MonitorState | None) -> Shows:
    def shows(seen: Seen) -> bool:
        return seen.event is not None and seen.event.deleted

    return shows


def _on_or_off(action: SetArchived | SetLocked) -> str:
    return "ON" if action.on else "OFF"


def _tag(request: Request) -> str:
    tag = word(request).strip()
    if not tag or len(tag) > _TAG_CHARACTERS:
        raise CommandRejected("that can't be a tag", hint=f"a tag has 1 to {_TAG_CHARACTERS} characters")
    return tag


def _has_tag(action: AddTag, event: Event) -> bool:
    return event.tags is not None and action.tag in event.tags


def _lacks_tag(action: RemoveTag, event: Event) -> bool:
    return event.tags is not None and action.tag not in event.tags


def _is_archived(action: SetArchived, event: Event) -> bool:
    return event.archived is action.on


def _is_locked(action: SetLocked, event: Event) -> bool:
    return event.locked is action.on


def _has_note(action: SetNote, event: Event) -> bool:
    return event.notes == action.text


EVENT: tuple[CommandRow[Any], ...] = (
    CommandRow(
        name="delete",
        action=DeleteEvent,
        target=TargetKind.EVENT,
        needs=Capability.EVENT_DELETE,
        level=Level.ADMIN,
        timeout_s=30.0,  # hours of pictures, on a slow disk
        parse=lambda _request, _name: DeleteEvent(),
        value=lambda _action: "deleted",
        effect=_is_deleted,
        is_seen_alone=True,
        payload="JSON: `event`",
        meaning="delete the event with all its pictures, for good",
    ),
    CommandRow(
        name="archived",
        action=SetArchived,
        target=TargetKind.EVENT,
        needs=Capability.EVENT_ARCHIVE,
        timeout_s=15.0,
        parse=lambda request, _name: SetArchived(on=switch(request)),
        value=_on_or_off,
        effect=in_event(_is_archived),
        is_seen_alone=True,
        payload="JSON: `event`, `value` ON or OFF",
        meaning="keep the event when the VMS makes room",
    ),
    CommandRow(
        name="locked",
        action=SetLocked,
        target=TargetKind.EVENT,
        needs=Capability.EVENT_LOCK,
        timeout_s=15.0,
        parse=lambda request, _name: SetLocked(on=switch(request)),
        value=_on_or_off,
        effect=in_event(_is_locked),
        is_seen_alone=True,
        payload="JSON: `event`, `value` ON or OFF",
        meaning="protect the event from being deleted",
    ),
    CommandRow(
        name="tag",
        action=AddTag,
        target=TargetKind.EVENT,
        needs=Capability.EVENT_TAGS,
        timeout_s=15.0,
        parse=lambda request, _name: AddTag(tag=_tag(request)),
        value=lambda action: action.tag,
        effect=in_event(_has_tag),
        is_seen_alone=True,
        payload="JSON: `event`, `value` a tag",
        meaning="give the event this tag too",
    ),
    CommandRow(
        name="untag",
        action=RemoveTag,
        target=TargetKind.EVENT,
        needs=Capability.EVENT_TAGS,
        timeout_s=15.0,
        parse=lambda request, _name: RemoveTag(tag=_tag(request)),
        value=lambda action: action.tag,
        effect=in_event(_lacks_tag),
        is_seen_alone=True,
        payload="JSON: `event`, `value` a tag",
        meaning="take this tag away from the event",
    ),
    CommandRow(
        name="note",
        action=SetNote,
        target=TargetKind.EVENT,
        needs=Capability.EVENT_NOTE,
        timeout_s=15.0,
        parse=lambda request, _name: SetNote(text=text(request)),
        value=lambda action: action.text,
        effect=in_event(_has_note),
        is_seen_alone=True,
        payload="JSON: `event`, `value` a text",
        meaning="replace the notes of the event; an empty text clears them",
    ),
)
"""What can be asked of an event."""
