"""One picture or clip after the other, from the bridge into files: whole or not at all, and never twice the same bytes.

What is not whole yet is a hidden file beside its place, `.<name>.<clip or picture>.<tag>.part`: the tag says which bytes it is
a part of (the bridge's ETag), so that the rest of them, and no others, can be asked for after an interruption.
"""

from __future__ import annotations

import fcntl
import os
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, BinaryIO

from vms_bridge.cli.client import segment
from vms_bridge.cli.ways import ApiFailed, reason
from vms_bridge.errors import BridgeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import tzinfo
    from pathlib import Path

    from vms_bridge.cli.client import Api, Opened

CLIP, PICTURE = "clip", "picture"
EXTENSIONS = {
    PICTURE: {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"},
    CLIP: {
        "video/mp4": "mp4",
        "video/webm": "webm",
        "video/quicktime": "mov",
        "video/mp2t": "ts",
        "video/mpeg": "mpg",
        "video/x-matroska": "mkv",
        "video/x-msvideo": "avi",
    },
}
"""How a file of each type ends."""
_PIECE_BYTES = 256 * 1024
_ATTEMPTS = 4
_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 30.0
_MOST_NAME, _MOST_ID = 50, 80
_TAG = re.compile(r'"([0-9A-Za-z_-]{1,40})"')
_PART = re.compile(r"\.(?P<stem>.+)\.(?P<kind>clip|picture)(?:\.(?P<tag>[0-9A-Za-z_-]{1,40}))?\.part")
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})")
_PASSING = frozenset({429, 502, 503, 504})
"""Statuses after which the same may work in a moment."""


class SavingFailed(BridgeError):
    """A file can't be written; nor can the next one, probably."""

    code = "saving"


