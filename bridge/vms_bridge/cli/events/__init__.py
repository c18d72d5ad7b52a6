"""`vms-bridge events`."""

from __future__ import annotations

from vms_bridge.cli.verbs import Verb, Verbs

command = Verbs(
    "events",
    help="Search the events that the systems have recorded, and download their clips and pictures.",
    verbs={
        "list": Verb("vms_bridge.cli.events.list", "List events, the newest first."),
        "show": Verb("vms_bridge.cli.events.show", "Show all that is known of one event."),
        "download": Verb("vms_bridge.cli.events.download", "Download the clips or pictures of events."),
    },
)
