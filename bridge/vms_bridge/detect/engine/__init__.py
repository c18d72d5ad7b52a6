"""The bridge's side of the process that looks at pictures."""

from vms_bridge.detect.engine.drawn import Drawn
from vms_bridge.detect.engine.engine import Engine
from vms_bridge.detect.engine.health import EngineHealth, EngineState

__all__ = ["Drawn", "Engine", "EngineHealth", "EngineState"]
