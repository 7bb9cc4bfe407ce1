"""Samples that grow old: their days go, their hours stay, until those go too.

Days before `retired` have no samples any more, and take none: the hours that are left of them could not tell what is
missing. A sensor's newest chunk stays, so that its last counter is known.
"""

from __future__ import annotations

import sqlite3

from . import chunks
from .chunks import DAY, SHEET
from .model import Retention, Retired

_OF = "SELECT samples_days, hours_days FROM retentions WHERE sensor = ?"
_RETIRED = "SELECT retired FROM retentions WHERE sensor = ?"
_KEEP = (
    "INSERT INTO retentions (sensor, samples_days, hours_days, retired) VALUES (?, ?, ?, 0)"
    " ON CONFLICT (sensor) DO UPDATE SET samples_days = excluded.samples_days, hours_days = excluded.hours_days"
)
_NOTE = (
    "INSERT INTO retentions (sensor, samples_days, hours_days, retired) VALUES (?, 0, 0, ?)"
    " ON CONFLICT (sensor) DO UPDATE SET retired = max(retired, excluded.retired)"
)
_SENSORS = (
    "SELECT number, ifnull(samples_days, 0), ifnull(hours_days, 0) FROM sensors"
    " LEFT JOIN retentions ON sensor = number WHERE number >= ? ORDER BY number LIMIT ?"
)
_OLDEST = "SELECT min(day), max(day) FROM chunks WHERE sensor = ?"
_DROP_CHUNKS = "DELETE FROM chunks WHERE sensor = ? AND day < ?"
_DROP_SHEETS = "DELETE FROM hours WHERE sensor = ? AND sheet < ?"
_DROP_BREAKS = 'DELETE FROM breaks WHERE sensor = ? AND "end" < ?'
LOOKS = 200
"""Sensors looked at in one slice."""
MOST_DAYS = 500
"""Days that go in one slice, about: some milliseconds."""


def of(conn: sqlite3.Connection, sensor: int) -> Retention:
    """Return what was chosen for a sensor."""
    row = conn.execute(_OF, (sensor,)).fetchone()
    return Retention() if row is None else Retention(*row)


def keep(conn: sqlite3.Connection, sensor: int, wanted: Retention) -> None:
    """Choose for how long a sensor's samples and hours are kept. What is gone stays gone."""
    conn.execute(_KEEP, (sensor, *wanted))


def first_day(conn: sqlite3.Connection, sensor: int) -> int:
    """Return the day (since 1970, UTC) before which a sensor has no samples any more and takes none."""
    row = conn.execute(_RETIRED, (sensor,)).fetchone()
    return 0 if row is None else int(row[0])


def retire(conn: sqlite3.Connection, now: int, most: Retention, first_sensor: int) -> Retired:
    """Let go what is kept longer than its sensor's retention, or than `most`, of sensors from this number on."""
    gone = 0
    rows = conn.execute(_SENSORS, (first_sensor, LOOKS)).fetchall()
    for sensor, *chosen in rows:
        if gone >= MOST_DAYS:
            return Retired(gone, sensor)
        kept = Retention(*chosen).within(most)
        if kept.samples_days:
            gone += _retire_samples(conn, sensor, now // DAY - kept.samples_days)
        if kept.hours_days:
            end = (now - kept.hours_days * DAY) // SHEET
            if conn.execute(_DROP_SHEETS, (sensor, end)).rowcount:
                conn.execute(_DROP_BREAKS, (sensor, end * SHEET))
    return Retired(gone, rows[-1][0] + 1 if len(rows) == LOOKS else None)


def _retire_samples(conn: sqlite3.Connection, sensor: int, before: int) -> int:
    """Let go a sensor's chunks of days before this one; return how many."""
    oldest, newest = conn.execute(_OLDEST, (sensor,)).fetchone()
    if oldest is None or oldest >= before:
        return 0
    end = min(before, newest)
    conn.execute(_NOTE, (sensor, end))
    return conn.execute(_DROP_CHUNKS, (sensor, end)).rowcount


def forget_hours(conn: sqlite3.Connection, sensor: int, start: int, end: int) -> None:
    """Forget the hours that [start, end) touches of days whose samples are gone."""
    past = min(end, first_day(conn, sensor) * DAY)
    if start < past:
        chunks.drop_hours(conn, sensor, start, past)
