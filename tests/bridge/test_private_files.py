"""Files for their owner only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vms_bridge.private_files import write_file

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_takes_the_place_of_the_one_before_and_nobody_else_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "one.jpg"
    for content in (b"first", b"second"):
        write_file(file, content)
        assert file.read_bytes() == content
    assert (file.parent.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)
    assert [each.name for each in file.parent.iterdir()] == ["one.jpg"]


def test_one_that_can_not_be_put_there_leaves_nothing(tmp_path: Path) -> None:
    taken = tmp_path / "one.jpg"
    taken.mkdir()
    with pytest.raises(OSError, match=r"one\.jpg"):
        write_file(taken, b"anything")
    assert [each.name for each in tmp_path.iterdir()] == ["one.jpg"]
