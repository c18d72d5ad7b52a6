"""`vms-bridge zm events`."""

from __future__ import annotations

from vms_bridge.cli.verbs import Verb, Verbs

command = Verbs(
    "events",
    help="Search, download, note, archive and delete the events that ZoneMinder has recorded.",
    verbs={
        "list": Verb("vms_bridge.cli.zm.events.list", "List events, the newest first."),
        "count": Verb("vms_bridge.cli.zm.events.count", "Say how many there are."),
        "show": Verb("vms_bridge.cli.zm.events.show", "Show all that is known of one event."),
        "frames": Verb("vms_bridge.cli.zm.events.frames", "List the frames of an event, with their scores."),
        "download": Verb("vms_bridge.cli.zm.events.download", "Download videos or pictures of events."),
        "url": Verb("vms_bridge.cli.zm.events.url", "Print the address of a video or picture, with a token in it."),
        "note": Verb("vms_bridge.cli.zm.events.note", "Write the notes of an event."),
        "tag": Verb("vms_bridge.cli.zm.events.tag", "Give events a tag, or take it away."),
        "archive": Verb("vms_bridge.cli.zm.events.archive", "Archive events, or have them be so no more."),
        "lock": Verb("vms_bridge.cli.zm.events.lock", "Lock events, so that no filter deletes them, or unlock them."),
        "delete": Verb("vms_bridge.cli.zm.events.delete", "Delete events."),
    },
)
