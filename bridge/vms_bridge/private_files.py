"""Directories that are made for their owner only, whatever the umask."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_PRIVATE, _PARENT = 0o700, 0o755


def make_directory(directory: Path) -> None:
    """Make it for its owner only, if it is not there; directories above it are made as usual. Raises OSError."""
    if directory.is_dir():
        return
    if not directory.parent.is_dir():
        _make_parents(directory.parent)
    directory.mkdir(_PRIVATE, exist_ok=True)
    directory.chmod(_PRIVATE)  # the umask may have taken something of it


def _make_parents(directory: Path) -> None:
    if not directory.parent.is_dir():
        _make_parents(directory.parent)
    directory.mkdir(_PARENT, exist_ok=True)
    directory.chmod(_PARENT)
