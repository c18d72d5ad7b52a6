"""`vms-bridge vxg`: a VXG Cloud VMS itself, asked without a bridge."""

from __future__ import annotations

from vms_bridge.cli.verbs import Verb, Verbs

command = Verbs(
    "vxg",
    help="Ask a VXG Cloud VMS itself, without a bridge: one of the configuration (--system), or any other (--url).",
    verbs={
        "channels": Verb("vms_bridge.cli.vxg.channels", "List channels, show how they are, and set when they record."),
        "groups": Verb("vms_bridge.cli.vxg.groups", "Make, change and delete groups of channels, and their tokens."),
        "images": Verb("vms_bridge.cli.vxg.images", "Take pictures: of now, at any rate, and of what was recorded."),
        "clips": Verb("vms_bridge.cli.vxg.clips", "Have clips of any length be made, and save them."),
        "live": Verb("vms_bridge.cli.vxg.live", "Print the addresses of live video."),
        "events": Verb("vms_bridge.cli.vxg.events", "List, follow and tag events."),
        "meta": Verb("vms_bridge.cli.vxg.meta", "Record, find and delete metadata of channels."),
    },
)
