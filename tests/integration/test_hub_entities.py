"""What a Fluksometer tells of itself, as diagnostic entities that are disabled by default."""

from typing import Any

import pytest
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN, EntityCategory, Platform
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from pytest_homeassistant_custom_component.common import MockConfigEntry, snapshot_platform
from syrupy.assertion import SnapshotAssertion

from custom_components.flukso.const import DOMAIN, UNREACHABLE_GRACE
from tests.integration.conftest import Clock, Poll
from tests.integration.fluksometer import DEVICE, NOW, LoopbackFluksometer
from tests.integration.meters import connect_meters, link
from tests.integration.states import shown


def told_in_full(fluksometer: LoopbackFluksometer) -> None:
    """Tell all that docs/protocol.md has of a device, without sensors."""
    connect_meters(fluksometer)
    fluksometer.sensors.clear()
    fluksometer.device["mqtt"] = {"host": "broker.example", "port": 1883, "state": "connected", "error": None}
    fluksometer.device["storage"] = {"state": "ok", "bytes": 1_482_752, "oldest_minute": NOW - 86400, "error": None}


def ours(entity_registry: er.EntityRegistry, entry: MockConfigEntry) -> dict[str, er.RegistryEntry]:
    """Return the entities of the Fluksometer itself by their key."""
    return {
        entity.unique_id.removeprefix(f"{DEVICE}_"): entity
        for entity in er.async_entries_for_config_entry(entity_registry, entry.entry_id)
        if entity.unique_id.startswith(f"{DEVICE}_")
    }


OF_AN_OLD_DAEMON = {"cloud", "last_upload", "pending", "board_board_connected", "board_board_rejected_lines"}


async def test_disabled_diagnostics_of_the_fluksometer(
    hass: HomeAssistant, loaded: MockConfigEntry, entity_registry: er.EntityRegistry
) -> None:
    entities = ours(entity_registry, loaded)
    assert set(entities) == OF_AN_OLD_DAEMON
    hub = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, DEVICE), loaded.entry_id)
    assert hub is not None
    for entity in entities.values():
        assert entity.entity_category is EntityCategory.DIAGNOSTIC
        assert entity.disabled_by is er.RegistryEntryDisabler.INTEGRATION
        assert entity.device_id == hub.id


@pytest.mark.usefixtures("all_enabled")
@pytest.mark.parametrize("platform", [Platform.BINARY_SENSOR, Platform.SENSOR])
async def test_platform(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    fluksometer: LoopbackFluksometer,
    entry: MockConfigEntry,
    entity_registry: er.EntityRegistry,
    snapshot: SnapshotAssertion,
    platform: Platform,
) -> None:
    monkeypatch.setattr("custom_components.flukso.PLATFORMS", [platform])
    told_in_full(fluksometer)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    await snapshot_platform(hass, entity_registry, snapshot, entry.entry_id)
    await hass.config_entries.async_unload(entry.entry_id)


@pytest.mark.usefixtures("all_enabled")
async def test_they_follow(
    hass: HomeAssistant,
    fluksometer: LoopbackFluksometer,
    loaded: MockConfigEntry,
    poll: Poll,
    clock: Clock,
) -> None:
    assert shown(hass, "binary_sensor.fluksometer_board") == "on"
    assert shown(hass, "sensor.fluksometer_cloud") == "connected"
    fluksometer.device["board"] |= {"connected": False, "rejected_lines": 17}
    fluksometer.device["cloud"] |= {"state": "unreachable", "pending": 40, "last_upload": None}
    await poll()
    assert shown(hass, "binary_sensor.fluksometer_board") == "off"
    assert shown(hass, "sensor.fluksometer_rejected_lines") == "17"
    assert shown(hass, "sensor.fluksometer_cloud") == "unreachable"
    assert shown(hass, "sensor.fluksometer_waiting_for_upload") == "40"
    assert shown(hass, "sensor.fluksometer_last_upload") == STATE_UNKNOWN
    fluksometer.device["cloud"]["state"] = "dreaming"
    await poll()
    assert shown(hass, "sensor.fluksometer_cloud") == STATE_UNKNOWN

    await fluksometer.stop()
    clock.advance(UNREACHABLE_GRACE)
    await poll()
    assert shown(hass, "sensor.fluksometer_rejected_lines") == STATE_UNAVAILABLE
    assert shown(hass, "binary_sensor.fluksometer_board") == STATE_UNAVAILABLE
    await fluksometer.start()
    await poll()
    assert shown(hass, "sensor.fluksometer_rejected_lines") == "17"


@pytest.mark.usefixtures("all_enabled")
async def test_states_are_written_only_when_they_change(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, loaded: MockConfigEntry, poll: Poll
) -> None:
    written: list[str] = []

    @callback
    def note(event: Event[Any]) -> None:
        written.append(event.data["entity_id"])

    hass.bus.async_listen("state_changed", note)
    hass.bus.async_listen("state_reported", note, event_filter=callback(lambda _data: True))
    await poll()
    fluksometer.device["cloud"]["pending"] = 1
    await poll()
    assert written == ["sensor.fluksometer_waiting_for_upload"]


@pytest.mark.usefixtures("all_enabled")
async def test_parts_come_and_go(
    hass: HomeAssistant,
    fluksometer: LoopbackFluksometer,
    loaded: MockConfigEntry,
    entity_registry: er.EntityRegistry,
    poll: Poll,
) -> None:
    before = set(ours(entity_registry, loaded))
    told_in_full(fluksometer)
    fluksometer.device["boards"].append(link("attic", link="uart"))
    await poll()
    added = set(ours(entity_registry, loaded)) - before
    assert added == {
        *("broker", "storage", "storage_size", "history_since"),
        *(f"{name}_{what}" for name in LINKS for what in ("connected", "rejected_lines")),
    }
    assert shown(hass, "binary_sensor.fluksometer_attic") == "on"
    assert shown(hass, "sensor.fluksometer_rejected_lines_of_attic") == "0"

    fluksometer.device |= {"boards": [link("board")], "meters": [], "cloud": None, "mqtt": None, "storage": None}
    await poll()
    assert shown(hass, "binary_sensor.fluksometer_attic") == STATE_UNKNOWN
    for name in ("rejected_lines_of_attic", "cloud", "last_upload", "mqtt_broker", "storage_size"):
        assert shown(hass, f"sensor.fluksometer_{name}") == STATE_UNKNOWN
    await hass.config_entries.async_reload(loaded.entry_id)
    await hass.async_block_till_done()
    assert set(ours(entity_registry, loaded)) == {"board_board_connected", "board_board_rejected_lines"}


LINKS = ("board_attic", "meter_Grid", "meter_Heat pump")


async def test_without_a_board_that_is_told(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, entity_registry: er.EntityRegistry
) -> None:
    """Originals tell nothing of themselves."""
    fluksometer.v2 = False
    data: dict[str, Any] = {"host": "127.0.0.1", "port": fluksometer.port, "device_id": DEVICE, "api": "v1"}
    entry = MockConfigEntry(domain=DOMAIN, unique_id=DEVICE, data=data)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    assert ours(entity_registry, entry) == {}
    await hass.config_entries.async_unload(entry.entry_id)
