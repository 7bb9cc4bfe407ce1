"""What stands in which register of which meter. Pure.

Sources: Eastron, "SDM630 Modbus Protocol", the same of SDM120 and SDM230, "SDM72D-M User Manual": input registers
(function 4), IEEE 754 floats of two registers, high word first, at most 30 values a request.
Carlo Gavazzi, "EM330, EM340, ET330, ET340 Communication protocol": signed 32 bit integers, low word first (function 4).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from math import isfinite

from fluksod.config.modbus import Model


class Kind(Enum):
    """How a value lies in two registers."""

    FLOAT = ">f"
    SIGNED_LOW_FIRST = ">i"


@dataclass(frozen=True, slots=True)
class Value:
    """A value in the registers `address` and the next one; `factor` makes it W, V, A or kWh."""

    address: int
    kind: Kind = Kind.FLOAT
    factor: float = 1.0

    def of(self, registers: Mapping[int, int]) -> float:
        """Its number. Raises ValueError where it is none."""
        words = [registers[self.address], registers[self.address + 1]]
        if self.kind is Kind.SIGNED_LOW_FIRST:
            words.reverse()
        (number,) = struct.unpack(self.kind.value, struct.pack(">HH", *words))
        if not isfinite(number):
            raise ValueError(f"register {self.address} holds {number}")
        return float(number) * self.factor


@dataclass(frozen=True, slots=True)
class Phase:
    """Of one phase."""

    power: Value
    voltage: Value
    current: Value


@dataclass(frozen=True, slots=True)
class MeterModel:
    """A kind of meter. `reads` are the (first register, count) to be read with function 4.

    `power` is positive when it comes in.
    """

    reads: tuple[tuple[int, int], ...]
    power: Value
    imported: Value
    exported: Value
    phases: tuple[Phase, ...] = ()


@dataclass(frozen=True, slots=True)
class PhaseReading:
    """Of one phase, in W (negative: it flows out), V, and A with the sign of the power."""

    power: float
    voltage: float
    current: float


@dataclass(frozen=True, slots=True)
class MeterReading:
    """What a meter says at once: W (negative: it flows out), and its counters in whole Wh."""

    power: float
    imported: int
    exported: int
    phases: tuple[PhaseReading, ...]


def read_meter(model: MeterModel, registers: Mapping[int, int]) -> MeterReading:
    """Read all registers of a meter. Raises ValueError when a value cannot be."""
    phases: list[PhaseReading] = []
    for phase in model.phases:
        power, voltage, current = (value.of(registers) for value in (phase.power, phase.voltage, phase.current))
        phases.append(
            PhaseReading(round(power, 3), round(voltage, 3), round(abs(current) * (-1 if power < 0 else 1), 3))
        )
    return MeterReading(
        round(model.power.of(registers), 3),
        _watt_hours(model.imported, registers),
        _watt_hours(model.exported, registers),
        tuple(phases),
    )


def _watt_hours(value: Value, registers: Mapping[int, int]) -> int:
    number = round(value.of(registers) * 1000)
    if not 0 <= number < 1 << 32:
        raise ValueError(f"register {value.address} holds a counter of {number} Wh")
    return number


def _eastron_phases(count: int) -> tuple[Phase, ...]:
    return tuple(Phase(Value(0x0C + 2 * one), Value(2 * one), Value(0x06 + 2 * one)) for one in range(count))


def _low(address: int, factor: float) -> Value:
    return Value(address, Kind.SIGNED_LOW_FIRST, factor)


_IMPORT, _EXPORT = Value(0x48), Value(0x4A)
_ONE_PHASE = MeterModel(((0x00, 14), (0x48, 4)), Value(0x0C), _IMPORT, _EXPORT, _eastron_phases(1))

MODELS: Mapping[Model, MeterModel] = {
    Model.SDM120: _ONE_PHASE,
    Model.SDM220: _ONE_PHASE,
    Model.SDM230: _ONE_PHASE,
    Model.SDM630: MeterModel(((0x00, 18), (0x34, 2), (0x48, 4)), Value(0x34), _IMPORT, _EXPORT, _eastron_phases(3)),
    Model.SDM72: MeterModel(((0x34, 2), (0x48, 4)), Value(0x34), _IMPORT, _EXPORT),
    Model.EM340: MeterModel(
        ((0x00, 24), (0x28, 2), (0x34, 2), (0x4E, 2)),
        _low(0x28, 0.1),
        _low(0x34, 0.1),
        _low(0x4E, 0.1),
        tuple(Phase(_low(0x12 + 2 * one, 0.1), _low(2 * one, 0.1), _low(0x0C + 2 * one, 0.001)) for one in range(3)),
    ),
}


def by_address(reads: Sequence[tuple[int, int]], answers: Sequence[Sequence[int]]) -> dict[int, int]:
    """The registers of several answers, each by its address."""
    return {
        first + index: word
        for (first, _), words in zip(reads, answers, strict=True)
        for index, word in enumerate(words)
    }
