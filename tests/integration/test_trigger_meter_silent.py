"""The watchdog on meters and its condition, in real automations."""

from typing import Any

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.flukso.const import DOMAIN
from tests.integration.automations import Household, automate, forget, said
from tests.integration.fluksometer import MAIN, SOLAR, WATER, LoopbackFluksometer
from tests.integration.states import shown

POWER = "sensor.main_power"
SILENT: dict[str, Any] = {"trigger": "flukso.meter_silent", "target": {"entity_id": [POWER, "sensor.main_energy"]}}
TELLS = "{{ trigger.entity_id }} since {{ (now() - trigger.since).total_seconds() // 60 }} min"


def board(fluksometer: LoopbackFluksometer, *, connected: bool) -> None:
    """Plug the board in or out."""
    fluksometer.device["board"]["connected"] = connected
    if not connected:
        fluksometer.device["board"]["last_line"] = fluksometer.device["time"] - 60
        for item in fluksometer.sensors:
            item["class"] = "pulse"  # nothing is measured any longer


async def test_silence_is_told_once(
    hass: HomeAssistant, household: Household, fluksometer: LoopbackFluksometer
) -> None:
    """Once for a meter, whichever of its entities are targeted."""
    told = await automate(hass, SILENT, tells=TELLS)
    await household.wait(3600)
    board(fluksometer, connected=False)
    await household.show(MAIN)
    assert shown(hass, POWER) == "unavailable"
    await household.stand_still(240)
    assert not told
    await household.stand_still(60)
    assert said(told) == [f"{POWER} since 5.0 min"]
    await household.stand_still(3600)
    assert len(told) == 1


async def test_short_silence_is_not_told(
    hass: HomeAssistant, household: Household, fluksometer: LoopbackFluksometer
) -> None:
    told = await automate(hass, SILENT)
    for _ in range(3):
        board(fluksometer, connected=False)
        await household.show(MAIN)
        await household.stand_still(240)
        board(fluksometer, connected=True)
        await household.wait(1)
        assert shown(hass, POWER) == "463"
    assert not told


async def test_fluksometer_that_is_switched_off(
    hass: HomeAssistant,
    household: Household,
    fluksometer: LoopbackFluksometer,
    device_registry: dr.DeviceRegistry,
    loaded: MockConfigEntry,
) -> None:
    """All its meters are told, once each; one that comes back and goes again is told again."""
    for device in dr.async_entries_for_config_entry(device_registry, loaded.entry_id):
        device_registry.async_update_device(device.id, area_id="home")
    told = await automate(hass, {**SILENT, "target": {"area_id": "home"}}, tells="{{ trigger.entity_id }}")
    everything = [POWER, "sensor.solar_power", "sensor.water_meter_flow", "sensor.gas_meter_flow"]
    for times in (1, 2):
        await fluksometer.stop()
        await household.stand_still(20)
        await household.stand_still(301)
        assert sorted(said(told)) == sorted(everything * times)
        await fluksometer.start()
        await household.wait(10)
        assert shown(hass, POWER) == "463"


async def test_silence_that_was_there_before(
    hass: HomeAssistant, household: Household, fluksometer: LoopbackFluksometer
) -> None:
    """An automation that is loaded within the time tells; one that comes later does not."""
    await fluksometer.stop()
    await household.stand_still(20)
    await household.stand_still(200)
    told = await automate(hass, SILENT)
    await household.stand_still(50)
    assert not told
    await household.stand_still(50)
    assert len(told) == 1
    await forget(hass)
    later = await automate(hass, SILENT)
    await household.stand_still(3600)
    assert not later


async def test_deleted_while_it_waits(
    hass: HomeAssistant, household: Household, fluksometer: LoopbackFluksometer
) -> None:
    told = await automate(hass, SILENT)
    await fluksometer.stop()
    await household.stand_still(20)
    assert shown(hass, POWER) == "unavailable"
    await forget(hass)
    await household.stand_still(600)
    assert not told


async def test_meter_that_leaves_the_target(
    hass: HomeAssistant,
    household: Household,
    fluksometer: LoopbackFluksometer,
    device_registry: dr.DeviceRegistry,
    loaded: MockConfigEntry,
) -> None:
    devices = {
        sensor_id: device_registry.async_get_device_by_identifier((DOMAIN, sensor_id), loaded.entry_id)
        for sensor_id in (MAIN, SOLAR, WATER)
    }
    device_registry.async_update_device(devices[MAIN].id, area_id="cellar")
    told = await automate(hass, {**SILENT, "target": {"area_id": "cellar"}}, tells="{{ trigger.entity_id }}")
    await fluksometer.stop()
    await household.stand_still(20)
    device_registry.async_update_device(devices[MAIN].id, area_id=None)
    device_registry.async_update_device(devices[SOLAR].id, area_id="cellar")
    await hass.async_block_till_done()
    await household.stand_still(301)
    assert said(told) == ["sensor.solar_power"]


@pytest.mark.parametrize("time", ["00:00:00", "00:00:59", "soon"])
async def test_times_below_a_minute_are_refused(hass: HomeAssistant, household: Household, time: str) -> None:
    with pytest.raises(AssertionError, match="not valid"):
        await automate(hass, {**SILENT, "options": {"for": time}})


@pytest.mark.parametrize(("behavior", "one"), [("any", True), ("all", False)])
async def test_condition(
    hass: HomeAssistant, household: Household, fluksometer: LoopbackFluksometer, behavior: str, one: bool
) -> None:
    told = await automate(
        hass,
        {"trigger": "event", "event_type": "asked"},
        [
            {
                "condition": "flukso.meter_is_silent",
                "target": {"entity_id": [POWER, "sensor.main_energy", "sensor.water_meter_flow"]},
                "options": {"behavior": behavior, "for": {"minutes": 10}},
            }
        ],
    )

    async def asked() -> bool:
        before = len(told)
        hass.bus.async_fire("asked")
        await hass.async_block_till_done()
        return len(told) > before

    assert not await asked()
    await household.stand_still(60)
    assert shown(hass, POWER) == "unavailable", "a clamp that is not measured"
    assert shown(hass, "sensor.water_meter_flow") == "6.5", "no water, no pulse"
    assert not await asked()
    await household.stand_still(601)
    assert await asked() is one
    await fluksometer.stop()
    await household.stand_still(20)
    await household.stand_still(601)
    assert await asked()
    await fluksometer.start()
    await household.wait(10)
    assert not await asked()
