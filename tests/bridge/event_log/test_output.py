"""Standard output: whole lines at the reader's pace, and no line torn, whoever reads or not."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from tests.bridge.event_log.lab import line

from vms_bridge.errors import OutputError
from vms_bridge.event_log.output import StandardOutput

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def reading(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Give the other end of what is standard output meanwhile."""
    end, other = os.pipe()
    with os.fdopen(other, "w") as stream, monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", stream)
        yield end
    os.close(end)


def read(end: int, count: int) -> bytes:
    came = b""
    while came.count(b"\n") < count:
        came += os.read(end, 65_536)
    return came


class Writing(threading.Thread):
    """Writes lines, and keeps what came of it."""

    def __init__(self, output: StandardOutput, lines: list[bytes]) -> None:
        super().__init__(daemon=True)
        self.output, self.lines = output, lines
        self.error: OutputError | None = None
        self.start()

    def run(self) -> None:
        try:
            self.output.write(self.lines)
        except OutputError as error:
            self.error = error


def test_lines_of_any_length_come_whole_at_the_readers_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    with reading(monkeypatch) as reader:
        lines = [line(1), b'{"what":"%s"}\n' % (b"x" * 300_000), *(line(number) for number in range(2, 3000))]
        output = StandardOutput()
        output.open()
        writing = Writing(output, lines)
        assert read(reader, len(lines)) == b"".join(lines)
        writing.join(15)
        assert writing.error is None
        assert not writing.is_alive()


def test_one_that_is_left_behind_ends_its_line_before_another_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    with reading(monkeypatch) as reader:
        long = b'{"what":"%s"}\n' % (b"x" * 300_000)
        first, second = StandardOutput(), StandardOutput()
        before = Writing(first, [long, line(1)])
        while os.read(reader, 1) != b"{":  # it has begun
            pass
        first.stop()
        after = Writing(second, [line(2)])
        came = b"{" + read(reader, 2)
        assert came == long + line(2), "whole, and what was not begun is left to the next"
        for writing in (before, after):
            writing.join(15)
            assert not writing.is_alive()
        assert isinstance(before.error, OutputError)


def test_one_that_waits_for_its_turn_can_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    with reading(monkeypatch) as reader:
        stuck, waiting = StandardOutput(), StandardOutput()
        blocked = Writing(stuck, [b"x" * 300_000 + b"\n"])
        other = Writing(waiting, [line(1)])
        waiting.stop()
        other.join(15)
        assert isinstance(other.error, OutputError)
        assert blocked.is_alive(), "until it is read"
        read(reader, 1)
        blocked.join(15)
        assert not blocked.is_alive()


def test_a_reader_that_has_gone_is_an_error_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    end, other = os.pipe()
    os.close(end)
    with os.fdopen(other, "w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        output = StandardOutput()
        output.open()
        with pytest.raises(OutputError, match="Broken pipe") as caught:
            output.write([line(1)])
    assert "reader" in caught.value.hint
    assert output.place == "standard output"


def test_a_program_without_standard_output_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(OutputError, match="no standard output") as caught:
        StandardOutput().open()
    assert "file:" in caught.value.hint
