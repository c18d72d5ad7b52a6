"""Models: what may be read, what it is, and how what it tells becomes boxes. Nothing of it runs in the bridge's own process."""

from __future__ import annotations

from vms_bridge.detect.models.loading import load
from vms_bridge.detect.models.model import Model
from vms_bridge.detect.models.values import Candidates, InputForm
from vms_bridge.errors import ModelRefused

__all__ = ["Candidates", "InputForm", "Model", "ModelRefused", "load"]
