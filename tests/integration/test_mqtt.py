"""Home Assistant's own MQTT integration, the real daemon and a real mosquitto: it finds and shows our sensors."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from homeassistant.components.mqtt.config_flow import FlowHandler
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry, entity_registry
from pytest_homeassistant_custom_component.common import MockConfigEntry

from tests.integration.fluksod import PROGRAM, Fluksod
from tests.integration.fluksometer import MAIN, WATER
from tests.integration.mosquitto import Mosquitto, no_mosquitto
from tests.integration.states import shown
from tests.integration.waiting import until

pytestmark = [
    pytest.mark.skipif(not PROGRAM.exists(), reason="fluksod is not installed: run scripts/setup python"),
    no_mosquitto,
]


@pytest.fixture
async def broker() -> AsyncIterator[int]:
    """Run a broker; give its port."""
    async with Mosquitto() as mosquitto:
        yield mosquitto.port


@pytest.fixture
async def fluksod(tmp_path: Path, broker: int) -> AsyncIterator[Fluksod]:
    """Run the daemon with a board that has just begun to talk."""
    mqtt = f'[mqtt]\nhost = "127.0.0.1"\nport = {broker}\nhome_assistant = true\n'
    async with Fluksod(tmp_path, MAIN, WATER, mqtt) as daemon:
        daemon.clamp(MAIN, 4521337, 463)
        daemon.pulse(WATER, 81233, 10_000)
        daemon.pulse(WATER, 81234, 70_000)
        yield daemon


@pytest.fixture
async def entry(hass: HomeAssistant, tmp_path: Path, broker: int) -> AsyncIterator[MockConfigEntry]:
    """Set Home Assistant's MQTT integration up, as its dialogue does."""
    (tmp_path / "configuration.yaml").touch()  # the integration reads it
    hass.config.config_dir = str(tmp_path)
    entry = MockConfigEntry(
        domain="mqtt",
        data={"broker": "127.0.0.1", "port": broker},
        version=FlowHandler.VERSION,
        minor_version=FlowHandler.MINOR_VERSION,
    )
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    yield entry
    await hass.config_entries.async_unload(entry.entry_id)


async def test_finds_the_device_and_shows_its_sensors(
    hass: HomeAssistant, fluksod: Fluksod, entry: MockConfigEntry
) -> None:
    units = {
        "sensor.fluksometer_main_power": ("463", "W", "power", "measurement"),
        "sensor.fluksometer_main_energy": ("4521337", "Wh", "energy", "total_increasing"),
        "sensor.fluksometer_water_meter_flow": ("1.0", "L/min", "volume_flow_rate", "measurement"),
        "sensor.fluksometer_water_meter_volume": ("81234", "L", "water", "total_increasing"),
    }
    for entity, (value, unit, device_class, state_class) in units.items():
        await until(lambda entity=entity, value=value: shown(hass, entity) == value, 20)
        state = hass.states.get(entity)
        assert state is not None
        assert state.attributes["unit_of_measurement"] == unit
        assert state.attributes["device_class"] == device_class
        assert state.attributes["state_class"] == state_class
    (device,) = device_registry.async_entries_for_config_entry(device_registry.async_get(hass), entry.entry_id)
    assert device.name == "Fluksometer"
    assert device.configuration_url == f"http://127.0.0.1:{fluksod.port}/"
    assert len(entity_registry.async_entries_for_device(entity_registry.async_get(hass), device.id)) == 4


async def test_shows_that_it_is_gone_and_back(hass: HomeAssistant, fluksod: Fluksod, entry: MockConfigEntry) -> None:
    await until(lambda: shown(hass, "sensor.fluksometer_main_power") == "463", 20)
    await fluksod.stop()
    await until(lambda: shown(hass, "sensor.fluksometer_main_power") == STATE_UNAVAILABLE, 10)
    await fluksod.start()
    fluksod.clamp(MAIN, 4521338, 464)
    await until(lambda: shown(hass, "sensor.fluksometer_main_power") == "464", 20)
