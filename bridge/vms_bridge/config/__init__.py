"""The configuration: one YAML file, checked to its last key before anything starts."""

from vms_bridge.config.config import (
    Config,
    FileOptions,
    IndexConfig,
    LogConfig,
    MonitorOptions,
    RetentionConfig,
    SinkConfig,
    SystemConfig,
    SystemOptions,
    load,
)

__all__ = [
    "Config",
    "FileOptions",
    "IndexConfig",
    "LogConfig",
    "MonitorOptions",
    "RetentionConfig",
    "SinkConfig",
    "SystemConfig",
    "SystemOptions",
    "load",
]
