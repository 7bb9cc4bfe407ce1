"""The integration, measured in a real Home Assistant with ten real Fluksometers."""

from __future__ import annotations

import asyncio
import os
import sys
import time

from bench.figure import Effort, Figures

from . import live


def measure(effort: Effort) -> Figures:
    """Run all parts; their figures together."""
    began = time.monotonic()
    figures = asyncio.run(live.measure(effort))
    took, load = time.monotonic() - began, os.getloadavg()[0]
    sys.stderr.write(f"bench: {', '.join(figures)}: {took:.0f} s, load {load:.1f} on {os.cpu_count()} cores\n")
    return figures
