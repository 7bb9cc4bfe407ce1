"""quality_scale.yaml: all rules of the scale, filled in honestly."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
INTEGRATION = ROOT / "custom_components" / "flukso"
DOCS = (ROOT / "docs" / "home-assistant.md").read_text()

TIERS = {
    "bronze": [
        "action-setup",
        "appropriate-polling",
        "brands",
        "common-modules",
        "config-flow",
        "config-flow-test-coverage",
        "dependency-transparency",
        "docs-actions",
        "docs-conditions",
        "docs-high-level-description",
        "docs-installation-instructions",
        "docs-removal-instructions",
        "docs-triggers",
        "entity-event-setup",
        "entity-unique-id",
        "has-entity-name",
        "runtime-data",
        "test-before-configure",
        "test-before-setup",
        "unique-config-entry",
    ],
    "silver": [
        "action-exceptions",
        "config-entry-unloading",
        "docs-configuration-parameters",
        "docs-installation-parameters",
        "entity-unavailable",
        "integration-owner",
        "log-when-unavailable",
        "parallel-updates",
        "reauthentication-flow",
        "test-coverage",
    ],
    "gold": [
        "devices",
        "diagnostics",
        "discovery",
        "discovery-update-info",
        "docs-data-update",
        "docs-examples",
        "docs-known-limitations",
        "docs-supported-devices",
        "docs-supported-functions",
        "docs-troubleshooting",
        "docs-use-cases",
        "dynamic-devices",
        "entity-category",
        "entity-device-class",
        "entity-disabled-by-default",
        "entity-translations",
        "exception-translations",
        "icon-translations",
        "reconfiguration-flow",
        "repair-issues",
        "stale-devices",
    ],
    "platinum": ["async-dependency", "inject-websession", "strict-typing"],
}
RULES = [rule for tier in TIERS.values() for rule in tier]

SECTIONS = {
    "docs-high-level-description": "# Flukso in Home Assistant",
    "docs-installation-instructions": "## Install",
    "docs-installation-parameters": "## Set up",
    "docs-removal-instructions": "## Remove",
    "docs-actions": "## Actions",
    "docs-data-update": "## How values arrive",
    "docs-examples": "## Examples",
    "docs-known-limitations": "## Known limits",
    "docs-supported-devices": "## Supported devices",
    "docs-supported-functions": "## Entities",
    "docs-troubleshooting": "## Troubleshooting",
    "docs-use-cases": "## What it is good for",
}


@pytest.fixture(scope="module")
def scale() -> dict[str, Any]:
    """Return the rules with what is said about each."""
    rules = yaml.safe_load((INTEGRATION / "quality_scale.yaml").read_text())["rules"]
    return {rule: said if isinstance(said, dict) else {"status": said} for rule, said in rules.items()}


def test_all_54_rules_in_order(scale: dict[str, Any]) -> None:
    assert len(RULES) == len(set(RULES)) == 54
    assert list(scale) == RULES


def test_each_is_done_or_explained(scale: dict[str, Any]) -> None:
    for rule, said in scale.items():
        assert said["status"] in ("done", "todo", "exempt"), rule
        assert set(said) <= {"status", "comment"}, rule
        if said["status"] != "done":
            assert said.get("comment", "").strip(), f"{rule}: say why"


def test_docs_have_what_is_claimed(scale: dict[str, Any]) -> None:
    for rule, heading in SECTIONS.items():
        assert scale[rule]["status"] == "done"
        assert re.search(rf"^{re.escape(heading)}$", DOCS, re.MULTILINE), f"{rule} wants the heading {heading!r}"


def test_code_has_what_is_claimed(scale: dict[str, Any]) -> None:
    """What hassfest checks itself for core, and what is easily lost."""
    source = {path.stem: path.read_text() for path in INTEGRATION.glob("*.py")}
    claims = {
        "action-setup": "async_register_actions(hass)" in source["__init__"],
        "action-exceptions": "ServiceValidationError(" in source["actions"],
        "config-flow": "async_step_user" in source["config_flow"],
        "discovery": "async_step_zeroconf" in source["config_flow"],
        "reconfiguration-flow": "async_step_reconfigure" in source["config_flow"],
        "runtime-data": "entry.runtime_data = coordinator" in source["__init__"],
        "test-before-setup": "async_config_entry_first_refresh" in source["__init__"],
        "unique-config-entry": "_abort_if_unique_id_configured" in source["config_flow"],
        "config-entry-unloading": "async_unload_entry" in source["__init__"],
        "parallel-updates": "PARALLEL_UPDATES = 0" in source["sensor"],
        "diagnostics": "async_get_config_entry_diagnostics" in source["diagnostics"],
        "repair-issues": "async_create_fix_flow" in source["repairs"],
        "has-entity-name": "_attr_has_entity_name = True" in source["entity"],
        "inject-websession": "async_get_clientsession" in source["__init__"],
        "strict-typing": "type: ignore" not in "".join(source.values()),
    }
    for rule, holds in claims.items():
        assert scale[rule]["status"] == "done"
        assert holds, rule


def test_exemptions_hold(scale: dict[str, Any]) -> None:
    for rule, file in (
        ("action-setup", "services.yaml"),
        ("docs-triggers", "triggers.yaml"),
        ("docs-conditions", "conditions.yaml"),
    ):
        assert (scale[rule]["status"] == "exempt") is not (INTEGRATION / file).exists(), rule
    assert "async_get_options_flow" not in (INTEGRATION / "config_flow.py").read_text()
