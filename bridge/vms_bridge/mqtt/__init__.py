"""MQTT: the sink that tells Home Assistant, Node-RED and everything else that speaks it."""
