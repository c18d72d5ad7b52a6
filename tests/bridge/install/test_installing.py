"""What Home Assistant's Marketplace, HACS and hassfest ask of the repository, held by reading it (facts of 2026.11)."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from tests.bridge.install.component import COMPONENT, ROOT, content, tracked

import vms_bridge

MANIFEST_KEYS = frozenset(
    {
        *("after_dependencies", "bluetooth", "categories", "codeowners", "config_flow", "connectivity", "dependencies", "dhcp"),
        *("disabled", "documentation", "domain", "homekit", "import_executor", "integration_type", "iot_class", "issue_tracker"),
        *("loggers", "mqtt", "name", "overlay", "quality_scale", "requirements", "single_config_entry", "ssdp", "usb", "version"),
        *("zeroconf",),
    }
)
"""What hassfest takes in the manifest of a custom integration."""
REQUIRED = frozenset({"codeowners", "documentation", "domain", "issue_tracker", "name", "version"})
"""What HACS and the Marketplace ask for; hassfest asks for `iot_class` besides."""
HACS_KEYS = frozenset(
    {
        *(
            "content_in_root",
            "country",
            "filename",
            "hacs",
            "hide_default_branch",
            "homeassistant",
            "name",
            "persistent_directory",
        ),
        *("render_readme", "zip_release"),
    }
)
LEAST_HOME_ASSISTANT = (2026, 9)
"""From then on there are child devices, and probatio."""
MOST_FILES = 50_000
MOST_BYTES = 100 * 2**20


def manifest() -> dict[str, Any]:
    said: dict[str, Any] = content("manifest.json")
    return said


def test_there_is_one_component_and_nothing_beside_it() -> None:
    folders = {name.split("/")[1] for name in tracked() if name.startswith("custom_components/")}
    assert folders == {"vms_bridge"}
    assert (COMPONENT / "__init__.py").is_file()


def test_the_repository_is_not_too_large_to_be_installed() -> None:
    files = tracked()
    assert len(files) < MOST_FILES
    assert sum((ROOT / name).stat().st_size for name in files) < MOST_BYTES


def test_no_file_is_called_as_those_of_apps() -> None:
    """The Supervisor takes every folder with a `config.yaml`, however deep it is, for an app."""
    assert not [name for name in tracked() if re.search(r"(^|/)config\.(yaml|yml|json)$", name)]
    assert not [name for name in tracked() if re.search(r"^repository\.(yaml|yml|json)$", name)]


def test_the_manifest_has_what_it_needs_and_nothing_unknown() -> None:
    said = manifest()
    assert said.keys() >= REQUIRED
    assert said.keys() <= MANIFEST_KEYS
    assert said["domain"] == COMPONENT.name == "vms_bridge"
    assert said["iot_class"] == "local_push"
    assert said["integration_type"] == "hub"
    assert said["config_flow"] is True
    assert said["requirements"] == []
    assert all(owner.startswith("@") for owner in said["codeowners"])
    assert said["documentation"].startswith("https://")
    assert said["issue_tracker"].startswith("https://")


def test_the_manifest_is_in_hassfest_order() -> None:
    keys = list(manifest())
    assert keys == ["domain", "name", *sorted(set(keys) - {"domain", "name"})]


def test_the_version_is_one_that_the_loader_takes_and_that_of_the_bridge() -> None:
    version = manifest()["version"]
    assert re.fullmatch(r"\d+\.\d+\.\d+([ab]\d+|rc\d+|-(alpha|beta|rc)\.\d+)?", version)
    assert version == vms_bridge.__version__
    assert f'"{version}"' in _text("const.py"), "it does not name the bridge that it was tested with"


def test_the_documentation_leads_to_a_page_that_there_is() -> None:
    _, _, page = manifest()["documentation"].partition("/blob/main/")
    assert (ROOT / page).is_file()


def test_hacs_json_has_known_keys_only_and_no_archive() -> None:
    said = json.loads((ROOT / "hacs.json").read_text(encoding="utf-8"))
    assert said.keys() <= HACS_KEYS
    assert said["name"] == manifest()["name"]
    assert not said.get("zip_release"), "the Marketplace can't install it from its catalogue then"
    assert not said.get("content_in_root")
    assert tuple(int(part) for part in said["homeassistant"].split(".")[:2]) >= LEAST_HOME_ASSISTANT


def test_the_repository_says_what_it_is_and_how_it_may_be_used() -> None:
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Home Assistant" in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", ["trigger", "condition"])
def test_triggers_and_conditions_are_described(kind: str) -> None:
    assert (COMPONENT / f"{kind}.py").exists() == (COMPONENT / f"{kind}s.yaml").exists()


def test_nothing_of_core_s_own_ways_is_used() -> None:
    assert not (COMPONENT / "strings.json").exists(), "it does not work in a custom integration"
    assert "[%key" not in _text("translations/en.json")


def _text(name: str) -> str:
    return (COMPONENT / name).read_text(encoding="utf-8")
