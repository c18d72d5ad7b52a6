"""ZoneMinder's own configuration on its host: `zm.conf`, and what `conf.d` changes of it. Its passwords are left out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from vms_bridge.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CONF = Path("/etc/zm")
"""Where packages put it."""
_MOST_BYTES = 256 * 1024
_MOST_FILES = 200
_LINE = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]{0,100})\s*=\s*(.*?)\s*")
_SECRET = re.compile(r"PASS|SECRET|KEY")


def read_conf(directory: Path = CONF) -> Mapping[str, str]:
    """Return what `zm.conf` says and `conf.d/*.conf` changes, in the order of their names. Raises ConfigError.

    It blocks for as long as the disk does. Whatever holds a password or a key is not in it.
    """
    try:
        files = [directory / "zm.conf", *sorted((directory / "conf.d").glob("*.conf"))[:_MOST_FILES]]
        return {name: value for file in files for name, value in parse_conf(_text(file)) if not _SECRET.search(name)}
    except PermissionError as error:
        hint = "run this as a user of ZoneMinder's group, www-data or apache"
        raise ConfigError("may not be read by this user", hint=hint, file=error.filename) from None
    except FileNotFoundError as error:
        hint = "name the directory that ZoneMinder's zm.conf is in; on another host than ZoneMinder's there is none"
        raise ConfigError("is not there", hint=hint, file=error.filename) from None
    except OSError as error:
        raise ConfigError(f"can't be read: {error.strerror}", file=str(error.filename or directory)) from None


def parse_conf(text: str) -> Iterator[tuple[str, str]]:
    """Yield each name with its value, as ZoneMinder reads them: a line each, `#` begins a comment, quotes around a value go."""
    for line in text.splitlines():
        found = _LINE.fullmatch(line)
        if found is not None:
            yield found[1], found[2].strip("'\"")


def _text(file: Path) -> str:
    with file.open("rb") as opened:
        raw = opened.read(_MOST_BYTES + 1)
    if len(raw) > _MOST_BYTES:
        raise ConfigError(f"has more than {_MOST_BYTES} bytes", hint="is it ZoneMinder's?", file=str(file))
    return raw.decode("utf-8", "replace")
