"""`vms-bridge detect`."""

from __future__ import annotations

from vms_bridge.cli.verbs import Verb, Verbs

command = Verbs(
    "detect",
    help="Look at pictures, videos and events; make models and configurations of others readable.",
    verbs={
        "run": Verb("vms_bridge.cli.detect.run", "Say what is in pictures, videos and events, or before a monitor."),
        "import": Verb("vms_bridge.cli.detect.import_", "Make a section `detection` of what pyzm is configured by."),
        "convert": Verb("vms_bridge.cli.detect.convert", "Make a model of Darknet's readable: .cfg and .weights."),
    },
)
