"""Statistics of a sensor's series, from what SQLite keeps of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import numpy as np

from flukso_cloud.columns import Columns
from flukso_cloud.columns import columns as columns_of
from flukso_cloud.meter import Meter
from flukso_cloud.summary import HOUR, MINUTE, joined, summarise, together

from . import chunks
from .samples import around


def columns(conn: sqlite3.Connection, sensor: int, meter: Meter, edges: Sequence[int]) -> Columns:
    """Return the statistics between each two neighbours of `edges` (ascending unix seconds).

    They come from hours that are summed up already, but where an edge is within an hour.
    """
    hours = chunks.hours(conn, sensor, edges[0], edges[-1])
    instants = np.asarray(edges, np.int64)
    inside = np.unique(instants[instants % HOUR != 0] // HOUR)
    known_inside = chunks.of_hours(conn, sensor, inside, hours)
    if len(inside):
        hours = hours.pick(~np.isin(hours.first_time // HOUR, inside))
    samples = together([around(conn, sensor, edges[0], edges[-1]), known_inside])
    rows = joined([hours, summarise(samples, meter, MINUTE)])
    fine = joined([hours, summarise(samples, meter, 1)]) if np.any(instants % MINUTE) else None
    return columns_of(rows, edges, meter, fine=fine)
