"""What stands in which register of which meter. Pure."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from math import isfinite

from fluksod.config.modbus import Model

_MOST_WATT_HOURS = 1 << 32


class Kind(Enum):
    """How a value lies in registers: its format for `struct` with the high word first, whether the low one comes first.

    The integer that stands for "no value" follows, None for floats, which have NaN.
    """

    FLOAT = (">f", False, None)
    SIGNED = (">i", False, 0x7FFFFFFF)
    SIGNED_LOW_FIRST = (">i", True, 0x7FFFFFFF)
    UNSIGNED = (">I", False, 0xFFFFFFFF)
    UNSIGNED_64 = (">Q", False, 0xFFFFFFFFFFFFFFFF)


@dataclass(frozen=True, slots=True)
class Value:
    """A value from the register `address` on (as it is sent, from 0); `factor` makes it W, V, A or Wh."""

    address: int
    kind: Kind = Kind.FLOAT
    factor: Decimal = Decimal(1)

    @property
    def registers(self) -> range:
        """The addresses of its registers."""
        return range(self.address, self.address + struct.calcsize(self.kind.value[0]) // 2)

    def of(self, registers: Mapping[int, int]) -> Decimal:
        """Its number, exactly as the meter means it. Raises `ValueError` where it is none."""
        form, low_first, nothing = self.kind.value
        words = [registers[address] for address in self.registers]
        if low_first:
            words.reverse()
        (number,) = struct.unpack(form, struct.pack(f">{len(words)}H", *words))
        if number == nothing or not isfinite(number):
            raise ValueError(f"register {self.address} holds no value ({number})")
        return (shortest(number) if self.kind is Kind.FLOAT else Decimal(number)) * self.factor


def shortest(number: float) -> Decimal:
    """The shortest decimal that is this 32 bit float and no other: what the meter had before it made a float of it.

    Nine digits tell any of them apart (IEEE 754-2008, 5.12.2); of two floats the greater has the greater decimal.
    """
    exact = struct.pack(">f", number)
    for digits in range(6, 9):
        text = f"{number:.{digits}g}"
        with contextlib.suppress(OverflowError):
            if struct.pack(">f", float(text)) == exact:
                return Decimal(text)
    return Decimal(f"{number:.9g}")


@dataclass(frozen=True, slots=True)
class Phase:
    """Of one phase."""

    power: Value
    voltage: Value
    current: Value


@dataclass(frozen=True, slots=True)
class MeterModel:
    """A kind of meter. `reads` are the (first register, count) that are read with `function` (3 or 4).

    `power` is positive when it comes in. No two of its reads have the same count: a late answer to one is then never
    taken for that to another, which in Modbus RTU look alike.
    """

    function: int
    reads: tuple[tuple[int, int], ...]
    power: Value
    imported: Value
    exported: Value
    phases: tuple[Phase, ...] = ()


@dataclass(frozen=True, slots=True)
class PhaseReading:
    """Of one phase, in W (negative: it flows out), V, and A with the sign of the power; None where it tells none."""

    power: float | None
    voltage: float | None
    current: float | None


@dataclass(frozen=True, slots=True)
class MeterReading:
    """What a meter says at once: W (negative: it flows out), and its counters in thousandths of a Wh."""

    power: float
    imported: int
    exported: int
    phases: tuple[PhaseReading, ...]


def read_meter(model: MeterModel, registers: Mapping[int, int]) -> MeterReading:
    """Read all registers of a meter. Raises `ValueError` when its power or a counter cannot be."""
    return MeterReading(
        _rounded(model.power.of(registers)),
        _counter(model.imported, registers),
        _counter(model.exported, registers),
        tuple(_read_phase(phase, registers) for phase in model.phases),
    )


def by_address(reads: Sequence[tuple[int, int]], answers: Sequence[Sequence[int]]) -> dict[int, int]:
    """The registers of several answers, each by its address."""
    return {
        first + index: word
        for (first, _), words in zip(reads, answers, strict=True)
        for index, word in enumerate(words)
    }


def _read_phase(phase: Phase, registers: Mapping[int, int]) -> PhaseReading:
    power, voltage, current = (_if_told(value, registers) for value in (phase.power, phase.voltage, phase.current))
    if current is not None:
        current = abs(current) * (-1 if power is not None and power < 0 else 1)
    return PhaseReading(power, voltage, current)


def _if_told(value: Value, registers: Mapping[int, int]) -> float | None:
    try:
        return _rounded(value.of(registers))
    except ValueError:
        return None


def _rounded(number: Decimal) -> float:
    return round(float(number), 3)


def _counter(value: Value, registers: Mapping[int, int]) -> int:
    watt_hours = value.of(registers)
    if not 0 <= watt_hours < _MOST_WATT_HOURS:
        raise ValueError(f"register {value.address} holds a counter of {watt_hours:g} Wh")
    return int(watt_hours * 1000)


_KILO = Decimal(1000)


def _eastron_phases(count: int) -> tuple[Phase, ...]:
    return tuple(Phase(Value(0x0C + 2 * one), Value(2 * one), Value(0x06 + 2 * one)) for one in range(count))


# Eastron: input registers, floats, high word first. W, V, A and kWh.
# "SDM230Modbus Smart Meter Modbus Protocol Implementation V1.2", and those of SDM120 and SDM220: 30001 (V), 30007 (A),
# 30013 (W), 30073 and 30075 (kWh import and export).
_IMPORT, _EXPORT = Value(0x48, factor=_KILO), Value(0x4A, factor=_KILO)
_ONE_PHASE = MeterModel(4, ((0x00, 14), (0x48, 4)), Value(0x0C), _IMPORT, _EXPORT, _eastron_phases(1))
# "SDM630Modbus Smart Meter Modbus Protocol Implementation", 1.2.1: the same with 30001-30005, 30007-30011, 30013-30017
# for three phases, and 30053 (W, all of it).
_SDM630 = MeterModel(4, ((0x00, 18), (0x34, 2), (0x48, 4)), Value(0x34), _IMPORT, _EXPORT, _eastron_phases(3))
# "SDM72D-M User Manual V1.5", part 3: 30053 (W), 30073 and 30075 (kWh); it tells nothing of phases.
_SDM72 = MeterModel(4, ((0x34, 2), (0x48, 4)), Value(0x34), _IMPORT, _EXPORT)


def _low(address: int, factor: str) -> Value:
    return Value(address, Kind.SIGNED_LOW_FIRST, Decimal(factor))


# Carlo Gavazzi, "EM300 Series and ET300 Series Communication protocol V2": input registers, 32 bit integers, low word
# first. 0000h V x 10, 000Ch A x 1000, 0012h W x 10 of the phases, 0028h W x 10 of all, 0034h kWh (+) TOT x 10,
# 004Eh kWh (-) TOT x 10. What is read beyond are VA and var (002Ah, 002Ch) and kvarh (0036h).
_EM340 = MeterModel(
    4,
    ((0x00, 24), (0x28, 6), (0x34, 4), (0x4E, 2)),
    _low(0x28, "0.1"),
    _low(0x34, "100"),
    _low(0x4E, "100"),
    tuple(Phase(_low(0x12 + 2 * one, "0.1"), _low(2 * one, "0.1"), _low(0x0C + 2 * one, "0.001")) for one in range(3)),
)


def _abb_phase(one: int) -> Phase:
    return Phase(
        Value(0x5B16 + 2 * one, Kind.SIGNED, Decimal("0.01")),
        Value(0x5B00 + 2 * one, Kind.UNSIGNED, Decimal("0.1")),
        Value(0x5B0C + 2 * one, Kind.UNSIGNED, Decimal("0.01")),
    )


# ABB, "B23/B24 User Manual", 2CMC485003M0201, 9.3 Mapping tables: holding registers, integers, high word first,
# numbered as they are sent on the bus. 5000h and 5004h kWh x 100 (active import, export), 5B00h V x 10, 5B0Ch A x 100,
# 5B14h W x 100 of all, 5B16h of the phases; all ones, or 7FFF..h where it is signed, is no value.
_ABB_B23 = MeterModel(
    3,
    ((0x5000, 8), (0x5B00, 28)),
    Value(0x5B14, Kind.SIGNED, Decimal("0.01")),
    Value(0x5000, Kind.UNSIGNED_64, Decimal(10)),
    Value(0x5004, Kind.UNSIGNED_64, Decimal(10)),
    tuple(_abb_phase(one) for one in range(3)),
)

# ORNO OR-WE-516 and OR-WE-517: holding registers, floats, high word first. 000Eh V, 0016h A, 001Ch kW of all, 001Eh of
# the phases, 0108h and 0110h kWh forward and reverse (between them the phases of the forward). ORNO's "Register
# description" as volkszaehler/mbmd (meters/rs485/orno3p.go) and groupsky/ya-modbus (driver-or-we-516) read it.
_WE516 = MeterModel(
    3,
    ((0x0E, 22), (0x108, 10)),
    Value(0x1C, factor=_KILO),
    Value(0x108, factor=_KILO),
    Value(0x110, factor=_KILO),
    tuple(Phase(Value(0x1E + 2 * one, factor=_KILO), Value(0x0E + 2 * one), Value(0x16 + 2 * one)) for one in range(3)),
)

MODELS: Mapping[Model, MeterModel] = {
    Model.SDM120: _ONE_PHASE,
    Model.SDM220: _ONE_PHASE,
    Model.SDM230: _ONE_PHASE,
    Model.SDM630: _SDM630,
    Model.SDM72: _SDM72,
    Model.EM340: _EM340,
    Model.B23: _ABB_B23,
    Model.B24: _ABB_B23,
    Model.WE516: _WE516,
    Model.WE517: _WE516,
}
