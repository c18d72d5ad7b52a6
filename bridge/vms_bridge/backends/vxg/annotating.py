"""Notes at events in the VMS what others have found out about them: as a document, which can be searched for, and as tags.

Tags are what the VMS's own pages count and filter by: `person` with how often it was seen, here 1.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from vms_bridge.backends.vxg.parse import OWN_SOURCE
from vms_bridge.errors import CommandRejected
from vms_bridge.vxg import Document, all_of, field

if TYPE_CHECKING:
    from vms_bridge.backends.vxg.session import Session
    from vms_bridge.model import Enrichment

_LONGEST, _MOST = 64, 32


async def annotate(session: Session, event_id: str, enrichment: Enrichment) -> None:
    """Note it, in place of what was noted before. Raises CommandRejected or VmsError."""
    row = await session.events.find(event_id)
    camera = None if row is None else session.cameras.get(row.camera_id)
    if row is None or camera is None:
        raise CommandRejected(f"the VMS has no event {event_id[:40]!r}", hint="was it deleted?")
    vxg = session.connection.vxg
    await vxg.metadata.delete_where(
        camera.row, all_of(field("string.source").equals(OWN_SOURCE), field("string.event").equals(event_id))
    )
    await vxg.metadata.record(camera.row, [_document(event_id, row.time, enrichment)])
    for label in enrichment.labels[:_MOST]:
        tag = " ".join(label.replace(",", " ").split())[:_LONGEST]  # a tag may have no comma
        if tag and tag not in row.meta:
            await vxg.events.set_tag(row, tag, "1")


def _document(event_id: str, time: datetime, found: Enrichment) -> Document:
    texts = {"source": OWN_SOURCE, "event": event_id}
    for name, words in (("labels", found.labels), ("zones", found.zones), ("plates", found.plates), ("faces", found.faces)):
        if words:
            texts[name] = ", ".join(words[:_MOST])
    if found.text:
        texts["text"] = found.text[:2_000]
    floats = {} if found.score is None else {"score": found.score}
    return Document(timestamp=time.astimezone(UTC), numbers={}, floats=floats, texts=texts, raw=None)
