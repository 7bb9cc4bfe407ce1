"""Devices and their sensors: registered once, updated by heartbeats, claimed by a code."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from flukso_cloud.store import GoneError, Heartbeat, SensorConfig, SensorGoneError, SensorPlan, Store, Wiring
from flukso_cloud.store.limits import MOST_SENSORS
from tests.cloud.store_contract.conftest import Reopen
from tests.cloud.store_contract.homes import NOW, add_account, add_device, add_sensor, add_sensor_to, fresh_id


async def test_registers_once(store: Store, reopen: Reopen) -> None:
    assert await store.device("ab" * 16) is None
    device = await store.register("ab" * 16, b"sealed", b"claim", NOW)
    assert (device.id, device.sealed_key, device.account) == ("ab" * 16, b"sealed", None)
    assert (device.created, device.last_seen, device.heartbeat, device.resets, device.upgrade) == (NOW, NOW, None, 0, 0)
    assert await store.register("ab" * 16, b"another", b"other", NOW + 9) == device
    store = await reopen()
    assert await store.device("ab" * 16) == device
    assert await store.device_number(device.number) == device


async def test_two_who_register_at_once_find_one_device(store: Store) -> None:
    found = await asyncio.gather(*(store.register("ab" * 16, bytes([key]), b"claim", NOW) for key in range(8)))
    assert len({device.number for device in found}) == 1
    assert len({device.sealed_key for device in found}) == 1
    assert len(await store.devices()) == 1


async def test_no_device_of_a_number(store: Store) -> None:
    with pytest.raises(LookupError):
        await store.device_number(99)


async def test_a_heartbeat_tells_of_the_device(store: Store, reopen: Reopen) -> None:
    device = await add_device(store)
    beat = Heartbeat(NOW + 60, reset=1, version=248, uptime=77, ip="192.0.2.9", port="8080")
    assert await store.heartbeat(device.number, beat, []) == []
    store = await reopen()
    told = replace(device, last_seen=NOW + 60, heartbeat=NOW + 60, resets=1, version=248, uptime=77)
    assert await store.device(device.id) == replace(told, ip="192.0.2.9", port="8080")


async def test_restarts_are_counted(store: Store, reopen: Reopen) -> None:
    device = await add_device(store)
    for reset in (1, 0, 1):
        await store.heartbeat(device.number, Heartbeat(NOW, reset=reset), [])
    await asyncio.gather(*(store.heartbeat(device.number, Heartbeat(NOW, reset=1), []) for _ in range(5)))
    store = await reopen()
    assert (await store.device_number(device.number)).resets == 7


async def test_a_heartbeat_adds_and_updates_sensors(store: Store, reopen: Reopen) -> None:
    device = await add_device(store)
    one, other = fresh_id(), fresh_id()
    assert await store.sensor(one) is None
    plans = [SensorPlan(one, "electricity", "analog", "Main"), SensorPlan(other, "gas", "pulse", "Gas")]
    assert await store.heartbeat(device.number, Heartbeat(NOW), plans) == []
    before = await store.sensors_of(device.id)
    assert [(sensor.id, sensor.type, sensor.class_, sensor.function) for sensor in before] == [
        (one, "electricity", "analog", "Main"),
        (other, "gas", "pulse", "Gas"),
    ]
    assert [(sensor.device, sensor.enabled, sensor.created) for sensor in before] == [(device.number, 1, NOW)] * 2
    assert await store.heartbeat(device.number, Heartbeat(NOW + 60), [SensorPlan(one, "water", "pulse", "Tap")]) == []
    store = await reopen()
    changed = replace(before[0], type="water", class_="pulse", function="Tap")
    assert await store.sensors_of(device.id) == [changed, before[1]]
    assert await store.sensor(one) == changed
    assert await store.sensors_of(fresh_id()) == []


async def test_a_sensor_that_a_heartbeat_names_twice_is_as_it_says_last(store: Store) -> None:
    device = await add_device(store)
    name = fresh_id()
    plans = [SensorPlan(name, "electricity", "analog", "One"), SensorPlan(name, "gas", "pulse", "Two")]
    assert await store.heartbeat(device.number, Heartbeat(NOW), plans) == []
    [sensor] = await store.sensors_of(device.id)
    assert (sensor.type, sensor.class_, sensor.function) == ("gas", "pulse", "Two")


async def test_a_sensor_of_another_device_is_left_alone(store: Store) -> None:
    sensor = await add_sensor(store)
    other = await add_device(store)
    plans = [SensorPlan(sensor.id, "gas", "pulse", "Mine"), SensorPlan("12" * 16, "gas", "pulse", "Gas")]
    assert await store.heartbeat(other.number, Heartbeat(NOW), plans) == [sensor.id]
    assert await store.sensor(sensor.id) == sensor
    added = await store.sensor("12" * 16)
    assert added is not None
    assert added.device == other.number


async def test_of_two_devices_that_name_one_sensor_one_gets_it(store: Store) -> None:
    devices = [await add_device(store) for _ in range(4)]
    plan = SensorPlan(fresh_id(), "gas", "pulse", "Gas")
    refused = await asyncio.gather(*(store.heartbeat(each.number, Heartbeat(NOW), [plan]) for each in devices))
    assert sorted(refused) == [[], [plan.id], [plan.id], [plan.id]]
    sensor = await store.sensor(plan.id)
    assert sensor is not None
    assert sensor.device == devices[refused.index([])].number


async def test_sensors_that_are_too_many_are_refused(store: Store) -> None:
    device = await add_device(store)
    plans = [SensorPlan(f"{i:032x}", "electricity", "analog", "") for i in range(MOST_SENSORS + 2)]
    refused = [plan.id for plan in plans[MOST_SENSORS:]]
    assert await store.heartbeat(device.number, Heartbeat(NOW), plans) == refused
    assert await store.heartbeat(device.number, Heartbeat(NOW), plans) == refused
    assert len(await store.sensors_of(device.id)) == MOST_SENSORS


async def test_a_configuration_replaces_the_one_before(store: Store, reopen: Reopen) -> None:
    sensor = await add_sensor(store)
    assert await store.wirings([sensor.number]) == {}
    first = SensorConfig("electricity", "pulse", "Solar", 230.0, 50.0, 1, 2.5, 0, 3, "pls", 7, "counter", NOW)
    await store.configure(sensor.number, first)
    store = await reopen()
    told = replace(sensor, class_="pulse", function="Solar", voltage=230.0, current=50.0, phase=1, constant=2.5)
    assert await store.sensor(sensor.id) == replace(told, enabled=0)
    assert await store.wirings([sensor.number, 99]) == {sensor.number: Wiring(NOW, 3, "pls", 7, "counter")}
    await store.configure(sensor.number, SensorConfig(enabled=1, time=NOW + 9))
    assert await store.sensor(sensor.id) == replace(sensor, class_="pulse", function="Solar")
    assert await store.wirings([sensor.number]) == {sensor.number: Wiring(NOW + 9, None, None, None, None)}
    assert await store.wirings([]) == {}


async def test_a_sensor_that_is_gone_cannot_be_configured(store: Store) -> None:
    with pytest.raises(SensorGoneError):
        await store.configure(99, SensorConfig(time=NOW))


async def test_an_upgrade_is_told_once(store: Store, reopen: Reopen) -> None:
    device = await add_device(store)
    assert await store.take_upgrade(device.number) == 0
    await store.order_upgrade(device.number, 249)
    store = await reopen()
    assert (await store.device_number(device.number)).upgrade == 249
    taken = await asyncio.gather(*(store.take_upgrade(device.number) for _ in range(4)))
    assert sorted(taken) == [0, 0, 0, 249]
    await store.order_upgrade(device.number, 250)
    await store.order_upgrade(device.number, 0)
    assert await store.take_upgrade(device.number) == 0


async def test_devices_are_listed_oldest_first(store: Store, reopen: Reopen) -> None:
    assert await store.devices() == []
    kees = await add_account(store)
    first, second, theirs = await add_device(store, kees), await add_device(store), await add_device(store, kees)
    late = await add_sensor_to(store, theirs, "ff" * 16)
    later = await add_sensor_to(store, theirs, "00" * 16)
    early = await add_sensor_to(store, first)
    store = await reopen()
    assert [(device.id, sensors) for device, sensors in await store.devices()] == [
        (first.id, [early.id]),
        (second.id, []),
        (theirs.id, [late.id, later.id]),
    ]
    assert [(device.id, sensors) for device, sensors in await store.streams(kees.number)] == [
        (first.id, [early]),
        (theirs.id, [late, later]),
    ]
    assert await store.streams(99) == []


async def test_the_census_changes_with_devices_and_sensors(store: Store) -> None:
    found = [await store.census()]
    device = await add_device(store)
    found.append(await store.census())
    await add_sensor_to(store, device)
    found.append(await store.census())
    assert await store.census() == found[-1]
    await store.mark_leaving(device.number, "forget", NOW)
    await store.finish_leaving(device.number)
    await store.register(device.id, b"sealed", b"claim", NOW)
    found.append(await store.census())
    assert len(set(found)) == len(found)


async def test_a_code_claims_its_device_once(store: Store, reopen: Reopen) -> None:
    kees, mallory = await add_account(store), await add_account(store, "mallory")
    device = await store.register(fresh_id(), b"sealed", b"code", NOW)
    assert await store.claim(b"wrong", kees.number) == ("unknown", None)
    outcomes = await asyncio.gather(*(store.claim(b"code", each.number) for each in (kees, mallory)))
    assert sorted(outcomes) == [("ok", device.id), ("taken", None)]
    winner = (kees, mallory)[outcomes.index(("ok", device.id))]
    store = await reopen()
    assert (await store.device_number(device.number)).account == winner.number
    assert await store.claim(b"code", winner.number) == ("taken", None)


async def test_a_code_that_two_devices_share_claims_neither(store: Store) -> None:
    kees = await add_account(store)
    for _ in range(2):
        await store.register(fresh_id(), b"sealed", b"same", NOW)
    assert (await store.claim(b"same", kees.number)).outcome == "unknown"
    assert await store.streams(kees.number) == []


async def test_nothing_is_told_to_a_device_that_is_gone(store: Store) -> None:
    for call in (
        store.heartbeat(99, Heartbeat(NOW), [SensorPlan(fresh_id(), "gas", "pulse", "Gas")]),
        store.order_upgrade(99, 1),
        store.take_upgrade(99),
    ):
        with pytest.raises(GoneError):
            await call


async def test_the_newest_sign_of_life_is_that_of_any_device(store: Store, reopen: Reopen) -> None:
    assert await store.newest_sign_of_life() == 0
    one, other = await add_device(store), await add_device(store)
    await store.heartbeat(one.number, Heartbeat(NOW + 60), [])
    await store.heartbeat(other.number, Heartbeat(NOW + 30), [])
    store = await reopen()
    assert await store.newest_sign_of_life() == NOW + 60
