"""`vms-bridge events`."""

from __future__ import annotations

from vms_bridge.cli.verbs import Verb, Verbs

command = Verbs(
    "events",
    help="Search the events that the systems have recorded, download their clips and pictures, and keep or delete them.",
    verbs={
        "list": Verb("vms_bridge.cli.events.list", "List events, the newest first."),
        "show": Verb("vms_bridge.cli.events.show", "Show all that is known of one event."),
        "download": Verb("vms_bridge.cli.events.download", "Download the clips or pictures of events."),
        "archive": Verb("vms_bridge.cli.events.archive", "Keep events when the VMS makes room."),
        "lock": Verb("vms_bridge.cli.events.lock", "Protect events from being deleted."),
        "tag": Verb("vms_bridge.cli.events.tag", "Give events a tag, or take it away."),
        "note": Verb("vms_bridge.cli.events.note", "Replace the notes of an event."),
        "delete": Verb("vms_bridge.cli.events.delete", "Delete events for good."),
    },
)
