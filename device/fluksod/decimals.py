"""Numbers as they stand on the wire: at most three decimals, and none where there are none. Pure."""

from __future__ import annotations

DECIMALS = 3
"""Most decimals of a counter on the wire: FLM02 counts in thousandths of a Wh or litre since 2.4.1."""


def three_decimals(value: float) -> int | float:
    """`value` rounded to three decimals; an `int` where it is whole, so that JSON shows 12 and not 12.0."""
    rounded = round(float(value), DECIMALS) if isinstance(value, float) else value
    return int(rounded) if rounded == int(rounded) else rounded
