"""Clips into files: whole or not at all, and never twice."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vms_bridge.cli.direct.tally import make_folder, outcome_said, size_there

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vms_bridge.errors import BridgeError
    from vms_bridge.vxg import ChannelRow, Clip, Vxg


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What became of one clip: it is in a file, since now or since before (`is_new`), or it could not be had."""

    clip: int
    path: Path | None = None
    bytes: int = 0
    is_new: bool = False
    error: BridgeError | None = None

    def said(self) -> dict[str, Any]:
        """Return it for programs."""
        return {"clip": self.clip, **outcome_said(self, "saved")}


async def saved(vxg: Vxg, row: ChannelRow, clip: Clip, path: Path, progress: Callable[[int, int | None], None]) -> Saved:
    """Save a clip, on from where it broke off, unless it is there. Raises BridgeError."""
    await asyncio.to_thread(make_folder, path.parent)
    size = await asyncio.to_thread(size_there, path)
    if size is not None:
        return Saved(clip=clip.id, path=path, bytes=size)
    size = await vxg.clips.save(row, clip, path, progress, resume=True)
    return Saved(clip=clip.id, path=path, bytes=size, is_new=True)
