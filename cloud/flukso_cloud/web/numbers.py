"""Statistics and numbers of the tables that the server writes.

The page's script writes them again in the visitor's language.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

NONE = "\N{EN DASH}"
"""Stands for a value that is not there."""


class Statistics(NamedTuple):
    """Of the values of a stream, in their unit. Buckets of one length need no weights."""

    min: float
    mean: float
    max: float
    last: float


def statistics(values: Sequence[float | None]) -> Statistics | None:
    """Return the statistics of what is known, or None if nothing is."""
    known = [value for value in values if value is not None]
    return Statistics(min(known), sum(known) / len(known), max(known), known[-1]) if known else None


def three_digits(value: float | None, decimals: int) -> str:
    """Return a number with about three digits, at most `decimals` of them after the point, or a dash for None."""
    if value is None:
        return NONE
    size = abs(value)
    digits = min(decimals, 0 if size >= 100 else 1 if size >= 10 else 2)
    text = f"{round(value, digits) + 0.0:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
