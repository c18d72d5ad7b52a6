"""A VMS Bridge backend for cameras that drop pictures into folders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.backends.base import BackendKind
from vms_bridge_folder.backend import FolderBackend, FolderConfig

if TYPE_CHECKING:
    from pydantic import BaseModel

    from vms_bridge.backends.base import Backend
    from vms_bridge.clock import Clock


def create(system: str, config: BaseModel, clock: Clock) -> Backend:
    """Make the backend of one configured system."""
    assert isinstance(config, FolderConfig)  # noqa: S101  # the registry hands over what `config` below made
    return FolderBackend(system, config, clock)


KIND = BackendKind(name="folder", title="Picture folders", config=FolderConfig, create=create)
