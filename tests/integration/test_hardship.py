"""What a long life brings: many reloads, sensors that go and come back, registers at 0, clocks that jump."""

import asyncio
from collections import Counter

import pytest
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.helpers import area_registry as ar
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers import issue_registry as ir
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.flukso.const import DOMAIN
from custom_components.flukso.counter_guard import CONFIRM_SECONDS
from tests.integration.conftest import Clock, Poll
from tests.integration.fluksometer import MAIN, NOW, SOLAR, LoopbackFluksometer
from tests.integration.meters import GRID_IMPORT, connect_meters
from tests.integration.states import shown, shows
from tests.integration.waiting import until


def listeners(hass: HomeAssistant) -> dict[str, int]:
    """Count who listens to the bus, by event."""
    return dict(hass.bus.async_listeners())


def tasks() -> Counter[str]:
    """Count the tasks that run, by what they run."""
    return Counter(
        getattr(task.get_coro(), "__qualname__", "")
        for task in asyncio.all_tasks()
        if task is not asyncio.current_task()
    )


@pytest.mark.timeout(300)
async def test_a_hundred_reloads_keep_what_the_owner_changed_and_leak_nothing(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, entry: MockConfigEntry
) -> None:
    connect_meters(fluksometer)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    entities, devices = er.async_get(hass), dr.async_get(hass)
    cellar = ar.async_get(hass).async_create("Cellar")
    entities.async_update_entity("sensor.main_power", name="House", area_id=cellar.id, new_entity_id="sensor.house")
    entities.async_update_entity("sensor.solar_power", disabled_by=er.RegistryEntryDisabler.USER)
    entities.async_update_entity("sensor.fluksometer_last_upload", disabled_by=None)
    main = devices.async_get_device_by_identifier((DOMAIN, MAIN), entry.entry_id)
    assert main is not None
    devices.async_update_device(main.id, name_by_user="Fuse box", area_id=cellar.id)
    assert await hass.config_entries.async_reload(entry.entry_id)
    await until(lambda: entry.runtime_data.push.connected)
    known = {entity.entity_id: entity for entity in er.async_entries_for_config_entry(entities, entry.entry_id)}
    heard, running = listeners(hass), tasks()

    for _ in range(100):
        assert await hass.config_entries.async_reload(entry.entry_id)
        await hass.async_block_till_done()
    await until(lambda: entry.runtime_data.push.connected)

    now = {entity.entity_id: entity for entity in er.async_entries_for_config_entry(entities, entry.entry_id)}
    assert now == known
    assert now["sensor.house"].area_id == cellar.id
    assert now["sensor.house"].name == "House"
    assert now["sensor.solar_power"].disabled_by is er.RegistryEntryDisabler.USER
    assert now["sensor.grid_import_voltage_l1"].disabled_by is er.RegistryEntryDisabler.INTEGRATION
    assert now["sensor.fluksometer_last_upload"].disabled_by is None
    assert shown(hass, "sensor.house") == "463"
    assert hass.states.get("sensor.solar_power") is None
    kept = devices.async_get_device_by_identifier((DOMAIN, MAIN), entry.entry_id)
    assert kept is not None
    assert (kept.name_by_user, kept.area_id) == ("Fuse box", cellar.id)

    # A registry that waits to be saved listens for the end.
    more = {event: count for event, count in listeners(hass).items() if count > heard.get(event, 0)}
    assert set(more) <= {"homeassistant_final_write"}
    assert len(entry._background_tasks) == 1
    assert len(entry.runtime_data._listeners) < 60, "one for each entity, and a handful"
    # Whoever has gone has closed his stream, and left nothing that runs.
    await until(lambda: len(fluksometer.streams) == 1 and tasks() - running == Counter())
    await hass.config_entries.async_unload(entry.entry_id)
    assert len(entry._background_tasks) == 0


async def test_a_sensor_goes_and_comes_back(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, loaded: MockConfigEntry, poll: Poll
) -> None:
    """Away for less than a minute, as while its daemon is configured: all of it is as before, the total goes on."""
    entities = er.async_get(hass)
    entities.async_update_entity("sensor.main_energy", name="House")
    main = fluksometer.listed(MAIN)
    fluksometer.sensors.remove(main)
    await poll()
    assert shown(hass, "sensor.main_energy") == STATE_UNAVAILABLE
    main["reading"] = {**main["reading"], "counter": 4521339}
    fluksometer.sensors.append(main)
    await poll()
    assert shown(hass, "sensor.main_energy") == "4521.339"
    entity = entities.async_get("sensor.main_energy")
    assert entity is not None
    assert entity.name == "House"


