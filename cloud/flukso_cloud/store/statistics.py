"""Statistics of a sensor's series, from what SQLite keeps of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import numpy as np

from flukso_cloud.columns import Columns
from flukso_cloud.columns import columns as columns_of
from flukso_cloud.meter import Meter
from flukso_cloud.summary import HOUR, MINUTE, Samples, joined, summarise, together

from . import chunks

_ROWS = """
SELECT time, counter FROM samples WHERE sensor = :sensor AND time BETWEEN
  ifnull((SELECT max(time) FROM samples WHERE sensor = :sensor AND time <= :start), :start) AND
  ifnull((SELECT min(time) FROM samples WHERE sensor = :sensor AND time > :end), :end)
"""


def columns(conn: sqlite3.Connection, sensor: int, meter: Meter, edges: Sequence[int]) -> Columns:
    """Return the statistics between each two neighbours of `edges` (ascending unix seconds).

    They come from hours that are summed up already, but where an edge is within an hour.
    """
    hours = chunks.hours(conn, sensor, edges[0], edges[-1])
    instants = np.asarray(edges, np.int64)
    inside = np.unique(instants[instants % HOUR != 0] // HOUR)
    if len(inside):
        hours = hours.pick(~np.isin(hours.first_time // HOUR, inside))
    samples = together([_rows(conn, sensor, edges[0], edges[-1]), chunks.of_hours(conn, sensor, inside)])
    rows = joined([hours, summarise(samples, meter, MINUTE)])
    fine = joined([hours, summarise(samples, meter, 1)]) if np.any(instants % MINUTE) else None
    return columns_of(rows, edges, meter, fine=fine)


def _rows(conn: sqlite3.Connection, sensor: int, start: int, end: int) -> Samples:
    """Return the samples in the table in [start, end], with the one before and the one after."""
    return chunks.from_rows(conn.execute(_ROWS, {"sensor": sensor, "start": start, "end": end}))
