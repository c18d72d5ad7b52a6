"""Home Assistant's discovery over MQTT: what is announced of devices and entities, and when. This is its one door."""

from vms_bridge.mqtt.homeassistant.announcer import Announcer
from vms_bridge.mqtt.homeassistant.discovery import Offer

__all__ = ["Announcer", "Offer"]
