"""MQTT: the sink that publishes to Home Assistant, Node-RED and everything else that speaks it."""
