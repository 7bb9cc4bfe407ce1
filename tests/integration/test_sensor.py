"""Entities: what they show, and that one snapshot serves both releases of Home Assistant."""

from typing import Any

import pytest
from homeassistant.const import STATE_UNKNOWN
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from pytest_homeassistant_custom_component.common import MockConfigEntry, snapshot_platform
from syrupy.assertion import SnapshotAssertion

from tests.integration.conftest import Poll
from tests.integration.fluksometer import MAIN, SOLAR, WATER, LoopbackFluksometer, sensor
from tests.integration.states import shown


@pytest.mark.usefixtures("all_enabled", "only_sensors")
async def test_platform(
    hass: HomeAssistant, loaded: MockConfigEntry, entity_registry: er.EntityRegistry, snapshot: SnapshotAssertion
) -> None:
    await snapshot_platform(hass, entity_registry, snapshot, loaded.entry_id)


async def test_what_is_measured_is_primary_and_enabled(
    hass: HomeAssistant, loaded: MockConfigEntry, entity_registry: er.EntityRegistry
) -> None:
    """Triggers on areas and devices skip entities with a category."""
    enabled = [
        entity
        for entity in er.async_entries_for_config_entry(entity_registry, loaded.entry_id)
        if entity.disabled_by is None
    ]
    assert {entity.entity_category for entity in enabled} == {None}
    assert {entity.unique_id.partition("_")[2] for entity in enabled} == {"power", "energy", "flow", "volume"}
    assert len(enabled) == 8


@pytest.mark.parametrize(
    ("counter", "state"),
    [(0, "0.0"), (1, "0.001"), (4_521_337, "4521.337"), (4_294_967_295, "4294967.295"), (1234.567, "1.234567")],
)
async def test_state_carries_each_watt_hour(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, entry: MockConfigEntry, counter: float, state: str
) -> None:
    """Trap 10: values are absolute counters, up to 32 bits, and are shown as such."""
    fluksometer.measure(MAIN, counter=counter)
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert shown(hass, "sensor.main_energy") == state
    assert round(float(shown(hass, "sensor.main_energy") or "nan") * 1000, 3) == counter
    await hass.config_entries.async_unload(entry.entry_id)


async def test_no_value_before_there_is_one(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, entry: MockConfigEntry
) -> None:
    fluksometer.listed(MAIN)["reading"] = None
    fluksometer.measure(WATER, counter=None, gauge=None)
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    for name in ("main_power", "main_energy", "water_meter_flow", "water_meter_volume"):
        assert shown(hass, f"sensor.{name}") == STATE_UNKNOWN
    fluksometer.measure(MAIN, counter=5, gauge=230)
    await entry.runtime_data.async_refresh()
    assert shown(hass, "sensor.main_power") == "230"
    assert shown(hass, "sensor.main_energy") == "0.005"
    await hass.config_entries.async_unload(entry.entry_id)


async def test_total_stays_while_the_register_is_unknown(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, loaded: MockConfigEntry, poll: Poll
) -> None:
    fluksometer.measure(MAIN, counter=None, gauge=470)
    await poll()
    assert shown(hass, "sensor.main_energy") == "4521.337"
    assert shown(hass, "sensor.main_power") == "470"


async def test_suspicious_drop_is_held(
    hass: HomeAssistant,
    fluksometer: LoopbackFluksometer,
    loaded: MockConfigEntry,
    poll: Poll,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """P3: a zero after a restart is not shown; a register that stays there is."""
    now = 1_900_000_000.0
    monkeypatch.setattr("custom_components.flukso.sensor.time", lambda: now)
    await poll()
    fluksometer.measure(MAIN, counter=0)
    await poll()
    assert shown(hass, "sensor.main_energy") == "4521.337"
    fluksometer.measure(MAIN, counter=4521340)
    now += 5
    await poll()
    assert shown(hass, "sensor.main_energy") == "4521.34"

    fluksometer.measure(MAIN, counter=2)
    await poll()
    assert shown(hass, "sensor.main_energy") == "4521.34"
    now += 31
    fluksometer.measure(MAIN, counter=7)
    await poll()
    assert shown(hass, "sensor.main_energy") == "0.007"


async def test_states_are_written_only_when_they_change(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, loaded: MockConfigEntry, poll: Poll
) -> None:
    written: list[str] = []

    @callback
    def note(event: Event[Any]) -> None:
        written.append(event.data["entity_id"])

    hass.bus.async_listen("state_changed", note)
    # Writing the same state again would show here.
    hass.bus.async_listen("state_reported", note, event_filter=callback(lambda _data: True))
    await poll()
    await poll()
    assert written == []
    fluksometer.measure(SOLAR, gauge=-251)
    await poll()
    assert written == ["sensor.solar_power"]


async def test_sensor_that_appears_later(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, loaded: MockConfigEntry, poll: Poll
) -> None:
    fluksometer.sensors.append(sensor("5" * 32, "Heat pump", counter=1000, gauge=1500))
    await poll()
    assert shown(hass, "sensor.heat_pump_power") == "1500"
    assert shown(hass, "sensor.heat_pump_energy") == "1.0"
