"""What runs in the simulated house on one day: each load's schedule of (start, end, rate).

Times are whole seconds from local midnight, and may pass the end of the day (a programme started late). Rates are whole
watts, for the gas boiler whole mL/s, so that energy and volume add up exactly. All is deterministic from the seed and
the day. Only `Random.random()` is used: it alone is guaranteed to give the same numbers in every Python version.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .weather import DAY_S, temperature

MINUTE_S = 60
HOUR_S = 3600

Segment = tuple[int, int, int]
"""(start s, end s, rate)"""


class Dice:
    """Random numbers of one load on one day."""

    def __init__(self, seed: int, day: int, load: str) -> None:
        self._random = random.Random(f"{seed}/{day}/{load}").random  # noqa: S311 - a simulation, not a secret

    def between(self, low: float, high: float) -> float:
        """Return a number from `low` to `high`."""
        return low + (high - low) * self._random()

    def whole(self, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`, both included."""
        return low + int(self._random() * (high - low + 1))

    def chance(self, probability: float) -> bool:
        """Return True with `probability`."""
        return self._random() < probability


@dataclass(frozen=True)
class Day:
    """The day a schedule is made for: the house's seed, days since 1970-01-01 (local), and whether it is a weekend."""

    seed: int
    number: int

    @property
    def weekend(self) -> bool:
        """True on Saturday and Sunday (1970-01-01 was a Thursday)."""
        return (self.number + 3) % 7 >= 5

    def dice(self, load: str) -> Dice:
        """Return the load's own random numbers of this day."""
        return Dice(self.seed, self.number, load)

    def temperature(self, second: float) -> float:
        """Return the outdoor temperature in °C at `second` of the day."""
        return temperature(self.seed, self.number * DAY_S + second)


def _clock(hours: float) -> int:
    return int(hours * HOUR_S)


def _base(day: Day) -> Iterable[Segment]:
    # Router, standby, ventilation: 110 to 170 W, moving a little every few minutes.
    dice = day.dice("base")
    level = dice.between(125, 150)
    start = 0
    while start < DAY_S:
        end = min(DAY_S, start + dice.whole(2, 9) * MINUTE_S)
        level += (137 - level) * 0.1 + dice.between(-6, 6)
        yield start, end, int(min(170, max(110, level)))
        start = end


def _fridge(day: Day) -> Iterable[Segment]:
    dice = day.dice("fridge")
    start = dice.whole(0, 35) * MINUTE_S
    while start < DAY_S:
        run = int(dice.between(13, 19) * MINUTE_S)
        yield start, min(DAY_S, start + run), dice.whole(84, 96)
        start += run + int(dice.between(28, 40) * MINUTE_S)


def _lighting(day: Day) -> Iterable[Segment]:
    dice = day.dice("lighting")
    morning = dice.between(7.5, 8.6) if day.weekend else dice.between(6.3, 6.9)
    yield _clock(morning), _clock(morning + dice.between(0.7, 1.3)), dice.whole(60, 110)
    dusk = dice.between(16.6, 17.4)
    for _ in range(3):
        yield _clock(dusk + dice.between(0, 2)), _clock(dice.between(21.8, 23.6)), dice.whole(25, 60)


def _electronics(day: Day) -> Iterable[Segment]:
    dice = day.dice("electronics")
    evening = dice.between(18.5, 20)
    yield _clock(evening), _clock(dice.between(22.3, 23.5)), dice.whole(150, 230)
    if day.weekend:
        yield _clock(dice.between(9.5, 11)), _clock(dice.between(13, 17)), dice.whole(110, 190)
    elif dice.chance(0.6):  # somebody works at home
        yield _clock(dice.between(8.3, 9)), _clock(dice.between(16, 17.5)), dice.whole(90, 150)


def _kettle(day: Day) -> Iterable[Segment]:
    dice = day.dice("kettle")
    first = 8.4 if day.weekend else 6.7
    for hour in (first, first + 2.5, 13.2, 16.2, 20.6):
        if dice.chance(0.85):
            start = _clock(hour + dice.between(-0.4, 0.4))
            yield start, start + dice.whole(110, 230), KETTLE_W


