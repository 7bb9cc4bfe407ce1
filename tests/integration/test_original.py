"""Original Fluksometers: power of the last minute, energy made from it, no push."""

from collections.abc import AsyncIterator

import pytest
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.flukso.const import DOMAIN
from custom_components.flukso.demand_sensor import DEMANDS
from custom_components.flukso.diagnostics import async_get_config_entry_diagnostics
from tests.integration.conftest import Clock
from tests.integration.fluksometer import MAIN, WATER, LoopbackFluksometer
from tests.integration.states import shown

T = 1310047446


@pytest.fixture
async def original(hass: HomeAssistant, fluksometer: LoopbackFluksometer) -> AsyncIterator[MockConfigEntry]:
    """Set up an original Fluksometer with a clamp and a water meter."""
    fluksometer.v2 = False
    fluksometer.minutes = {MAIN: [[T, 124]], WATER: [[T, 1440], [T + 1, "nan"]]}
    entry = MockConfigEntry(
        domain=DOMAIN,
        title="Fluksometer (a1b2c3)",
        unique_id="flukso-a1b2c3",
        data={
            "host": "127.0.0.1",
            "port": fluksometer.port,
            "device_id": "flukso-a1b2c3",
            "api": "v1",
            "sensors": [
                {"id": MAIN, "index": 1, "type": "electricity"},
                {"id": WATER, "index": None, "type": "water"},
            ],
        },
    )
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    yield entry
    await hass.config_entries.async_unload(entry.entry_id)


async def test_power_once_the_minute_moves(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, original: MockConfigEntry, clock: Clock
) -> None:
    """A minute that stands still may be hours old: its values are not shown."""
    assert shown(hass, "sensor.sensor_1_power") == STATE_UNKNOWN
    fluksometer.minutes[MAIN] = [[T + 4, 2306], [T + 5, 2310], [T + 6, "nan"]]
    await original.runtime_data.async_refresh()
    assert shown(hass, "sensor.sensor_1_power") == "2310"
    assert shown(hass, "sensor.sensor_333333_flow") == "1.0"

    fluksometer.minutes[WATER] = [[T + 60 + second, "nan"] for second in range(60)]
    fluksometer.minutes[MAIN] = [[T + 119, 230]]
    await original.runtime_data.async_refresh()
    assert shown(hass, "sensor.sensor_333333_flow") == STATE_UNKNOWN
    assert shown(hass, "sensor.sensor_1_power") == "230"

    clock.advance(31)
    await original.runtime_data.async_refresh()
    assert shown(hass, "sensor.sensor_1_power") == STATE_UNAVAILABLE


async def test_registered(hass: HomeAssistant, fluksometer: LoopbackFluksometer, original: MockConfigEntry) -> None:
    entities = er.async_entries_for_config_entry(er.async_get(hass), original.entry_id)
    demands = {f"{MAIN}_{description.key}" for description in DEMANDS}
    assert {entity.unique_id for entity in entities} == {f"{MAIN}_power", f"{MAIN}_energy", f"{WATER}_flow"} | demands
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), original.entry_id)
    assert {device.name for device in devices} == {"Fluksometer (a1b2c3)", "Sensor 1", "Sensor 333333"}
    hub = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, "flukso-a1b2c3"), original.entry_id)
    assert hub is not None
    assert hub.configuration_url == "http://127.0.0.1/"
    assert original.runtime_data.push is None
    assert not fluksometer.streams


async def test_one_that_is_known_by_a_sensor(hass: HomeAssistant, fluksometer: LoopbackFluksometer) -> None:
    """As it is when it was added by its address: the Fluksometer and that sensor are two devices."""
    fluksometer.v2 = False
    fluksometer.minutes = {MAIN: [[T, 124]]}
    sensors = [{"id": MAIN, "index": None, "type": "electricity"}]
    data = {"host": "127.0.0.1", "port": fluksometer.port, "device_id": MAIN, "api": "v1", "sensors": sensors}
    entry = MockConfigEntry(domain=DOMAIN, title="Fluksometer (111111)", unique_id=MAIN, data=data)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert shown(hass, "sensor.sensor_111111_power") == STATE_UNKNOWN
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    assert {device.name for device in devices} == {"Fluksometer (111111)", "Sensor 111111"}
    await hass.config_entries.async_unload(entry.entry_id)


async def test_another_one_at_its_address(
    hass: HomeAssistant,
    fluksometer: LoopbackFluksometer,
    original: MockConfigEntry,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It serves none of the sensors, and nothing of it is shown."""
    fluksometer.minutes = {}
    clock.advance(16)
    await original.runtime_data.async_refresh()
    assert shown(hass, "sensor.sensor_1_power") == STATE_UNAVAILABLE
    assert "Nothing of this Fluksometer is at its address, another device may have got it" in caplog.text


async def test_diagnostics(hass: HomeAssistant, original: MockConfigEntry) -> None:
    diagnostics = await async_get_config_entry_diagnostics(hass, original)
    assert diagnostics["push"] is diagnostics["board"] is diagnostics["cloud"] is None
    assert [item["class"] for item in diagnostics["sensors"]] == [None, None]
