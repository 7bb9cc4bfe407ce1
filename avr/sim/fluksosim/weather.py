"""Weather of the simulated house: outdoor temperature, deterministic from a seed and the time."""

from __future__ import annotations

import math
import random
from functools import lru_cache

DAY_S = 86400
YEAR_DAYS = 365.2425


@lru_cache(maxsize=512)
def _anchor(seed: int, slot: int) -> float:
    """Return a deviation from -1 to 1 for one weather spell."""
    return random.Random(f"{seed}/weather/{slot}").random() * 2 - 1  # noqa: S311 - a simulation, not a secret


def day_temperature(seed: int, day: int) -> float:
    """Return the mean outdoor temperature in °C of `day` (days since 1970-01-01, local), between about -1 and 22.

    A maritime climate: 10.5 °C over the year, 7.5 K less in the middle of January and more in July, and spells of four
    days that move it by up to 3.5 K.
    """
    season = -math.cos(2 * math.pi * ((day % YEAR_DAYS) - 15) / YEAR_DAYS)
    spell, position = divmod(day / 4, 1)
    smooth = position * position * (3 - 2 * position)
    before, after = _anchor(seed, int(spell)), _anchor(seed, int(spell) + 1)
    return 10.5 + 7.5 * season + 3.5 * (before + (after - before) * smooth)


def temperature(seed: int, local_s: float) -> float:
    """Return the outdoor temperature in °C at `local_s` (unix time shifted to local), coldest at 5 h."""
    day, second = divmod(local_s, DAY_S)
    today, tomorrow = day_temperature(seed, int(day)), day_temperature(seed, int(day) + 1)
    mean = today + (tomorrow - today) * second / DAY_S
    return mean - 3 * math.cos(2 * math.pi * (second - 5 * 3600) / DAY_S)
