"""The component's words and icons, as files: English and German say the same things, as hassfest wants them said."""

from __future__ import annotations

import re
from typing import Any

import pytest
from tests.bridge.install.component import COMPONENT, content, rows, texts

LANGUAGES = ("en", "de")
_MARKUP = re.compile(r"<[a-z][^>]*>", re.IGNORECASE)
_ADDRESS = re.compile(r"(?:\w+://|www\.)[a-z0-9.-]+\.[a-z]{2}", re.IGNORECASE)
"""An address of a name: hassfest refuses it, and lets IP addresses pass."""


def english() -> dict[str, Any]:
    said: dict[str, Any] = content("translations/en.json")
    return said


def test_each_language_is_there_and_no_other() -> None:
    assert {path.name for path in (COMPONENT / "translations").iterdir()} == {f"{language}.json" for language in LANGUAGES}


def test_both_languages_have_the_same_keys_with_the_same_placeholders() -> None:
    one, other = (dict(texts(content(f"translations/{language}.json"))) for language in LANGUAGES)
    assert one.keys() == other.keys()
    assert not [key for key in one if _placeholders(one[key]) != _placeholders(other[key])]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_text_is_clean(language: str) -> None:
    for key, text in texts(content(f"translations/{language}.json")):
        assert text == text.strip(), key
        assert text, key
        assert not _MARKUP.search(text), f"{key}: HTML"
        assert not _ADDRESS.search(text), f"{key}: addresses belong into placeholders"
        assert all(name.isidentifier() for name in re.findall(r"\{([^}]*)\}", text)), key
        assert "'{" not in text, f"{key}: behind ' no placeholder is filled in"


def test_only_parts_that_home_assistant_knows() -> None:
    assert english().keys() <= {
        *(
            "title",
            "config",
            "options",
            "config_subentries",
            "device",
            "entity",
            "entity_component",
            "exceptions",
            "issues",
            "selector",
        ),
        *("services", "triggers", "conditions", "system_health", "conversation"),
    }


def test_every_entity_has_a_name() -> None:
    """Of a device class Home Assistant has the name, and the camera has its device's."""
    named = {(platform, key) for platform, keys in english()["entity"].items() for key, said in keys.items() if "name" in said}
    assert not {(row.platform, row.key) for row in rows() if row.name} - named


def test_every_value_of_an_enumeration_has_a_word() -> None:
    for row in rows():
        if row.options:
            said = english()["entity"][row.platform][row.key]["state"]
            assert said.keys() >= set(row.options), row.key


def test_every_icon_is_one_of_material_design_and_of_an_entity_that_there_is() -> None:
    icons = content("icons.json")
    assert icons.keys() <= {"entity", "services", "triggers", "conditions"}
    assert not [key for key, icon in texts(icons) if not re.fullmatch(r"mdi:[a-z0-9]+(-[a-z0-9]+)*", icon)]
    for platform, keys in icons["entity"].items():
        for key, said in keys.items():
            assert said.keys() <= {"default", "state", "range", "state_attributes"}
            assert said["default"] not in said.get("state", {}).values(), f"{platform}.{key}: a state has the default's icon"


def test_what_has_no_device_class_has_an_icon() -> None:
    icons = content("icons.json")["entity"]
    without = {("camera", "camera"), ("event", "event"), ("image", "picture")}  # Home Assistant has icons of its own for these
    for row in rows():
        place = (row.platform, row.key)
        if row.device_class is None and place not in without:
            assert row.key in icons.get(row.platform, {}), place


def test_every_field_of_a_form_is_explained() -> None:
    """The quality scale's config-flow asks for `data_description`."""
    for flow in ("config", "options"):
        for name, step in english().get(flow, {}).get("step", {}).items():
            for part in (step, *step.get("sections", {}).values()):
                assert part.get("data", {}).keys() == part.get("data_description", {}).keys(), f"{flow}.{name}"


def _placeholders(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))
