"""What a sensor is: one measured stream, its type, its class and its units."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

_ID = re.compile(r"[0-9a-f]{32}")
_NUMBER_IN_LUA = re.compile(r"[0-9]+|[0-9]+e[0-9]+")


class SensorType(StrEnum):
    """What is measured; decides the units."""

    ELECTRICITY = "electricity"
    WATER = "water"
    GAS = "gas"

    @property
    def counter_unit(self) -> str:
        """Unit of the counter: Wh for electricity, L for water and gas."""
        return "Wh" if self is SensorType.ELECTRICITY else "L"

    @property
    def gauge_unit(self) -> str:
        """Unit of the gauge: W for electricity, L/min for water and gas."""
        return "W" if self is SensorType.ELECTRICITY else "L/min"

    @property
    def gauge_per_unit_ms(self) -> float:
        """Gauge for one unit of the counter in one millisecond: 3.6e6 W for a Wh, 6e4 L/min for a litre."""
        return 3.6e6 if self is SensorType.ELECTRICITY else 6.0e4

    @property
    def v1_per_gauge(self) -> float:
        """Factor from our gauge to the number on the v1 wire: W stays, L/min becomes L/day (trap 31)."""
        return 1.0 if self is SensorType.ELECTRICITY else 1440.0


class SensorClass(StrEnum):
    """How it is measured: a current clamp, an input that counts pulses, a P1 meter, a meter on RS-485.

    A peer is measured elsewhere: somebody else's sensor that the owner is subscribed to.
    """

    ANALOG = "analog"
    PULSE = "pulse"
    COSEM = "cosem"
    UART = "uart"
    PEER = "peer"

    @property
    def is_of_board(self) -> bool:
        """Whether the board measures it; the others are meters that count for themselves."""
        return self in (SensorClass.ANALOG, SensorClass.PULSE)


class Direction(StrEnum):
    """Which way what is counted flows: into the house, or out of it to the grid."""

    IMPORT = "import"
    EXPORT = "export"


@dataclass(frozen=True, slots=True)
class Sensor:
    """One sensor: `id` is 32 lowercase hexadecimal digits, `name` is for people."""

    id: str
    name: str
    type: SensorType
    sensor_class: SensorClass
    direction: Direction = Direction.IMPORT


def derived_id(device: str, *what: str) -> str:
    """The id of a stream that has none of its own: the same for ever from the device's id and what names the stream.

    No old client takes it for a number (trap 34).
    """
    text = "\0".join((device, *what))
    while reads_as_number(made := sha256(text.encode()).hexdigest()[:32]):
        text += "\0"
    return made


def is_id(text: str) -> bool:
    """Whether `text` is a device or sensor id: 32 lowercase hexadecimal digits."""
    return _ID.fullmatch(text) is not None


def reads_as_number(text: str) -> bool:
    """Whether clients written in Lua would take this id for a number: digits only, or digits and one e (trap 34)."""
    return _NUMBER_IN_LUA.fullmatch(text) is not None
