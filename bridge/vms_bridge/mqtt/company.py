"""Whether a broker bears two connections of one user at a time.

Some give each connection the user's name for a client id (mosquitto: `use_username_as_clientid`, EMQX has the same), so
that one throws out the other, and some admit one connection only (docs/decisions/0308-one-connection-a-user.md).
"""

from __future__ import annotations

import asyncio
import logging
from datetime import date, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from vms_bridge.clock import Clock
    from vms_bridge.mqtt.config import MqttConfig
    from vms_bridge.views import HubView

_LOGGER = logging.getLogger(__name__)
_SOON_S = 3.0
"""Who is thrown out is so at once; the rest is for a busy machine."""
_CUTS = 2
"""How often in a row a connection has to be cut just after the other was made, which stays up, to be more than chance."""
_UP_S = 10.0
_AGAIN_S = 3600.0
_FRESH = timedelta(days=30)
"""Then it is found out anew: the broker may have been configured otherwise."""
KEY = "connections"


class Connection(StrEnum):
    """Which of our connections."""

    MAIN = "main"
    PICTURES = "pictures"


class Company:
    """What is known of it; outlives links, and the bridge by what is kept in the store. `where` names broker and user."""

    def __init__(self) -> None:
        self._allowed: int | None = None
        self._opened: dict[Connection, float] = {}
        self._cuts = 0
        self._suspicion: bool | None = None
        """Whether the last end looked as if the other connection had caused it, and if so, whether the broker said so."""
        self._refused_at: float | None = None
        self._where = ""
        self._is_kept = False
        self._news = asyncio.Event()

    def is_single(self, now: float) -> bool:
        """Say whether everything has to go over one connection."""
        return self._allowed == 1 or (self._refused_at is not None and now - self._refused_at < _AGAIN_S)

    async def load(self, hub: HubView, sink: str, where: str, clock: Clock) -> None:
        """Remember what was learnt before, if it was of the same broker and user."""
        self._where = where
        self._allowed = known(await hub.kept(sink, KEY), where, clock.now().date())
        self._is_kept = self._allowed is not None

    async def run(self, hub: HubView, sink: str, clock: Clock) -> NoReturn:
        """Keep what is learnt, until cancelled; over one main connection."""
        while True:
            if self._allowed is not None and not self._is_kept:
                await hub.keep(sink, KEY, f"{self._allowed} {clock.now().date()} {self._where}")
                self._is_kept = True
            self._news.clear()
            while not self._news.is_set():
                await clock.sleep(_UP_S)
                now = clock.monotonic()
                if len(self._opened) > 1 and now - max(self._opened.values()) >= _UP_S:
                    self._cuts = 0
                    self._learn(2)

    @property
    def is_suspected(self) -> bool:
        """Whether a connection was cut just after the other was made: whoever has the other is to say what became of it."""
        return self._suspicion is not None

    def opened(self, which: Connection, now: float) -> None:
        """Note that a connection is being made, or now has been: who is thrown out may learn of it in between."""
        self._opened[which] = now

    def ended(self, which: Connection, now: float, *, is_taken_over: bool, is_ours: bool) -> None:
        """Note that a connection has ended: by ourselves (`is_ours`), or by the broker, which may say that another took over.

        A loss of the network, or of the broker, looks the same. So it proves nothing until the other one is seen to be up.
        """
        since = self._opened.pop(which, None)
        other = max(self._opened.values(), default=None)
        if since is None:
            return
        if not is_ours and other is not None and other >= since and now - other <= _SOON_S:
            self._suspicion = is_taken_over
        elif which is Connection.MAIN:  # the other one's end follows from this one's
            self._cuts, self._suspicion = 0, None

    def judge(self, *, is_up: bool) -> None:
        """Note whether the other connection was seen to be up after the end that is suspected."""
        is_confirmed, self._suspicion = self._suspicion, None
        self._cuts = self._cuts + 1 if is_up else 0
        if self._cuts >= _CUTS or (is_up and is_confirmed):
            self._learn(1)

    def refused(self, reason: str, now: float) -> None:
        """Note that the broker admits no second connection now."""
        if not self.is_single(now):
            _LOGGER.warning("no second connection for pictures: %s; they go over the first one, and may delay it", reason)
        self._refused_at = now

    def _learn(self, allowed: int) -> None:
        if allowed == self._allowed:
            return
        self._allowed, self._is_kept = allowed, False
        self._cuts = 0
        self._news.set()
        if allowed == 1:
            _LOGGER.warning(
                "the MQTT broker takes a second connection of the bridge's user for the first one come anew (mosquitto:"
                " `use_username_as_clientid`), so pictures go over the same connection as all else, and may delay it"
            )


def where(config: MqttConfig) -> str:
    """Return what this is known of: a broker and a user there."""
    return f"{config.user or ''}@{config.place}"


def known(kept: str | None, where: str, today: date) -> int | None:
    """Return how many connections are known to be allowed, from what `Company` has kept; None if that is not known (any more)."""
    allowed, _, rest = (kept or "").partition(" ")
    learnt, _, place = rest.partition(" ")
    try:
        is_fresh = abs(today - date.fromisoformat(learnt)) <= _FRESH
    except ValueError:
        return None
    return int(allowed) if allowed in {"1", "2"} and place == where and is_fresh else None
