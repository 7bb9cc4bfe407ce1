"""Whether samples are still what they were, in SQLite: a digest of them as they are kept."""

from __future__ import annotations

import sqlite3
from hashlib import blake2b

import numpy as np

from .chunks import DAY

_CHUNKS = "SELECT day, data FROM chunks WHERE sensor = ? AND day >= ? AND day <= ? ORDER BY day"
_ROWS = "SELECT time, counter FROM samples WHERE sensor = ? AND time >= ? AND time < ? ORDER BY time"
_AT_ONCE = 10_000
"""Rows that are in memory at a time."""


def fingerprint(conn: sqlite3.Connection, sensor: int, start: int, end: int) -> bytes:
    """Return a digest of the samples with start <= time < end; another one if any differs, or is kept otherwise.

    Of chunks it takes the bytes as they are: a year of minutes takes a millisecond.
    """
    digest = blake2b(digest_size=12)
    for day, data in conn.execute(_CHUNKS, (sensor, start // DAY, (end - 1) // DAY)):
        digest.update(b"%d:%d:" % (day, len(data)))
        digest.update(data)
    rows = conn.execute(_ROWS, (sensor, start, end))
    while found := rows.fetchmany(_AT_ONCE):
        digest.update(np.array(found, np.int64).tobytes())
    return digest.digest()
