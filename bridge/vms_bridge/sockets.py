"""Where the bridge's unix sockets are: the API makes one, the command line finds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

LONGEST_PATH = 107
"""How many bytes the path of a unix socket may have (unix(7): 108 with the zero at its end)."""


def api_socket(data_dir: Path) -> Path:
    """Return the path of the API's socket."""
    return data_dir.absolute() / "api.sock"
