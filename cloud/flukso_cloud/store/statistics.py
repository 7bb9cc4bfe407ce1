"""Statistics of a sensor's series, from what SQLite keeps of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import numpy as np

from flukso_cloud.columns import Columns
from flukso_cloud.columns import columns as columns_of
from flukso_cloud.meter import Meter
from flukso_cloud.summary import MINUTE, Samples, summarise

from . import samples

_BETWEEN = "SELECT time, counter FROM samples WHERE sensor = ? AND time >= ? AND time <= ? ORDER BY time"


def columns(conn: sqlite3.Connection, sensor: int, meter: Meter, edges: Sequence[int]) -> Columns:
    """Return the statistics between each two neighbours of `edges` (ascending unix seconds)."""
    near = samples.neighbours(conn, sensor, [edges[0], edges[-1]])
    before, after = near[edges[0]].before, near[edges[-1]].after
    first = edges[0] if before is None else before.time
    last = edges[-1] if after is None else after.time
    rows = conn.execute(_BETWEEN, (sensor, first, last)).fetchall()
    table = np.array(rows, np.int64).reshape(-1, 2)
    found = Samples(table[:, 0], table[:, 1])
    is_fine = any(edge % MINUTE for edge in edges)
    return columns_of(
        summarise(found, meter, MINUTE), edges, meter, fine=summarise(found, meter, 1) if is_fine else None
    )
