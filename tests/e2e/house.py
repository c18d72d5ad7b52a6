"""A house for automations: a door, a light, the sun, phones, and the blueprints."""

from __future__ import annotations

import shutil
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "blueprints"
HOUSE = """
automation: !include automations.yaml
mobile_app:
sun:
input_boolean: {door: {name: Back door}, lamp: {name: Lamp}}
template:
  - light:
      - name: Porch
        state: "{{ is_state('input_boolean.lamp', 'on') }}"
        turn_on: {action: input_boolean.turn_on, target: {entity_id: input_boolean.lamp}}
        turn_off: {action: input_boolean.turn_off, target: {entity_id: input_boolean.lamp}}
"""
"""What automations need of Home Assistant, and a door and a light for them."""


def furnish(config: Path) -> None:
    """Put a house and the blueprints into a Home Assistant's configuration, before it starts."""
    shutil.copytree(FOLDER, config / "blueprints")
    (config / "automations.yaml").write_text("[]\n")
    with (config / "configuration.yaml").open("a") as file:
        file.write(HOUSE)
