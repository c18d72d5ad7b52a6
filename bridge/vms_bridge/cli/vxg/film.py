"""Clips into files: whole or not at all, and never twice."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vms_bridge.errors import OutputError

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
        return {
            "clip": self.clip,
            "result": "failed" if self.path is None else ("saved" if self.is_new else "there"),
            "file": None if self.path is None else str(self.path),
            "bytes": self.bytes if self.path is not None else None,
            "error": None if self.error is None else {"text": str(self.error), "hint": self.error.hint},
        }


async def saved(vxg: Vxg, row: ChannelRow, clip: Clip, path: Path, progress: Callable[[int, int | None], None]) -> Saved:
    """Save a clip, on from where it broke off, unless it is there. Raises BridgeError."""
    size = await asyncio.to_thread(_size_there, path)
    if size is not None:
        return Saved(clip=clip.id, path=path, bytes=size)
    size = await vxg.clips.save(row, clip, path, progress, resume=True)
    return Saved(clip=clip.id, path=path, bytes=size, is_new=True)


def _size_there(path: Path) -> int | None:
    """Return how large a file is, None where there is none; its folder is made. Raises OutputError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.stat().st_size if path.exists() else None
    except OSError as error:
        raise OutputError(f"{path.parent} can't be made: {error.strerror}", hint="say another folder by --to") from None
