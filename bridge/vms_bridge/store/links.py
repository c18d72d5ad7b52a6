"""What is kept of links: the keys that sign them, and how often those were used whose uses are limited.

A file of its own beside the database: a database that is restored from a backup brings no revoked key back to life, and no
used link, and makes no link of today worthless.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping  # noqa: TC003 - pydantic reads these annotations
from dataclasses import dataclass, field
from datetime import datetime  # noqa: TC003 - the same
from io import FileIO
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, TypeAdapter, ValidationError

from vms_bridge.errors import StoreError
from vms_bridge.links import LinkKey  # noqa: TC001 - the same

if TYPE_CHECKING:
    from pathlib import Path

_LOGGER = logging.getLogger(__name__)
_VERSION = 1
_MOST_BYTES = 1_000_000
_MODE = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptKey:
    """A key that signs links; `secret` are its 256 bits in hex."""

    key: LinkKey
    secret: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """How often a link was used, since when it is now, and until when it could be at all."""

    count: int
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptLinks:
    """All that is kept; `used` is by the id of a link's uses."""

    version: int = _VERSION
    keys: tuple[KeptKey, ...] = ()
    used: Mapping[str, Used] = field(default_factory=dict)


_ADAPTER = TypeAdapter(KeptLinks)


def _no_link(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW)


class LinkFile:
    """The file. Both methods block, and raise StoreError."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> KeptLinks:
        """Return what is kept; a file that is damaged is told of and put aside, for links that nobody can check are not good."""
        try:
            with FileIO(self._path, opener=_no_link) as file:
                text = file.read(_MOST_BYTES + 1)
        except FileNotFoundError:
            return KeptLinks()
        except OSError as error:
            raise self._failure("can't be read", error) from error
        try:
            kept = _ADAPTER.validate_json(text)
        except ValidationError:
            return self._put_aside()
        if kept.version != _VERSION:
            raise StoreError(f"{self._path} is of another version of the bridge", hint="upgrade the bridge, or move it away")
        return kept

    def write(self, kept: KeptLinks) -> None:
        """Keep this in place of what was there; a kill leaves the one or the other."""
        new = self._path.with_name(f"{self._path.name}.new")
        try:
            new.unlink(missing_ok=True)
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, _MODE)
            with os.fdopen(descriptor, "wb") as file:
                os.fchmod(descriptor, _MODE)
                file.write(_ADAPTER.dump_json(kept))
                file.flush()
                os.fsync(descriptor)
            new.replace(self._path)
            self._sync_folder()
        except OSError as error:
            raise self._failure("can't be written", error) from error

    def _sync_folder(self) -> None:
        """See that a power cut does not bring back what was there before."""
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _put_aside(self) -> KeptLinks:
        damaged = self._path.with_name(f"{self._path.name}.damaged")
        try:
            self._path.replace(damaged)
        except OSError as error:
            raise self._failure("is damaged and can't be put aside", error) from error
        _LOGGER.warning("%s is damaged, and is %s now: every link of before is good for nothing", self._path, damaged.name)
        return KeptLinks()

    def _failure(self, what: str, error: OSError) -> StoreError:
        return StoreError(f"{self._path} {what}: {error.strerror}", hint="is the disk full, or does it belong to another user?")
