"""Fluksometers by MQTT in Home Assistant: entities of an FLM02 and an FLM03, their broker gone and back; and the real
daemon on a broker of its owner.
"""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession
from aiomqtt import Client
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.flukso.client import DEFAULT_MQTT_PORT, Address, FluksometerV2
from custom_components.flukso.const import DOMAIN
from custom_components.flukso.diagnostics import async_get_config_entry_diagnostics
from tests.integration.conftest import Clock
from tests.integration.fluksod import PROGRAM, Fluksod
from tests.integration.fluksometer import DEVICE, MAIN, OTHER_DEVICE, WATER, LoopbackFluksometer
from tests.integration.mosquitto import Mosquitto, no_mosquitto
from tests.integration.published import FLM02, FLM03, FLX, PULSE, Publisher, T, clamp, publishing
from tests.integration.repairing import Fix, issues
from tests.integration.states import shown, shows
from tests.integration.waiting import until

pytestmark = no_mosquitto


@pytest.fixture
async def broker() -> AsyncIterator[Mosquitto]:
    async with Mosquitto() as mosquitto:
        yield mosquitto


@pytest.fixture
async def publisher(broker: Mosquitto) -> AsyncIterator[Publisher]:
    async with publishing(broker.port) as publisher:
        yield publisher


@pytest.fixture
def entry(broker: Mosquitto) -> MockConfigEntry:
    return MockConfigEntry(
        domain=DOMAIN,
        title="Fluksometer (a1b2c3)",
        unique_id=DEVICE,
        data={"host": "127.0.0.1", "port": broker.port, "device_id": DEVICE, "api": "mqtt"},
    )


async def set_up(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()


async def unload(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    if entry.state is ConfigEntryState.LOADED:
        await hass.config_entries.async_unload(entry.entry_id)


async def test_entities_of_an_flm02(hass: HomeAssistant, publisher: Publisher, entry: MockConfigEntry) -> None:
    await publisher.configure(FLM02)
    await publisher.counter(MAIN, f'[{T},4521337,"Wh"]')
    await publisher.counter(WATER, f'[{T - 50},81234,"L"]')
    await set_up(hass, entry)
    # What was retained may be hours old.
    assert shown(hass, "sensor.main_energy") == STATE_UNKNOWN

    await until(lambda: entry.runtime_data.push.connected)
    await publisher.gauge(MAIN, f'[{T + 1},463,"W"]')
    await until(shows(hass, "sensor.main_power", "463"))
    await until(shows(hass, "sensor.main_energy", "4521.337"))
    await until(shows(hass, "sensor.12_volume", "81.234"))
    await publisher.gauge(WATER, f'[{T + 2},8640,"L/day"]')
    await until(shows(hass, "sensor.12_flow", "6.0"))
    assert shown(hass, "sensor.sensor_5_flow") == STATE_UNKNOWN

    hub = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, DEVICE), entry.entry_id)
    assert hub is not None
    assert (hub.name, hub.model, hub.configuration_url) == ("Fluksometer (a1b2c3)", "FLM02", "http://127.0.0.1/")
    diagnostics = await async_get_config_entry_diagnostics(hass, entry)
    assert diagnostics["api"] == "mqtt"
    assert diagnostics["push"]["connected"] is True
    await unload(hass, entry)


