"""The house's past: counters at each minute that end exactly where the board's counter stands."""

from __future__ import annotations

from collections.abc import Iterator

from .house import HouseSensor
from .household import Household


def history(
    household: Household, sensor: HouseSensor, start_s: int, end_s: int, end_counter: int, step_s: int = 60
) -> Iterator[tuple[int, int]]:
    """Yield (unix time s, counter in Wh or L) at every multiple of `step_s` from `start_s` on, and at `end_s`.

    Ascending; the last one is exactly (end_s, end_counter), so a board that starts with that counter continues without
    a step. A pulse sensor moves in whole pulses. Counters wrap at 2^32 as the board's do. Nothing is kept in memory.
    """
    pulse = sensor.weight if sensor.sensor_class == "pulse" else 1
    quantum = sensor.unit_total * pulse
    all_pulses = household.total(sensor.circuit, start_s, end_s) // quantum
    if start_s % step_s == 0 and start_s < end_s:
        yield start_s, (end_counter - all_pulses * pulse) % 2**32
    for time_s, total in household.totals(sensor.circuit, start_s, end_s, step_s):
        yield time_s, (end_counter - (all_pulses - total // quantum) * pulse) % 2**32
