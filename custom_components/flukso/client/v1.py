"""Version 1 of the local API, as all Fluksometers since 2010 speak it: the power of the last minute.

It tells neither which sensors there are (those come with the zeroconf announcement) nor what they measure nor how, and
has no counters.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import aiohttp

from .address import Address
from .errors import FluksoNotFoundError, FluksoPayloadError
from .lan import Lan
from .models import Device, Reading, Sensor, SensorType, Snapshot
from .payload import LARGEST_TIME, is_number, parse_json

_LITRES_PER_DAY_TO_LITRES_PER_MINUTE: Final = 1 / 1440

_LONGEST: Final = 3600
"""Entries. The originals answer 60 at most."""


@dataclass(frozen=True, slots=True)
class V1Sensor:
    """A sensor as its owner knows it. `index` is its number on the Fluksometer, 1 to 64, or None if unknown."""

    id: str
    index: int | None
    type: SensorType


@dataclass(frozen=True, slots=True)
class Minute:
    """The last minute of a sensor.

    `end` is the newest second that the array covers, None for an empty array: the Fluksometer has no data yet or does
    not know the sensor. `values` are the seconds with a value, in ascending order.
    """

    end: int | None
    values: tuple[tuple[int, int | float], ...]


def parse_minute(body: bytes) -> Minute:
    """Read an array of [unix seconds, value] in ascending order, where a missing value is the text "nan"."""
    pairs = parse_json(body)
    if not isinstance(pairs, list) or len(pairs) > _LONGEST:
        raise FluksoPayloadError(f"not an array of at most {_LONGEST} entries")
    end: int | None = None
    values: list[tuple[int, int | float]] = []
    for pair in pairs:
        if not isinstance(pair, list) or len(pair) != 2:
            raise FluksoPayloadError(f"{str(pair)[:60]} is not a pair of time and value")
        time, value = pair
        if not isinstance(time, int) or isinstance(time, bool) or not 0 <= time <= LARGEST_TIME:
            raise FluksoPayloadError(f"{str(time)[:60]} is not a time in unix seconds")
        if end is not None and time <= end:
            raise FluksoPayloadError("times do not ascend")
        end = time
        if isinstance(value, str) and value.lower() == "nan":
            continue
        if not is_number(value):
            raise FluksoPayloadError(f'{str(value)[:60]} is neither a number nor "nan"')
        values.append((time, value))
    return Minute(end, tuple(values))


class FluksometerV1:
    """A Fluksometer that only speaks version 1."""

    def __init__(
        self, session: aiohttp.ClientSession, address: Address, device_id: str, name: str, sensors: Iterable[V1Sensor]
    ) -> None:
        """Make a client for the Fluksometer at an address, whose id, name and sensors the caller knows."""
        self._lan = Lan(session, address)
        self._device_id = device_id
        self._name = name
        self._sensors = tuple(sensors)

    async def minute(self, sensor: V1Sensor) -> Minute:
        """Return a sensor's last minute, in W, or in L/day for water and gas (trap 31)."""
        unit = "watt" if sensor.type is SensorType.ELECTRICITY else "lperday"
        # Trap 16: the version goes into the query only. Trap 32: these three are mandatory.
        query = {"version": "1.0", "interval": "minute", "unit": unit}
        return parse_minute(await self._lan.get(f"/sensor/{sensor.id}", query))

    async def fetch(self) -> Snapshot:
        """Ask for all sensors, one after the other, for each request runs a script on a slow processor.

        A sensor that the Fluksometer does not serve (404) has no reading; one that serves none of them is another one,
        and FluksoNotFoundError is raised. The device's time is the newest second that any array covers: it stands still
        when nothing is measured any more.
        """
        sensors: dict[str, Sensor] = {}
        served = False
        time: int | None = None
        for known in self._sensors:
            try:
                minute = await self.minute(known)
            except FluksoNotFoundError:
                minute = Minute(None, ())
            else:
                served = True
            if minute.end is not None and (time is None or minute.end > time):
                time = minute.end
            sensors[known.id] = Sensor(
                id=known.id,
                name="",
                type=known.type,
                sensor_class=None,
                has_counter=False,
                reading=_reading(known.type, minute),
                recent=tuple((second, _gauge(known.type, value)) for second, value in minute.values),
            )
        if self._sensors and not served:
            raise FluksoNotFoundError(f"{self._lan.address} serves none of the sensors")
        device = Device(
            id=self._device_id,
            name=self._name,
            model="Fluksometer",
            software=None,
            api="1.0",
            time=time,
            board=None,
            cloud=None,
        )
        return Snapshot(device, sensors)


def _reading(sensor_type: SensorType, minute: Minute) -> Reading | None:
    if not minute.values:
        return None
    time, value = minute.values[-1]
    return Reading(time, None, _gauge(sensor_type, value))


def _gauge(sensor_type: SensorType, value: int | float) -> int | float:
    """Return a value of the old API in W, or in L/min."""
    if sensor_type is SensorType.ELECTRICITY:
        return value
    return round(value * _LITRES_PER_DAY_TO_LITRES_PER_MINUTE, 3)
