"""Looks through a database for what cannot be read or disagrees with what it was made of, and mends it.

To mend: a chunk that cannot be read is set aside (table `damaged_chunks`), hours are summed up again, breaks are judged
again. What is whole is served meanwhile and after. An upload that cannot be read was set aside when it was to be sorted
in (table `damaged_uploads`): it is told until `repair`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import numpy as np

from flukso_cloud.meter import Meter
from flukso_cloud.packing import PackingError, pack_summaries, unpack_samples, unpack_summaries
from flukso_cloud.summary import HOUR, Samples, Summaries, joined, nothing, summarise, together

from . import chunks
from .chunks import DAY, SHEET
from .samples import irregular

_SENSORS = "SELECT number, id, class FROM sensors ORDER BY number"
_CHUNKS = "SELECT day, count, first_time, last_time, first_counter, last_counter, data FROM chunks WHERE sensor = ?"
_TELL = (
    "UPDATE chunks SET count = ?, first_time = ?, last_time = ?, first_counter = ?, last_counter = ?"
    " WHERE sensor = ? AND day = ?"
)
_SHEETS = "SELECT sheet, data FROM hours WHERE sensor = ?"
_PUT_SHEET = "INSERT OR REPLACE INTO hours (sensor, sheet, data) VALUES (?, ?, ?)"
_ROWS = "SELECT time, counter FROM samples WHERE sensor = ? ORDER BY time"
_BREAKS = (
    'SELECT sensor, start, start_counter, "end", end_counter FROM breaks WHERE sensor = ? AND "end" > ? ORDER BY "end"'
)
_DROP_BREAKS = 'DELETE FROM breaks WHERE sensor = ? AND "end" > ?'
_PUT_BREAK = 'INSERT INTO breaks (sensor, start, start_counter, "end", end_counter) VALUES (?, ?, ?, ?, ?)'
_DAMAGED = "SELECT arrived FROM damaged_uploads WHERE sensor = ? AND NOT told"
_TELL_DAMAGED = "UPDATE damaged_uploads SET told = 1 WHERE sensor = ?"
_MOST_TOLD = 20


def check(conn: sqlite3.Connection, *, repair: bool) -> Iterator[str]:
    """Tell what is wrong, a line each; with `repair` mend it, a sensor at a time in a transaction of its own.

    `conn` commits by itself (isolation level None). Raises sqlite3.Error.
    """
    for (line,) in conn.execute(f"PRAGMA integrity_check({_MOST_TOLD})").fetchall():
        if line != "ok":
            yield f"SQLite: {line}; restore a backup"
    for number, name, class_ in conn.execute(_SENSORS).fetchall():
        conn.execute("BEGIN IMMEDIATE" if repair else "BEGIN")
        try:
            complaints = list(_of_sensor(conn, number, Meter.of_class(class_), repair=repair))
        except BaseException:
            conn.execute("ROLLBACK")
            raise
        conn.execute("COMMIT")
        yield from (f"sensor {name}: {complaint}" for complaint in complaints)


def _of_sensor(conn: sqlite3.Connection, sensor: int, meter: Meter, *, repair: bool) -> Iterator[str]:
    for (arrived,) in conn.execute(_DAMAGED, (sensor,)).fetchall():
        yield f"{_date(arrived // DAY)}: an upload that came then cannot be read"
    if repair:
        conn.execute(_TELL_DAMAGED, (sensor,))
    days: dict[int, Samples] = {}
    for day, *told, data in conn.execute(_CHUNKS, (sensor,)).fetchall():
        found = _readable(data, day)
        if found is None:
            yield f"{_date(day)}: the chunk cannot be read"
            if repair:
                chunks.set_aside(conn, sensor, day)
            continue
        days[day] = found
        right = [found.size, *(int(column[place]) for column in found for place in (0, -1))]
        if told != right:
            yield f"{_date(day)}: the chunk is not what its row tells"
            if repair:
                conn.execute(_TELL, (*right, sensor, day))
    sheets = dict(conn.execute(_SHEETS, (sensor,)).fetchall())
    for sheet in sorted(sheets.keys() | {day * DAY // SHEET for day in days}):
        mended = _mended(sheets.get(sheet), sheet, days, meter)
        if mended is None:
            continue
        yield f"{_date(sheet * SHEET // DAY)}: the hours of the 32 days from there disagree with the samples"
        if repair:
            conn.execute(_PUT_SHEET, (sensor, sheet, pack_summaries(mended)))
    samples = together([chunks.from_rows(conn.execute(_ROWS, (sensor,))), *days.values()])
    if samples.size:
        oldest = int(samples.times[0])
        breaks = [(sensor, *pair) for pair in irregular(samples, meter)]
        if breaks != conn.execute(_BREAKS, (sensor, oldest)).fetchall():
            yield "where its counter breaks is not as the samples tell"
            if repair:
                conn.execute(_DROP_BREAKS, (sensor, oldest))
                conn.executemany(_PUT_BREAK, breaks)


def _readable(data: bytes, day: int) -> Samples | None:
    """Return what is in a chunk, None if that cannot be samples of its day."""
    try:
        found = unpack_samples(data)
    except PackingError:
        return None
    is_right = found.size and np.all(np.diff(found.times) > 0) and np.all(found.times // DAY == day)
    return found if is_right else None


def _mended(data: bytes | None, sheet: int, days: Mapping[int, Samples], meter: Meter) -> Summaries | None:
    """Return the hours that a sheet should have, None if it has them. Those of days without a chunk stay."""
    right = [summarise(found, meter, HOUR) for day, found in days.items() if day * DAY // SHEET == sheet]
    try:
        told = nothing() if data is None else unpack_summaries(data)
    except PackingError:
        return joined(right)
    others = told.pick(~np.isin(told.first_time // DAY, list(days)))
    whole = joined([others, *right])
    is_same = all(np.array_equal(one, other) for one, other in zip(told, whole, strict=True))
    return None if is_same else whole


def _date(day: int) -> str:
    return f"{datetime.fromtimestamp(day * DAY, UTC):%Y-%m-%d}"
