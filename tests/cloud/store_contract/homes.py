"""Accounts, devices and sensors for the tests of the contract, made by a store's own methods."""

from __future__ import annotations

from itertools import count

from flukso_cloud.store import Account, Device, Heartbeat, Sensor, SensorPlan, Store

NOW = 1_795_400_000
_fresh = count(1)


def fresh_id() -> str:
    """Return an id that no other device or sensor has."""
    return f"{next(_fresh):032x}"


def code(device_id: str) -> bytes:
    """Return what stands for the hash of a device's claim code."""
    return b"claim" + bytes.fromhex(device_id)


async def add_account(store: Store, name: str = "kees") -> Account:
    """Add an account with the time zone UTC."""
    return await store.add_account(name, f"hash of {name}", "UTC", NOW)


async def add_device(store: Store, owner: Account | None = None) -> Device:
    """Register a device, and let its owner claim it."""
    device = await store.register(fresh_id(), b"sealed", fresh := code(fresh_id()), NOW)
    if owner is None:
        return device
    assert (await store.claim(fresh, owner.number)).outcome == "ok"
    return await store.device_number(device.number)


async def add_sensor(
    store: Store,
    name: str | None = None,
    class_: str = "analog",
    owner: Account | None = None,
    kind: str = "electricity",
) -> Sensor:
    """Add a device with one sensor."""
    device = await add_device(store, owner)
    return await add_sensor_to(store, device, name, class_, kind)


async def add_sensor_to(
    store: Store, device: Device, name: str | None = None, class_: str = "analog", kind: str = "electricity"
) -> Sensor:
    """Add a sensor to a device."""
    name = name or fresh_id()
    assert await store.heartbeat(device.number, Heartbeat(NOW), [SensorPlan(name, kind, class_, "Main")]) == []
    sensor = await store.sensor(name)
    assert sensor is not None
    return sensor
