"""ZoneMinder's shared memory: one small file a monitor, rewritten by its capture daemon at every frame. Only ever read.

The first number in the file is sizeof(SharedData), and identifies its layout (src/zm_monitor.h of every release). The file
is read, not mapped: as cheap, and a file cut short by others then costs a sample, where a mapping costs the process.
"""

from __future__ import annotations

import os
import stat
import struct
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from vms_bridge.zoneminder.parse import alarm_state

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from vms_bridge.zoneminder.values import AlarmState

_PREFIX_BYTES = 1024
# TriggerData follows SharedData in every version: its own size, then the state.
_TRIGGER = struct.Struct("<II")
_TRIGGER_BYTES = 560
_TRIGGER_CAUSE, _TRIGGER_CAUSE_BYTES = 16, 32
_TRIGGER_ALL = struct.Struct("<4I32s256s256s")
_CAUSE_BYTES = 256
# From 1.37 on an int for every zone follows, then VideoStoreData with its own size (with a short timeval: 32 bits).
_VIDEO_STORE_BYTES = frozenset({4128, 4120, 4116})
HEARTBEAT_LIMIT_S = 30.0
ABSENT = "absent"
"""The kind of trouble that is none where the bridge runs on another host than ZoneMinder."""
_LAYOUT_CHECK_S = 0.5
_RETRY_S = 0.25
Version = tuple[int, int, int]


class Force(Enum):
    """ZoneMinder's trigger states: nothing is forced, an alarm is, or that there is none."""

    NOTHING = 0
    ALARM = 1
    NO_ALARM = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where SharedData keeps what we read; offsets in bytes, None where this version has no such field."""

    size: int
    state: int
    capture_fps: int | None
    last_event: int
    valid: int
    detecting: int
    signal: int
    imagesize: int
    score: int | None
    startup: int
    heartbeat: int | None
    last_write: int
    cause: int
    paused: int = 0
    """What `detecting` is at most while nothing is detected: a flag's 0, or the enum's `None`, which counts from 1."""
    zone_scores: int | None = None


_1_34 = Layout(
    size=600, state=12, capture_fps=None, last_event=16, valid=52, detecting=53, signal=54, imagesize=56, score=None,
    startup=64, heartbeat=None, last_write=72, cause=344,
)  # fmt: skip
_1_36 = Layout(
    size=760, state=12, capture_fps=16, last_event=32, valid=68, detecting=69, signal=70, imagesize=72, score=76,
    startup=88, heartbeat=96, last_write=104, cause=376,
)  # fmt: skip
_1_36_34 = Layout(
    size=768, state=16, capture_fps=24, last_event=40, valid=76, detecting=77, signal=78, imagesize=80, score=84,
    startup=96, heartbeat=104, last_write=112, cause=384,
)  # fmt: skip
_1_37_61 = Layout(
    size=864, state=16, capture_fps=24, last_event=56, valid=92, detecting=94, signal=96, imagesize=100, score=104,
    startup=120, heartbeat=128, last_write=136, cause=416, paused=1, zone_scores=864 + _TRIGGER_BYTES,
)  # fmt: skip
_1_38 = Layout(
    size=872, state=16, capture_fps=24, last_event=56, valid=92, detecting=94, signal=96, imagesize=100, score=104,
    startup=120, heartbeat=128, last_write=136, cause=424, paused=1, zone_scores=872 + _TRIGGER_BYTES,
)  # fmt: skip
_1_39_17 = Layout(
    size=888, state=16, capture_fps=24, last_event=56, valid=92, detecting=94, signal=96, imagesize=100, score=104,
    startup=120, heartbeat=128, last_write=136, cause=424, paused=1, zone_scores=888 + _TRIGGER_BYTES,
)  # fmt: skip
LAYOUTS: Mapping[int, Layout] = {layout.size: layout for layout in (_1_34, _1_36, _1_36_34, _1_37_61, _1_38, _1_39_17)}
_FORCES = {force.value: force for force in Force}
_CODES = {"state": "i", "last_event": "Q", "valid": "B", "detecting": "B", "signal": "B", "imagesize": "I"}
_CODES |= {"score": "I", "capture_fps": "dd", "startup": "q", "heartbeat": "q", "last_write": "q"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One look at a monitor's shared memory; `startup`, `heartbeat` and `last_write` are Unix times, 0 for never.

    `cause` is what ZoneMinder says of the alarm that runs, or of the last one, or of the last event (`has_event_causes`);
    `forced_cause` what was said when an alarm was forced last.
    `force`: what the trigger says, whether or not the daemon has taken it. `sign` changes with each frame. `scored_zones`:
    which of all zones, in ZoneMinder's order, have a score; None where that can't be determined.
    """

    alarm: AlarmState | None
    cause: str = ""
    last_event: int
    is_detecting: bool
    has_signal: bool
    startup: int
    heartbeat: int | None
    last_write: int
    imagesize: int
    sign: tuple[int, int] = (0, 0)
    force: Force | None = Force.NOTHING
    forced_cause: str = ""
    has_event_causes: bool = False
    score: int | None = None
    capture_fps: float | None = None
    analysis_fps: float | None = None
    scored_zones: tuple[bool, ...] | None = None

    @property
    def urgent(self) -> tuple[object, ...]:
        """What is urgent: reported at once when it changes."""
        return (
            self.alarm,
            self.cause,
            self.last_event,
            self.is_detecting,
            self.force,
            self.forced_cause,
            self.has_signal,
            self.startup,
            self.scored_zones,
        )

    @property
    def is_forced_off(self) -> bool:
        """Whether there is to be no alarm, whatever moves, until somebody takes that back."""
        return self.force is Force.NO_ALARM

    @property
    def looks(self) -> bool:
        """Whether pictures are searched for motion now; what was found before says nothing then."""
        return self.is_detecting and not self.is_forced_off and self.has_signal

    @property
    def beat(self) -> int:
        """When the daemon last showed that it lives; before its first beat, when it started."""
        return (self.last_write if self.heartbeat is None else self.heartbeat) or self.startup


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerData:
    """What was said when an alarm was forced last; `force` is None where this version's data can't be read."""

    force: Force | None
    score: int
    cause: str
    text: str
    showtext: str
    """What zmtrigger had shown in the picture."""


