"""The part of a feed that keeps texts and ids, as the hub does in its store."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vms_bridge.model import Enrichment
    from vms_bridge.receivers import Receiver


@dataclass(kw_only=True)
class FeedMemory:
    """What a backend has kept; hand it on to the next feed and it is as after a restart."""

    receivers: dict[str, Receiver] = field(default_factory=dict)
    """Those that are open now."""

    texts: dict[str, str] = field(default_factory=dict)
    enrichments: dict[str, Enrichment] = field(default_factory=dict)
    """What was added to each event last."""
    minted: dict[tuple[str, str], str] = field(default_factory=dict)

    async def enrich(self, event_id: str, enrichment: Enrichment) -> None:
        self.enrichments[event_id] = enrichment

    async def mint(self, monitor_id: str, native_key: str) -> str:
        return self.minted.setdefault((monitor_id, native_key), str(1_764_000_000_000 + len(self.minted)))

    async def keep(self, key: str, value: str | None) -> None:
        assert len(value or "") <= 65_536
        if value is None:
            self.texts.pop(key, None)
        else:
            self.texts[key] = value
        assert len(self.texts) <= 64

    async def kept(self, key: str) -> str | None:
        return self.texts.get(key)

    def open_receiver(self, receiver: Receiver) -> Registered:
        self.receivers[receiver.name] = receiver
        return Registered(self.receivers, receiver.name)


@dataclass
class Registered:
    """A receiver's place."""

    receivers: dict[str, Receiver]
    name: str

    def close(self) -> None:
        self.receivers.pop(self.name, None)
