"""Logging as ZoneMinder's own programs do it: handlers for Python's `logging`, in ZoneMinder's format, levels and files.

    settings = log_settings("zmesdetect_m1", read_conf(), {row.name: row.value for row in await zm.configs.list()})
    logging.getLogger().addHandler(file_handler(settings))

Levels are ZoneMinder's: PNC -4, FAT -3, ERR -2, WAR -1, INF 0, DB1 to DB9. Python's CRITICAL is FAT, PANIC PNC, DEBUG DB1, and
what is below DEBUG goes on to DB9 (`debug(3)` is what to log DB3 by). No handler ends the program or listens to signals.
"""

from __future__ import annotations

import logging
import logging.handlers
import os
import re
import shutil
import stat
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from vms_bridge.logs import message_of, plain, redact

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vms_bridge.concealment import Secrets

__all__ = [
    "FATAL",
    "OFF",
    "PANIC",
    "ConsoleFormatter",
    "FileFormatter",
    "LogFile",
    "LogSettings",
    "SyslogFormatter",
    "code",
    "console_handler",
    "debug",
    "file_handler",
    "log_settings",
    "syslog_handler",
    "text_of",
    "threshold",
    "zm_level",
]

PANIC = logging.CRITICAL + 10
"""Python's number for ZoneMinder's PNC."""
FATAL = logging.CRITICAL
OFF = -5
_MOST_DEBUG = 9
_CODES = {-4: "PNC", -3: "FAT", -2: "ERR", -1: "WAR", 0: "INF"}
_STEPS = ((PANIC, -4), (FATAL, -3), (logging.ERROR, -2), (logging.WARNING, -1), (logging.INFO, 0))
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LOGS = "/var/log/zm"


def zm_level(level: int) -> int:
    """Return ZoneMinder's number for one of Python's."""
    for number, found in _STEPS:
        if level >= number:
            return found
    return min(_MOST_DEBUG, max(1, logging.DEBUG + 1 - level))


def debug(number: int) -> int:
    """Return Python's number for ZoneMinder's debug level, 1 to 9: `logger.log(debug(3), "seen %d", count)`."""
    return logging.DEBUG + 1 - min(_MOST_DEBUG, max(1, number))


def code(level: int) -> str:
    """Return ZoneMinder's three letters for one of Python's levels."""
    found = zm_level(level)
    return _CODES.get(found, f"DB{found}")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """What a program logs where. Thresholds are ZoneMinder's numbers: what has a greater one is not written; `OFF`: nothing."""

    name: str
    file: Path
    file_level: int = 0
    syslog_level: int = 0
    database_level: int = 0
    server_id: int = 0
    owner: tuple[str, str] = ("www-data", "www-data")
    """The user and the group that a log file is to belong to, where this program may give it away."""

    @property
    def level(self) -> int:
        """Python's level for the logger: what no handler would write need not be made."""
        return threshold(max(self.file_level, self.syslog_level, self.database_level))


def log_settings(name: str, conf: Mapping[str, str], configs: Mapping[str, str]) -> LogSettings:
    """Return what ZoneMinder's configuration says of a program of this name, such as `zmesdetect_m1`.

    `conf` is what `read_conf` has read, `configs` the values of Options > Logging by their names. What either lacks is as
    ZoneMinder has it at first. Raises ValueError for a name that could not be one of a file.
    """
    if not _NAME.fullmatch(name):
        raise ValueError("the name of a program has letters, digits, _ and -, 64 at most")
    file = Path(conf.get("ZM_PATH_LOGS") or _LOGS) / f"{name}.log"
    cap = 0
    file_level = _number(configs, "ZM_LOG_LEVEL_FILE")
    if configs.get("ZM_LOG_DEBUG") in {"1", "true"} and _is_meant(name, configs.get("ZM_LOG_DEBUG_TARGET", "")):
        cap = _number(configs, "ZM_LOG_DEBUG_LEVEL", 1)
        if wanted := configs.get("ZM_LOG_DEBUG_FILE", "").strip():
            file = Path(f"{wanted[:-1]}.{os.getpid():05d}" if wanted.endswith("+") else wanted)
            file_level = cap
    return LogSettings(
        name=name,
        file=file,
        file_level=min(cap, file_level),
        syslog_level=min(cap, _number(configs, "ZM_LOG_LEVEL_SYSLOG")),
        database_level=min(cap, _number(configs, "ZM_LOG_LEVEL_DATABASE")),
        server_id=max(0, _number({**configs, **conf}, "ZM_SERVER_ID", limit=2**31)),
        owner=(conf.get("ZM_WEB_USER") or "www-data", conf.get("ZM_WEB_GROUP") or "www-data"),
    )


class FileFormatter(logging.Formatter):
    """A line as in ZoneMinder's log files: time, program, process, level, where in which source, and the message."""

    def __init__(self, name: str, secrets: Secrets | None = None) -> None:
        super().__init__()
        self._name, self._secrets = name, secrets

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line, in local time as ZoneMinder's own."""
        time = f"{datetime.fromtimestamp(record.created):%m/%d/%y %H:%M:%S.%f}"  # noqa: DTZ006 (ZoneMinder's logs are local)
        where = f"{plain(record.filename)}/{record.lineno}"
        program = f"{self._name}[{record.process or os.getpid()}].{code(record.levelno)}"
        return f"{time} {program}-{where} [{text_of(record, self._secrets)}]"


