"""`python -m vms_bridge` is `vms-bridge`."""

from __future__ import annotations

import sys

from vms_bridge.cli import main

sys.exit(main())
