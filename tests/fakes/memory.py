"""The part of a feed that keeps texts and ids, as the hub does in its store."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(kw_only=True)
class FeedMemory:
    """What a backend has kept; hand it on to the next feed and it is as after a restart."""

    texts: dict[str, str] = field(default_factory=dict)
    minted: dict[tuple[str, str], str] = field(default_factory=dict)

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
