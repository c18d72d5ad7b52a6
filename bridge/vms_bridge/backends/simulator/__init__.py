"""A simulated VMS: the demo's world, a fake for load tests, and the backend to copy when writing one (docs/backends.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.backends.base import BackendKind
from vms_bridge.backends.simulator.backend import Simulator
from vms_bridge.backends.simulator.config import SimulatorConfig

if TYPE_CHECKING:
    from pydantic import BaseModel

    from vms_bridge.backends.base import Backend
    from vms_bridge.clock import Clock


def create(system: str, config: BaseModel, clock: Clock) -> Backend:
    """Make the backend of one configured system; connects to nothing yet."""
    assert isinstance(config, SimulatorConfig)  # noqa: S101  # the registry hands over what `config` below made
    return Simulator(system, config, clock)


KIND = BackendKind(name="simulator", title="Simulator", config=SimulatorConfig, create=create)
"""What the registry looks for, under this name, in each package of `backends/`."""
