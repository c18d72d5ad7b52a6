"""What the parts of the component have in common."""

from __future__ import annotations

import logging
from typing import Final

from homeassistant.const import Platform

DOMAIN: Final = "vms_bridge"
LOGGER: Final = logging.getLogger(__package__)

CONF_BRIDGE_ID: Final = "bridge_id"
CONF_FINGERPRINT: Final = "fingerprint"

PLATFORMS: Final = (
    Platform.BINARY_SENSOR,
    Platform.BUTTON,
    Platform.CAMERA,
    Platform.EVENT,
    Platform.IMAGE,
    Platform.NUMBER,
    Platform.SELECT,
    Platform.SENSOR,
    Platform.SWITCH,
    Platform.UPDATE,
)

TESTED_BRIDGE: Final = "0.1.0"
"""The version of the bridge that this component was tested with."""
