"""Meters that count for themselves: import and export apart, grid power with Home Assistant's sign, phases."""

import os
import tty
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from pytest_homeassistant_custom_component.common import MockConfigEntry, snapshot_platform
from syrupy.assertion import SnapshotAssertion

from custom_components.flukso.client import Demand, Direction, FluksoPayloadError, Phase, SensorClass
from custom_components.flukso.client.v2_payload import parse_device, parse_sensors
from custom_components.flukso.const import DOMAIN
from tests.device.telegrams import Meter
from tests.integration.conftest import Clock, Poll
from tests.integration.fluksod import PROGRAM, Fluksod
from tests.integration.fluksometer import MAIN, NOW, WATER, LoopbackFluksometer
from tests.integration.meters import (
    DEMAND,
    GRID_EXPORT,
    GRID_IMPORT,
    HEAT_PUMP,
    METER_DEMAND,
    TARIFF,
    UNKNOWN_DEMAND,
    connect_meters,
    link,
    metered,
    phase,
)
from tests.integration.states import shown, shows
from tests.integration.waiting import until


@pytest.fixture
def fluksometer(fluksometer: LoopbackFluksometer) -> LoopbackFluksometer:
    """Connect meters to the Fluksometer."""
    connect_meters(fluksometer)
    return fluksometer


def test_payload(fluksometer: LoopbackFluksometer) -> None:
    sensors = parse_sensors({"sensors": fluksometer.sensors})
    grid, export = sensors[GRID_IMPORT], sensors[GRID_EXPORT]
    assert (grid.direction, grid.sensor_class, grid.source) == (Direction.IMPORT, SensorClass.COSEM, "Grid")
    assert grid.phases[1] == Phase(-173, 229.9, -0.75)
    assert export.direction is Direction.EXPORT
    assert export.demand is None
    assert (grid.gauge_is_net, export.gauge_is_net, sensors[MAIN].gauge_is_net) == (True, False, False)
    assert [name for name, sensor in sensors.items() if sensor.is_tariff_register] == [TARIFF]
    device = parse_device(fluksometer.device)
    assert [board.name for board in device.boards] == ["board"]
    assert device.link(grid) == device.meters[0]
    assert device.link(sensors[MAIN]) == device.board


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("phases", {}),
        ("phases", [5]),
        ("phases", [{"power": 1, "voltage": 2}]),
        ("phases", [{"power": "1", "voltage": 2, "current": 3}]),
        ("source", 5),
        ("direction", 1),
        ("demand", []),
        ("demand", {}),
        ("demand", {**DEMAND, "average": "much"}),
        ("demand", {**DEMAND, "month_peak_time": 1.5}),
        ("demand", {**DEMAND, "meter": 5}),
        ("demand", {**DEMAND, "meter": {}}),
    ],
)
def test_wrong_members_are_refused(key: str, value: Any) -> None:
    with pytest.raises(FluksoPayloadError):
        parse_sensors({"sensors": [{**metered(GRID_IMPORT, "Grid", "cosem", "Grid"), key: value}]})


def test_what_a_meter_does_not_tell_of_its_quarters_is_the_daemons() -> None:
    demand = {**DEMAND, "meter": dict.fromkeys(METER_DEMAND)}
    listed = metered(GRID_IMPORT, "Grid", "cosem", "Grid", demand=demand)
    assert parse_sensors({"sensors": [listed]})[GRID_IMPORT].demand == Demand(455.2, 459.1, 4120, 1795003200, 3310.4)
    listed["demand"]["meter"] |= {"month_peak": 5122}
    assert parse_sensors({"sensors": [listed]})[GRID_IMPORT].demand == Demand(455.2, 459.1, 5122, None, 3310.4)


def test_a_direction_of_a_later_version_is_left_out() -> None:
    assert parse_sensors({"sensors": [metered(GRID_IMPORT, "Grid", "cosem", "Grid", direction="both")]}) == {}


@pytest.mark.parametrize(
    ("key", "value"),
    [("boards", {}), ("meters", [5]), ("meters", [{**link("Grid"), "name": None}]), ("storage", {}), ("mqtt", [])],
)
def test_wrong_device_members_are_refused(fluksometer: LoopbackFluksometer, key: str, value: Any) -> None:
    with pytest.raises(FluksoPayloadError):
        parse_device({**fluksometer.device, key: value})


