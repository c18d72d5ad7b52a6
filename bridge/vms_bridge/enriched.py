"""An event with what others than its VMS have added to it: an overlay, so that nothing that the VMS says wipes it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vms_bridge.model import Enrichment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from vms_bridge.model import Event


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


def joined(added: Iterable[Enrichment]) -> Enrichment:
    """Return all that several have added as one: that of the best score first, whose best frame it is too."""
    by_score = sorted(added, key=lambda one: -1.0 if one.score is None else one.score, reverse=True)
    return Enrichment(
        labels=_once(label for one in by_score for label in one.labels),
        score=next((one.score for one in by_score if one.score is not None), None),
        zones=_once(zone for one in by_score for zone in one.zones),
        text=" ".join(_once(one.text for one in by_score if one.text)) or None,
        best=next((one.best for one in by_score if one.best is not None), None),
        plates=_once(plate for one in by_score for plate in one.plates),
        faces=_once(face for one in by_score for face in one.faces),
    )


def _once(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))
