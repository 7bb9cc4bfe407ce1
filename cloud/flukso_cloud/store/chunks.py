"""Chunks: all samples of one sensor and UTC day in one row, and the day's hours summed up in a sheet.

A day is either in a chunk or in the table of samples, never in both: a sample that comes late takes its whole day back
into the table, and it is folded again later. A sheet holds the hours of 32 days, so that a year takes a dozen rows.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable
from functools import lru_cache
from itertools import chain

import numpy as np

from flukso_cloud.meter import Meter, Sample
from flukso_cloud.packing import PackingError, pack_samples, pack_summaries, unpack_samples, unpack_summaries
from flukso_cloud.summary import HOUR, Integers, Samples, Summaries, joined, no_samples, nothing, summarise, together

from .model import Folded

log = logging.getLogger(__name__)

DAY = 86400
SHEET = 32 * DAY
KEPT_SHEETS = 256
"""Sheets that stay unpacked, about 60 kB each: a page asks for the same ones again and again."""
SETTLED = 6 * 3600
"""Seconds after the end of a UTC day until it is folded."""
MOST_AT_ONCE = 3000
"""Samples that are folded at a time: what waits meanwhile waits some milliseconds."""

_ROWS = "SELECT time, counter FROM samples WHERE sensor = ? AND time >= ? AND time < ? ORDER BY time"
_ADD_ROWS = "INSERT INTO samples (sensor, time, counter) VALUES (?, ?, ?)"
_DROP_ROWS = "DELETE FROM samples WHERE sensor = ? AND time >= ? AND time < ?"
_PUT = (
    "INSERT OR REPLACE INTO chunks (sensor, day, count, first_time, first_counter, last_time, last_counter, data)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_DROP = "DELETE FROM chunks WHERE sensor = ? AND day = ?"
_DATA = "SELECT data FROM chunks WHERE sensor = ? AND day = ?"
_DAYS = "SELECT day, count FROM chunks WHERE sensor = ? AND day >= ? AND day <= ? ORDER BY day"
_CHUNKS = "SELECT day, data FROM chunks WHERE sensor = ? AND day >= ? AND day <= ? ORDER BY day"
_NEWEST = "SELECT last_time, last_counter FROM chunks WHERE sensor = ? ORDER BY day DESC LIMIT 1"
_BEFORE = (
    "SELECT day, last_time, last_counter, data FROM chunks WHERE sensor = ? AND day <= ? ORDER BY day DESC LIMIT 2"
)
_AFTER = "SELECT day, first_time, first_counter, data FROM chunks WHERE sensor = ? AND day >= ? ORDER BY day LIMIT 2"
_SHEET = "SELECT data FROM hours WHERE sensor = ? AND sheet = ?"
_PUT_SHEET = "INSERT OR REPLACE INTO hours (sensor, sheet, data) VALUES (?, ?, ?)"
_DROP_SHEET = "DELETE FROM hours WHERE sensor = ? AND sheet = ?"
_SHEETS = """
SELECT sheet, data FROM hours WHERE sensor = :sensor AND sheet BETWEEN
  ifnull((SELECT max(sheet) FROM hours WHERE sensor = :sensor AND sheet < :first), :first) AND
  ifnull((SELECT min(sheet) FROM hours WHERE sensor = :sensor AND sheet > :last), :last)
