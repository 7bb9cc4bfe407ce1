"""The last step of the set-up, which tells what belongs where in the energy dashboard."""

import json
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest
from homeassistant.config_entries import SOURCE_USER
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers.translation import async_get_translations

from custom_components.flukso.client import Quantity, Sensor, SensorType, V1Sensor
from custom_components.flukso.const import DOMAIN
from custom_components.flukso.energy_places import energy_places, energy_places_v1
from tests.integration.fluksometer import MAIN, WATER, LoopbackFluksometer

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


async def test_what_is_counted_here_of_an_original(hass: HomeAssistant, fluksometer: LoopbackFluksometer) -> None:
    fluksometer.v2 = False
    fluksometer.minutes = {sensor: [[1310047446, 124], [1310047447, 125]] for sensor in (MAIN, WATER)}
    flow = hass.config_entries.flow
    with patch("custom_components.flukso.async_setup_entry", return_value=True):
        result = await flow.async_init(DOMAIN, context={"source": SOURCE_USER})
        result = await flow.async_configure(result["flow_id"], {"host": fluksometer.address})
        result = await flow.async_configure(result["flow_id"], {"sensor_ids": [MAIN, WATER]})
        result = await flow.async_configure(result["flow_id"], {"water_sensors": [WATER]})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    texts = await async_get_translations(hass, "en", "config", [DOMAIN])
    text = texts[f"component.flukso.config.create_entry.{result['description']}"]
    shown = text.format(**result["description_placeholders"])
    assert "tells no totals" in shown
    assert f"({MAIN[:6]})" in shown
    assert "(/config/energy)" in shown


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


def test_what_has_no_total_is_left_out() -> None:
    """An FLM03 tells of one clamp by many sensors, all with its name."""
    clamp = listed("Board")
    told = [
        clamp,
        replace(clamp, quantity=Quantity.EXPORT),
        replace(clamp, name="Reactive", quantity=Quantity.REACTIVE_Q1),
        replace(clamp, name="Voltage", quantity=Quantity.VOLTAGE, has_counter=False),
        replace(clamp, name="", index=7),
    ]
    assert energy_places(told)["electricity"] == "7, Board"


def test_numbers_of_an_original() -> None:
    sensors = [V1Sensor(MAIN, 3, SensorType.ELECTRICITY), V1Sensor(WATER, 4, SensorType.WATER)]
    assert energy_places_v1(sensors) | {"dashboard": ""} == {
        "dashboard": "",
        "electricity": "3",
        "water": "\N{EN DASH}",
        "gas": "\N{EN DASH}",
    }