async def test_entities_of_an_flm03(hass: HomeAssistant, publisher: Publisher, entry: MockConfigEntry) -> None:
    """All that a clamp tells is one device; what few people look at is disabled."""
    await publisher.configure(FLM03, FLX)
    await set_up(hass, entry)
    await until(lambda: entry.runtime_data.push.connected)
    units = ("W", "W", "VAR", "VAR", "VAR", "VAR", "V", "A", "", "", "", "°")
    values = ("463.250", "0", "1.5", "0", "0", "0", "231.407", "2.100", "-1.027", "0.021", "0.300", "12.500")
    for number, (value, unit) in enumerate(zip(values, units, strict=True), start=1):
        await publisher.gauge(clamp(number), f'[{T}, {value}, "{unit}"]')
    await publisher.counter(clamp(1), f'[{T}, 4521337.250, "Wh"]')
    await publisher.counter(clamp(2), f'[{T}, 1000, "Wh"]')
    await publisher.counter(PULSE, f'[{T}, 81234, "L"]')
    expected = {
        "sensor.board_power": ("463.25", "W", "power"),
        "sensor.board_energy": ("4521.33725", "kWh", "energy"),
        "sensor.board_exported_power": ("0", "W", "power"),
        "sensor.board_exported_energy": ("1.0", "kWh", "energy"),
        "sensor.board_voltage": ("231.407", "V", "voltage"),
        "sensor.board_current": ("2.1", "A", "current"),
        "sensor.board_power_factor": ("-0.973", None, "power_factor"),
        "sensor.cellar_volume": ("81.234", "m³", "water"),
    }
    for entity_id, (value, unit, device_class) in expected.items():
        await until(shows(hass, entity_id, value))
        state = hass.states.get(entity_id)
        assert state is not None
        assert state.attributes.get("unit_of_measurement") == unit
        assert state.attributes["device_class"] == device_class
    entities = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    assert sorted(entity.original_name or "" for entity in entities if entity.disabled) == [
        "Current distortion",
        "Mean month peak",
        "Month peak time",
        "Phase angle",
        *(f"Reactive energy in quadrant {quadrant}" for quadrant in range(1, 5)),
        *(f"Reactive power in quadrant {quadrant}" for quadrant in range(1, 5)),
        "Voltage distortion",
    ]
    assert not any(entity.unique_id == f"{PULSE}_flow" for entity in entities), "no rate is published of it"
    demands = {entity.unique_id.partition("_")[0] for entity in entities if "month_peak" in entity.unique_id}
    assert demands == {clamp(1)}, "what flows back, voltages and the like have no quarter hours"
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    assert {device.name for device in devices} == {"Fluksometer (a1b2c3)", "Board", "Cellar"}
    hub = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, DEVICE), entry.entry_id)
    assert hub is not None
    assert (hub.model, hub.sw_version) == ("FLM03", "2.5.1")
    await unload(hass, entry)


async def test_a_rate_that_is_published_later(
    hass: HomeAssistant, publisher: Publisher, entry: MockConfigEntry
) -> None:
    await publisher.configure(FLM03, FLX)
    await set_up(hass, entry)
    await until(lambda: entry.runtime_data.push.connected)
    await publisher.counter(PULSE, f'[{T}, 81234, "L"]')
    await until(shows(hass, "sensor.cellar_volume", "81.234"))
    assert shown(hass, "sensor.cellar_flow") is None
    await publisher.gauge(PULSE, f'[{T + 1}, 0.1, "L/s"]')
    await until(lambda: entry.runtime_data.reading(PULSE).gauge is not None)
    await entry.runtime_data.async_refresh()
    await until(shows(hass, "sensor.cellar_flow", "6.0"))
    await unload(hass, entry)


async def test_a_clamp_that_is_configured_anew(
    hass: HomeAssistant, publisher: Publisher, entry: MockConfigEntry
) -> None:
    """One that told what flows back tells a voltage now: it has other entities, and none of the old ones."""
    await publisher.configure(FLM03, FLX)
    await set_up(hass, entry)
    await until(lambda: entry.runtime_data.push.connected)
    await publisher.counter(clamp(2), f'[{T}, 1000, "Wh"]')
    await until(shows(hass, "sensor.board_exported_energy", "1.0"))
    await publisher.configure({**FLM03, "2": {**FLM03["2"], "subtype": "vrms"}}, FLX)
    await publisher.gauge(clamp(2), f'[{T + 1}, 231.407, "V"]')
    await until(lambda: entry.runtime_data.reading(clamp(2)).gauge is not None)
    await entry.runtime_data.async_refresh()
    registry = er.async_get(hass)
    await until(lambda: registry.async_get_entity_id("sensor", DOMAIN, f"{clamp(2)}_voltage"))
    await until(lambda: registry.async_get("sensor.board_exported_energy") is None)
    assert registry.async_get("sensor.board_exported_power") is None
    await hass.async_block_till_done()
    await unload(hass, entry)


