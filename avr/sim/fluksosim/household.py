"""The simulated household: what each circuit draws at any time, and how much it has drawn between two times.

Pure and deterministic: the same seed and the same unix time always give the same watts.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, pairwise

from .loads import LOADS, Day
from .weather import DAY_S

CIRCUITS: Mapping[str, tuple[str, ...]] = {
    "main": ("base", "fridge", "lighting", "electronics", "kettle", "cooking", "dishwasher", "washing_machine"),
    "kitchen": ("fridge", "kettle", "cooking"),
    "heat_pump": ("heat_pump",),
    "gas": ("gas_boiler",),
}
"""Which loads each metered circuit feeds. `gas` flows mL/s, the others draw W. `kitchen` is part of `main`."""


@dataclass(frozen=True)
class Profile:
    """A step function over one local day: from `seconds[i]` on the rate is `rates[i]`; `totals[i]` flowed before it."""

    seconds: list[int]
    rates: list[int]
    totals: list[int]

    def rate(self, second: float) -> int:
        """Return the rate at `second` of the day (W or mL/s)."""
        return self.rates[bisect_right(self.seconds, second) - 1]

    def total(self, second: int) -> int:
        """Return what flowed from midnight to `second` (Ws or mL)."""
        at = bisect_right(self.seconds, second) - 1
        return self.totals[at] + self.rates[at] * (second - self.seconds[at])


@lru_cache(maxsize=4096)
def _profile(seed: int, day: int, loads: tuple[str, ...]) -> Profile:
    changes: dict[int, int] = {0: 0, DAY_S: 0}
    for name in loads:
        for number, shift in ((day - 1, -DAY_S), (day, 0)):  # yesterday's late programmes reach into today
            for start, end, rate in LOADS[name].schedule(Day(seed, number)):
                first, last = max(0, start + shift), min(DAY_S, end + shift)
                if first < last:
                    changes[first] = changes.get(first, 0) + rate
                    changes[last] = changes.get(last, 0) - rate
    seconds = sorted(changes)
    rates = list(accumulate(changes[second] for second in seconds))
    lengths = (later - earlier for earlier, later in pairwise(seconds))
    totals = list(accumulate((rate * length for rate, length in zip(rates, lengths, strict=False)), initial=0))
    return Profile(seconds, rates, totals)


class Household:
    """A house with its habits, made from `seed`. Its clock is `utc_offset_s` ahead of UTC (default: central Europe)."""

    def __init__(self, seed: int = 1, utc_offset_s: int = 3600) -> None:
        self.seed = seed
        self.utc_offset_s = utc_offset_s

    def load_rate(self, load: str, time_s: float) -> int:
        """Return what one load draws at unix time `time_s`: W, for the gas boiler mL/s."""
        day, second = divmod(time_s + self.utc_offset_s, DAY_S)
        return _profile(self.seed, int(day), (load,)).rate(second)

    def rate(self, circuit: str, time_s: float) -> int:
        """Return what a circuit of CIRCUITS draws at unix time `time_s`: W, for gas mL/s."""
        day, second = divmod(time_s + self.utc_offset_s, DAY_S)
        return _profile(self.seed, int(day), CIRCUITS[circuit]).rate(second)

    def total(self, circuit: str, start_s: int, end_s: int) -> int:
        """Return what a circuit drew from unix time `start_s` to `end_s`: Ws, for gas mL. Exact and additive."""
        if end_s < start_s:
            raise ValueError(f"the interval ends ({end_s}) before it starts ({start_s})")
        total = 0
        for day, first, last in self._days(start_s, end_s):
            profile = _profile(self.seed, day, CIRCUITS[circuit])
            total += profile.total(last) - profile.total(first)
        return total

    def totals(self, circuit: str, start_s: int, end_s: int, step_s: int) -> Iterator[tuple[int, int]]:
        """Yield (unix time, drawn since `start_s`) at each multiple of `step_s` after start_s, and at end_s."""
        so_far = 0
        time_s = start_s - start_s % step_s + step_s
        for day, first, last in self._days(start_s, end_s):
            profile = _profile(self.seed, day, CIRCUITS[circuit])
            midnight = day * DAY_S - self.utc_offset_s
            before = so_far - profile.total(first)
            while time_s < midnight + last:
                yield time_s, before + profile.total(time_s - midnight)
                time_s += step_s
            so_far = before + profile.total(last)
        if end_s > start_s:
            yield end_s, so_far

    def _days(self, start_s: int, end_s: int) -> Iterator[tuple[int, int, int]]:
        day, first = divmod(start_s + self.utc_offset_s, DAY_S)
        last_day, last = divmod(end_s + self.utc_offset_s, DAY_S)
        while day < last_day:
            yield day, first, DAY_S
            day, first = day + 1, 0
        yield day, first, last
