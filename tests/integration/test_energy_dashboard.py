"""The energy dashboard takes our entities as they are, by Home Assistant's own judgement and on its real recorder."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from homeassistant.components.recorder import Recorder
from homeassistant.components.recorder.statistics import statistics_during_period
from homeassistant.core import HomeAssistant
from homeassistant.helpers.recorder import get_instance
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.components.recorder.common import (
    async_wait_recording_done,
    do_adhoc_statistics,
)
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from tests.integration.fluksometer import GAS, MAIN, SOLAR, WATER, LoopbackFluksometer
from tests.integration.meters import connect_meters

PREFERENCES: dict[str, Any] = {
    "energy_sources": [
        {
            "type": "grid",
            "stat_energy_from": "sensor.main_energy",
            "stat_energy_to": None,
            "stat_cost": None,
            "entity_energy_price": None,
            "number_energy_price": 0.3,
            "stat_compensation": None,
            "entity_energy_price_export": None,
            "number_energy_price_export": None,
            "stat_rate": "sensor.main_power",
            "cost_adjustment_day": 0,
        },
        {"type": "solar", "stat_energy_from": "sensor.solar_energy", "config_entry_solar_forecast": None},
        {
            "type": "gas",
            "stat_energy_from": "sensor.gas_meter_volume",
            "stat_cost": None,
            "entity_energy_price": None,
            "number_energy_price": None,
            "stat_rate": "sensor.gas_meter_flow",
        },
        {
            "type": "water",
            "stat_energy_from": "sensor.water_meter_volume",
            "stat_cost": None,
            "entity_energy_price": None,
            "number_energy_price": None,
            "stat_rate": "sensor.water_meter_flow",
        },
    ],
    "device_consumption": [{"stat_consumption": "sensor.solar_energy", "stat_rate": "sensor.solar_power"}],
}


def this_period() -> datetime:
    """Return the start of the five minutes that statistics are compiled for."""
    now = dt_util.utcnow()
    return now.replace(minute=now.minute // 5 * 5, second=0, microsecond=0)


GRID: dict[str, Any] = PREFERENCES["energy_sources"][0]
P1_METER: dict[str, Any] = {
    **PREFERENCES,
    "energy_sources": [
        {
            **GRID,
            "stat_energy_from": "sensor.grid_import_energy",
            "stat_energy_to": "sensor.grid_export_energy",
            "number_energy_price_export": 0.05,
            "stat_rate": "sensor.grid_import_net_power",
        },
        *PREFERENCES["energy_sources"][1:],
    ],
}


@pytest.mark.parametrize("preferences", [PREFERENCES, P1_METER])
async def test_all_slots_are_valid(
    recorder_mock: Recorder,
    hass: HomeAssistant,
    fluksometer: LoopbackFluksometer,
    entry: MockConfigEntry,
    hass_ws_client: WebSocketGenerator,
    preferences: dict[str, Any],
) -> None:
    """P13, P14 and P16: classes, units and state classes are those that each slot wants."""
    connect_meters(fluksometer)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert await async_setup_component(hass, "sensor", {})
    assert await async_setup_component(hass, "energy", {})
    client = await hass_ws_client(hass)
    await client.send_json_auto_id({"type": "energy/save_prefs", **preferences})
    answer = await client.receive_json()
    assert answer["success"], answer

    start = this_period()
    await async_wait_recording_done(hass)
    do_adhoc_statistics(hass, start=start)
    await async_wait_recording_done(hass)

    await client.send_json_auto_id({"type": "energy/validate"})
    answer = await client.receive_json()
    assert answer["success"], answer
    findings = [
        finding
        for kind in ("energy_sources", "device_consumption")
        for source in answer["result"][kind]
        for finding in source
    ]
    assert findings == []
    await hass.config_entries.async_unload(entry.entry_id)


async def test_statistics_count_what_was_used(
    recorder_mock: Recorder, hass: HomeAssistant, fluksometer: LoopbackFluksometer, loaded: MockConfigEntry
) -> None:
    """The sum grows by exactly what the registers grew, to the Wh and the litre."""
    start = this_period()
    await async_wait_recording_done(hass)
    do_adhoc_statistics(hass, start=start)
    await async_wait_recording_done(hass)
    fluksometer.measure(MAIN, counter=4521337 + 123)
    fluksometer.measure(SOLAR, counter=1234.567 + 1)
    fluksometer.measure(WATER, counter=81234 + 7)
    fluksometer.measure(GAS, counter=2345678 + 10)
    await loaded.runtime_data.async_refresh()
    await async_wait_recording_done(hass)
    do_adhoc_statistics(hass, start=start + timedelta(minutes=5))
    await async_wait_recording_done(hass)

    names = {"sensor.main_energy", "sensor.solar_energy", "sensor.water_meter_volume", "sensor.gas_meter_volume"}
    rows = await get_instance(hass).async_add_executor_job(
        statistics_during_period, hass, start, None, names, "5minute", None, {"sum"}
    )
    assert {name: round(rows[name][-1]["sum"] or 0, 6) for name in names} == {
        "sensor.main_energy": 0.123,
        "sensor.solar_energy": 0.001,
        "sensor.water_meter_volume": 0.007,
        "sensor.gas_meter_volume": 0.01,
    }
