"""The cloud, measured from outside: a real `flukso-cloud serve` on one core, what loads it on the other."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

from bench.figure import Effort, Figures

from . import charts, ingest, kills, live, sustained

Part = Callable[[Effort], Figures]

PARTS: tuple[Part, ...] = (
    ingest.measure,
    ingest.measure_many,
    sustained.measure,
    charts.measure,
    live.measure,
    kills.measure,
)
"""One after the other: of two cores one is for the server and one for what loads it."""


def measure(effort: Effort) -> Figures:
    """Run all parts; their figures together."""
    figures: Figures = {}
    for part in PARTS:
        began = time.monotonic()
        found = part(effort)
        took, load = time.monotonic() - began, os.getloadavg()[0]
        told = ", ".join(found) or "nothing"
        sys.stderr.write(f"bench: {told}: {took:.0f} s, load {load:.1f} on {os.cpu_count()} cores\n")
        figures.update(found)
    return figures
