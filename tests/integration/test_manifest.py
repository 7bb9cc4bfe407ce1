"""The rules of hassfest for a custom integration, which is not part of the wheel."""

import json
import re
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from awesomeversion import AwesomeVersion, AwesomeVersionStrategy
from homeassistant.core import HomeAssistant
from homeassistant.loader import async_get_integration

ROOT = Path(__file__).parents[2]
INTEGRATION = ROOT / "custom_components" / "flukso"
MANIFEST: dict[str, Any] = json.loads((INTEGRATION / "manifest.json").read_text())

REQUIRED = {"domain", "name", "documentation", "codeowners", "version", "iot_class"}
OPTIONAL = {
    "after_dependencies",
    "config_flow",
    "dependencies",
    "dhcp",
    "import_executor",
    "integration_type",
    "issue_tracker",
    "loggers",
    "mqtt",
    "quality_scale",
    "requirements",
    "single_config_entry",
    "zeroconf",
}


def test_keys() -> None:
    assert set(MANIFEST) >= REQUIRED
    assert set(MANIFEST) <= REQUIRED | OPTIONAL
    assert list(MANIFEST) == ["domain", "name", *sorted(set(MANIFEST) - {"domain", "name"})]


def test_values() -> None:
    assert MANIFEST["domain"] == INTEGRATION.name == "flukso"
    assert MANIFEST["config_flow"] is True
    assert MANIFEST["iot_class"] == "local_push"
    assert MANIFEST["integration_type"] == "hub"
    assert MANIFEST["documentation"].startswith("https://")
    assert "home-assistant.io/integrations" not in MANIFEST["documentation"]
    assert MANIFEST["issue_tracker"].startswith("https://")
    assert all(owner.startswith("@") for owner in MANIFEST["codeowners"])
    assert MANIFEST["codeowners"]
    assert MANIFEST["requirements"] == ["aiomqtt>=2.5.0,<3.0.0"]
    for lock in ("2026.10", "2026.11"):
        assert MANIFEST["requirements"][0] in (ROOT / "requirements" / f"home-assistant-{lock}.in").read_text().split()
    version = AwesomeVersion(MANIFEST["version"])
    assert version.strategy in (
        AwesomeVersionStrategy.CALVER,
        AwesomeVersionStrategy.SEMVER,
        AwesomeVersionStrategy.PEP440,
    )


def test_zeroconf_types() -> None:
    mqtt = {"type": "_mqtt._tcp.local.", "name": "mqtt broker on flukso-*"}
    assert MANIFEST["zeroconf"] == ["_flukso._tcp.local.", mqtt]
    assert fnmatch("MQTT Broker on flukso-a1b2c3._mqtt._tcp.local.".lower(), mqtt["name"])
    assert not fnmatch("Mosquitto MQTT server on attic._mqtt._tcp.local.".lower(), mqtt["name"])


def test_dhcp() -> None:
    """The originals by their host name, and whichever Fluksometer we know by its MAC address."""
    assert MANIFEST["dhcp"] == [{"hostname": "flukso-*"}, {"registered_devices": True}]


def test_config_flow_uses_unique_ids() -> None:
    source = (INTEGRATION / "config_flow.py").read_text()
    assert "async_set_unique_id" in source
    assert "_abort_if_unique_id_configured" in source


def test_modules_that_the_quality_scale_wants() -> None:
    assert (INTEGRATION / "diagnostics.py").is_file()
    assert (INTEGRATION / "quality_scale.yaml").is_file()
    assert not (INTEGRATION / "strings.json").exists(), "custom integrations use translations/en.json"


def test_client_knows_no_home_assistant() -> None:
    """It may import aiohttp, aiomqtt and the standard library; nor may the pure modules know Home Assistant."""
    pure = (
        "counter_guard",
        "flow_run",
        "freshness",
        "full_hours",
        "healing",
        "night_load",
        "power_integral",
        "quarter_projection",
    )
    for path in (*INTEGRATION.glob("client/*.py"), *(INTEGRATION / f"{name}.py" for name in pure)):
        for name in re.findall(r"^(?:from|import) (\w+)", path.read_text(), re.MULTILINE):
            assert name in ("aiohttp", "aiomqtt") or name in sys.stdlib_module_names, f"{path.name} imports {name}"


@pytest.mark.usefixtures("enable_custom_integrations")
async def test_home_assistant_accepts_it(hass: HomeAssistant) -> None:
    integration = await async_get_integration(hass, "flukso")
    assert not integration.is_built_in
    assert integration.version == MANIFEST["version"]
    assert integration.zeroconf == MANIFEST["zeroconf"]
    assert Path(integration.file_path).resolve() == INTEGRATION
