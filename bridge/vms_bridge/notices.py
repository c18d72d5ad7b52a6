"""What people should know of: the values that the hub shows (`views.HubView.notices`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - doors make JSON of it by its types

from vms_bridge.open_set import OpenSet


class NoticeKind(OpenSet):
    """What somebody should know of."""

    SYSTEM_LOST = "system_lost"
    LOGIN_REFUSED = "login_refused"
    UNDELIVERED = "undelivered"
    SIGNAL_LOST = "signal_lost"
    NETWORK = "network"
    LOGIN_FAILED = "login_failed"
    SCRIPT_FAILED = "script_failed"
    SCRIPT_WAITING = "script_waiting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something that is not as it should be, told to people for as long as it is so: `text` says what, `hint` why or what to do.

    `id` is made of the kind and of what it is about, and the same each time that this happens; `since` tells them apart.
    """

    id: str
    kind: NoticeKind
    system: str | None = None
    monitor: str | None = None
    since: datetime
    text: str
    hint: str = ""