class Unusable(Exception):
    """A monitor's shared memory can't serve; `hint` says what to do, if anything. `kind` is the same while the trouble is."""

    def __init__(self, reason: str, *, hint: str = "", is_passing: bool = False, kind: str = "") -> None:
        super().__init__(reason)
        self.hint, self.is_passing, self.kind = hint, is_passing, kind or reason


def counts_from_one(size: int, version: Version) -> bool:
    """Say whether `state` is 1 for idle: since 1.36.16, and in every development line that has the later layouts."""
    return not (size == 600 or (size == 760 and version < (1, 36, 16)))


def layout_for(size: int, version: Version) -> Layout:
    """Return the layout of this SharedData. Raises Unusable rather than guess."""
    layout = LAYOUTS.get(size)
    # 1.37.1 to .6 also had 768 bytes, but laid out as in 1.36.33.
    if layout is None or (size == 768 and (1, 37, 0) <= version < (1, 38, 0)):
        raise Unusable(
            f"its layout ({size} bytes, ZoneMinder {'.'.join(map(str, version))}) is not known",
            hint="the slower sources serve instead; please report this size and version",
        )
    return layout


class MonitorMemory:
    """One monitor's file, reopened whenever its daemon makes a new one; `is_as_before` is cheap enough for 70 times a second."""

    __slots__ = (
        "_behind",
        "_buffer",
        "_checked",
        "_fd",
        "_fields",
        "_identity",
        "_last",
        "_last_urgent",
        "_layout",
        "_offset",
        "_scores",
        "_tail",
        "_unpack",
        "_urgent",
        "_version",
        "_zones",
        "path",
        "retry_at",
    )

    def __init__(self, directory: Path, monitor_id: str, version: Version) -> None:
        if not monitor_id.isdecimal():
            raise ValueError("a ZoneMinder monitor's id is a number")
        self.path = directory / f"zm.mmap.{monitor_id}"
        self._version = version
        self.retry_at = float("-inf")
        """Until then there is nothing to see: a file that can't be opened is not tried again at every read."""
        self._fd = -1
        self._identity: tuple[int, int] | None = None
        self._checked = float("-inf")
        self._buffer = bytearray(_PREFIX_BYTES)
        self._tail = self._zones = 0
        self._last: tuple[bytes, Sample] | None = None
        self._last_urgent = (b"", b"")

    @property
    def identity(self) -> tuple[int, int] | None:
        """Which file is open, as device and inode: another one means that the daemon has started anew."""
        return self._identity

    def expect_zones(self, count: int) -> None:
        """Read from now on the scores of that many zones: ZoneMinder does not write how many there are."""
        if count != self._zones:
            self._zones = count
            self._last = None
            if self._fd >= 0:
                self._fit()

    @property
    def has_zone_scores(self) -> bool:
        """Whether the file that is open is of a version with scores of zones."""
        return self._fd >= 0 and self._layout.zone_scores is not None

    def sample(self, monotonic: float, now: float) -> Sample:
        """Read the monitor's memory now; `now` is Unix time. Raises Unusable."""
        if self._fd < 0 or monotonic - self._checked >= _LAYOUT_CHECK_S:
            self._checked = monotonic
            self.retry_at = monotonic + _RETRY_S
            self._reopen_if_replaced()
            self.retry_at = monotonic
        sample = self._read()
        age = now - sample.beat
        if abs(age) > HEARTBEAT_LIMIT_S:
            self._checked = float("-inf")
            # A clock that was set back makes the dead look alive; the living show it by their next beat.
            found = f"has not shown a sign of life for {age:.0f} s" if age > 0 else f"last beat {-age:.0f} s ahead of the clock"
            raise Unusable(f"its daemon {found}", is_passing=True, kind="silent" if age > 0 else "ahead")
        return sample

    def trigger(self) -> TriggerData:
        """Read all that the trigger says, of the file that was sampled last. Raises Unusable."""
        try:
            raw = os.pread(self._fd, _TRIGGER_ALL.size, self._layout.size) if self._fd >= 0 else b""
        except OSError:
            raw = b""
        if len(raw) < _TRIGGER_ALL.size:
            raise Unusable("its trigger can't be read", is_passing=True)
        size, state, score, _, *texts = _TRIGGER_ALL.unpack(raw)
        if size != _TRIGGER_BYTES:
            return TriggerData(force=None, score=0, cause="", text="", showtext="")
        cause, text, showtext = (each.split(b"\0", 1)[0].decode("utf-8", "replace") for each in texts)
        return TriggerData(force=_FORCES.get(state), score=score, cause=cause, text=text, showtext=showtext)

    def is_as_before(self) -> bool:
        """Say, at the least cost, that nothing urgent has changed since the last sample; if in doubt, that it has."""
        if self._last is None:
            return False
        try:
            raw = os.pread(self._fd, self._tail, 0)
        except OSError:
            return False
        urgent, behind = self._last_urgent
        return raw[self._urgent] == urgent and raw[self._behind] == behind

    def close(self) -> None:
        """Let go of the file."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd, self._identity, self._last = -1, None, None

    def _reopen_if_replaced(self) -> None:
        try:
            status = self.path.stat()
        except FileNotFoundError:
            self.close()
            raise Unusable("it is not there: the monitor's daemon does not run", is_passing=True, kind=ABSENT) from None
        except OSError as error:
            self.close()
            raise Unusable(f"{self.path} can't be read: {error.strerror}") from None
        if (status.st_dev, status.st_ino) != self._identity:
            self.close()
            self._open()

    def _open(self) -> None:
        try:
            fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            raise Unusable("it is not there: the monitor's daemon does not run", is_passing=True, kind=ABSENT) from None
        except PermissionError:
            raise Unusable(
                f"{self.path} may not be read by this user",
                hint="add the bridge's user to ZoneMinder's group (www-data or apache), then restart the bridge",
            ) from None
        except OSError as error:
            raise Unusable(f"{self.path} can't be opened: {error.strerror}") from None
        try:
            status = os.fstat(fd)
            self._layout = _layout_of(fd, status.st_mode, self._version)
        except BaseException:
            os.close(fd)
            raise
        self._fields, self._unpack = _reader(self._layout)
        self._urgent = slice(self._layout.state, self._layout.startup + 8)
        self._behind = slice(self._layout.cause, None)
        self._fd, self._identity = fd, (status.st_dev, status.st_ino)
        self._offset = 1 if counts_from_one(self._layout.size, self._version) else 0
        self._fit()

    def _fit(self) -> None:
        """Read as much as there is to be known."""
        layout = self._layout
        if layout.zone_scores is None or not self._zones:
            self._scores, self._tail = None, layout.size + _TRIGGER_CAUSE + _TRIGGER_CAUSE_BYTES
        else:
            self._scores = struct.Struct(f"<{layout.zone_scores}x{self._zones}iI")
            self._tail = self._scores.size
        self._buffer = bytearray(max(_PREFIX_BYTES, self._tail))

    def _read(self) -> Sample:
        try:
            length = os.preadv(self._fd, [self._buffer], 0)
        except OSError as error:
            self.close()
            raise Unusable(f"{self.path} can't be read: {error.strerror}") from None
        end = self._layout.size
        if length < end + _TRIGGER.size:
            self.close()
            raise Unusable("it is shorter than its own layout", is_passing=True)
        if length < len(self._buffer):
            self._buffer[length:] = bytes(len(self._buffer) - length)  # what was read before is no longer there
        last = self._last
        if last is not None and self._buffer.startswith(last[0]):
            return last[1]
        values = dict(zip(self._fields, self._unpack(self._buffer), strict=True))
        if values["size"] != end:
            self.close()
            raise Unusable("its layout has changed", is_passing=True)
        if values["valid"] != 1:
            self._checked = float("-inf")
            raise Unusable("its daemon is starting or stopping", is_passing=True)
        trigger_bytes, trigger = _TRIGGER.unpack_from(self._buffer, end)
        sample = Sample(
            alarm=alarm_state(values["state"] - self._offset),
            cause=self._text(self._layout.cause, _CAUSE_BYTES),
            last_event=values["last_event"],
            is_detecting=values["detecting"] > self._layout.paused,
            has_signal=values["signal"] != 0,
            startup=values["startup"],
            heartbeat=values.get("heartbeat"),
            last_write=values["last_write"],
            imagesize=values["imagesize"],
            sign=(values["written"], values["analysed"]),
            force=_FORCES.get(trigger) if trigger_bytes == _TRIGGER_BYTES else None,
            forced_cause=self._text(end + _TRIGGER_CAUSE, _TRIGGER_CAUSE_BYTES) if trigger_bytes == _TRIGGER_BYTES else "",
            has_event_causes=self._layout.zone_scores is not None,
            score=values.get("score"),
            capture_fps=_rate(values.get("capture_fps")),
            analysis_fps=_rate(values.get("analysis_fps")),
            scored_zones=self._scored_zones() if trigger_bytes == _TRIGGER_BYTES else None,
        )
        self._last = (bytes(self._buffer[: self._tail]), sample)
        self._last_urgent = self._last[0][self._urgent], self._last[0][self._behind]
        return sample

    def _text(self, start: int, length: int) -> str:
        return self._buffer[start : start + length].split(b"\0", 1)[0].decode("utf-8", "replace")

    def _scored_zones(self) -> tuple[bool, ...] | None:
        """Say which zones have a score, if what follows the scores shows that they are as many as is thought."""
        if self._scores is None:
            return None
        *scores, behind = self._scores.unpack_from(self._buffer)
        return tuple([score > 0 for score in scores]) if behind in _VIDEO_STORE_BYTES else None


def _layout_of(fd: int, mode: int, version: Version) -> Layout:
    if not stat.S_ISREG(mode):
        raise Unusable("it is not a plain file")
    head = os.pread(fd, 4, 0)
    if len(head) < 4 or head == b"\0\0\0\0":
        raise Unusable("its daemon has only just made it", is_passing=True)
    return layout_for(int.from_bytes(head, "little"), version)


def _rate(value: float | None) -> float | None:
    return None if value is None or not 0 <= value < 10_000 else value


def _reader(layout: Layout) -> tuple[tuple[str, ...], _Unpack]:
    offsets = sorted((offset, name) for name in _CODES if (offset := getattr(layout, name)) is not None)
    # In every layout the places in the buffer of the frames that were captured and analysed last follow the size.
    names, code, end = ["size", "written", "analysed"], "<Iii", 12
    for offset, name in offsets:
        code += f"{offset - end}x{_CODES[name]}"
        end = offset + struct.calcsize(f"<{_CODES[name]}")
        names += ["capture_fps", "analysis_fps"] if name == "capture_fps" else [name]
    return tuple(names), struct.Struct(code).unpack_from


if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    _Unpack = Callable[[bytearray], tuple[Any, ...]]
