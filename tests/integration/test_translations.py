"""Texts: complete in four languages, and within the rules of hassfest."""

import json
import re
import string
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from custom_components.flukso import actions, energy_dashboard
from custom_components.flukso.condition import CONDITIONS
from custom_components.flukso.demand_sensor import DEMANDS
from custom_components.flukso.hub_sensor import HUB_SENSORS, REJECTED_LINES
from custom_components.flukso.phase_sensor import PHASES
from custom_components.flukso.quantities import QUANTITY_COUNTERS, QUANTITY_GAUGES
from custom_components.flukso.sensor import COUNTERS, GAUGES, NET_POWER, POWER_DRAWN
from custom_components.flukso.trigger import TRIGGERS

INTEGRATION = Path(__file__).parents[2] / "custom_components" / "flukso"
LANGUAGES = ["en", "nl", "fr", "de"]
STANDARD = {"already_configured", "already_in_progress", "reauth_successful", "reconfigure_successful"}
"""Reasons that Home Assistant gives by itself."""


def texts(tree: dict[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Yield each text with its path."""
    for key, value in tree.items():
        place = f"{path}.{key}" if path else key
        if isinstance(value, dict):
            yield from texts(value, place)
        else:
            yield place, value


def load(language: str) -> dict[str, str]:
    return dict(texts(json.loads((INTEGRATION / "translations" / f"{language}.json").read_text())))


ENGLISH = load("en")
ACTIONS = [energy_dashboard.ACTION, actions.IMPORT_HISTORY, actions.REMOVE_HISTORY]


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_these_are_the_languages() -> None:
    assert {path.stem for path in (INTEGRATION / "translations").glob("*.json")} == set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_complete_with_the_same_placeholders(language: str) -> None:
    there = load(language)
    assert list(there) == list(ENGLISH)
    assert {key: placeholders(text) for key, text in there.items()} == {
        key: placeholders(text) for key, text in ENGLISH.items()
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_rules_of_hassfest(language: str) -> None:
    for key, text in load(language).items():
        assert text == text.strip(), key
        assert text, key
        assert not re.search(r"<[a-z/]", text), f"{key}: no HTML"
        assert "://" not in text, f"{key}: no addresses"
        assert "[%key" not in text, f"{key}: references are resolved in core only"
        assert not re.search(r"'\{\w+\}'", text), f"{key}: no placeholder in single quotes"
        assert "\N{EM DASH}" not in text, key
        assert all(re.fullmatch(r"[a-z0-9_]+", part) for part in key.split(".")), key


def test_every_field_is_described() -> None:
    fields = {key for key in ENGLISH if re.fullmatch(r".*\.step\.\w+\.data\.\w+", key)}
    described = {key.replace(".data_description.", ".data.") for key in ENGLISH if ".data_description." in key}
    assert fields == described


def test_every_key_that_the_code_uses_has_its_text() -> None:
    source = "".join(path.read_text() for path in INTEGRATION.glob("*.py"))
    flow = (INTEGRATION / "config_flow.py").read_text()
    errors = set(re.findall(r'errors\["?\w+"?\] = "(\w+)"', flow)) | set(re.findall(r'return "(\w+)"', flow))
    aborts = set(re.findall(r'async_abort\(reason="(\w+)"\)', flow)) | set(re.findall(r'return "(\w+)"', flow))
    for issue in re.findall(r"translation_key=([A-Z_]+)", source):
        key = re.search(rf'{issue}: Final = "(\w+)"', source)
        assert key is not None
        assert f"issues.{key[1]}.title" in ENGLISH
    for key in errors:
        assert f"config.error.{key}" in ENGLISH
    for key in aborts | STANDARD:
        assert f"config.abort.{key}" in ENGLISH
    for key in set(re.findall(r'step_id="(\w+)"', flow)) | {"user", "reconfigure"}:
        assert any(text.startswith(f"config.step.{key}.") for text in ENGLISH)
    exceptions = set(re.findall(r'translation_domain=DOMAIN,\s+translation_key="(\w+)"', source))
    exceptions |= set(re.findall(r'_refusal\("(\w+)"', source))
    exceptions |= {"cannot_connect", "invalid_response", "not_found", "import_progress"}
    assert {key.split(".")[1] for key in ENGLISH if key.startswith("exceptions.")} == exceptions


def test_every_text_is_used() -> None:
    source = "".join(path.read_text() for path in INTEGRATION.glob("*.py"))
    for key in ENGLISH:
        parts = key.split(".")
        if key.startswith(("config.error.", "config.abort.")):
            assert parts[2] in STANDARD or f'"{parts[2]}"' in source, key
        elif key.startswith(("entity.", "device.", "exceptions.", "issues.", "system_health.")):
            name = parts[2] if parts[0] in ("entity", "system_health") else parts[1]
            assert f'"{name}"' in source, key


def test_issues_have_a_title_and_either_a_description_or_a_fix() -> None:
    for issue in {key.split(".")[1] for key in ENGLISH if key.startswith("issues.")}:
        assert f"issues.{issue}.title" in ENGLISH
        fixable = any(key.startswith(f"issues.{issue}.fix_flow.step.") for key in ENGLISH)
        assert fixable is not (f"issues.{issue}.description" in ENGLISH)


def test_entities_have_names_and_icons() -> None:
    """Those without a translation key are named and drawn by their device class, in core's sixty languages."""
    icons = json.loads((INTEGRATION / "icons.json").read_text())
    assert set(icons["entity"]) == {"binary_sensor", "sensor", "update"}
    for platform, drawn in icons["entity"].items():
        for key, icon in drawn.items():
            assert f"entity.{platform}.{key}.name" in ENGLISH
            assert icon["default"].startswith("mdi:")
    sensors = (
        *GAUGES.values(),
        *COUNTERS.values(),
        *QUANTITY_GAUGES.values(),
        *QUANTITY_COUNTERS.values(),
        NET_POWER,
        POWER_DRAWN,
        *PHASES,
        *DEMANDS,
        *HUB_SENSORS,
        REJECTED_LINES,
    )
    keys = {entity.translation_key for entity in sensors if entity.translation_key}
    assert set(icons["entity"]["sensor"]) == keys | {"named_rejected_lines"}


@pytest.mark.parametrize(
    ("kind", "icon", "names"),
    [("triggers", "trigger", TRIGGERS), ("conditions", "condition", CONDITIONS), ("services", "service", ACTIONS)],
)
def test_what_automations_use_is_described(kind: str, icon: str, names: Collection[str]) -> None:
    """Each trigger, condition and action has texts for itself and its fields, and an icon; there are no others."""
    described = yaml.safe_load((INTEGRATION / f"{kind}.yaml").read_text())
    described = {name: said for name, said in described.items() if not name.startswith(".")}
    assert set(described) == set(names)
    icons = json.loads((INTEGRATION / "icons.json").read_text())[kind]
    assert {name: set(said) for name, said in icons.items()} == {name: {icon} for name in names}
    wanted = {f"{kind}.{name}.{text}" for name in names for text in ("name", "description")} | {
        f"{kind}.{name}.fields.{field}.{text}"
        for name, said in described.items()
        for field in said["fields"]
        for text in ("name", "description")
    }
    assert {key for key in ENGLISH if key.startswith(f"{kind}.")} == wanted


def test_options_of_actions_are_described() -> None:
    services = yaml.safe_load((INTEGRATION / "services.yaml").read_text())
    options = set()
    for service in services.values():
        for field in service["fields"].values():
            select = field["selector"].get("select", {})
            options |= {
                f"selector.{select['translation_key']}.options.{option}" for option in select.get("options", ())
            }
    assert {key for key in ENGLISH if key.startswith("selector.")} == options
