"""Values of the model as a frame can carry them: plain JSON, which the encoder of states makes as all sinks say it."""

from __future__ import annotations

import json
from typing import Any

from vms_bridge.entities.states import encode


def plain(value: object) -> Any:  # noqa: ANN401 - any JSON
    """Return what is said of a value by JSON: times as texts, in UTC, numbers that JSON lacks as null."""
    return json.loads(encode(value))
