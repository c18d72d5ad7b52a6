"""By what the bridge knows again what it has sent out itself."""

from __future__ import annotations

SCRIPTS_VIA = "vms-bridge-script"
"""What stands in `Via` of all that scripts ask for by HTTP: no bridge's API is for them."""
