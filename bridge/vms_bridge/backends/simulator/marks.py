"""What has been done to simulated events: the world is a function of time, so this is all that is kept of them.

Like the cameras' modes it lasts as long as the process.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from vms_bridge.commands import AddTag, DeleteEvent, RemoveTag, SetArchived, SetLocked, SetNote
from vms_bridge.errors import CommandRejected, UnsupportedCommand

if TYPE_CHECKING:
    from vms_bridge.commands import Action
    from vms_bridge.model import Enrichment, Event

_MOST = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mark:
    archived: bool = False
    locked: bool = False
    tags: tuple[str, ...] = ()
    noted: frozenset[str] = frozenset()
    """Those of the tags that are what others have found out."""
    notes: str | None = None
    deleted: bool = False


_NONE = _Mark()


class Marks:
    """The marks on events, by the events' ids; the oldest ones go when there are too many."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._marks: dict[str, _Mark] = {}

    def on(self, event: Event) -> Event:
        """Return the event with what has been done to it."""
        mark = self._marks.get(event.id, _NONE)
        return replace(
            event,
            archived=mark.archived,
            locked=mark.locked,
            tags=mark.tags,
            notes=event.notes if mark.notes is None else mark.notes,
            deleted=mark.deleted,
        )

    def is_deleted(self, event_id: str) -> bool:
        """Say whether it was deleted."""
        return self._marks.get(event_id, _NONE).deleted

    def change(self, event: Event, action: Action) -> None:
        """Do this to the event. Raises CommandRejected or UnsupportedCommand."""
        mark = self._marks.get(event.id, _NONE)
        if mark.deleted:
            raise CommandRejected(f"event {event.id!r} was deleted")
        if isinstance(action, DeleteEvent):
            _refuse_to_delete(event, mark)
        self._set(event.id, _marked(mark, action))

    def annotate(self, event: Event, enrichment: Enrichment) -> None:
        """Note what others have found out about the event: its text, and all else as tags."""
        self._set(event.id, _annotated(self._marks.get(event.id, _NONE), enrichment))

    def _set(self, event_id: str, mark: _Mark) -> None:
        self._marks.pop(event_id, None)  # set anew below: forgotten is what was marked longest ago
        self._marks[event_id] = mark
        if len(self._marks) > self._most:
            del self._marks[next(iter(self._marks))]


def _annotated(mark: _Mark, enrichment: Enrichment) -> _Mark:
    found = (*enrichment.labels, *enrichment.plates, *enrichment.faces)
    kept = tuple(tag for tag in mark.tags if tag not in mark.noted)
    return replace(
        mark,
        tags=tuple(dict.fromkeys((*kept, *found))),
        noted=frozenset(found) - frozenset(kept),
        notes=mark.notes if enrichment.text is None else enrichment.text,
    )


def _refuse_to_delete(event: Event, mark: _Mark) -> None:
    """Refuse where somebody, or the recorder, still has the event. Raises CommandRejected."""
    if mark.locked:
        raise CommandRejected(f"event {event.id!r} is locked", hint="unlock it first")
    if event.end is None:
        raise CommandRejected(f"event {event.id!r} is still being recorded", hint="delete it when it has ended")


def _marked(mark: _Mark, action: Action) -> _Mark:
    match action:
        case DeleteEvent():
            after = replace(mark, deleted=True)
        case SetArchived(on=on):
            after = replace(mark, archived=on)
        case SetLocked(on=on):
            after = replace(mark, locked=on)
        case AddTag(tag=tag):
            after = replace(mark, tags=tuple(dict.fromkeys((*mark.tags, tag))))
        case RemoveTag(tag=tag):
            after = replace(mark, tags=tuple(each for each in mark.tags if each != tag))
        case SetNote(text=text):
            after = replace(mark, notes=text)
        case _:
            raise UnsupportedCommand(f"a simulated event can't have this done: {type(action).__name__}")
    return after
