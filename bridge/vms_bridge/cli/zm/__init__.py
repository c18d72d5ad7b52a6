"""`vms-bridge zm`: ZoneMinder itself, asked without a bridge."""

from __future__ import annotations

from vms_bridge.cli.verbs import Verb, Verbs

command = Verbs(
    "zm",
    help="Ask a ZoneMinder itself, without a bridge: one of the configuration (--system), or any other (--url).",
    verbs={
        "version": Verb("vms_bridge.cli.zm.version", "Show which ZoneMinder it is, and whether the login works."),
        "monitors": Verb("vms_bridge.cli.zm.monitors", "Show, change, add and delete monitors, and force their alarms."),
        "events": Verb("vms_bridge.cli.zm.events", "Search, download, note, archive and delete events."),
        "states": Verb("vms_bridge.cli.zm.states", "Show and set the run state; start, stop and restart ZoneMinder."),
        "configs": Verb("vms_bridge.cli.zm.configs", "Show and set ZoneMinder's options."),
        "zones": Verb("vms_bridge.cli.zm.zones", "Show the monitors' zones."),
        "groups": Verb("vms_bridge.cli.zm.groups", "Show the groups of monitors."),
        "servers": Verb("vms_bridge.cli.zm.servers", "Show the servers, and how they are."),
        "storage": Verb("vms_bridge.cli.zm.storage", "Show where events are kept, and how full it is."),
        "logs": Verb("vms_bridge.cli.zm.logs", "Show ZoneMinder's log."),
        "users": Verb("vms_bridge.cli.zm.users", "Show the users and their permissions."),
        "ptz": Verb("vms_bridge.cli.zm.ptz", "Move a camera."),
    },
)