async def test_energy_goes_on_after_version_1(
    hass: HomeAssistant,
    fluksometer: LoopbackFluksometer,
    publisher: Publisher,
    entry: MockConfigEntry,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever adds the same Fluksometer anew, by MQTT, gets its sensors' history, and no jump to the meter's total."""
    wall = Clock(time.time)
    monkeypatch.setattr("custom_components.flukso.sensor.time", wall)
    fluksometer.v2 = False
    fluksometer.minutes[MAIN] = [[T, 3600]]
    sensors = [{"id": MAIN, "index": 1, "type": "electricity"}]
    data = {"host": "127.0.0.1", "port": fluksometer.port, "device_id": MAIN, "api": "v1", "sensors": sensors}
    before = MockConfigEntry(domain=DOMAIN, title="Main", unique_id=MAIN, data=data)
    await set_up(hass, before)
    fluksometer.minutes[MAIN] = [[T + second, 3600] for second in range(1, 61)]
    clock.advance(60)
    await before.runtime_data.async_refresh()
    assert shown(hass, "sensor.sensor_1_energy") == "0.06"
    await hass.config_entries.async_remove(before.entry_id)
    await hass.async_block_till_done()

    await publisher.configure({"1": {**FLM02["1"], "function": ""}})
    await set_up(hass, entry)
    await until(lambda: entry.runtime_data.push.connected)
    await publisher.counter(MAIN, f'[{T + 100},4521337,"Wh"]')
    await until(shows(hass, "sensor.sensor_1_energy", "0.06"))
    wall.advance(31)
    await publisher.counter(MAIN, f'[{T + 131},4521347,"Wh"]')
    await until(shows(hass, "sensor.sensor_1_energy", "0.07"))
    await unload(hass, entry)


async def test_an_original_by_version_1_changes_to_mqtt(
    hass: HomeAssistant,
    fluksometer: LoopbackFluksometer,
    broker_port: int,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Reconfigure does it; entities, names and the total stay, and so do the devices."""
    wall = Clock(time.time)
    monkeypatch.setattr("custom_components.flukso.sensor.time", wall)
    fluksometer.v2 = False
    fluksometer.minutes[MAIN] = [[T, 3600]]
    sensors = [{"id": MAIN, "index": 1, "type": "electricity"}]
    data = {"host": "127.0.0.1", "port": fluksometer.port, "device_id": MAIN, "api": "v1", "sensors": sensors}
    entry = MockConfigEntry(domain=DOMAIN, title="Cellar", unique_id=MAIN, data=data)
    await set_up(hass, entry)
    fluksometer.minutes[MAIN] = [[T + second, 3600] for second in range(1, 61)]
    clock.advance(60)
    await entry.runtime_data.async_refresh()
    assert shown(hass, "sensor.sensor_1_energy") == "0.06"
    er.async_get(hass).async_update_entity("sensor.sensor_1_energy", name="Mine")
    devices = {device.id for device in dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)}

    async with Mosquitto(broker_port) as broker, publishing(broker.port) as publisher:
        await publisher.configure({"1": {**FLM02["1"], "function": ""}})
        result = await entry.start_reconfigure_flow(hass)
        result = await hass.config_entries.flow.async_configure(result["flow_id"], {"host": fluksometer.address})
        assert result["reason"] == "reconfigure_successful"
        await hass.async_block_till_done()
        assert entry.unique_id == DEVICE
        assert entry.data == {"host": "127.0.0.1", "port": broker.port, "device_id": DEVICE, "api": "mqtt"}
        await until(lambda: entry.runtime_data.push.connected)
        await publisher.counter(MAIN, f'[{T + 100},4521337,"Wh"]')
        await until(shows(hass, "sensor.sensor_1_energy", "0.06"))
        wall.advance(31)
        await publisher.counter(MAIN, f'[{T + 131},4521347,"Wh"]')
        await until(shows(hass, "sensor.sensor_1_energy", "0.07"))
        registered = er.async_get(hass).async_get("sensor.sensor_1_energy")
        assert registered is not None
        assert registered.name == "Mine"
        now = {device.id for device in dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)}
        assert now == devices
        await unload(hass, entry)


