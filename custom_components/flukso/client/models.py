"""What a Fluksometer tells, typed. All times are unix seconds of the Fluksometer's own clock."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self


class SensorType(StrEnum):
    """What a sensor measures."""

    ELECTRICITY = "electricity"
    WATER = "water"
    GAS = "gas"


class Quantity(StrEnum):
    """What an FLM03 tells of a clamp besides the power and energy that come in."""

    EXPORT = "export"
    REACTIVE_Q1 = "reactive_q1"
    REACTIVE_Q2 = "reactive_q2"
    REACTIVE_Q3 = "reactive_q3"
    REACTIVE_Q4 = "reactive_q4"
    VOLTAGE = "voltage"
    CURRENT = "current"
    POWER_FACTOR = "power_factor"
    VOLTAGE_DISTORTION = "voltage_distortion"
    CURRENT_DISTORTION = "current_distortion"
    PHASE_ANGLE = "phase_angle"


class SensorClass(StrEnum):
    """How a sensor measures: a current clamp or counted pulses."""

    ANALOG = "analog"
    PULSE = "pulse"


@dataclass(frozen=True, slots=True)
class Reading:
    """A sensor's newest values.

    `counter` is the absolute register, in Wh for electricity and in L for water and gas.
    `gauge` is the rate now, in W for electricity and in L/min for water and gas. Other quantities have their own units.
    Either is None while it is unknown.
    """

    time: int
    counter: int | float | None
    gauge: int | float | None


@dataclass(frozen=True, slots=True)
class SensorReading:
    """A reading as it is pushed, with the id of its sensor."""

    sensor: str
    reading: Reading


@dataclass(frozen=True, slots=True)
class Sensor:
    """One measured stream.

    `reading` is None before the first one. `sensor_class` is None where the API does not tell (v1), and `has_counter`
    is False where it has no counters (v1). `recent` are the seconds of the last minute that have a value, in ascending
    order, as (unix seconds, gauge), where the API tells them (v1).

    The rest is told by MQTT only. `quantity` is None for power and energy that come in, and for flow and volume.
    `has_gauge` is False where only a counter is published. `index` is the sensor's number. `lead` is the id of the
    sensor whose device it shares, for several may be at one port.
    """

    id: str
    name: str
    type: SensorType
    sensor_class: SensorClass | None
    has_counter: bool
    reading: Reading | None
    recent: tuple[tuple[int, int | float], ...] = ()
    quantity: Quantity | None = None
    has_gauge: bool = True
    index: int | None = None
    lead: str | None = None


@dataclass(frozen=True, slots=True)
class Board:
    """The sensor board behind the daemon. `last_line` is None before its first valid line."""

    connected: bool
    last_line: int | None
    rejected_lines: int
    error: str | None


@dataclass(frozen=True, slots=True)
class Cloud:
    """How the uploads go. `claim_code` lets its holder claim the device: never show it in diagnostics."""

    url: str
    state: str
    claim_code: str | None
    last_upload: int | None
    pending: int
    error: str | None


@dataclass(frozen=True, slots=True)
class Device:
    """A Fluksometer. `time` is its clock now; board and cloud are None where the API does not tell (v1)."""

    id: str
    name: str
    model: str
    software: str | None
    api: str
    time: int | None
    board: Board | None
    cloud: Cloud | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A Fluksometer and all its sensors by id, as one poll saw them."""

    device: Device
    sensors: Mapping[str, Sensor]

    def with_reading(self, sensor_id: str, reading: Reading) -> Self:
        """Return the snapshot with another reading for a sensor it has."""
        sensor = replace(self.sensors[sensor_id], reading=reading)
        return replace(self, sensors={**self.sensors, sensor_id: sensor})
