"""The part of a feed that keeps texts, as the hub does in its store."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(kw_only=True)
class FeedMemory:
    """What a backend has kept; hand it on to the next feed and it is as after a restart."""

    texts: dict[str, str] = field(default_factory=dict)

    async def keep(self, key: str, value: str | None) -> None:
        assert len(value or "") <= 65_536
        if value is None:
            self.texts.pop(key, None)
        else:
            self.texts[key] = value
        assert len(self.texts) <= 64

    async def kept(self, key: str) -> str | None:
        return self.texts.get(key)
