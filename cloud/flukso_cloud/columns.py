"""Statistics of a series: columns of one length, a value for each bucket. Pure."""

from __future__ import annotations

from typing import NamedTuple


class Columns(NamedTuple):
    """`flowed` (Wh or L; None unknown), `covered` (s), `low`, `high`, `mean` and `last` (Wh/s or L/s; None unknown)."""

    flowed: list[float | None]
    covered: list[float]
    low: list[float | None]
    high: list[float | None]
    mean: list[float | None]
    last: list[float | None]
