"""An event with what others than its VMS have added to it: an overlay, so that nothing that the VMS says wipes it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vms_bridge.model import Enrichment, Event


def enriched(event: Event, added: Mapping[str, Enrichment]) -> Event:
    """Return the event with all that sources have added: labels by the best score, of equal ones the VMS's own first."""
    if not added:
        return event
    labelled = [(event.score, event.labels), *((one.score, one.labels) for one in added.values())]
    by_score = sorted((each for each in labelled if each[1]), key=lambda each: -1.0 if each[0] is None else each[0], reverse=True)
    zones = dict.fromkeys((*event.zones, *(zone for one in added.values() for zone in one.zones)))
    return replace(
        event,
        labels=tuple(dict.fromkeys(label for _, labels in by_score for label in labels)),
        score=by_score[0][0] if by_score else event.score,
        zones=tuple(zones),
    )
