"""Which rates of pictures are to be put back, over the end of a program that is killed.

Each run that raises rates has a file of its own, for its user only, and holds a lock on it as long as it lives: a file that
nobody holds was left behind by a run that was killed, and the next run puts back what it says.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import uuid
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Self

from vms_bridge.config import default_data_dir
from vms_bridge.errors import BridgeError, OutputError
from vms_bridge.private_files import make_directory
from vms_bridge.strict_json import decode
from vms_bridge.vxg import Sampling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from vms_bridge.vxg import Vxg

_FOLDER, _SUFFIX = "vxg-rates", ".jsonl"
_MOST_FILES = 100
_MOST_BYTES = 4 * 1024 * 1024


class KeptRates:
    """Implements `vxg.Keep` by a file, a line for each rate that is raised or put back; use as an async context manager."""

    def __init__(self, within: Path, url: str) -> None:
        self._path, self._url = within / f"{uuid.uuid4().hex}{_SUFFIX}", url
        self._file: BinaryIO | None = None
        self._raised: set[int] = set()

    @property
    def channels(self) -> int:
        """Of how many channels rates are to be put back still."""
        return len(self._raised)

    async def __aenter__(self) -> Self:
        """Make the file. Raises OutputError."""
        await asyncio.to_thread(self._open)
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.shield(asyncio.to_thread(self._close))

    async def began(self, sampling: Sampling) -> None:
        """Keep what is to be put back. Raises OutputError."""
        await asyncio.to_thread(self._write, asdict(sampling))
        self._raised.add(sampling.channel_id)

    async def ended(self, sampling: Sampling) -> None:
        """Forget it. Raises OutputError."""
        await asyncio.to_thread(self._write, {"ended": sampling.channel_id})
        self._raised.discard(sampling.channel_id)

    def _open(self) -> None:
        with _explained(self._path):
            make_directory(self._path.parent)
            draft = self._path.with_suffix(".new")
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            self._file = os.fdopen(handle, "wb", buffering=0)
            fcntl.flock(self._file, fcntl.LOCK_EX)
            self._write({"url": self._url})
            draft.rename(self._path)  # nobody looks at it before it is held

    def _write(self, said: dict[str, object]) -> None:
        if self._file is None:
            raise OutputError(f"{self._path} is not open")
        with _explained(self._path):
            self._file.write(json.dumps(said).encode() + b"\n")
            os.fsync(self._file.fileno())

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            if not self._raised:
                self._path.unlink(missing_ok=True)
            file.close()


@dataclass(frozen=True, slots=True)
class Left:
    """A file that a run has left behind which was killed, held as long as it is looked at."""

    path: Path
    samplings: dict[int, Sampling]
    file: BinaryIO

    def close(self, ended: set[int]) -> None:
        """Forget what was put back, and let go of the file, which goes with the last one."""
        with contextlib.suppress(OSError), self.file:  # what stays raised no more is looked at once more
            if self.samplings.keys() <= ended:
                self.path.unlink(missing_ok=True)
            for channel_id in ended:
                self.file.write(json.dumps({"ended": channel_id}).encode() + b"\n")


def folder() -> Path:
    """Return where these files are. Raises OutputError where the user has no directory for such."""
    found = default_data_dir(os.environ)
    if found is None:
        raise OutputError("there is no home directory to keep rates of pictures in", hint="set XDG_STATE_HOME to a directory")
    return found / _FOLDER


async def restore(vxg: Vxg, within: Path, complain: Callable[[str, str], None], *, forget: bool = False) -> int:
    """Put back what runs that were killed have left raised at this VXG, and return how many rates that were.

    What can't be put back now is said, and tried again by the next run, or to be forgotten.
    """
    hint = "it is forgotten" if forget else "the next run tries it again; `vxg images restore --forget` gives it up"
    count = 0
    for left in await asyncio.to_thread(_left_behind, within, vxg.url):
        ended: set[int] = set()
        try:
            for sampling in left.samplings.values():
                try:
                    count += await vxg.images.restore(sampling)
                except BridgeError as error:
                    complain(f"how often channel {sampling.channel_id} makes pictures can't be put back: {error}", hint)
                    if not forget:
                        continue
                ended.add(sampling.channel_id)
        finally:
            await asyncio.shield(asyncio.to_thread(left.close, ended))
    return count


def _left_behind(within: Path, url: str) -> list[Left]:
    found = []
    for path in sorted(within.glob(f"*{_SUFFIX}"))[:_MOST_FILES]:
        with contextlib.suppress(OSError):
            file = path.open("r+b", buffering=0)
            left = _held(path, file, url)
            if left is None:
                file.close()
            else:
                found.append(left)
    return found


def _held(path: Path, file: BinaryIO, url: str) -> Left | None:
    """Return what a file says that nobody holds; None for what is of others, and for what says nothing, which is removed."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return None  # whoever raised them is at work
    head, _, rest = file.read(_MOST_BYTES).partition(b"\n")
    if _said(head).get("url", url) != url:
        return None
    samplings = _parsed(rest)
    if not samplings:
        path.unlink(missing_ok=True)
        return None
    if not rest.endswith(b"\n"):
        file.write(b"\n")
    return Left(path, samplings, file)


def _parsed(lines: bytes) -> dict[int, Sampling]:
    """Return what is raised by what a run has written; the last line may be half of one, after a kill."""
    found: dict[int, Sampling] = {}
    for said in map(_said, lines.splitlines()):
        with contextlib.suppress(ValueError, TypeError, KeyError):
            if "ended" in said:
                found.pop(said["ended"], None)
            else:
                before = said["before_s"]
                rate = None if before is None else float(before)
                found[int(said["channel_id"])] = Sampling(int(said["channel_id"]), rate, float(said["ours_s"]))
    return found


def _said(line: bytes) -> dict[str, Any]:
    try:
        said = decode(line.decode())
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        hint = "is there room, and may you write there? XDG_STATE_HOME names another directory"
        raise OutputError(f"{path} can't be written: {error.strerror or error}", hint=hint) from None
