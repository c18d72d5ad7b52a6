"""Clients of the same ZoneMinder, each in a process and an environment of its own, asked over standard input.

Nothing but the standard library is imported here: the environments have nothing else in common.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

_PAGE_BYTES = resource.getpagesize()


class Contestant(Protocol):
    """A client that has nothing asked yet; every method does one thing and returns what proves it: ids, or a size in bytes."""

    def listed(self, limit: int) -> list[int]:
        """Return the ids of so many events, the newest first where it can be said."""

    def filtered(self, monitor: int, since: str, alarm_frames: int, limit: int) -> list[int]:
        """Return those of one monitor since a time, with so many alarm frames."""

    def image(self, event: int, folder: str) -> int:
        """Fetch an event's snapshot."""

    def video(self, event: int, folder: str) -> int:
        """Fetch an event's video into that folder."""

    def everything(self, note: Callable[[int], None]) -> int:
        """Go through all events there are, telling now and then how many they are so far; return how many they were."""

    def discarded(self, event: int, note: Callable[[int], None]) -> int:
        """Fetch an event's video and keep nothing of it, telling now and then how many megabytes there are so far."""

    def close(self) -> None:
        """Let go of everything."""


class UnknownToIt(Exception):
    """It has nothing for that."""


def serve(make: Callable[..., Contestant]) -> None:
    """Answer what is asked, one JSON line each way, until the input ends; `fresh` makes another client first."""
    with os.fdopen(os.dup(1), "w", buffering=1) as output:
        os.dup2(2, 1)  # what libraries print is for people
        output.write("{}\n")
        contestant: Contestant | None = None
        for line in sys.stdin:
            request = json.loads(line)
            do, login = request.pop("do"), request.pop("login")
            if request.pop("fresh") or contestant is None:
                if contestant is not None:
                    contestant.close()
                contestant = make(**login)
            output.write(json.dumps(_done(contestant, do, request)) + "\n")
        if contestant is not None:
            contestant.close()


def _done(contestant: Contestant, do: str, request: dict[str, Any]) -> dict[str, Any]:
    resident: list[tuple[int, float]] = []

    def note(rows: int) -> None:
        resident.append((rows, resident_mb()))

    if do in {"everything", "discarded"}:
        request["note"] = note
    cpu, began = time.process_time(), time.perf_counter()
    try:
        proof = getattr(contestant, do)(**request)
    except UnknownToIt as reason:
        return {"unknown": str(reason)}
    return {"s": time.perf_counter() - began, "cpu_s": time.process_time() - cpu, "proof": proof, "resident": resident}


def resident_mb() -> float:
    """Return this process's resident memory in MB of 10^6 bytes (Linux: proc_pid_statm(5))."""
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - nothing is to be kept of it
        return int(file.read().split()[1]) * _PAGE_BYTES / 1e6