@pytest.mark.usefixtures("all_enabled", "only_sensors")
async def test_platform(
    hass: HomeAssistant, loaded: MockConfigEntry, entity_registry: er.EntityRegistry, snapshot: SnapshotAssertion
) -> None:
    for device in dr.async_entries_for_config_entry(dr.async_get(hass), loaded.entry_id):
        if not device.name or not device.name.startswith(("Grid", "Heat pump")):
            dr.async_get(hass).async_remove_device(device.id)
    await snapshot_platform(hass, entity_registry, snapshot, loaded.entry_id)


async def test_what_is_enabled(
    hass: HomeAssistant, loaded: MockConfigEntry, entity_registry: er.EntityRegistry
) -> None:
    """What everybody needs: no voltages, and quarter hours of the grid alone."""
    enabled = {
        entity.entity_id.removeprefix("sensor.")
        for entity in er.async_entries_for_config_entry(entity_registry, loaded.entry_id)
        if entity.disabled_by is None and entity.entity_id.startswith(("sensor.grid", "sensor.heat_pump"))
    }
    assert enabled == {
        *("grid_import_net_power", "grid_import_energy", "grid_export_power", "grid_export_energy"),
        *("grid_import_power_l1", "grid_import_power_l2", "grid_import_power_l3", "grid_import_tariff_1_energy"),
        *("grid_import_quarter_hour_average", "grid_import_quarter_hour_projection", "grid_import_month_peak"),
        *("heat_pump_import_net_power", "heat_pump_import_energy"),
    }


@pytest.mark.usefixtures("all_enabled")
async def test_grid_power_is_above_0_while_something_comes_in(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, loaded: MockConfigEntry, poll: Poll
) -> None:
    """P14, P8: one signed power, and each direction in entities of its own."""
    assert shown(hass, "sensor.grid_import_net_power") == "2027"
    assert shown(hass, "sensor.grid_import_power_drawn") == "2027"
    fluksometer.measure(GRID_IMPORT, gauge=-1500)
    fluksometer.measure(GRID_EXPORT, gauge=1500, counter=13)
    await poll()
    assert shown(hass, "sensor.grid_import_net_power") == "-1500"
    assert shown(hass, "sensor.grid_import_power_drawn") == "0"
    assert shown(hass, "sensor.grid_export_power") == "1500"
    assert shown(hass, "sensor.grid_import_energy") == "3016.829"
    assert shown(hass, "sensor.grid_export_energy") == "0.013"
    fluksometer.measure(GRID_IMPORT, gauge=None)
    await poll()
    assert shown(hass, "sensor.grid_import_power_drawn") == STATE_UNKNOWN


@pytest.mark.usefixtures("all_enabled")
async def test_phases_come_when_the_meter_tells_of_them(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, loaded: MockConfigEntry, poll: Poll
) -> None:
    assert shown(hass, "sensor.grid_import_current_l2") == "-0.75"
    assert hass.states.get("sensor.grid_import_voltage_l3") is None
    fluksometer.listed(GRID_IMPORT)["phases"][2] = phase(1000, 230, 4.35)
    await poll()
    assert shown(hass, "sensor.grid_import_voltage_l3") == "230"
    assert shown(hass, "sensor.grid_import_net_power") == "2027"
    fluksometer.listed(GRID_IMPORT)["phases"] = [phase(None, None, None)]
    await poll()
    assert shown(hass, "sensor.grid_import_voltage_l1") == STATE_UNKNOWN
    assert shown(hass, "sensor.grid_import_voltage_l3") == STATE_UNKNOWN


async def test_settings_stay_while_a_meter_has_nothing_to_tell_yet(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, loaded: MockConfigEntry, entity_registry: er.EntityRegistry
) -> None:
    entity_registry.async_update_entity("sensor.grid_import_power_l1", name="First")
    entity_registry.async_update_entity("sensor.grid_import_month_peak", name="Peak")
    fluksometer.listed(GRID_IMPORT).update(phases=None, reading=None, demand=UNKNOWN_DEMAND)
    await hass.config_entries.async_reload(loaded.entry_id)
    await hass.async_block_till_done()
    fluksometer.listed(GRID_IMPORT).update(phases=[phase(5, 230, 0.02)])
    fluksometer.measure(GRID_IMPORT, gauge=5, counter=3_016_830)
    await loaded.runtime_data.async_refresh()
    await hass.async_block_till_done()
    for name, key in (("First", "power_l1"), ("Peak", "month_peak")):
        entity_id = entity_registry.async_get_entity_id("sensor", DOMAIN, f"{GRID_IMPORT}_{key}")
        entity = None if entity_id is None else entity_registry.async_get(entity_id)
        assert entity is not None
        assert entity.name == name


