"""The arithmetic behind the values of the parts; the pages tell the same formulas."""

from __future__ import annotations

import math

REFERENCE_V = 1.1  # bandgap of the ATmega168 and ATmega328P, 1.0 to 1.2 V from chip to chip (datasheet)
STEP_V = REFERENCE_V / 1024
NOMINAL_STEPS = (
    928  # mean reading at the clamp's rated current on the original boards (protocol reference, section 5.5)
)
OUTPUT_DIVIDER = 2  # R5 and R6: the rectifier works at twice the voltage, so its offset counts half
MEAN_OF_RMS = 2 * math.sqrt(2) / math.pi  # rectified mean of a sine of 1 A RMS
EEPROM_MS = 3.4  # erase and write of one byte; 1.8 ms if it has been erased beforehand (datasheet)
E96 = tuple(round(10 ** (i / 96), 2) for i in range(96))


def nearest_e96(ohm: float) -> float:
    """Return the 1 % value (E96) nearest to `ohm`."""
    decade = 10.0 ** math.floor(math.log10(ohm))
    return min(
        (value * decade * scale for value in E96 for scale in (1, 10)), key=lambda value: abs(math.log(value / ohm))
    )


def rectified_burden(amps: float, ratio: float) -> float:
    """Return the burden (Ohm) that gives NOMINAL_STEPS, rectified, at `amps` RMS through a clamp of `ratio` turns."""
    return OUTPUT_DIVIDER * NOMINAL_STEPS * STEP_V * ratio / (amps * MEAN_OF_RMS)


def biased_burden(amps: float, ratio: float, peak_v: float) -> float:
    """Return the burden (Ohm) whose voltage peaks at `peak_v` for a sine of `amps` RMS through `ratio` turns."""
    return peak_v * ratio / (amps * math.sqrt(2))


def meter_constant(watt: float, divisor: int, steps: float = NOMINAL_STEPS) -> int:
    """Return the meter constant with which `steps` steps are `watt` W; `divisor`: METERCONST_DIVISOR of the board."""
    return round(watt / steps * divisor / 9)


def hold_up_uf(milliamps: float, record_bytes: int, from_v: float, to_v: float) -> float:
    """Return the capacitance (uF) that carries `milliamps` while a record of `record_bytes` is erased and written."""
    return milliamps * record_bytes * EEPROM_MS / (from_v - to_v)
