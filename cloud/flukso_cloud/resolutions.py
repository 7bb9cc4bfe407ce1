"""How finely a sensor may be shared."""

from __future__ import annotations

from .timescale import SECONDS

RESOLUTIONS = {"live": 0} | {name: SECONDS[name] for name in ("minute", "15min", "hour", "day", "month")}
"""Seconds, as the old cloud's resolutions have them; 0 is every reading."""


def name_of(resolution: int) -> str:
    """Return the name of a resolution in seconds. Raises KeyError for any other number."""
    return {seconds: name for name, seconds in RESOLUTIONS.items()}[resolution]