class Stopped(Exception):
    """Nothing more is wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A picture or clip of an event, and what its file is called but for its ending."""

    event: str
    kind: str
    stem: str

    @classmethod
    def of(cls, event: dict[str, Any], kind: str, zone: tzinfo | None) -> Wanted:
        """Return that of an event, whatever is in its texts."""
        start = event["start"]
        began = None if start is None else datetime.fromisoformat(start).astimezone(zone).strftime("%Y-%m-%d_%H-%M-%S")
        name = _safe(str(event["monitor_name"] or event["monitor"]))[:_MOST_NAME]
        id_ = str(event["id"])
        safe = _safe(id_)[:_MOST_ID]
        if safe != id_:  # two ids may look the same then
            safe = f"{safe or 'event'}-{blake2b(id_.encode(errors='backslashreplace'), digest_size=4).hexdigest()}"
        return cls(event=id_, kind=kind, stem="_".join(part for part in (began, name, safe) if part))


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A file that is there: since now, or since before."""

    path: Path
    bytes: int
    is_new: bool


class Saver:
    """Saves in one folder; several threads may."""

    def __init__(self, api: Api, folder: Path) -> None:
        """Look at what is there. Raises SavingFailed."""
        self._api, self._folder = api, folder
        self._there: dict[tuple[str, str], Path] = {}
        self._parts: dict[tuple[str, str], tuple[Path, str]] = {}
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._open: set[Opened] = set()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for path in folder.iterdir():
                self._note(path)
        except OSError as error:
            raise _failed(folder, error) from None

    @property
    def is_stopped(self) -> bool:
        """Whether nothing more is wanted."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """End all that is under way, in whichever thread."""
        self._stopped.set()
        with self._lock:
            for opened in self._open:
                opened.break_off()

    def save(self, wanted: Wanted, on_bytes: Callable[[int, int | None], None]) -> Saved:
        """Have it in a file. `on_bytes` hears how many bytes there are, and of how many. Raises BridgeError and Stopped."""
        there = self._there.get((wanted.stem, wanted.kind))
        if there is not None and there.exists():
            return Saved(path=there, bytes=there.stat().st_size, is_new=False)
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return self._save(wanted, on_bytes)
            except ApiFailed as failed:
                if self.is_stopped:
                    raise Stopped from None
                passes = failed.status is None or failed.status in _PASSING
                if attempt == _ATTEMPTS or not passes:
                    raise
                pause_s = failed.retry_after_s or _PAUSE_S * 2 ** (attempt - 1)
            if self._stopped.wait(min(pause_s, _LONGEST_PAUSE_S)):
                raise Stopped
        raise AssertionError  # the last attempt returns or raises

    def _save(self, wanted: Wanted, on_bytes: Callable[[int, int | None], None]) -> Saved:
        part, tag = self._parts.get((wanted.stem, wanted.kind), (None, ""))
        begun = part.stat().st_size if part is not None else 0
        headers = {"Range": f"bytes={begun}-", "If-Range": f'"{tag}"'} if begun else {}
        path = f"/media/events/{segment(wanted.event)}/{wanted.kind}"
        try:
            with self._opened(path, headers) as opened:
                if opened.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                    self._forget_part(wanted)  # it is whole, or too long: it is not worth finding out which
                    raise ApiFailed("the part of it that was there does not fit", status=HTTPStatus.SERVICE_UNAVAILABLE)
                try:
                    return self._take(wanted, opened, begun, on_bytes)
                finally:
                    (self._folder / _untagged(wanted)).unlink(missing_ok=True)  # of no use to the next attempt
        except OSError as error:
            raise _failed(self._folder, error) from None

    def _take(self, wanted: Wanted, opened: Opened, begun: int, on_bytes: Callable[[int, int | None], None]) -> Saved:
        said = opened.header("Content-Type").partition(";")[0].strip().lower()
        extension = EXTENSIONS[wanted.kind].get(said)
        if extension is None:
            raise ApiFailed(f"the bridge answers with {said[:50]!r}, which is no {wanted.kind}", status=opened.status)
        begun, total = _place(opened, begun)
        part = self._part(wanted, opened)
        with _locked(part) as file:
            file.truncate(begun)
            file.seek(begun)
            on_bytes(begun, total)
            while piece := opened.read(_PIECE_BYTES):
                if self.is_stopped:  # broken off, TLS gives what it has not opened yet
                    raise Stopped
                file.write(piece)
                begun += len(piece)
                on_bytes(begun, total)
            if self.is_stopped:  # an end that breaking off has made is none
                raise Stopped
            if total is not None and begun != total:
                raise ApiFailed(f"{begun} bytes have come, and not {total}")
            file.flush()
            os.fsync(file.fileno())
            path = self._folder / f"{wanted.stem}.{extension}"
            part.replace(path)
        self._parts.pop((wanted.stem, wanted.kind), None)
        return Saved(path=path, bytes=begun, is_new=True)

    def _part(self, wanted: Wanted, opened: Opened) -> Path:
        """Return the file for what comes; what there was of other bytes goes."""
        found = _TAG.fullmatch(opened.header("ETag"))
        name = f".{wanted.stem}.{wanted.kind}.{found[1]}.part" if found else _untagged(wanted)
        part = self._folder / name
        before = self._parts.get((wanted.stem, wanted.kind))
        if before is not None and before[0] != part:
            self._forget_part(wanted)
        if found:
            self._parts[(wanted.stem, wanted.kind)] = (part, found[1])
        return part

    def _forget_part(self, wanted: Wanted) -> None:
        part, _ = self._parts.pop((wanted.stem, wanted.kind))
        part.unlink(missing_ok=True)

    @contextmanager
    def _opened(self, path: str, headers: dict[str, str]) -> Iterator[Opened]:
        statuses = frozenset({int(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)})
        with self._api.open("GET", path, headers={"Accept": "*/*", **headers}, statuses=statuses) as opened:
            with self._lock:
                if self.is_stopped:
                    raise Stopped
                self._open.add(opened)
            try:
                yield opened
            finally:
                with self._lock:
                    self._open.discard(opened)

    def _note(self, path: Path) -> None:
        """Keep what a file that is there already is, if it is one of ours."""
        found = _PART.fullmatch(path.name)
        if found is not None:
            if found["tag"] and path.is_file() and not path.is_symlink():
                self._parts[(found["stem"], found["kind"])] = (path, found["tag"])
            return
        for kind, extensions in EXTENSIONS.items():
            if path.suffix[1:] in extensions.values() and path.is_file():
                self._there[(path.stem, kind)] = path


@contextmanager
def _locked(path: Path) -> Iterator[BinaryIO]:
    """Open a file that nobody else writes, and that is no link to another one."""
    number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    with os.fdopen(number, "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ApiFailed(f"{path} is being written by another download", status=HTTPStatus.CONFLICT) from None
        yield file


def _place(opened: Opened, begun: int) -> tuple[int, int | None]:
    """Return which byte comes first, and how many there are in all (None: that is not known)."""
    if opened.status != HTTPStatus.PARTIAL_CONTENT:
        length = opened.header("Content-Length")
        return 0, int(length) if length.isdigit() else None
    found = _CONTENT_RANGE.fullmatch(opened.header("Content-Range"))
    if found is None or int(found[1]) != begun or int(found[2]) + 1 != int(found[3]):
        raise ApiFailed("the bridge answers with another part than was asked for", status=opened.status)
    return begun, int(found[3])


def _untagged(wanted: Wanted) -> str:
    """Return how a part of something is called that may change, so that no rest of it can be asked for."""
    return f".{wanted.stem}.{wanted.kind}.part"


def _safe(text: str) -> str:
    """Return a text as a part of a file's name, on whatever file system."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text).lstrip(".-")


def _failed(folder: Path, error: OSError) -> SavingFailed:
    return SavingFailed(
        f"{error.filename or folder} can't be written: {reason(error)}", hint="make room, or say another folder by --to"
    )
