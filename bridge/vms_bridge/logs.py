"""Logging: text or JSON lines with the time in UTC, recurring troubles logged seldom, secrets struck out."""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable

    from vms_bridge.concealment import Secrets

MESSAGE_CHARACTERS = 10_000
_SEARCHED = 20 * MESSAGE_CHARACTERS
_MARGIN = 5_000
"""What is left away of a text that is too long to be searched: half a secret may end it."""
_REPEAT_S = 600.0
_CODES = 8
_SENSITIVE = r"(?:token|password|passwd|pass|pwd|passphrase|secret|auth|credentials|api_?key|signature)"
_SECRETS = (
    # in a URL, a form or a message: token=...; what follows up to the next separator is struck out
    (re.compile(rf"(?i)(?<![a-z0-9])([a-z0-9_-]{{0,40}}{_SENSITIVE})=[^\s&\"'<>;,)\]}}]+"), r"\1=***"),
    # in JSON, and in Python's repr of a mapping
    (
        re.compile(rf"(?i)([\"'][a-z0-9_-]{{0,40}}{_SENSITIVE}[\"']\s*:\s*)(\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')"),
        r"\1'***'",
    ),
    (re.compile(r"(?i)\b(bearer|basic)\s+(?!authentication\b)[a-z0-9+/._~-]{6,}=*"), r"\1 ***"),
    (re.compile(r"\bvb_([0-9a-z]{10})_[A-Za-z0-9_-]{20,}"), r"vb_\1_***"),  # the API's own tokens
    (re.compile(r"(://[^\s/@:]*):[^\s/@]+@"), r"\1:***@"),
)
_DECEPTIVE = (0x61C, *range(0x200B, 0x2010), 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF)
"""What breaks lines, has no width or turns the direction of all that follows."""
_CONTROL = {
    **{code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))},
    **{code: f"\\u{code:04x}" for code in _DECEPTIVE},
    10: "\\n",
    13: "\\r",
    9: "\\t",
}


def redact(text: str, secrets: Secrets | None = None) -> str:
    """Return the text without these secrets and without what looks like one: a second line of defence."""
    if secrets is not None:
        text = secrets.strike(text)
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


def plain(text: str, secrets: Secrets | None = None) -> str:
    """Return a message of foreign text on one line, bounded, without secrets and control characters.

    It is struck first and cut then, so that no half of a secret is left at its end.
    """
    redacted = redact(text[:_SEARCHED], secrets)
    if len(text) > _SEARCHED:
        redacted = redacted[:-_MARGIN]
    cut = redacted if len(redacted) <= MESSAGE_CHARACTERS else f"{redacted[:MESSAGE_CHARACTERS]}..."
    return cut.translate(_CONTROL)


def message_of(record: logging.LogRecord) -> str:
    """Return what a line says, whatever it was made of: arguments that do not fit, or can't be said, must not cost the line."""
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - how something is said may be anybody's code
        return record.msg if isinstance(record.msg, str) else f"a line that can't be said ({type(record.msg).__name__})"


def configure(level: str = "info", form: str = "text", stream: TextIO | None = None, *, secrets: Secrets | None = None) -> None:
    """Send everything of `level` (debug, info, warning, error) and above to `stream` (stderr), as text or json.

    Whatever is in `secrets` at the time appears in no line.
    May be called again, as after a reload. Libraries are logged from `warning` on, at debug from `info` on.
    """
    handler = _Handler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter(secrets) if form == "json" else TextFormatter(secrets))
    root = logging.getLogger()
    for old in [old for old in root.handlers if isinstance(old, _Handler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.INFO if level == "debug" else max(logging.WARNING, _number(level)))
    logging.getLogger("vms_bridge").setLevel(_number(level))
    logging.captureWarnings(capture=True)


class _Formatter(logging.Formatter):
    """What both have: one line without secrets and terminal codes."""

    def __init__(self, secrets: Secrets | None = None) -> None:
        super().__init__()
        self._secrets = secrets

    def _message(self, record: logging.LogRecord) -> str:
        """Return the message on one line: names that come from elsewhere may hold line breaks and terminal codes."""
        return plain(message_of(record), self._secrets)

    def _trace(self, record: logging.LogRecord) -> str:
        if not record.exc_info or record.exc_info[0] is None:
            return ""
        return redact(logging.Formatter().formatException(record.exc_info), self._secrets)


class TextFormatter(_Formatter):
    """One line for people; a traceback follows on lines of its own."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text."""
        line = f"{_time(record)} {record.levelname.lower():7} {record.name}: {self._message(record)}"
        trace = self._trace(record)
        return f"{line}\n{trace}" if trace else line


class JsonFormatter(_Formatter):
    """One JSON object a line: time, level, logger, message, and `trace` where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON."""
        entry = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._message(record),
        }
        if trace := self._trace(record):
            entry["trace"] = trace
        return json.dumps(entry, ensure_ascii=False)


class Trouble:
    """Something that may go wrong again and again: logged at once, then seldom with a count, and once when it is over.

    `monotonic` is the clock's; a cause (`code`) that is new in this trouble is reported at once too.
    """

    def __init__(
        self, logger: logging.Logger, subject: str, monotonic: Callable[[], float], *, repeat_s: float = _REPEAT_S
    ) -> None:
        self._logger, self._subject, self._monotonic, self._repeat_s = logger, subject, monotonic, repeat_s
        self._began: float | None = None
        self._reported_at = 0.0
        self._count = 0
        self._codes: set[str] = set()

    @property
    def is_on(self) -> bool:
        """Whether the trouble lasts."""
        return self._began is not None

    def report(self, message: object, *, hint: str = "", code: str = "", level: int = logging.WARNING) -> bool:
        """Note that it went wrong (again), and say whether a line was written. `message` may be an exception."""
        now = self._monotonic()
        is_news = self._began is None or (code not in self._codes and len(self._codes) < _CODES)
        self._began = now if self._began is None else self._began
        self._count += 1
        self._codes.add(code)
        if not is_news and now - self._reported_at < self._repeat_s:
            return False
        self._reported_at = now
        often = f" ({self._count} times in {_duration(now - self._began)})" if self._count > 1 else ""
        is_option = hint.partition(" ")[0].endswith(":")  # `url: must be ...` names an option as it is written
        remedy = f". {hint if is_option else hint[0].upper() + hint[1:]}" if hint else ""
        self._logger.log(level, "%s: %s%s%s", self._subject, message, often, remedy)
        return True

    def over(self) -> None:
        """Note that it works again; says so if there was a trouble."""
        if self._began is None:
            return
        lasted = _duration(self._monotonic() - self._began)
        plural = "" if self._count == 1 else "s"
        self._logger.info("%s: works again, after %s and %d failure%s", self._subject, lasted, self._count, plural)
        self._began, self._count = None, 0
        self._codes.clear()


class _Handler(logging.StreamHandler[TextIO]):
    """Ours, to be distinguished from the handlers of others."""


def _number(level: str) -> int:
    return logging.getLevelNamesMapping()[level.upper()]


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _duration(seconds: float) -> str:
    """Return a duration as people say it."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
