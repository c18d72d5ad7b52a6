"""`vms-bridge script`: a module for each verb; those about scripts that run ask the bridge, the others need none."""

from __future__ import annotations

from vms_bridge.cli.verbs import Verb, Verbs

VERBS: dict[str, Verb] = {}
command = Verbs(
    "script", help="Write, try, approve and look after scripts: people's own Python that the bridge runs.", verbs=VERBS
)