async def test_register_at_0_and_back(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, loaded: MockConfigEntry, poll: Poll
) -> None:
    """P3: as after a power cut. Nothing is shown of it, nothing is told."""
    for counter in (0, 0, 4521338):
        fluksometer.measure(MAIN, counter=counter)
        await poll()
    assert shown(hass, "sensor.main_energy") == "4521.338"
    assert not ir.async_get(hass).issues


@pytest.mark.parametrize("jump", [-86400, -3600, -90, 90, 3600, 86400])
async def test_the_fluksometers_clock_jumps(
    hass: HomeAssistant,
    fluksometer: LoopbackFluksometer,
    loaded: MockConfigEntry,
    poll: Poll,
    clock: Clock,
    jump: int,
) -> None:
    fluksometer.pass_time(jump)
    await poll()
    assert shown(hass, "sensor.main_power") == "463"
    fluksometer.pass_time(5)
    clock.advance(5)
    fluksometer.measure(MAIN, counter=4521340, gauge=500)
    await poll()
    assert shown(hass, "sensor.main_power") == "500"
    assert shown(hass, "sensor.main_energy") == "4521.34"
    await until(lambda: loaded.runtime_data.push.connected)
    await fluksometer.push(MAIN, time=NOW + jump + 6, counter=4521341, gauge=501)
    await until(shows(hass, "sensor.main_energy", "4521.341"))
    assert loaded.runtime_data.stale == []


@pytest.mark.parametrize("jump", [-86400, 86400])
async def test_home_assistants_clock_jumps(
    hass: HomeAssistant,
    fluksometer: LoopbackFluksometer,
    loaded: MockConfigEntry,
    poll: Poll,
    monkeypatch: pytest.MonkeyPatch,
    jump: int,
) -> None:
    """Totals go on, and garbage is still garbage."""
    now = 1_900_000_000.0
    monkeypatch.setattr("custom_components.flukso.sensor.time", lambda: now)
    await poll()
    now += jump
    fluksometer.measure(MAIN, counter=4521340)
    await poll()
    assert shown(hass, "sensor.main_energy") == "4521.34"
    now += 5
    fluksometer.measure(MAIN, counter=99_000_000)
    await poll()
    assert shown(hass, "sensor.main_energy") == "4521.34"
    now += CONFIRM_SECONDS - 5
    fluksometer.measure(MAIN, counter=4521350)
    await poll()
    assert shown(hass, "sensor.main_energy") == "4521.35"


async def test_ids_swapped_on_one_fluksometer(
    hass: HomeAssistant,
    fluksometer: LoopbackFluksometer,
    loaded: MockConfigEntry,
    poll: Poll,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two clamps were plugged in the other way round: each total goes on, without a spike, and it is told."""
    now = 1_900_000_000.0
    monkeypatch.setattr("custom_components.flukso.sensor.time", lambda: now)
    await poll()
    fluksometer.measure(MAIN, counter=1234.567)
    fluksometer.measure(SOLAR, counter=4521337)
    await poll()
    now += CONFIRM_SECONDS + 1
    fluksometer.measure(MAIN, counter=1236.567)
    fluksometer.measure(SOLAR, counter=4521347)
    await poll()
    main, solar = float(shown(hass, "sensor.main_energy") or 0), float(shown(hass, "sensor.solar_energy") or 0)
    assert (main, solar) == (4521.339, 1.244567)
    keys = {issue.issue_id for issue in ir.async_get(hass).issues.values()}
    assert keys == {f"register_elsewhere_{MAIN}", f"register_elsewhere_{SOLAR}"}


async def test_garbage_between_two_good_polls(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, loaded: MockConfigEntry, poll: Poll
) -> None:
    connect_meters(fluksometer)
    await poll()
    assert shown(hass, "sensor.grid_import_net_power") == "2027"
    fluksometer.listed(GRID_IMPORT)["phases"] = "three"
    await poll()
    assert shown(hass, "sensor.grid_import_net_power") == "2027"
    fluksometer.listed(GRID_IMPORT)["phases"] = None
    await poll()
    assert shown(hass, "sensor.grid_import_net_power") == "2027"
