"""The configuration: one YAML file, checked to its last key before anything starts."""

from vms_bridge.config.config import (
    Config,
    FileOptions,
    LogConfig,
    MonitorOptions,
    SinkConfig,
    SystemConfig,
    SystemOptions,
    default_data_dir,
    load,
)
from vms_bridge.config.keeping import ClipsConfig, IndexConfig, RetentionConfig

__all__ = [
    "ClipsConfig",
    "Config",
    "FileOptions",
    "IndexConfig",
    "LogConfig",
    "MonitorOptions",
    "RetentionConfig",
    "SinkConfig",
    "SystemConfig",
    "SystemOptions",
    "default_data_dir",
    "load",
]