ORDER BY sheet
"""

_SHEETS_IN = "SELECT sheet, data FROM hours WHERE sensor = ? AND sheet BETWEEN ? AND ?"
_NEXT = "SELECT sensor, time FROM samples WHERE sensor >= ? ORDER BY sensor, time LIMIT 1"
_CLASS = "SELECT class FROM sensors WHERE number = ?"
_MOST_LOOKS = 400
"""Sensors looked at in one slice, about a millisecond."""
_SET_ASIDE = (
    "INSERT INTO damaged_chunks (sensor, day, data) SELECT sensor, day, data FROM chunks WHERE sensor = ? AND day = ?"
)

_unpacked_sheet = lru_cache(KEPT_SHEETS)(unpack_summaries)


def from_rows(rows: Iterable[tuple[int, int]]) -> Samples:
    """Return rows of (time, counter) as samples."""
    table = np.fromiter(chain.from_iterable(rows), np.int64).reshape(-1, 2)
    return Samples(table[:, 0], table[:, 1])


def rows_between(conn: sqlite3.Connection, sensor: int, start: int, end: int) -> Samples:
    """Return the samples in the table with start <= time < end."""
    return from_rows(conn.execute(_ROWS, (sensor, start, end)))


def as_list(samples: Samples) -> list[Sample]:
    """Return samples one by one."""
    return [Sample(*pair) for pair in zip(*map(np.ndarray.tolist, samples), strict=True)]


def newest(conn: sqlite3.Connection, sensor: int) -> Sample | None:
    """Return the newest sample of a sensor that is in a chunk."""
    row = conn.execute(_NEWEST, (sensor,)).fetchone()
    return None if row is None else Sample(*row)


def before(conn: sqlite3.Connection, sensor: int, time: int) -> Sample | None:
    """Return the newest sample in a chunk before `time`."""
    for day, last_time, last_counter, data in conn.execute(_BEFORE, (sensor, time // DAY)):
        if last_time < time:
            return Sample(last_time, last_counter)
        times, counters = _unpacked(sensor, day, data)
        place = int(np.searchsorted(times, time)) - 1
        if place >= 0:
            return Sample(int(times[place]), int(counters[place]))
    return None


def after(conn: sqlite3.Connection, sensor: int, time: int) -> Sample | None:
    """Return the oldest sample in a chunk after `time`."""
    for day, first_time, first_counter, data in conn.execute(_AFTER, (sensor, time // DAY)):
        if first_time > time:
            return Sample(first_time, first_counter)
        times, counters = _unpacked(sensor, day, data)
        place = int(np.searchsorted(times, time, side="right"))
        if place < len(times):
            return Sample(int(times[place]), int(counters[place]))
    return None


def days(conn: sqlite3.Connection, sensor: int, first: int, last: int) -> dict[int, int]:
    """Return how many samples there are in each chunk of the days (since 1970, UTC) from `first` to `last`."""
    return dict(conn.execute(_DAYS, (sensor, first, last)).fetchall())


def day(conn: sqlite3.Connection, sensor: int, number: int) -> Samples | None:
    """Return the samples of a day's chunk, None if there is none."""
    row = conn.execute(_DATA, (sensor, number)).fetchone()
    return None if row is None else _unpacked(sensor, number, row[0])


def samples_of_days(conn: sqlite3.Connection, sensor: int, first: int, last: int) -> Samples:
    """Return the samples in the chunks of the days (since 1970, UTC) from `first` to `last`."""
    found = [_unpacked(sensor, *row) for row in conn.execute(_CHUNKS, (sensor, first, last))]
    return together([no_samples(), *found])


