"""`vms-bridge script`: a module for each verb; those about scripts that run ask the bridge, the others need none."""

from __future__ import annotations

from vms_bridge.cli.verbs import Verb, Verbs

VERBS: dict[str, Verb] = {
    "new": Verb("vms_bridge.cli.script.new", "Write a new script that works, to be changed."),
    "test": Verb("vms_bridge.cli.script.test", "Try a script: in its real sandbox, with a bridge that is made up."),
    "lint": Verb("vms_bridge.cli.script.lint", "Say what is wrong with scripts, before a bridge runs them."),
    "run": Verb("vms_bridge.cli.script.run", "Try a script with what happens at a running bridge now."),
    "record": Verb("vms_bridge.cli.script.record", "Record what happens at a running bridge, to try scripts by it."),
    "list": Verb("vms_bridge.cli.script.list", "List the scripts, and how each fares."),
    "show": Verb("vms_bridge.cli.script.show", "Show one script: what it may do, and why it did not start."),
    "approve": Verb("vms_bridge.cli.script.approve", "Let a script run as it asks, once you have seen what that is."),
    "revoke": Verb("vms_bridge.cli.script.revoke", "Take a script's approval back, and end it."),
    "stop": Verb("vms_bridge.cli.script.stop", "End a script until it is restarted."),
    "restart": Verb("vms_bridge.cli.script.restart", "Start a script anew."),
    "logs": Verb("vms_bridge.cli.script.logs", "Show what a script has said."),
    "state": Verb("vms_bridge.cli.script.state", "Show what a script keeps, export it, or have it forgotten."),
    "settings": Verb("vms_bridge.cli.script.settings", "Show a script's settings, or set some of them."),
    "upload": Verb("vms_bridge.cli.script.upload", "Put a file into the bridge's folder of scripts."),
    "delete": Verb("vms_bridge.cli.script.delete", "End a script, and remove all of it."),
}
command = Verbs(
    "script", help="Write, try, approve and look after scripts: people's own Python that the bridge runs.", verbs=VERBS
)
