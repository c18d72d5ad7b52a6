"""The machines that a VMS runs on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One of several machines that a VMS runs on; what it does not say is None. Memory is in bytes."""

    id: str
    name: str
    running: bool | None = None
    load: float | None = None
    cpu_percent: float | None = None
    memory_total: int | None = None
    memory_free: int | None = None