class SyslogFormatter(logging.Formatter):
    """What ZoneMinder tells syslog: level, program, message."""

    def __init__(self, name: str, secrets: Secrets | None = None) -> None:
        super().__init__()
        self._name, self._secrets = name, secrets

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line."""
        return f"{code(record.levelno)} [{self._name}] [{text_of(record, self._secrets)}]"


class ConsoleFormatter(logging.Formatter):
    """A line for a terminal, in the manner of pyzm's ConsoleLog."""

    def __init__(self, secrets: Secrets | None = None) -> None:
        super().__init__()
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line, in local time."""
        time = f"{datetime.fromtimestamp(record.created):%b %d %Y %H:%M:%S.%f}"  # noqa: DTZ006 (it is for people)
        return f"{time} [{code(record.levelno)}] {text_of(record, self._secrets)}"


def text_of(record: logging.LogRecord, secrets: Secrets | None) -> str:
    """Return a record's message and traceback on one line, without secrets: a line of ZoneMinder's logs is one record."""
    text = message_of(record)
    if record.exc_info and record.exc_info[0] is not None:
        text += "\n" + redact(logging.Formatter().formatException(record.exc_info), secrets)
    return plain(text, secrets)


def file_handler(settings: LogSettings, secrets: Secrets | None = None) -> LogFile:
    """Return a handler that appends to the program's log file, which need not be there yet."""
    handler = LogFile(settings.file, settings.owner)
    handler.setFormatter(FileFormatter(settings.name, secrets))
    handler.setLevel(threshold(settings.file_level))
    return handler


def syslog_handler(
    settings: LogSettings, secrets: Secrets | None = None, *, address: str = "/dev/log"
) -> logging.handlers.SysLogHandler:
    """Return the standard library's handler for syslog, with ZoneMinder's lines.

    It tries again at each line while nobody listens at the socket `address`; that lines are lost is told once on stderr.
    """
    handler = _Syslog(address)
    handler.ident = f"{settings.name}[{os.getpid()}]: "
    handler.setFormatter(SyslogFormatter(settings.name, secrets))
    handler.setLevel(threshold(settings.syslog_level))
    return handler


def console_handler(level: int = 0, secrets: Secrets | None = None) -> logging.Handler:
    """Return a handler that writes to stderr what ZoneMinder's number `level` lets through."""
    handler = logging.StreamHandler()
    handler.setFormatter(ConsoleFormatter(secrets))
    handler.setLevel(threshold(level))
    return handler


class LogFile(logging.Handler):
    """Appends lines to one file, which somebody else rotates: what was moved away is opened anew at the next line.

    A file that can't be written costs its lines, and no more: the first one that is lost is told on stderr.
    """

    def __init__(self, path: Path, owner: tuple[str, str] | None = None) -> None:
        super().__init__()
        self.path, self._owner = path, owner
        self._fd = -1
        self._identity: tuple[int, int] | None = None
        self._is_lost = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record as one line, in one piece: other processes may write to the file too."""
        try:
            if self._fd < 0 or self._identity != _identity(self.path):
                self.reopen()
                self._open()
            os.write(self._fd, f"{self.format(record)}\n".encode("utf-8", "replace"))
            self._is_lost = False
        except OSError as error:
            if not self._is_lost:
                self._is_lost = True
                sys.stderr.write(f"{self.path} can't be written: {error.strerror}\n")

    def reopen(self) -> None:
        """Let go of the file; the next line opens it anew. For who is told that it was rotated."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd, self._identity = -1, None

    def close(self) -> None:
        """Let go of the file."""
        self.acquire()
        try:
            self.reopen()
        finally:
            self.release()
        super().close()

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
        self._fd = os.open(self.path, flags, 0o640)
        status = os.fstat(self._fd)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
            self.reopen()
            raise OSError(0, "it is not a plain file of one name")
        self._identity = (status.st_dev, status.st_ino)
        if self._owner is not None and os.geteuid() == 0 and status.st_size == 0:
            try:
                shutil.chown(self._fd, *self._owner)
            except LookupError:
                self._owner = None  # no such user here: it stays root's


class _Syslog(logging.handlers.SysLogHandler):
    """The standard library's, but for one thing: what can't be written is not printed with all that was to be said."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (logging's name)
        del record
        if not self._is_told:
            self._is_told = True
            sys.stderr.write(f"syslog at {self.address} does not take what is logged\n")

    _is_told = False


def threshold(level: int) -> int:
    """Return the level of Python from which on records are written, where ZoneMinder's threshold is this one."""
    if level >= 1:
        return debug(level) if level < _MOST_DEBUG else 1
    return next((number for number, found in _STEPS if found == level), PANIC + logging.CRITICAL)


def _number(configs: Mapping[str, str], name: str, default: int = 0, *, limit: int = _MOST_DEBUG) -> int:
    try:
        return min(limit, max(OFF, int(configs.get(name, default))))
    except ValueError:
        return default


def _is_meant(name: str, targets: str) -> bool:
    """Say whether ZoneMinder's list of programs to debug means this one: by its name, or the part of it before `_`; or all."""
    meant = {name, name.partition("_")[0], ""}
    return any(target.strip().removeprefix("_") in meant for target in targets.split("|"))


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.lstat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