def _cooking(day: Day) -> Iterable[Segment]:
    dice = day.dice("cooking")
    meals = [dice.between(17.8, 18.9)]
    if day.weekend or dice.chance(0.25):
        meals.append(dice.between(12, 12.9))
    for hour in meals:
        start = _clock(hour)
        boost = start + dice.whole(5, 9) * MINUTE_S
        yield start, boost, dice.whole(1700, 2100)
        end = start + dice.whole(25, 45) * MINUTE_S
        while boost < end:  # simmering: the plate switches
            on = boost + dice.whole(40, 90)
            yield boost, on, 1400
            boost = on + dice.whole(30, 70)
    if dice.chance(0.6 if day.weekend else 0.3):  # the oven: full power until hot, then its thermostat
        start = _clock(dice.between(17.2, 18.4))
        hot = start + dice.whole(7, 11) * MINUTE_S
        yield start, hot, 2300
        end = start + dice.whole(35, 60) * MINUTE_S
        while hot < end:
            hot += dice.whole(60, 100)
            yield hot, hot + 45, 2300
            hot += 45


def _dishwasher(day: Day) -> Iterable[Segment]:
    dice = day.dice("dishwasher")
    if not dice.chance(0.75):
        return
    start = _clock(dice.between(19.6, 22.4))
    yield start, start + 105 * MINUTE_S, 60
    yield start + 8 * MINUTE_S, start + (8 + dice.whole(13, 16)) * MINUTE_S, 1850
    yield start + 62 * MINUTE_S, start + (62 + dice.whole(10, 14)) * MINUTE_S, 1850


def _washing(day: Day) -> Iterable[Segment]:
    dice = day.dice("washing")
    if not dice.chance(0.85 if day.weekend else 0.45):
        return
    start = _clock(dice.between(9, 12) if day.weekend else dice.between(17, 19.5))
    yield start, start + 80 * MINUTE_S, 150
    yield start + 6 * MINUTE_S, start + (6 + dice.whole(14, 19)) * MINUTE_S, 1900
    yield start + 68 * MINUTE_S, start + 79 * MINUTE_S, 320
    if dice.chance(0.6):  # and the dryer after it
        dryer = start + 90 * MINUTE_S
        while dryer < start + 170 * MINUTE_S:
            yield dryer, dryer + 9 * MINUTE_S, 850
            dryer += 11 * MINUTE_S


def _heat_pump(day: Day) -> Iterable[Segment]:
    # 0.47 kWh a day for each K below 17 °C, most of it by day: at night the house may cool a little.
    dice = day.dice("heat_pump")
    for hour in range(24):
        need_k = max(0.0, 17 - day.temperature((hour + 0.5) * HOUR_S))
        weight = 0.5 if hour < 5 or hour >= 22 else 1.2
        joules = need_k * 470 / 24 * weight * HOUR_S
        if joules <= 0:
            continue
        power = dice.whole(750, 1350)
        run = min(int(joules / power), 55 * MINUTE_S)
        if run > 0:
            start = hour * HOUR_S + dice.whole(0, HOUR_S - run - 1)
            yield start, start + run, power


def _gas_boiler(day: Day) -> Iterable[Segment]:
    # mL/s. Hot water first: showers at 28 L/min, then short draws; in cold weather it also heats the upper floor.
    dice = day.dice("gas_boiler")
    morning = 8.2 if day.weekend else 6.6
    for hour in (morning, morning + 0.4, 19.5, 21.5):
        if dice.chance(0.75):
            start = _clock(hour + dice.between(-0.3, 0.3))
            yield start, start + dice.whole(5 * MINUTE_S, 9 * MINUTE_S), 470
    for _ in range(dice.whole(6, 10)):
        start = _clock(dice.between(7, 22.5))
        yield start, start + dice.whole(30, 120), 330
    for hour in range(6, 23):
        need_k = max(0.0, 15.5 - day.temperature((hour + 0.5) * HOUR_S))
        run = min(int(need_k * 34), 40 * MINUTE_S)
        if run > 60:
            start = hour * HOUR_S + dice.whole(0, HOUR_S - run - 1)
            yield start, start + run, 260


KETTLE_W = 2200


@dataclass(frozen=True)
class Load:
    """One load: its name, its rate when it is switched on by hand (W, gas: mL/s), and its schedule of a day."""

    name: str
    rate: int
    schedule: Callable[[Day], Iterable[Segment]]


LOADS: dict[str, Load] = {
    load.name: load
    for load in (
        Load("base", 137, _base),
        Load("fridge", 90, _fridge),
        Load("lighting", 120, _lighting),
        Load("electronics", 140, _electronics),
        Load("kettle", KETTLE_W, _kettle),
        Load("cooking", 1800, _cooking),
        Load("dishwasher", 1850, _dishwasher),
        Load("washing_machine", 1900, _washing),
        Load("heat_pump", 1100, _heat_pump),
        Load("gas_boiler", 470, _gas_boiler),
    )
}