def of_hours(conn: sqlite3.Connection, sensor: int, wanted: Integers, hours: Summaries) -> Samples:
    """Return the samples in chunks of these hours (since 1970).

    Of days whose samples are gone, the first and the last of each hour, which `hours` know.
    """
    days = set((wanted * HOUR // DAY).tolist())
    if not days:
        return no_samples()
    parts = [no_samples()]
    for number, data in conn.execute(_CHUNKS, (sensor, min(days), max(days))):
        if number in days:
            days.remove(number)
            found = _unpacked(sensor, number, data)
            chosen = np.isin(found.times // HOUR, wanted)
            parts.append(Samples(found.times[chosen], found.counters[chosen]))
    if days:
        alone = np.isin(hours.first_time // HOUR, wanted) & np.isin(hours.first_time // DAY, list(days))
        parts += ends_of(hours.pick(alone))
    return together(parts)


def ends_of(hours: Summaries) -> list[Samples]:
    """Return the first samples of these hours, and the last where they are others."""
    several = hours.last_time > hours.first_time
    return [
        Samples(hours.first_time, hours.first_counter),
        Samples(hours.last_time[several], hours.last_counter[several]),
    ]


def hours(conn: sqlite3.Connection, sensor: int, start: int, end: int) -> Summaries:
    """Return the hours of chunks in [start, end], with some on either side: the nearest are among them."""
    bounds = {"sensor": sensor, "first": start // SHEET, "last": end // SHEET}
    return joined([_sheet(sensor, *row) for row in conn.execute(_SHEETS, bounds)])


def fold(conn: sqlite3.Connection, first_sensor: int, now: int, most: int = MOST_AT_ONCE) -> Folded:
    """Put samples of days that are over into chunks, about `most` of them, of sensors from `first_sensor` on.

    Days are over in UTC, and some hours before `now` (unix seconds), so that few samples come after they are folded.
    """
    before = (now - SETTLED) // DAY * DAY
    sensor, folded = first_sensor, 0
    for _ in range(_MOST_LOOKS):
        row = conn.execute(_NEXT, (sensor,)).fetchone()
        if row is None:
            return Folded(folded, None)
        sensor = row[0]
        if row[1] >= before:
            sensor += 1
        elif folded < most:
            folded += _fold_days(conn, sensor, row[1], before, most - folded)
        else:
            break
    return Folded(folded, sensor)


def _fold_days(conn: sqlite3.Connection, sensor: int, oldest: int, before: int, most: int) -> int:
    """Fold a sensor's oldest days, about `most` samples; return how many."""
    found = from_rows(conn.execute(f"{_ROWS} LIMIT ?", (sensor, oldest, before, most)))
    first, last = oldest // DAY, int(found.times[-1]) // DAY
    if found.size == most:  # the last day may not be whole
        if last > first:
            found = found.between(0, last * DAY)
            last -= 1
        else:
            found = rows_between(conn, sensor, oldest, (first + 1) * DAY)
    row = conn.execute(_CLASS, (sensor,)).fetchone()
    _put_days(conn, sensor, Meter.of_class("" if row is None else row[0]), found)
    conn.execute(_DROP_ROWS, (sensor, oldest, (last + 1) * DAY))
    return found.size


def extend(conn: sqlite3.Connection, sensor: int, meter: Meter, run: Samples) -> None:
    """Put a run of samples, later than all that the sensor has, into chunks: its first day may have begun."""
    begins = int(run.times[0]) // DAY * DAY
    parts = [rows_between(conn, sensor, begins, begins + DAY), run]
    if parts[0].size:
        conn.execute(_DROP_ROWS, (sensor, begins, begins + DAY))
    row = conn.execute(_DATA, (sensor, begins // DAY)).fetchone()
    if row is not None:
        try:
            parts.append(unpack_samples(row[0]))
        except PackingError:
            set_aside(conn, sensor, begins // DAY)
    _put_days(conn, sensor, meter, together(parts))


def _put_days(conn: sqlite3.Connection, sensor: int, meter: Meter, found: Samples) -> None:
    """Put all samples of some days into chunks, in place of those that are there."""
    numbers = found.times // DAY
    firsts = np.flatnonzero(np.diff(numbers, prepend=-1))
    ends = [*firsts[1:].tolist(), found.size]
    rows = []
    for first, end in zip(firsts.tolist(), ends, strict=True):
        times, counters = part = Samples(found.times[first:end], found.counters[first:end])
        edges = (int(times[0]), int(counters[0]), int(times[-1]), int(counters[-1]))
        rows.append((sensor, edges[0] // DAY, part.size, *edges, pack_samples(part)))
    conn.executemany(_PUT, rows)
    put_hours(conn, sensor, summarise(found, meter, HOUR), numbers[firsts])


def put_hours(conn: sqlite3.Connection, sensor: int, rows: Summaries, days: Integers) -> None:
    """Put the hours of some days into their sheets, in place of those that are there."""
    sheets = rows.first_time // SHEET
    for sheet in np.unique(sheets).tolist():
        there = conn.execute(_SHEET, (sensor, sheet)).fetchone()
        new = rows.pick(sheets == sheet)
        if there is not None:
            old = _sheet(sensor, sheet, there[0])
            new = joined([old.pick(~np.isin(old.first_time // DAY, days)), new])
        conn.execute(_PUT_SHEET, (sensor, sheet, pack_summaries(new)))


def unfold(conn: sqlite3.Connection, sensor: int, number: int) -> None:
    """Take a day's samples back into the table. A chunk that cannot be read is set aside."""
    row = conn.execute(_DATA, (sensor, number)).fetchone()
    if row is None:
        return
    try:
        found = unpack_samples(row[0])
    except PackingError:
        set_aside(conn, sensor, number)
        return
    drop(conn, sensor, number)
    conn.executemany(_ADD_ROWS, [(sensor, *sample) for sample in as_list(found)])


def drop_hours(conn: sqlite3.Connection, sensor: int, start: int, end: int) -> None:
    """Forget the hours that [start, end) touches."""
    for sheet, data in conn.execute(_SHEETS_IN, (sensor, start // SHEET, (end - 1) // SHEET)).fetchall():
        rows = _sheet(sensor, sheet, data)
        left = rows.pick((rows.first_time // HOUR < start // HOUR) | (rows.first_time // HOUR > (end - 1) // HOUR))
        if left.size:
            conn.execute(_PUT_SHEET, (sensor, sheet, pack_summaries(left)))
        else:
            conn.execute(_DROP_SHEET, (sensor, sheet))


def set_aside(conn: sqlite3.Connection, sensor: int, number: int) -> None:
    """Keep a chunk that cannot be read where nobody reads it."""
    conn.execute(_SET_ASIDE, (sensor, number))
    drop(conn, sensor, number)


def drop(conn: sqlite3.Connection, sensor: int, number: int) -> None:
    """Forget a day's chunk and its hours."""
    conn.execute(_DROP, (sensor, number))
    drop_hours(conn, sensor, number * DAY, (number + 1) * DAY)


@lru_cache(1024)
def _tell_damaged(what: str, sensor: int, number: int) -> None:
    """Log it, once."""
    log.error("%s cannot be read; run `flukso-cloud check`", what, extra={"sensor_number": sensor, "number": number})


def _sheet(sensor: int, number: int, data: bytes) -> Summaries:
    """Return the hours of a sheet; none if it cannot be read."""
    try:
        return _unpacked_sheet(data)
    except PackingError:
        _tell_damaged("a sheet of hours", sensor, number)
        return nothing()


def _unpacked(sensor: int, number: int, data: bytes) -> Samples:
    """Return the samples of a chunk; none if it cannot be read."""
    try:
        return unpack_samples(data)
    except PackingError:
        _tell_damaged("a chunk", sensor, number)
        return no_samples()
