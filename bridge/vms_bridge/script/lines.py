"""The script's log."""

from __future__ import annotations

from vms_bridge.script.link import SEAT, author_line


class Log:
    """The script's log: `log.info("opened")`. `print` writes into it too, as info."""

    __slots__ = ()

    def debug(self, *what: object) -> None:
        """Write what is of interest while you look for a mistake."""
        _write("debug", what)

    def info(self, *what: object) -> None:
        """Write what has happened."""
        _write("info", what)

    def warning(self, *what: object) -> None:
        """Write what may be wrong."""
        _write("warning", what)

    def error(self, *what: object) -> None:
        """Write what is wrong."""
        _write("error", what)


log = Log()


def _write(level: str, what: tuple[object, ...]) -> None:
    if SEAT.link is not None:
        SEAT.link.log(level, " ".join(str(each) for each in what), author_line())
