"""What parts of the bridge other than backends contribute: what they see and find out, what they can do, and pictures."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from vms_bridge.commands import Action, Target
from vms_bridge.model import Capability, EventRef

if TYPE_CHECKING:
    from vms_bridge.model import DetectedObject, Enrichment, OwnEvent
    from vms_bridge.objects import Pace, Watched

MonitorKey: TypeAlias = tuple[str, str]
Setting: TypeAlias = bool | str | float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a contributor can do for a monitor beside what its VMS can: commands that need one of the capabilities go to it.

    `settings` are its own, by name, as they are now; `choices` the values that those may have of which there are some.
    """

    capabilities: frozenset[Capability] = frozenset()
    settings: Mapping[str, Setting] = field(default_factory=dict)
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


NOTHING_OFFERED = Offer()


@dataclass(frozen=True, slots=True, kw_only=True)
class Performed:
    """What a contributor has done: the value in force (None: the row says it), and more that it answers, as JSON can say it."""

    applied: str | None = None
    is_new: bool = True
    detail: Mapping[str, Any] | None = None


Perform: TypeAlias = Callable[[Target, Action], Awaitable[Performed]]
"""Carries out a command. Raises CommandRejected, UnsupportedCommand or another BridgeError."""
Picture: TypeAlias = Callable[[EventRef], Awaitable[bytes | None]]
"""Returns an event's picture with what was found drawn into it, a JPEG; None: there is none."""

Look: TypeAlias = Callable[[bytes, str | None], Awaitable[Sequence["DetectedObject"]]]
"""Returns what a model (None: the usual one) finds in a picture. Raises DetectionFailed, TooManyRequests."""


class Lookable(Protocol):
    """Whom anybody may ask what is in a picture: the hub, for sinks."""

    async def look(self, picture: bytes, model: str | None = None) -> Sequence[DetectedObject]:
        """Return what a model (None: the usual one) finds in a picture, whoever looks at pictures here: the surest first.

        Raises DetectionFailed, also where nobody does, and TooManyRequests: what the bridge looks at by itself goes before.
        """


class Contributor(Protocol):
    """A part that finds out more than VMSs do: what it sees is published as theirs is, and what it adds to an event stays."""

    def watch(self, monitor: MonitorKey, watched: Sequence[Watched]) -> None:
        """Say what is looked for at a monitor from now on: each has its entities. The monitor may come later.

        Raises ContributionRefused for a system that there is not, and for too many.
        """

    def show(self, monitor: MonitorKey, watched: Watched, jpeg: bytes) -> None:
        """Show the best picture of something that is looked for, in place of the one before (`HubView.object_picture`).

        Raises ContributionRefused for what is not looked for there, and for what is no JPEG of 256 KiB at most.
        """

    def pace(self, monitor: MonitorKey, pace: Pace | None) -> None:
        """Tell how the monitor was looked at in the last minute; None: it is not looked at.

        Raises ContributionRefused for a monitor that there is not.
        """

    def detect(
        self, monitor: MonitorKey, objects: Sequence[DetectedObject], *, frame: int | None = None, event: EventRef | None = None
    ) -> None:
        """Report which objects the monitor shows now; none ends their presence, and so does a minute without another word.

        Raises ContributionRefused for a monitor that there is not, and for what is no detection.
        """

    async def enrich(self, event: EventRef, enrichment: Enrichment) -> None:
        """Add this to an event, in place of what was added before by the same source; returns when it is stored.

        Raises ContributionRefused for an event that is not known, or no more, and StoreError.
        """

    async def tell(self, monitor: MonitorKey, event: OwnEvent, ref: EventRef | None = None) -> EventRef:
        """Tell of an event that the VMS knows nothing of or, by its `ref`, how it is now: all of it anew.

        Returns when it is stored; then it is told, kept and found like any other, and no VMS is asked for it. What is open when
        this contributor closes ends then. Raises ContributionRefused for a monitor that there is not, too many events at a time,
        or an event that is not this contributor's, or was over long ago; and StoreError.
        """

    def offer(self, monitor: MonitorKey, offer: Offer) -> None:
        """Have the monitor shown with this, in place of what was offered before. Raises ContributionRefused as `detect` does.

        A monitor that comes later, or comes back, has none: say it again.
        """

    def perform(self, perform: Perform) -> None:
        """Have commands carried out by this that need a capability which was offered: of monitors, and of their events."""

    def draw(self, picture: Picture) -> None:
        """Have this asked for the annotated picture of an event; it is shown in the place of the VMS's best one, too."""

    def look(self, look: Look) -> None:
        """Have this asked what is in the pictures that others bring (`Lookable`)."""

    def close(self) -> None:
        """Contribute no more: all that it sees and offers is gone, its own events end, what it has added to events stays."""
