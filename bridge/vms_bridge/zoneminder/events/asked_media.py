"""How ZoneMinder's index.php is asked for pictures and videos of events, and what its answers amount to."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from vms_bridge.errors import GateClosed, MediaUnavailable, VmsAuthFailed, VmsProtocolError, VmsUnreachable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vms_bridge.zoneminder.transport import Stream

PICTURE_LIMIT_BYTES = 5 * 1024 * 1024
_JPEG = b"\xff\xd8\xff"


class MediaLate(MediaUnavailable):
    """Nobody has answered, or not in time."""


def frame_query(event_id: str, frame: str) -> dict[str, str]:
    """Return what index.php is asked for a picture of an event: `snapshot`, `alarm`, `objdetect_jpg`, or a frame's number."""
    return {"view": "image", "eid": event_id, "fid": frame}


def clip_query(event_id: str) -> dict[str, str]:
    """Return what index.php is asked for an event's video."""
    return {"view": "view_video", "eid": event_id}


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Have what goes wrong while a picture or clip is asked for say that there is none."""
    try:
        yield
    except GateClosed as error:
        raise MediaUnavailable(f"no {what}: {error}", hint=error.hint) from None
    except VmsAuthFailed as error:
        raise MediaUnavailable(f"ZoneMinder does not show the {what} to this user", hint=error.hint) from None
    except VmsProtocolError as error:
        raise MediaUnavailable(f"no {what}: {error}", hint=error.hint) from None
    except VmsUnreachable as error:
        raise MediaLate(f"no {what} in time: {error}") from None


def check_jpeg(head: bytes, content_type: str, what: str) -> None:
    """Look at the first bytes of a picture. Raises MediaUnavailable for what is none."""
    if not head:
        raise MediaUnavailable(f"ZoneMinder gave an empty picture of {what}", hint="does the monitor run?")
    if not head.startswith(_JPEG):
        hint = "does the user have the permissions Events: View and Stream: View?" if "html" in content_type else ""
        raise MediaUnavailable(f"what ZoneMinder gave for {what} is no JPEG ({content_type})", hint=hint)


def check_stream(stream: Stream, what: str) -> None:
    """Look at an answer's head. Raises MediaUnavailable."""
    status = stream.status
    if status not in {200, 206}:
        raise MediaUnavailable(f"ZoneMinder has no {what} (HTTP {status})")
    if stream.content_type.startswith("text/html") and stream.length != 0:
        hint = "the user may lack the permission Events: View; else look at ZoneMinder's log"
        raise MediaUnavailable(f"ZoneMinder answered a web page, and no {what}", hint=hint)
