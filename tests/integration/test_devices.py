"""Sensors that come, go, and change."""

import logging

import pytest
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.flukso.const import ABSENT_SECONDS, DOMAIN
from tests.integration.conftest import Clock, Poll
from tests.integration.fluksometer import DEVICE, MAIN, SOLAR, WATER, LoopbackFluksometer
from tests.integration.states import shown
from tests.integration.waiting import until


def device(hass: HomeAssistant, entry: MockConfigEntry, identifier: str) -> dr.DeviceEntry | None:
    return dr.async_get(hass).async_get_device_by_identifier((DOMAIN, identifier), entry.entry_id)


def named(hass: HomeAssistant, entry: MockConfigEntry, identifier: str) -> dr.DeviceEntry:
    found = device(hass, entry, identifier)
    assert found is not None
    return found


async def test_sensor_that_is_gone_is_removed_after_a_minute(
    hass: HomeAssistant,
    fluksometer: LoopbackFluksometer,
    loaded: MockConfigEntry,
    poll: Poll,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    solar = fluksometer.listed(SOLAR)
    fluksometer.sensors.remove(solar)
    await poll()
    assert shown(hass, "sensor.solar_power") == STATE_UNAVAILABLE
    clock.advance(ABSENT_SECONDS - 1)
    fluksometer.pass_time(59)
    await poll()
    assert device(hass, loaded, SOLAR) is not None

    clock.advance(1)
    await poll()
    assert device(hass, loaded, SOLAR) is None
    assert hass.states.get("sensor.solar_power") is None
    assert er.async_get(hass).async_get("sensor.solar_energy") is None
    assert caplog.text.count("no longer has the sensor Solar") == 1

    fluksometer.sensors.append(solar)
    fluksometer.pass_time(1)
    await poll()
    assert shown(hass, "sensor.solar_power") == "-250.5"


async def test_sensor_that_is_away_for_a_moment_stays(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, loaded: MockConfigEntry, poll: Poll, clock: Clock
) -> None:
    all_sensors = list(fluksometer.sensors)
    fluksometer.sensors.clear()
    await poll()
    clock.advance(ABSENT_SECONDS - 1)
    fluksometer.pass_time(59)
    await poll()
    fluksometer.sensors.extend(all_sensors)
    fluksometer.pass_time(1)
    await poll()
    assert shown(hass, "sensor.main_power") == "463"
    # The minute starts anew.
    fluksometer.sensors.clear()
    clock.advance(2)
    await poll()
    assert device(hass, loaded, MAIN) is not None


async def test_unreachable_time_does_not_count_as_absence(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, loaded: MockConfigEntry, poll: Poll, clock: Clock
) -> None:
    fluksometer.sensors.remove(fluksometer.listed(SOLAR))
    await poll()
    await fluksometer.stop()
    clock.advance(ABSENT_SECONDS + 1)
    await poll()
    await fluksometer.start()
    await poll()
    assert device(hass, loaded, SOLAR) is not None


async def test_sensor_that_went_while_home_assistant_was_down(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, loaded: MockConfigEntry, clock: Clock
) -> None:
    await hass.config_entries.async_unload(loaded.entry_id)
    fluksometer.sensors.remove(fluksometer.listed(SOLAR))
    await hass.config_entries.async_setup(loaded.entry_id)
    assert device(hass, loaded, SOLAR) is not None
    clock.advance(ABSENT_SECONDS)
    await loaded.runtime_data.async_refresh()
    await hass.async_block_till_done()
    assert device(hass, loaded, SOLAR) is None


async def test_names_and_software_follow(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, loaded: MockConfigEntry, poll: Poll
) -> None:
    fluksometer.listed(MAIN)["name"] = "Grid"
    fluksometer.device |= {"name": "Cellar", "software": "0.2.0"}
    await poll()
    assert named(hass, loaded, MAIN).name == "Grid"
    hub = named(hass, loaded, DEVICE)
    assert (hub.name, hub.sw_version) == ("Cellar", "0.2.0")
    assert shown(hass, "sensor.main_power") == "463"


async def test_sensor_without_name(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, entry: MockConfigEntry
) -> None:
    fluksometer.listed(MAIN)["name"] = ""
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert named(hass, entry, MAIN).name == "Sensor 111111"
    await hass.config_entries.async_unload(entry.entry_id)


async def test_sensor_that_measures_something_else(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, loaded: MockConfigEntry, poll: Poll
) -> None:
    """The owner had set up the water meter as electricity and corrected it."""
    fluksometer.listed(SOLAR).update(type="water", counter_unit="L", gauge_unit="L/min", **{"class": "pulse"})
    await poll()
    await until(lambda: hass.states.get("sensor.solar_flow") is not None)
    await hass.async_block_till_done()
    assert shown(hass, "sensor.solar_flow") == "-250.5"
    assert shown(hass, "sensor.solar_volume") == "1.234567"
    registry = er.async_get(hass)
    assert registry.async_get("sensor.solar_power") is None
    assert registry.async_get("sensor.solar_energy") is None
    assert device(hass, loaded, SOLAR) is not None


async def test_removal_by_hand(
    hass: HomeAssistant,
    fluksometer: LoopbackFluksometer,
    loaded: MockConfigEntry,
    poll: Poll,
    hass_ws_client: WebSocketGenerator,
) -> None:
    """Only what the Fluksometer does not list any more."""
    assert await async_setup_component(hass, "config", {})
    client = await hass_ws_client(hass)
    fluksometer.sensors.remove(fluksometer.listed(SOLAR))
    await poll()
    for identifier, removable in ((DEVICE, False), (WATER, False), (SOLAR, True)):
        answer = await client.remove_device(named(hass, loaded, identifier).id)
        assert answer["success"] is removable, identifier
    assert device(hass, loaded, SOLAR) is None
