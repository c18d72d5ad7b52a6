"""The component's copy of the catalogue is the bridge's: `scripts/schemas` writes it anew."""

from __future__ import annotations

import json
from dataclasses import MISSING, fields

import pytest
from tests.bridge.install.component import COMPONENT, loaded

from vms_bridge import __version__
from vms_bridge.entities import CATALOGUE
from vms_bridge.entities.component import DEFAULTS, icons, module, rows

UNNAMED_PLATFORMS = {"camera"}
"""Whose one entity is called as its device."""


def _translations(language: str) -> dict[str, dict[str, dict[str, object]]]:
    found: dict[str, dict[str, dict[str, object]]] = json.loads((COMPONENT / "translations" / f"{language}.json").read_text())[
        "entity"
    ]
    return found


def test_the_components_catalogue_is_current() -> None:
    assert (COMPONENT / "catalogue.py").read_text(encoding="utf-8") == module(), "run scripts/schemas"


def test_what_a_row_leaves_out_is_what_the_component_takes() -> None:
    told = fields(loaded("row").Row)
    assert {field.name: field.default for field in told if field.default is not MISSING} == DEFAULTS
    assert all({field.name for field in told} == set(row) for of_scope in rows().values() for row in of_scope)


def test_its_icons_are_current() -> None:
    written = (COMPONENT / "icons.json").read_text(encoding="utf-8")
    assert icons(written) == written, "run scripts/schemas"


def test_each_row_is_in_it_once() -> None:
    assert {scope: [row["key"] for row in of_scope] for scope, of_scope in rows().items()} == {
        str(scope): [row.key for row in of_scope] for scope, of_scope in CATALOGUE.items()
    }


def test_what_is_said_anew_stays_as_it_is() -> None:
    said = json.dumps(
        {"services": {"search": {"service": "mdi:magnify"}}, "entity": {"update": {"update": {"default": "mdi:update"}}}}
    )
    made = json.loads(icons(said))
    assert made["services"] == {"search": {"service": "mdi:magnify"}}
    assert made["entity"]["update"] == {"update": {"default": "mdi:update"}}
    assert made["entity"]["sensor"]["alarm"] == {"default": "mdi:alarm-light-outline"}


def test_a_command_that_only_mqtt_knows_has_no_level() -> None:
    by_key = {row["key"]: row for row in rows()["bridge"]}
    assert by_key["replay"]["command"] == "replay"
    assert by_key["replay"]["level"] is None


def test_levels_are_those_of_the_commands() -> None:
    levels = {row["key"]: row["level"] for row in rows()["monitor"] if row["command"]}
    assert levels["armed"] == "control"
    assert levels["function"] == "control"
    assert levels["restart"] == "admin"


@pytest.mark.parametrize("language", ["en", "de"])
def test_each_row_has_a_name_in_each_language(language: str) -> None:
    said = _translations(language)
    for of_scope in rows().values():
        for row in of_scope:
            if not row["name"]:
                assert row["device_class"] or row["platform"] in UNNAMED_PLATFORMS, row["key"]
            elif row["level"] or not row["command"]:
                assert said[row["platform"]][row["key"]].get("name"), (language, row["platform"], row["key"])


def test_english_names_are_the_catalogues() -> None:
    said = _translations("en")
    for of_scope in rows().values():
        for row in of_scope:
            if row["name"] and (row["level"] or not row["command"]):
                part = f"{{{row['scope']}}}"
                assert said[row["platform"]][row["key"]]["name"] == row["name"].replace("{}", part)


@pytest.mark.parametrize("language", ["en", "de"])
def test_each_known_value_has_a_name_in_each_language(language: str) -> None:
    said = _translations(language)
    for of_scope in rows().values():
        for row in of_scope:
            if row["options"]:
                assert set(said[row["platform"]][row["key"]]["state"]) == set(row["options"])  # type: ignore[call-overload]


def test_all_languages_say_the_same() -> None:
    english, german = _translations("en"), _translations("de")
    assert {platform: sorted(english[platform]) for platform in english} == {
        platform: sorted(german[platform]) for platform in german
    }


def test_the_component_was_tested_with_this_bridge() -> None:
    said = (COMPONENT / "const.py").read_text(encoding="utf-8")
    assert f'TESTED_BRIDGE: Final = "{__version__}"' in said
