"""A profile as a stream: its columns between any edges, in Wh, by the clock of a time zone. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from flukso_cloud.columns import Columns
from flukso_cloud.periods import offsets

from . import QUARTER
from .library import Shares

_DAY = 86400


def years_of(edges: Sequence[int]) -> range:
    """Return the years whose shares are needed between these edges, whatever the time zone."""
    first, last = (datetime.fromtimestamp(edge, UTC).year for edge in (edges[0] - _DAY, edges[-1] + _DAY))
    return range(first, last + 1)


def columns(shares: Sequence[Shares], annual: float, edges: Sequence[int], zone: ZoneInfo) -> Columns:
    """Return what flows between each two neighbours of `edges` (ascending unix seconds).

    `shares` are those of `years_of(edges)`, `annual` the Wh of a year. On the days of a clock change an hour is left
    out or comes twice, as on the wall.
    """
    asked = np.asarray(edges, np.int64)
    first, last = int(asked[0]) // QUARTER, int(-(-asked[-1] // QUARTER))
    energy = _quarters(shares, edges, np.arange(first, last, dtype=np.int64) * QUARTER, zone) * annual
    upto = np.concatenate(([0.0], np.cumsum(energy)))
    flowed = np.diff(np.interp(asked, np.arange(first, last + 1) * QUARTER, upto))
    rates = energy / QUARTER
    begins, ends = asked[:-1] // QUARTER - first, -(-asked[1:] // QUARTER) - first
    low, high = (_each(rates, begins, ends, reduce) for reduce in (np.minimum, np.maximum))
    seconds = np.diff(asked)
    return Columns(
        flowed.tolist(),
        seconds.astype(float).tolist(),
        low.tolist(),
        high.tolist(),
        (flowed / seconds).tolist(),
        rates[ends - 1].tolist(),
    )


def _quarters(
    shares: Sequence[Shares], edges: Sequence[int], begins: NDArray[np.int64], zone: ZoneInfo
) -> NDArray[np.float64]:
    """Return the share of each quarter of an hour that begins at these unix seconds."""
    years = years_of(edges)
    wall = begins + offsets(begins, zone)
    january = int(datetime(years.start, 1, 1, tzinfo=UTC).timestamp())
    whole: NDArray[np.float64] = np.concatenate(shares).astype(np.float64)
    found: NDArray[np.float64] = whole[(wall - january) // QUARTER]
    return found


def _each(
    rates: NDArray[np.float64], begins: NDArray[np.int64], ends: NDArray[np.int64], reduce: np.ufunc
) -> NDArray[np.float64]:
    """Return the lowest or highest of the rates in each [begin, end), of which none is empty."""
    places = np.stack((begins, ends), axis=1).ravel()
    found: NDArray[np.float64] = reduce.reduceat(np.append(rates, rates[-1]), places)[::2]
    return found
