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
_BREAK_ENDS = 'SELECT "end" FROM breaks WHERE sensor = ? AND "end" >= ? AND "end" <= ?'
_BREAKS = (
    'SELECT start, start_counter, "end", end_counter FROM breaks WHERE sensor = ? AND "end" > ? AND "end" <= ?'
    ' ORDER BY "end"'
)
_BETWEEN = "SELECT time, counter FROM samples WHERE sensor = ? AND time >= ? AND time < ? ORDER BY time LIMIT ?"
_DELETE = "DELETE FROM samples WHERE sensor = ? AND time >= ? AND time < ?"
_DROP_BREAKS = 'DELETE FROM breaks WHERE sensor = ? AND "end" >= ? AND "end" < ?'
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
    changed = _put(conn, sensor, late)
    _put(conn, sensor, fresh)
    if changed:
        _judge_again(conn, sensor, meter, late)
    if fresh:
        # asked again, because a late sample may have corrected the last one
        last = newest_before(conn, sensor, fresh[0].time) if changed else last
        chain = fresh if last is None else [last, *fresh]
        _add_breaks(conn, sensor, meter, pairwise(chain))
    return Appended(changed + len(fresh), len(late) - changed)


def _put(conn: sqlite3.Connection, sensor: int, samples: Sequence[Sample]) -> int:
    """Store samples and return how many of them are news."""
    before = conn.total_changes
    conn.executemany(_UPSERT, [(sensor, *sample) for sample in samples])
    return conn.total_changes - before


def newest_before(conn: sqlite3.Connection, sensor: int, time: int) -> Sample | None:
    """Return the newest sample before `time`."""
    row = conn.execute(_BEFORE, (sensor, time)).fetchone()
    return Sample(*row) if row else None


def _add_breaks(conn: sqlite3.Connection, sensor: int, meter: Meter, pairs: Iterable[tuple[Sample, Sample]]) -> None:
    """Note where the counter breaks between samples that follow each other."""
    conn.executemany(
        _ADD_BREAK,
        [
            (sensor, later.time, earlier.time, earlier.counter, later.counter)
            for earlier, later in pairs
            if not meter.is_regular(earlier, later)
        ],
    )


def _judge_again(conn: sqlite3.Connection, sensor: int, meter: Meter, samples: Sequence[Sample]) -> None:
    """Find out anew where the counter breaks around samples, in order of time, that were put between others.

    A month that a device kept back comes as runs of thousands that follow each other: two seeks in the index for each
    end of a run, one for each sample between.
    """
    pairs: list[tuple[Sample, Sample]] = []
    previous: Sample | None = None
    for sample in samples:
        before = newest_before(conn, sensor, sample.time)
        if previous is not None and before != previous:
            pairs += _pair_after(conn, sensor, previous)
        if before is not None:
            pairs.append((before, sample))
        previous = sample
    if previous is not None:
        pairs += _pair_after(conn, sensor, previous)
    ends = {later.time for _, later in pairs}
    known = conn.execute(_BREAK_ENDS, (sensor, samples[0].time, max(ends, default=samples[0].time))).fetchall()
    conn.executemany(_DROP_BREAK, [(sensor, end) for (end,) in known if end in ends or end == samples[0].time])
    _add_breaks(conn, sensor, meter, pairs)


def _pair_after(conn: sqlite3.Connection, sensor: int, sample: Sample) -> list[tuple[Sample, Sample]]:
    """Return a sample and the one that follows it, if there is one."""
    row = conn.execute(_AFTER, (sensor, sample.time)).fetchone()
    return [] if row is None else [(sample, Sample(*row))]


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


def between(conn: sqlite3.Connection, sensor: int, start: int, end: int, most: int) -> list[Sample]:
    """Return the samples with start <= time < end, in order of time, the first `most` of them."""
    return [Sample(*row) for row in conn.execute(_BETWEEN, (sensor, start, end, most))]


def delete(conn: sqlite3.Connection, sensor: int, meter: Meter, start: int, end: int) -> int:
    """Forget the samples with start <= time < end; return how many there were."""
    gone = conn.execute(_DELETE, (sensor, start, end)).rowcount
    conn.execute(_DROP_BREAKS, (sensor, start, end))
    row = conn.execute(_AFTER, (sensor, end - 1)).fetchone()
    if gone and row is not None:
        _judge_again(conn, sensor, meter, [Sample(*row)])
    return gone
