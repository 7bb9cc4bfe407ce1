"""The sensor board's firmware, measured in simavr. Each module of this package measures one side of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

from bench.figure import Effort, Figures

from . import busy, counters, metering, size

PARTS: tuple[Callable[[Effort], Figures], ...] = (
    metering.measure,
    counters.measure_cuts,
    counters.measure_eeprom_life,
    busy.measure,
    size.measure,
)
"""Each runs in a process of its own; the longest first. They build what they need themselves."""


def measure(effort: Effort) -> Figures:
    """Run all parts, as many at once as there are processors; their figures together."""
    figures: Figures = {}
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        for future in [pool.submit(part, effort) for part in PARTS]:
            figures.update(future.result())
    return figures
