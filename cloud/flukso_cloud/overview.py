"""An account's devices with their sensors and newest values: what `/api/v2/devices` answers and the page shows."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from .access import Grant, Sight
from .live import Broadcaster
from .newest import newest_values
from .store import Store
from .units import COUNTER_UNITS, GAUGE_UNITS


class MeasurementView(msgspec.Struct, frozen=True):
    """The newest counter: unix seconds, Wh or L."""

    time: int
    counter: int


class GaugeView(msgspec.Struct, frozen=True):
    """The newest rate: unix seconds, W or L/min."""

    time: int
    value: float


class SensorView(msgspec.Struct, frozen=True):
    """One stream. Units are empty for types that have none here."""

    id: str
    type: str
    class_: str = msgspec.field(name="class")
    name: str
    counter_unit: str
    gauge_unit: str
    measurement: MeasurementView | None
    gauge: GaugeView | None


class DeviceView(msgspec.Struct, frozen=True):
    """A Fluksometer; `last_seen` in unix seconds."""

    id: str
    name: str
    last_seen: int
    sensors: list[SensorView]


class Overview(NamedTuple):
    """All of an account."""

    devices: list[DeviceView]


async def overview(store: Store, live: Broadcaster, account: int, resolution: int = 0) -> Overview:
    """Return the devices of an account, oldest first; the newest values are those of buckets of `resolution` seconds.

    0: the newest reading.
    """
    streams = await store.streams(account)
    sight = Sight((Grant(resolution),), own=True)
    newest = iter(await newest_values(store, live, [(sensor, sight) for _, sensors in streams for sensor in sensors]))
    devices: list[DeviceView] = []
    for device, sensors in streams:
        views: list[SensorView] = []
        for sensor in sensors:
            sample, gauge = next(newest)
            views.append(
                SensorView(
                    id=sensor.id,
                    type=sensor.type,
                    class_=sensor.class_,
                    name=sensor.function,
                    counter_unit=COUNTER_UNITS.get(sensor.type, ""),
                    gauge_unit=GAUGE_UNITS.get(sensor.type, ""),
                    measurement=None if sample is None else MeasurementView(*sample),
                    gauge=None if gauge is None else GaugeView(*gauge),
                )
            )
        devices.append(DeviceView(device.id, f"flukso-{device.id[:6]}", device.last_seen, views))
    return Overview(devices)
