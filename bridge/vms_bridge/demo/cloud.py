"""A simulated VXG Cloud VMS in the demo, beside the simulated house: a process of its own, which `scripts/demo --vxg` starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import SecretStr, ValidationError

from vms_bridge.backends import load_kind
from vms_bridge.config import SystemConfig
from vms_bridge.errors import ConfigError
from vms_bridge.keys import MonitorRules

if TYPE_CHECKING:
    from pathlib import Path

SYSTEM = "cloud"
_LONGEST = 65_536
_HINT = "start it by scripts/demo --vxg, or name the file with what python -m tests.fakes.vxg --life says"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """Where it is, and the token of its channels."""

    url: str
    token: SecretStr


def read(path: Path) -> Cloud:
    """Read what the simulator has said of itself: lines of `url` and `token`. Blocking. Raises ConfigError."""
    try:
        with path.open(encoding="utf-8") as file:
            said = dict(line.split(None, 1) for line in file.read(_LONGEST).splitlines() if len(line.split(None, 1)) == 2)
    except (OSError, ValueError) as error:
        raise ConfigError(f"what the simulated VXG says of itself can't be read: {error}", hint=_HINT) from None
    if not {"url", "token"} <= said.keys():
        raise ConfigError("the simulated VXG does not say where it is", hint=_HINT)
    return Cloud(url=said["url"].strip(), token=SecretStr(said["token"].strip()))


def section(cloud: Cloud) -> SystemConfig:
    """Return the system of its channels, to which is written back what is found in their pictures. Raises ConfigError."""
    kind = load_kind("vxg")
    try:
        settings = kind.config.model_validate({"url": cloud.url, "token": cloud.token, "write_metadata": True})
    except ValidationError:
        raise ConfigError("the simulated VXG does not say rightly where it is", hint=_HINT) from None
    return SystemConfig(key=SYSTEM, kind=kind, name="Simulated VXG", rules=MonitorRules(), settings=settings)


def said(cloud: Cloud, *, detects: bool) -> str:
    """Return the line by which the demo tells of it."""
    what = "what is found in their pictures is written back, as" if detects else "what would be written back"
    return f"VXG:           its channels are in the same table; {what} {cloud.url}/ shows."
