"""A household's electricity: the counter of each minute, as measured sizes and times need it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MINUTE = 60
_APPLIANCES = (60, 150, 800, 1200, 2000, 2200)
"""Watt."""


def counters(count: int, step: int, seed: int) -> NDArray[np.int64]:
    """Return the counter in Wh at `count` instants, `step` seconds apart.

    A base load, bumps in the morning and the evening, a fridge, about nine appliances a day, noise: the generator of
    the cloud's anchors, section 2.1.
    """
    chance = np.random.default_rng(seed)
    seconds = np.arange(count) * step
    hour = (seconds % 86400) / 3600
    watt = 120 + 25 * np.sin(2 * np.pi * seconds / 86400 / 365)
    watt += 40 * np.exp(-(((hour - 7.5) / 1.5) ** 2)) + 110 * np.exp(-(((hour - 19.5) / 2.5) ** 2))
    watt += 85 * (((seconds + 900 * chance.random()) % 3600) < 1300)
    for _ in range((count * step // 86400 + 1) * 9):
        start, length = int(chance.integers(0, count)), int(chance.exponential(900) / step) + 1
        watt[start : start + length] += chance.choice(_APPLIANCES)
    watt = np.maximum(0, np.round(watt + chance.normal(0, 2.5, count)))
    return np.cumsum(watt * step / 3600).astype(np.int64)


def times(count: int, step: int, start: int, seed: int) -> NDArray[np.int64]:
    """Return `count` instants, unix seconds; one of twenty comes a second late."""
    late: NDArray[np.bool_] = np.random.default_rng(seed).random(count) < 0.05
    return start + np.arange(count) * step + late
