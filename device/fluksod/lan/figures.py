"""How the page writes what is measured, for people: `static/figures.js` writes the same. Pure."""

from __future__ import annotations

DASH = "\N{EN DASH}"
DAY = 86400


def gauge(value: float | None, unit: str) -> tuple[str, str]:
    """A rate in W or L/min, and the unit it is written in: kW from 10 kW on. A dash while it is unknown."""
    if value is None:
        return DASH, unit
    if unit == "W" and abs(value) >= 10_000:
        return f"{value / 1000:,.2f}", "kW"
    if value == 0 or (unit == "W" and (abs(value) >= 10 or value == int(value))):
        return f"{value:,.0f}", unit
    return f"{value:,.{1 if unit == 'W' or abs(value) >= 10 else 2}f}", unit


def counter(value: float | None, unit: str) -> tuple[str, str]:
    """A register in Wh or L, written in kWh or m³."""
    written = "kWh" if unit == "Wh" else "m\N{SUPERSCRIPT THREE}"
    return DASH if value is None else f"{value / 1000:,.3f}", written


def ago(seconds: float) -> str:
    """How long ago that was."""
    for step, most, word in ((1, 90, "s"), (60, 90 * 60, "min"), (3600, 2 * DAY, "h")):
        if seconds < most:
            return f"{max(round(seconds / step), 0)} {word} ago"
    return f"{round(seconds / DAY)} days ago"
