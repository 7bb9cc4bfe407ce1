"""Samples and breaks in SQLite: prepared statements on the sensor's part of the primary key."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from itertools import pairwise

from flukso_cloud.meter import Meter, Sample
from flukso_cloud.series import Break, Neighbours

from .model import Appended

_UPSERT = (
    "INSERT INTO samples (sensor, time, counter) VALUES (?, ?, ?)"
    " ON CONFLICT (sensor, time) DO UPDATE SET counter = excluded.counter WHERE counter <> excluded.counter"
)
_NEWEST = "SELECT time, counter FROM samples WHERE sensor = ? ORDER BY time DESC LIMIT 1"
_BEFORE = "SELECT time, counter FROM samples WHERE sensor = ? AND time < ? ORDER BY time DESC LIMIT 1"
_AFTER = "SELECT time, counter FROM samples WHERE sensor = ? AND time > ? ORDER BY time LIMIT 1"
_ADD_BREAK = 'INSERT OR REPLACE INTO breaks (sensor, "end", start, start_counter, end_counter) VALUES (?, ?, ?, ?, ?)'
_DROP_BREAK = 'DELETE FROM breaks WHERE sensor = ? AND "end" = ?'
_BREAKS = (
    'SELECT start, start_counter, "end", end_counter FROM breaks WHERE sensor = ? AND "end" > ? AND "end" <= ?'
    ' ORDER BY "end"'
)
_NEIGHBOURS = """
WITH near AS (
  SELECT value AS t,
    (SELECT time FROM samples WHERE sensor = :sensor AND time <= value ORDER BY time DESC LIMIT 1) AS b,
    (SELECT time FROM samples WHERE sensor = :sensor AND time > value ORDER BY time LIMIT 1) AS a
  FROM json_each(:times))
SELECT t, b, before.counter, a, after.counter FROM near
LEFT JOIN samples AS before ON before.sensor = :sensor AND before.time = b
LEFT JOIN samples AS after ON after.sensor = :sensor AND after.time = a
"""


def newest(conn: sqlite3.Connection, sensor: int) -> Sample | None:
    """Return the newest sample of a sensor."""
    row = conn.execute(_NEWEST, (sensor,)).fetchone()
    return Sample(*row) if row else None


def append(conn: sqlite3.Connection, sensor: int, meter: Meter, samples: Iterable[Sample]) -> Appended:
    """Store samples in whatever order they come; of two at the same time the later in the batch counts."""
    batch = sorted({sample.time: sample for sample in samples}.values())
    if not batch:
        return Appended(0, 0)
    last = newest(conn, sensor)
    late = [sample for sample in batch if last is not None and sample.time <= last.time]
    fresh = batch[len(late) :]
    changed = [sample for sample in late if conn.execute(_UPSERT, (sensor, *sample)).rowcount > 0]
    conn.executemany(_UPSERT, [(sensor, *sample) for sample in fresh])
    for sample in changed:
        _judge_again(conn, sensor, meter, sample)
    if fresh:
        # asked again, because a late sample may have corrected the last one
        last = newest_before(conn, sensor, fresh[0].time) if changed else last
        chain = fresh if last is None else [last, *fresh]
        broken = [pair for pair in pairwise(chain) if not meter.is_regular(*pair)]
        conn.executemany(_ADD_BREAK, [_row(sensor, *pair) for pair in broken])
    return Appended(len(changed) + len(fresh), len(late) - len(changed))


def newest_before(conn: sqlite3.Connection, sensor: int, time: int) -> Sample | None:
    """Return the newest sample before `time`."""
    row = conn.execute(_BEFORE, (sensor, time)).fetchone()
    return Sample(*row) if row else None


def _row(sensor: int, earlier: Sample, later: Sample) -> tuple[int, int, int, int, int]:
    return sensor, later.time, earlier.time, earlier.counter, later.counter


def _judge_again(conn: sqlite3.Connection, sensor: int, meter: Meter, sample: Sample) -> None:
    """Find out anew whether the counter breaks before or after a sample that was put between others or corrected."""
    before = newest_before(conn, sensor, sample.time)
    row = conn.execute(_AFTER, (sensor, sample.time)).fetchone()
    after = Sample(*row) if row else None
    for earlier, later in ((before, sample), (sample, after)):
        if later is not None:
            conn.execute(_DROP_BREAK, (sensor, later.time))
            if earlier is not None and not meter.is_regular(earlier, later):
                conn.execute(_ADD_BREAK, _row(sensor, earlier, later))


def neighbours(conn: sqlite3.Connection, sensor: int, times: Sequence[int]) -> dict[int, Neighbours]:
    """Return the samples around each time: four seeks in the index for each, however many rows there are."""
    rows = conn.execute(_NEIGHBOURS, {"sensor": sensor, "times": json.dumps(list(times))})
    return {
        t: Neighbours(None if b is None else Sample(b, at_b), None if a is None else Sample(a, at_a))
        for t, b, at_b, a, at_a in rows
    }


def breaks(conn: sqlite3.Connection, sensor: int, start: int, end: int) -> list[Break]:
    """Return the breaks that end in (start, end], in order of time."""
    return [Break(Sample(s, at_s), Sample(e, at_e)) for s, at_s, e, at_e in conn.execute(_BREAKS, (sensor, start, end))]
