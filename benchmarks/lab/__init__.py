"""What the benchmarks share: processes, raw MQTT, tables."""