async def test_reloading_leaves_no_connection(
    hass: HomeAssistant, broker: Mosquitto, publisher: Publisher, entry: MockConfigEntry
) -> None:
    """Also when it is cut off while it connects."""
    await publisher.configure(FLM02)
    await set_up(hass, entry)
    await until(lambda: entry.runtime_data.push.connected)
    before = broker.connections()
    for _ in range(30):
        assert await hass.config_entries.async_reload(entry.entry_id)
    await until(lambda: entry.runtime_data.push.connected)
    await until(lambda: broker.connections() == before)
    await unload(hass, entry)
    await until(lambda: broker.connections() == before - 1)


async def test_broker_gone_and_back(
    hass: HomeAssistant, broker: Mosquitto, publisher: Publisher, entry: MockConfigEntry, clock: Clock
) -> None:
    await publisher.configure(FLM02)
    await publisher.counter(MAIN, f'[{T},4521337,"Wh"]')
    await set_up(hass, entry)
    coordinator = entry.runtime_data
    await until(lambda: coordinator.push.connected)
    await publisher.gauge(MAIN, f'[{T},463,"W"]')
    await until(shows(hass, "sensor.main_power", "463"))

    broker.kill()
    await until(lambda: not coordinator.push.connected)
    await coordinator.async_refresh()
    assert shown(hass, "sensor.main_power") == "463"
    clock.advance(16)
    await coordinator.async_refresh()
    assert shown(hass, "sensor.main_power") == STATE_UNAVAILABLE
    assert shown(hass, "sensor.main_energy") == STATE_UNAVAILABLE

    await broker.start()
    async with publishing(broker.port) as again:
        await again.configure(FLM02)
        await again.counter(MAIN, f'[{T + 60},4521345,"Wh"]')
        await coordinator.async_refresh()
        await until(lambda: coordinator.push.connected)
        await again.gauge(MAIN, f'[{T + 60},470,"W"]')
        await until(shows(hass, "sensor.main_power", "470"))
        await until(shows(hass, "sensor.main_energy", "4521.345"))
    await unload(hass, entry)


async def test_clamps_that_fall_silent(
    hass: HomeAssistant, publisher: Publisher, entry: MockConfigEntry, clock: Clock
) -> None:
    """The broker goes on when the daemon of the Fluksometer does not: then all is stale, pulse inputs too."""
    await publisher.configure(FLM02)
    await publisher.counter(WATER, f'[{T},81234,"L"]')
    await set_up(hass, entry)
    coordinator = entry.runtime_data
    await until(lambda: coordinator.push.connected)
    await publisher.gauge(MAIN, f'[{T},463,"W"]')
    await until(shows(hass, "sensor.main_power", "463"))
    await until(shows(hass, "sensor.12_volume", "81.234"))
    clock.advance(31)
    await coordinator.async_refresh()
    assert shown(hass, "sensor.main_power") == STATE_UNAVAILABLE
    assert shown(hass, "sensor.12_volume") == STATE_UNAVAILABLE
    await publisher.gauge(MAIN, f'[{T + 40},464,"W"]')
    await until(shows(hass, "sensor.main_power", "464"))
    await until(shows(hass, "sensor.12_volume", "81.234"))
    await unload(hass, entry)


