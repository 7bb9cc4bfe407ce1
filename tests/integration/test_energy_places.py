"""The last step of the set-up, which tells what belongs where in the energy dashboard."""

import json
from pathlib import Path
from unittest.mock import patch

import pytest
from homeassistant.config_entries import SOURCE_USER
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers.translation import async_get_translations

from custom_components.flukso.client import Sensor, SensorType
from custom_components.flukso.const import DOMAIN
from custom_components.flukso.energy_places import energy_places
from tests.integration.fluksometer import MAIN, LoopbackFluksometer

TRANSLATIONS = Path(__file__).parents[2] / "custom_components" / "flukso" / "translations"


def listed(name: str, kind: SensorType = SensorType.ELECTRICITY) -> Sensor:
    return Sensor(MAIN, name, kind, None, True, None)


@pytest.mark.parametrize("language", ["en", "nl", "fr", "de"])
async def test_sensors_are_named_where_they_belong(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, language: str
) -> None:
    with patch("custom_components.flukso.async_setup_entry", return_value=True):
        result = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
        result = await hass.config_entries.flow.async_configure(result["flow_id"], {"host": fluksometer.address})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    places = result["description_placeholders"]
    texts = await async_get_translations(hass, language, "config", [DOMAIN])
    shown = texts[f"component.flukso.config.create_entry.{result['description'] or 'default'}"].format(**places)
    assert "(/config/energy)" in shown
    for names in ("(Main, Solar)", "(Water meter)", "(Gas meter)"):
        assert names in shown
    action = json.loads((TRANSLATIONS / f"{language}.json").read_text())["services"]["add_to_energy_dashboard"]["name"]
    assert f"*{action}*" in shown


async def test_original_has_nothing_for_it(hass: HomeAssistant, fluksometer: LoopbackFluksometer) -> None:
    fluksometer.v2 = False
    fluksometer.minutes = {MAIN: [[1310047446, 124], [1310047447, 125]]}
    flow = hass.config_entries.flow
    with patch("custom_components.flukso.async_setup_entry", return_value=True):
        result = await flow.async_init(DOMAIN, context={"source": SOURCE_USER})
        result = await flow.async_configure(result["flow_id"], {"host": fluksometer.address})
        result = await flow.async_configure(result["flow_id"], {"sensor_ids": [MAIN]})
        result = await flow.async_configure(result["flow_id"], {})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    texts = await async_get_translations(hass, "en", "config", [DOMAIN])
    assert "no totals" in texts[f"component.flukso.config.create_entry.{result['description']}"]


def test_what_is_not_there_is_a_dash() -> None:
    assert energy_places([]) == {
        "dashboard": "/config/energy",
        "electricity": "\N{EN DASH}",
        "water": "\N{EN DASH}",
        "gas": "\N{EN DASH}",
    }


def test_names_are_no_markdown() -> None:
    places = energy_places([listed("[Attic](https://x) *new*"), listed("", SensorType.GAS)])
    assert places["electricity"] == "\\[Attic\\](https://x) \\*new\\*"
    assert places["gas"] == MAIN[:6]
