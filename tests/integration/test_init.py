"""Setting up, unloading, and what is registered."""

import logging
from typing import Any

import pytest
from aiohttp import web
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant, State
from homeassistant.helpers import device_registry as dr
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_mock_load_restore_state_from_storage
from syrupy.assertion import SnapshotAssertion

from custom_components.flukso.const import DOMAIN
from tests.integration.fluksometer import DEVICE, MAIN, OTHER_DEVICE, LoopbackFluksometer
from tests.integration.states import shown
from tests.integration.waiting import until


async def test_devices(hass: HomeAssistant, loaded: MockConfigEntry, snapshot: SnapshotAssertion) -> None:
    registry = dr.async_get(hass)
    hub = registry.async_get_device_by_identifier((DOMAIN, DEVICE), loaded.entry_id)
    assert hub is not None
    assert hub.configuration_url == f"http://127.0.0.1:{loaded.data['port']}"
    devices = dr.async_entries_for_config_entry(registry, loaded.entry_id)
    assert len(devices) == 5
    assert {device.via_device_id for device in devices if device is not hub} == {hub.id}
    for device in sorted(devices, key=lambda device: device.name or ""):
        # The port of the test's Fluksometer differs from run to run.
        registry.async_update_device(device.id, configuration_url=None)
        assert registry.async_get(device.id) == snapshot(name=device.name)


def state(entry: MockConfigEntry) -> ConfigEntryState:
    current: ConfigEntryState = entry.state
    return current


@pytest.mark.parametrize("fault", ["stop", "garbage", "another device", "newer api"])
async def test_setup_is_tried_again(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, entry: MockConfigEntry, fault: str
) -> None:
    match fault:
        case "stop":
            await fluksometer.stop()
        case "garbage":
            fluksometer.replies["/api/v2/sensors"] = web.Response(text="{}")
        case "another device":
            fluksometer.device["id"] = OTHER_DEVICE
        case _:
            fluksometer.device["api"] = "3.0"
    entry.add_to_hass(hass)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert state(entry) is ConfigEntryState.SETUP_RETRY
    assert entry.error_reason_translation_key in ("cannot_connect", "invalid_response", "wrong_device")

    if fault == "stop":
        await fluksometer.start()
    fluksometer.replies.clear()
    fluksometer.device |= {"id": DEVICE, "api": "2.0"}
    await hass.config_entries.async_reload(entry.entry_id)
    assert state(entry) is ConfigEntryState.LOADED
    await hass.config_entries.async_unload(entry.entry_id)


async def test_unload_closes_everything(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, loaded: MockConfigEntry
) -> None:
    await until(lambda: len(fluksometer.streams) == 1)
    request = fluksometer.streams[0]._req
    assert request is not None
    assert await hass.config_entries.async_unload(loaded.entry_id)
    assert loaded.state is ConfigEntryState.NOT_LOADED
    assert shown(hass, "sensor.main_power") == STATE_UNAVAILABLE
    await until(lambda: request.transport is None)


async def test_remove(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    assert await hass.config_entries.async_remove(loaded.entry_id)
    assert not hass.states.async_entity_ids("sensor")
    assert not dr.async_entries_for_config_entry(dr.async_get(hass), loaded.entry_id)


async def test_healthy_life_logs_nothing_of_note(
    hass: HomeAssistant,
    fluksometer: LoopbackFluksometer,
    entry: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    await until(lambda: len(fluksometer.streams) == 1)
    for second in range(1, 20):
        await fluksometer.push(MAIN, counter=4521337 + second, gauge=463 + second)
        await entry.runtime_data.async_refresh()
    await hass.config_entries.async_unload(entry.entry_id)
    await hass.async_block_till_done()
    expected = "has not been tested by Home Assistant"
    # asyncio's own complaints are about a slow machine; Home Assistant reports blocking calls itself.
    loud = [
        record.getMessage()
        for record in caplog.records
        if record.levelno >= logging.WARNING and record.name != "asyncio"
    ]
    assert [message for message in loud if expected not in message] == []


async def test_totals_go_on_over_a_restart(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, loaded: MockConfigEntry
) -> None:
    """P3: the register reads 0 after a power cut; the total before is remembered."""
    await hass.config_entries.async_unload(loaded.entry_id)
    fluksometer.measure(MAIN, counter=0)
    await hass.config_entries.async_setup(loaded.entry_id)
    await hass.async_block_till_done()
    assert shown(hass, "sensor.main_energy") == "4521.337"

    await until(lambda: loaded.runtime_data.push.connected)
    await fluksometer.push(MAIN, counter=4521339)
    await until(lambda: shown(hass, "sensor.main_energy") == "4521.339")


@pytest.mark.parametrize(
    "guard",
    [
        None,
        [],
        {},
        {"total": "x", "register": 1, "time": 1},
        {"total": 1, "register": None, "time": 1},
        {"total": 9999999, "register": 1, "time": True},
    ],
)
async def test_what_was_stored_otherwise_is_left_aside(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    fluksometer: LoopbackFluksometer,
    entry: MockConfigEntry,
    guard: Any,
) -> None:
    now = dt_util.utcnow().isoformat()
    stored = State("sensor.main_energy", "9999.999").as_dict()
    hass_storage["core.restore_state"] = {
        "version": 1,
        "minor_version": 1,
        "key": "core.restore_state",
        "data": [{"state": stored, "extra_data": {"native_value": 1, "guard": guard}, "last_seen": now}],
    }
    await async_mock_load_restore_state_from_storage(hass)
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert shown(hass, "sensor.main_energy") == "4521.337"
    await hass.config_entries.async_unload(entry.entry_id)


async def test_what_is_stored_for_a_restart(
    hass: HomeAssistant, loaded: MockConfigEntry, fluksometer: LoopbackFluksometer
) -> None:
    entity = hass.data["entity_components"]["sensor"].get_entity("sensor.main_energy")
    stored = entity.extra_restore_state_data.as_dict()
    assert stored["native_value"] == 4521337
    assert stored["guard"]["total"] == stored["guard"]["register"] == 4521337
    assert stored["guard"]["time"] > 0


async def test_nothing_is_stored_before_the_first_register(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, entry: MockConfigEntry
) -> None:
    fluksometer.listed(MAIN)["reading"] = None
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    entity = hass.data["entity_components"]["sensor"].get_entity("sensor.main_energy")
    assert entity.extra_restore_state_data.as_dict()["guard"] is None
    await hass.config_entries.async_unload(entry.entry_id)
