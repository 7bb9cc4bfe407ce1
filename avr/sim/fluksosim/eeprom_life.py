"""How long the EEPROM lasts: the firmware's own counter log under months of the household, byte for byte."""

from __future__ import annotations

import ctypes
import fcntl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

from .board_header import AVR_FOLDER, BoardHeader
from .build import BuildError
from .house import HOUSE
from .household import Household

ENDURANCE = 100_000
"""Write/erase cycles each EEPROM byte endures (ATmega48/88/168 data sheet, features)."""

STEP_S = 10
DAY_S = 86400
YEAR_DAYS = 365.25


@dataclass(frozen=True)
class Life:
    """`years` until the most worn byte has had ENDURANCE cycles; records and its cycles a day; all operations."""

    years: float
    records_a_day: float
    cycles_a_day: float
    operations: int


def _library(board: str) -> ctypes.CDLL:
    target = f"build/{board}/liblife.so"
    (AVR_FOLDER / "build").mkdir(exist_ok=True)
    with (AVR_FOLDER / "build" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = ["make", "--no-print-directory", "-C", str(AVR_FOLDER), f"BOARD={board}", target]
        made = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if made.returncode:
        raise BuildError(f"{' '.join(command)} failed:\n{made.stdout}")
    return ctypes.CDLL(str(AVR_FOLDER / target))


def measure(days: Iterator[Iterator[tuple[int, ...]]], board: str = "v1_1") -> Life:
    """Run days of counters, one tuple (Wh or L of each sensor) every STEP_S, through the firmware's counter log."""
    header, library = BoardHeader(board), _library(board)
    counters_type = ctypes.c_uint32 * header.number("SENSOR_COUNT")
    library.life_begin(counters_type())
    count = 0
    for day in days:
        count += 1
        for counters in day:
            library.life_run(counters_type(*counters), STEP_S)
    wear_type = ctypes.c_uint32 * header.number("EEPROM_BYTES")
    erasures, writes = wear_type(), wear_type()
    library.life_wear(erasures, writes)
    cycles = max(max(pair) for pair in zip(erasures, writes, strict=True)) / count
    return Life(ENDURANCE / cycles / YEAR_DAYS, library.life_records() / count, cycles, sum(erasures) + sum(writes))


def household_days(start_s: int, days: int, every: int, seed: int = 1) -> Iterator[Iterator[tuple[int, ...]]]:
    """Yield `days` days of the household, each `every` days after the one before; the counters go on in between."""
    house = Household(seed)
    totals = [0] * len(HOUSE)

    def day(begin_s: int) -> Iterator[tuple[int, ...]]:
        for at in range(begin_s, begin_s + DAY_S, STEP_S):
            for i, sensor in enumerate(HOUSE):
                totals[i] += house.total(sensor.circuit, at, at + STEP_S)
            yield tuple(total // sensor.unit_total for total, sensor in zip(totals, HOUSE, strict=True))

    for number in range(days):
        yield day(start_s + number * every * DAY_S)


def full_load_days(days: int, watts: float = 11500) -> Iterator[Iterator[tuple[int, ...]]]:
    """Yield days in which every sensor counts `watts` without a break."""
    for day in range(days):
        yield ((int(watts * (day * DAY_S + at + STEP_S) / 3600),) * len(HOUSE) for at in range(0, DAY_S, STEP_S))