async def test_direction_that_is_corrected(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, loaded: MockConfigEntry, entity_registry: er.EntityRegistry
) -> None:
    fluksometer.listed(HEAT_PUMP).update(direction="export", demand=None, phases=None)
    await loaded.runtime_data.async_refresh()
    await hass.async_block_till_done()
    await until(shows(hass, "sensor.heat_pump_import_net_power", "2027"))
    keys = {
        entity.unique_id.partition("_")[2]
        for entity in er.async_entries_for_config_entry(entity_registry, loaded.entry_id)
        if entity.unique_id.startswith(HEAT_PUMP)
    }
    assert keys == {"power", "energy"}


async def test_each_sensor_is_as_fresh_as_its_own_meter(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, loaded: MockConfigEntry, poll: Poll, clock: Clock
) -> None:
    fluksometer.device["meters"][0].update(connected=False, error="no telegram")
    fluksometer.pass_time(31)
    for board in (fluksometer.device["boards"][0], fluksometer.device["meters"][1]):
        board["last_line"] = fluksometer.device["time"]
    clock.advance(31)
    await poll()
    assert shown(hass, "sensor.grid_import_net_power") == STATE_UNAVAILABLE
    assert shown(hass, "sensor.grid_export_energy") == STATE_UNAVAILABLE
    assert shown(hass, "sensor.heat_pump_import_net_power") == "2027"
    assert shown(hass, "sensor.main_power") == "463"

    # The other way round: the board's cable is out, the meters go on.
    fluksometer.device["board"].update(connected=False)
    fluksometer.device["boards"][0].update(connected=False)
    fluksometer.device["meters"][0].update(connected=True, error=None, last_line=NOW + 62)
    fluksometer.device["time"] += 31
    clock.advance(31)
    await poll()
    assert shown(hass, "sensor.grid_import_net_power") == "2027"
    assert shown(hass, "sensor.main_power") == STATE_UNAVAILABLE
    assert shown(hass, "sensor.water_meter_volume") == STATE_UNAVAILABLE


@pytest.mark.skipif(not PROGRAM.exists(), reason="fluksod is not installed: run scripts/setup python")
async def test_a_belgian_meter_through_the_real_daemon(
    hass: HomeAssistant, tmp_path: Path, session: ClientSession
) -> None:
    master, port = os.openpty()
    tty.setraw(port)
    more = f'[[p1]]\nname = "Grid"\nport = "{os.ttyname(port)}"\ndsmr = "5"\n'
    meter = Meter()
    async with Fluksod(tmp_path, MAIN, WATER, more) as daemon:

        async def told(sensor_name: str, gauge: float) -> dict[str, Any]:
            """Send telegrams until the daemon shows them."""
            for _ in range(100):
                os.write(master, meter.belgium())
                async with session.get(f"http://127.0.0.1:{daemon.port}/api/v2/sensors") as answer:
                    for listed in (await answer.json())["sensors"]:
                        reading = listed["reading"]
                        if listed["name"] == sensor_name and reading and reading["gauge"] == gauge:
                            found: dict[str, Any] = listed
                            return found
            raise AssertionError(sensor_name)

        grid = await told("Grid import", 2027)
        async with session.get(f"http://127.0.0.1:{daemon.port}/api/v2/device") as answer:
            device = (await answer.json())["id"]
        entry = MockConfigEntry(
            domain=DOMAIN,
            unique_id=device,
            data={"host": "127.0.0.1", "port": daemon.port, "device_id": device, "api": "v2"},
        )
        entry.add_to_hass(hass)
        assert await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done()
        assert grid["class"] == "cosem"
        assert shown(hass, "sensor.grid_import_net_power") == "2027"
        assert shown(hass, "sensor.grid_import_energy") == "3016.829"
        # What the meter computes itself is what is billed.
        assert shown(hass, "sensor.grid_import_quarter_hour_average") == "2351"
        assert shown(hass, "sensor.grid_import_month_peak") == "5122"
        assert hass.states.get("sensor.grid_export_power") is None

        meter.power_in, meter.power_out, meter.out_1 = 0.0, 1.5, 0.005
        await told("Grid export", 1500)
        await entry.runtime_data.async_refresh()
        await hass.async_block_till_done()
        assert shown(hass, "sensor.grid_import_net_power") == "-1500"
        assert shown(hass, "sensor.grid_export_power") == "1500"
        assert shown(hass, "sensor.grid_export_energy") == "0.005"
        await hass.config_entries.async_unload(entry.entry_id)
    os.close(master)
    os.close(port)
