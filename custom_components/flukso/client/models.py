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
    """How a sensor measures: a current clamp, counted pulses, a P1 meter, or a meter on RS-485."""

    ANALOG = "analog"
    PULSE = "pulse"
    COSEM = "cosem"
    UART = "uart"


class Direction(StrEnum):
    """Which way: what the house takes in, or what it gives to the grid."""

    IMPORT = "import"
    EXPORT = "export"


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
class Phase:
    """One phase of a meter, in W (below 0: it flows out), V, and A; each is None where it is not told."""

    power: int | float | None
    voltage: int | float | None
    current: int | float | None


@dataclass(frozen=True, slots=True)
class Demand:
    """What a capacity tariff goes by, in W; each is None while it is unknown.

    `average` is of the quarter of an hour that runs, `projected` what that of all of it comes to if the power stays.
    `month_peak` is the highest quarter of the calendar month, begun at `month_peak_time`; `mean_month_peak` is the mean
    of twelve months' peaks, each at least 2500 W.
    """

    average: int | float | None
    projected: int | float | None
    month_peak: int | float | None
    month_peak_time: int | None
    mean_month_peak: int | float | None


@dataclass(frozen=True, slots=True)
class Sensor:
    """One measured stream.

    `reading` is None before the first one. `sensor_class` is None where the API does not tell (v1), and `has_counter`
    is False where it has no counters (v1). `recent` are the seconds of the last minute that have a value, in ascending
    order, as (unix seconds, gauge), where the API tells them (v1).

    `source` names the board or meter it was heard of, None where that is not told. `phases` and `demand` are empty and
    None where the Fluksometer tells none.

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
    direction: Direction = Direction.IMPORT
    source: str | None = None
    phases: tuple[Phase, ...] = ()
    demand: Demand | None = None
    recent: tuple[tuple[int, int | float], ...] = ()
    quantity: Quantity | None = None
    has_gauge: bool = True
    index: int | None = None
    lead: str | None = None

    @property
    def gauge_is_net(self) -> bool:
        """Tell whether the gauge is what comes in less what goes out: P1 meters and meters on RS-485."""
        return (
            self.type is SensorType.ELECTRICITY
            and self.sensor_class in (SensorClass.COSEM, SensorClass.UART)
            and self.direction is Direction.IMPORT
        )

    @property
    def is_tariff_register(self) -> bool:
        """Tell whether this is what a P1 meter counts in a single tariff: those have no gauge of their own."""
        return (
            self.type is SensorType.ELECTRICITY
            and self.sensor_class is SensorClass.COSEM
            and self.reading is not None
            and self.reading.gauge is None
        )


@dataclass(frozen=True, slots=True)
class Board:
    """The sensor board behind the daemon. `last_line` is None before its first valid line."""

    connected: bool
    last_line: int | None
    rejected_lines: int
    error: str | None


@dataclass(frozen=True, slots=True)
class Link(Board):
    """One of several boards, or a meter that counts for itself, with its name in the configuration."""

    name: str


@dataclass(frozen=True, slots=True)
class Broker:
    """How telling the owner's MQTT broker goes: `connecting`, `connected`, `refused` or `unreachable`."""

    state: str
    error: str | None


@dataclass(frozen=True, slots=True)
class Storage:
    """What the Fluksometer keeps: `ok` or `failing`, bytes, and when its history begins (None: not yet)."""

    state: str
    bytes: int
    oldest_minute: int | None
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
    claimed: bool | None = None


@dataclass(frozen=True, slots=True)
class Device:
    """A Fluksometer. `time` is its clock now; board and cloud are None where the API does not tell (v1).

    `boards` and `meters` are all that it measures with; daemons before them told of one board alone.
    """

    id: str
    name: str
    model: str
    software: str | None
    api: str
    time: int | None
    board: Board | None
    cloud: Cloud | None
    boards: tuple[Link, ...] = ()
    meters: tuple[Link, ...] = ()
    broker: Broker | None = None
    storage: Storage | None = None

    def link(self, sensor: Sensor) -> Board | None:
        """Return what a sensor is heard by: its own board or meter, the first one where it does not tell."""
        for link in (*self.boards, *self.meters):
            if link.name == sensor.source:
                return link
        return self.board


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A Fluksometer and all its sensors by id, as one poll saw them."""

    device: Device
    sensors: Mapping[str, Sensor]

    def with_reading(self, sensor_id: str, reading: Reading) -> Self:
        """Return the snapshot with another reading for a sensor it has."""
        sensor = replace(self.sensors[sensor_id], reading=reading)
        return replace(self, sensors={**self.sensors, sensor_id: sensor})


@dataclass(frozen=True, slots=True)
class UpdatableBoard:
    """A board whose firmware can be written.

    `written` identifies the image that was written last (SHA-256), None when nobody knows what runs there; `offered`
    the one that would be written, None when none is to be.
    """

    name: str
    model: str
    written: str | None
    offered: str | None


@dataclass(frozen=True, slots=True)
class Firmware:
    """The newest update and the boards that can be updated.

    `state` is `idle`, `updating`, `done` or `failed`; `percent` tells how far it is, `error` what is wrong.
    """

    state: str
    board: str | None
    percent: int
    error: str | None
    boards: tuple[UpdatableBoard, ...]
