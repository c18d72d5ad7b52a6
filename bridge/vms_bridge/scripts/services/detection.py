"""Detection on pictures that scripts bring: by the models that the bridge has, when these have time for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from vms_bridge.errors import BodyInvalid, BodyTooLarge
from vms_bridge.scripts.permissions import require_flag
from vms_bridge.scripts.services.handles import MediumId
from vms_bridge.scripts.services.plain import plain
from vms_bridge.scripts.services.table import Answered, Asked, ServiceRow
from vms_bridge.scripts.wire import MOST_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vms_bridge.scripts.services.media import Media
    from vms_bridge.scripts.services.table import Asker
    from vms_bridge.views import HubView

MOST_PICTURE_BYTES = 8 * 1024 * 1024


class AskedPicture(Asked):
    """By which model; the picture is one that the bridge holds, or comes behind the words."""

    media: MediumId | None = None
    model: Annotated[str, Field(min_length=1, max_length=64)] | None = None


@dataclass(frozen=True, slots=True)
class Detection:
    """Has pictures looked at."""

    hub: HubView
    media: Media

    async def picture(self, asker: Asker, asked: AskedPicture, data: bytes) -> Answered:
        """Return what is in it. Raises PermissionMissing, NotFound, RequestError and DetectionFailed."""
        require_flag(asker.permissions, "detect")
        if (asked.media is None) == (not data):
            raise BodyInvalid("say which picture: a handle of one, or its bytes", mistakes=[("media", "one of both")])
        found = await self.hub.look(data or await self._of(asker, asked.media or ""), asked.model)
        objects = [{"label": one.label, "score": one.score, "box": one.box, "text": one.text} for one in found]
        return Answered({"objects": plain(objects)})

    async def _of(self, asker: Asker, medium_id: str) -> bytes:
        medium = self.media.get(asker, medium_id)
        if not medium.type.startswith("image/"):
            raise BodyInvalid(f"{medium.type} is no picture", mistakes=[("media", "it is no picture")])
        if medium.size > MOST_PICTURE_BYTES:
            raise BodyTooLarge(f"the picture has {medium.size} bytes, more than {MOST_PICTURE_BYTES}")
        return await medium.read(0, medium.size)


def rows(hub: HubView, media: Media) -> Sequence[ServiceRow]:
    """Return what can be looked at."""
    detection = Detection(hub, media)
    return (
        ServiceRow(what="detect.picture", asked=AskedPicture, do=detection.picture, rate=2.0, burst=10.0, most_bytes=MOST_BYTES),
    )