async def test_pulse_inputs_alone_may_be_silent(
    hass: HomeAssistant, publisher: Publisher, entry: MockConfigEntry, clock: Clock
) -> None:
    await publisher.configure({"4": FLM02["4"]})
    await set_up(hass, entry)
    await until(lambda: entry.runtime_data.push.connected)
    await publisher.counter(WATER, f'[{T},81234,"L"]')
    await until(shows(hass, "sensor.12_volume", "81.234"))
    clock.advance(7200)
    await entry.runtime_data.async_refresh()
    assert shown(hass, "sensor.12_volume") == "81.234"
    await unload(hass, entry)


async def test_another_fluksometer_at_the_address(
    hass: HomeAssistant, broker: Mosquitto, entry: MockConfigEntry, caplog: pytest.LogCaptureFixture, fix: Fix
) -> None:
    """It is told under Repairs, and put right with the address of the broker."""
    async with publishing(broker.port, OTHER_DEVICE) as other:
        await other.configure(FLM02)
    entry.add_to_hass(hass)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert f"Another Fluksometer answers at this address: {OTHER_DEVICE} instead of {DEVICE}" in caplog.text
    async with Mosquitto() as moved, publishing(moved.port) as publisher:
        await publisher.configure(FLM02)
        result = await fix.start(issues(hass)["wrong_device"])
        assert result["description_placeholders"]["port"] == str(DEFAULT_MQTT_PORT)
        result = await fix.submit(host=f"127.0.0.1:{broker.port}")
        assert result["errors"] == {"base": "wrong_device"}
        result = await fix.submit(host=f"127.0.0.1:{moved.port}")
        assert result["type"] == FlowResultType.CREATE_ENTRY
        await until(lambda: entry.state is ConfigEntryState.LOADED)
        assert entry.data["port"] == moved.port
        assert issues(hass) == {}
        await unload(hass, entry)


async def test_sensors_appear_by_themselves(hass: HomeAssistant, publisher: Publisher, entry: MockConfigEntry) -> None:
    await publisher.configure({"1": FLM02["1"]})
    await set_up(hass, entry)
    await until(lambda: entry.runtime_data.push.connected)
    await publisher.configure(FLM02)
    await publisher.gauge(MAIN, f'[{T},463,"W"]')
    await until(shows(hass, "sensor.main_power", "463"))
    await entry.runtime_data.async_refresh()
    await until(lambda: hass.states.get("sensor.12_volume"))
    await unload(hass, entry)


@pytest.mark.skipif(not PROGRAM.exists(), reason="fluksod is not installed: run scripts/setup python")
async def test_the_real_daemon_on_a_broker(
    hass: HomeAssistant, session: ClientSession, broker: Mosquitto, tmp_path: Path
) -> None:
    """Ours publishes as an FLM02 does."""
    mqtt = f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n'
    async with Fluksod(tmp_path, MAIN, WATER, mqtt) as daemon:
        daemon.clamp(MAIN, 4521337, 463)
        daemon.pulse(WATER, 81233, 10_000)
        daemon.pulse(WATER, 81234, 70_000)
        device = (await FluksometerV2(session, Address("127.0.0.1", daemon.port)).device()).id
        entry = MockConfigEntry(
            domain=DOMAIN,
            title="Fluksometer",
            unique_id=device,
            data={"host": "127.0.0.1", "port": broker.port, "device_id": device, "api": "mqtt"},
        )
        async with Client("127.0.0.1", broker.port) as listener:
            await listener.subscribe(f"/device/{device}/config/sensor")
            await anext(listener.messages)
        await set_up(hass, entry)
        await until(lambda: entry.runtime_data.push.connected)
        daemon.clamp(MAIN, 4521338, 470)
        await until(shows(hass, "sensor.main_power", "470"))
        await until(shows(hass, "sensor.main_energy", "4521.338"))
        await until(shows(hass, "sensor.water_meter_volume", "81.234"))
        await unload(hass, entry)
