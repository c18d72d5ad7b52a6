"""`vms-bridge completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from vms_bridge.cli.output import say

_SHELLS = ("bash", "zsh", "fish")


@click.command("completion")
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def command(context: click.Context, *, shell: str) -> None:
    r"""Print the script by which a shell completes verbs, options, and what the running bridge has.

    \b
    bash: eval "$(vms-bridge completion bash)" in ~/.bashrc
    zsh:  eval "$(vms-bridge completion zsh)" in ~/.zshrc
    fish: vms-bridge completion fish > ~/.config/fish/completions/vms-bridge.fish
    """
    root = context.find_root()
    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101  # click has these three
    say(kind(root.command, {}, root.info_name or "vms-bridge", "_VMS_BRIDGE_COMPLETE").source())
