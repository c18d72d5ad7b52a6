"""How old the news of an event is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeassistant.util import dt as dt_util

from .options import notify_old_s
from .times import time_of

if TYPE_CHECKING:
    from homeassistant.config_entries import ConfigEntry

    from .models import JsonObject


def is_old(message: JsonObject, entry: ConfigEntry, skew_s: float) -> bool:
    """Say whether an event message that was caught up on is too old for anything to fire.

    It is as old as what happened last in it, its end or else its beginning, by the bridge's clock, which is `skew_s` ahead of
    ours. One without any time is old.
    """
    now = dt_util.utcnow().timestamp() + skew_s
    times = (time_of(message.get("end")), time_of(message.get("start")))
    newest = max((time.timestamp() for time in times if time is not None), default=None)
    return newest is None or now - newest > notify_old_s(entry)
