"""Samples whose sensor turns out to be of another class: what they mean is told anew, a month at a time.

A meter that nets export against import may count back, a pulse input may be silent for hours: where a counter breaks
and what flowed in an hour depend on it.
"""

from __future__ import annotations

import sqlite3

from flukso_cloud.meter import Meter
from flukso_cloud.summary import HOUR, summarise, together

from . import chunks, samples
from .chunks import DAY, SHEET

_NOTE = "INSERT OR REPLACE INTO reclassified (sensor, time) VALUES (?, 0)"
_FIRST = (
    "SELECT reclassified.sensor, time, class FROM reclassified JOIN sensors ON number = reclassified.sensor LIMIT 1"
)
_GO_ON = "UPDATE reclassified SET time = ? WHERE sensor = ?"
_DONE = "DELETE FROM reclassified WHERE sensor = ?"
_DROP_BREAKS = 'DELETE FROM breaks WHERE sensor = ? AND "end" >= ? AND "end" < ?'


def note(conn: sqlite3.Connection, sensor: int, before: str, after: str) -> None:
    """Note that a sensor is of another class from now on, if that makes a difference."""
    if Meter.of_class(before) != Meter.of_class(after):
        conn.execute(_NOTE, (sensor,))


def tell_anew(conn: sqlite3.Connection) -> bool:
    """Go on with one such sensor, for a month of its samples; False if there is none."""
    row = conn.execute(_FIRST).fetchone()
    if row is None:
        return False
    sensor, start, class_ = row
    first = samples.oldest_after(conn, sensor, start - 1)
    if first is None:
        conn.execute(_DONE, (sensor,))
        return True
    sheet = first.time // SHEET
    _tell_sheet(conn, sensor, Meter.of_class(class_), sheet)
    conn.execute(_GO_ON, ((sheet + 1) * SHEET, sensor))
    return True


def _tell_sheet(conn: sqlite3.Connection, sensor: int, meter: Meter, sheet: int) -> None:
    """Sum the samples of a sheet's days up, and judge them, as this meter's."""
    start, end = sheet * SHEET, (sheet + 1) * SHEET
    days = chunks.samples_of_days(conn, sensor, start // DAY, end // DAY - 1)
    if days.size:
        chunks.put_hours(conn, sensor, summarise(days, meter, HOUR), days.times // DAY)
    whole = together([days, chunks.rows_between(conn, sensor, start, end)])
    conn.execute(_DROP_BREAKS, (sensor, start, end))
    samples.add_breaks_of(conn, sensor, meter, samples.newest_before(conn, sensor, start), whole)
