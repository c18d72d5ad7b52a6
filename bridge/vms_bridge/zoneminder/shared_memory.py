"""One monitor's shared memory for scripts on ZoneMinder's host: a look at it costs microseconds, and asks nobody.

with SharedMemory(1, version="1.36.33") as memory:
    if memory.is_alarmed():
        print(memory.last_event(), memory.cause().alarm)
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from vms_bridge.zoneminder.memory import MonitorMemory, Unusable
from vms_bridge.zoneminder.parse import parse_version
from vms_bridge.zoneminder.values import MOTION

if TYPE_CHECKING:
    from vms_bridge.zoneminder.memory import Sample, TriggerData, Version
    from vms_bridge.zoneminder.values import AlarmState

SHM = Path("/dev/shm")  # noqa: S108 (ZoneMinder's ZM_PATH_MAP, which is only read)


@dataclass(frozen=True, slots=True, kw_only=True)
class Causes:
    """Why there is an alarm, or was last: what ZoneMinder found, and what was said when one was forced."""

    alarm: str
    forced: str


class SharedMemory:
    """Looks at one monitor's file. A daemon that starts anew makes a new file, which is found by itself.

    `version` is ZoneMinder's: two of its versions have files of one size whose states count differently. Nothing is ever
    written. Each question looks anew and raises Unusable where there is nothing to see: the daemon does not run, starts,
    hangs, or this user may not read its file.
    """

    def __init__(self, monitor: int | str, *, version: str | Version, directory: Path | str = SHM) -> None:
        known = parse_version({"version": version}) if isinstance(version, str) else version
        if known is None:
            raise ValueError("a version of ZoneMinder is written as in 1.36.33")
        self._memory = MonitorMemory(Path(directory), str(monitor), known)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def sample(self) -> Sample:
        """Return all that one look shows. Raises Unusable."""
        return self._memory.sample(time.monotonic(), time.time())

    def is_valid(self) -> bool:
        """Say whether there is something to see now."""
        try:
            self.sample()
        except Unusable:
            return False
        return True

    def is_alarmed(self) -> bool:
        """Say whether something moves, or moved a moment ago (ALARM or ALERT). Raises Unusable."""
        return self.sample().alarm in MOTION

    def alarm_state(self) -> AlarmState | None:
        """Return the state; None for one that no version knows. Raises Unusable."""
        return self.sample().alarm

    def last_event(self) -> int | None:
        """Return the id of the newest event, None if there has been none since the daemon began. Raises Unusable."""
        return self.sample().last_event or None

    def cause(self) -> Causes:
        """Return why there is an alarm, or was last. Raises Unusable."""
        sample = self.sample()
        return Causes(alarm=sample.cause, forced=sample.forced_cause)

    def trigger(self) -> TriggerData:
        """Return what is forced, and what was said to it. Raises Unusable."""
        self.sample()
        return self._memory.trigger()

    def reload(self) -> None:
        """Open the file anew at the next look: it is done anyway where the file was replaced."""
        self._memory.close()

    def close(self) -> None:
        """Let go of the file."""
        self._memory.close()
