"""The command line: one module for each verb, imported when the verb is used, so that `--help` stays quick."""

from __future__ import annotations

from vms_bridge.cli.codes import FAILED, INTERNAL, INTERRUPTED, MISCONFIGURED, OK, REFUSED, USAGE
from vms_bridge.cli.program import main

__all__ = ["FAILED", "INTERNAL", "INTERRUPTED", "MISCONFIGURED", "OK", "REFUSED", "USAGE", "main"]
