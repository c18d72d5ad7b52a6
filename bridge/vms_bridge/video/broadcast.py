"""Hands one live video to all that look at it: each begins with a picture that needs no other, and none waits for another."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vms_bridge.errors import VideoFailed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vms_bridge.archive import LiveForm
    from vms_bridge.errors import BridgeError

MOST_WAITING_BYTES = 4 * 1024 * 1024
"""What may wait for one viewer; who reads more slowly misses what is up to the next key picture."""
MOST_KEPT_BYTES = 8 * 1024 * 1024
"""What is kept since the last key picture, for who comes next."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a video; one that `is_key` needs none before it."""

    data: bytes
    is_key: bool


class Viewer:
    """One who looks. What waits for him is bounded, and shared with the others.

    Who `wants_newest` gets of pieces that need no other the newest only.
    """

    def __init__(self, *, wants_newest: bool = False) -> None:
        self._wants_newest = wants_newest
        self._waiting: deque[Piece] = deque()
        self._bytes = 0
        self._needs_key = True
        self._woken = asyncio.Event()
        self._error: BridgeError | None = None
        self._is_over = False
        self._head: bytes | None = None
        self.has_begun = False
        """Whether something of the video is meant for him already."""
        self.skips = 0
        """How often he was too slow."""

    def begin(self, head: bytes | None) -> None:
        """Begin, by what everything begins with."""
        self.has_begun, self._head, self._error = True, head, None

    def put(self, piece: Piece) -> None:
        """Offer a piece; never waits."""
        if self._wants_newest and piece.is_key:
            self._waiting.clear()
            self._bytes = 0
        if self._waiting and self._bytes + len(piece.data) > MOST_WAITING_BYTES:
            self._waiting.clear()
            self._bytes = 0
            self._needs_key = True
            self.skips += 1
        if self._is_over or (self._needs_key and not piece.is_key):
            return
        self._needs_key = False
        self._waiting.append(piece)
        self._bytes += len(piece.data)
        self._woken.set()

    def end(self) -> None:
        """Let it come to its end behind what waits."""
        self._is_over = True
        self._woken.set()

    def fail(self, error: BridgeError) -> None:
        """Tell why nothing comes, if nothing has come yet: who sees something waits for it to come back."""
        if not self.has_begun:
            self._error = error
            self._woken.set()

    async def next(self) -> bytes | None:
        """Return what comes next, None at the end. Raises the error for which nothing has come at all."""
        while not self._waiting:
            if self._error is not None:
                raise self._error
            if self._is_over:
                return None
            self._woken.clear()
            await self._woken.wait()
        if self._head is not None:
            head, self._head = self._head, None
            return head
        piece = self._waiting.popleft()
        self._bytes -= len(piece.data)
        return piece.data


class Broadcast:
    """What comes of one source, in each of its forms."""

    def __init__(self, forms: Iterable[LiveForm]) -> None:
        self._viewers: dict[LiveForm, set[Viewer]] = {form: set() for form in forms}
        self._heads: dict[LiveForm, bytes] = {}
        self._kept: dict[LiveForm, list[Piece]] = {form: [] for form in self._viewers}
        self._kept_bytes = dict.fromkeys(self._viewers, 0)
        self._kind: str | None = None
        self.pieces = 0
        """How many have come."""

    @property
    def viewers(self) -> int:
        """How many look."""
        return sum(map(len, self._viewers.values()))

    def join(self, form: LiveForm, *, wants_newest: bool = False) -> Viewer:
        """Take in a viewer, who sees from the last key picture on, if there was one."""
        viewer = Viewer(wants_newest=wants_newest)
        self._viewers[form].add(viewer)
        kept = self._kept[form]
        if kept:
            self._begin(form, viewer)
            for piece in kept:
                viewer.put(piece)
        return viewer

    def leave(self, form: LiveForm, viewer: Viewer) -> None:
        """Let a viewer go."""
        self._viewers[form].discard(viewer)

    def begin(self, kind: str) -> None:
        """Note that from now on comes a video of this kind: one of another ends for those who have seen of it."""
        if self._kind not in {None, kind}:
            self._end_all()
        self._kind = kind
        self._forget()

    def head(self, form: LiveForm, data: bytes) -> None:
        """Note by what everything of this form begins."""
        self._heads[form] = data

    def publish(self, form: LiveForm, piece: Piece) -> None:
        """Hand a piece to everybody."""
        self.pieces += 1
        self._keep(form, piece)
        for viewer in self._viewers[form]:
            if piece.is_key:
                self._begin(form, viewer)
            viewer.put(piece)

    def interrupted(self, error: BridgeError) -> None:
        """Note that nothing comes for now."""
        self._forget()
        for viewers in self._viewers.values():
            for viewer in viewers:
                viewer.fail(error)

    def close(self) -> None:
        """End it for everybody."""
        self.interrupted(VideoFailed("the video has ended"))  # for those who have seen nothing of it
        self._end_all()

    def _begin(self, form: LiveForm, viewer: Viewer) -> None:
        if not viewer.has_begun:
            viewer.begin(self._heads.get(form))

    def _keep(self, form: LiveForm, piece: Piece) -> None:
        kept = self._kept[form]
        if piece.is_key:
            kept.clear()
            self._kept_bytes[form] = 0
        elif not kept:
            return
        kept.append(piece)
        self._kept_bytes[form] += len(piece.data)
        if self._kept_bytes[form] > MOST_KEPT_BYTES and len(kept) > 1:
            kept.clear()  # who comes now begins with the next key picture

    def _forget(self) -> None:
        for form in self._kept:
            self._kept[form].clear()
            self._kept_bytes[form] = 0

    def _end_all(self) -> None:
        for viewers in self._viewers.values():
            for viewer in viewers:
                if viewer.has_begun:
                    viewer.end()
