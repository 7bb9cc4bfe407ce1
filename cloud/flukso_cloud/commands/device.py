"""`flukso-cloud device`."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from flukso_cloud.clock import unix_now
from flukso_cloud.departures import Departures
from flukso_cloud.ears import Elsewhere
from flukso_cloud.home import Home
from flukso_cloud.store import Device, Sensor, Store
from flukso_cloud.units import COUNTER_UNITS

from .command import Parsers, UsageError, add_command, add_confirmation, confirm, home_of, with_store

NOBODY = "unclaimed"


def add_to(parsers: Parsers) -> None:
    """Describe it to the command line."""
    devices = parsers.add_parser("device", help="Fluksometers.").add_subparsers(required=True, metavar="COMMAND")
    add_command(devices, "list", list_devices, "List the devices: id, owner, sensors, and when they were last heard.")
    shown = add_command(devices, "show", show, "Show a device and its sensors.")
    shown.add_argument("device", metavar="DEVICE")
    text = "Take a device from its owner, and delete its readings; it can be claimed anew."
    released = add_command(devices, "release", release, text)
    released.add_argument("device", metavar="DEVICE")
    add_confirmation(released)
    forgotten = add_command(devices, "forget", forget, "Delete a device and its readings; it can register anew.")
    forgotten.add_argument("device", metavar="DEVICE")
    add_confirmation(forgotten)


def list_devices(arguments: argparse.Namespace) -> None:
    """List all devices."""

    async def rows(store: Store) -> list[str]:
        return [
            f"{device.id}  {await _owner(store, device)}  sensors {len(sensors)}  last heard {_time(device.last_seen)}"
            for device, sensors in await store.devices()
        ]

    for row in with_store(home_of(arguments), rows):
        print(row)


def show(arguments: argparse.Namespace) -> None:
    """Show a device."""

    async def rows(store: Store) -> list[str]:
        device, sensors = await _device(store, arguments.device)
        newest = await store.newest([sensor.number for sensor in sensors])
        found = [
            f"device {device.id}",
            f"owner {await _owner(store, device)}",
            f"registered {_time(device.created)}",
            f"last heard {_time(device.last_seen)}",
        ]
        for sensor in sensors:
            sample = newest.get(sensor.number)
            unit = COUNTER_UNITS.get(sensor.type, "")
            counter = "nothing yet" if sample is None else f"{sample.counter} {unit} at {_time(sample.time)}"
            found.append(f"sensor {sensor.id}  {sensor.function}  {sensor.type}, {sensor.class_}  {counter}")
        return found

    for row in with_store(home_of(arguments), rows):
        print(row)


def release(arguments: argparse.Namespace) -> None:
    """Take a device from its owner."""
    home = home_of(arguments)
    _require(home, arguments.device)
    confirm(arguments, f"Release {arguments.device} and delete its readings")

    async def leave(store: Store) -> None:
        device, sensors = await _device(store, arguments.device)
        if device.account is None:
            raise UsageError(f"nobody has claimed device {device.id}; to delete it: flukso-cloud device forget")
        await Departures(store, Elsewhere(store)).release(device.number, sensors, device.account, unix_now())

    with_store(home, leave)
    print(f"device {arguments.device}: released; its readings are deleted")


def forget(arguments: argparse.Namespace) -> None:
    """Delete a device."""
    home = home_of(arguments)
    _require(home, arguments.device)
    confirm(arguments, f"Forget {arguments.device} and delete its readings")

    async def leave(store: Store) -> None:
        device, sensors = await _device(store, arguments.device)
        await Departures(store, Elsewhere(store)).forget(device.number, sensors, device.account, unix_now())

    with_store(home, leave)
    print(f"device {arguments.device}: forgotten")


def _require(home: Home, device_id: str) -> None:
    with_store(home, lambda store: _device(store, device_id))


async def _device(store: Store, device_id: str) -> tuple[Device, list[Sensor]]:
    device = await store.device(device_id)
    if device is None:
        raise UsageError(f"there is no device {device_id}; `flukso-cloud device list` shows them")
    return device, await store.sensors_of(device_id)


async def _owner(store: Store, device: Device) -> str:
    return NOBODY if device.account is None else (await store.account_number(device.account)).name


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
