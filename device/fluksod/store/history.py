"""The history on disk: every minute of every sensor in SQLite, an hour a row. Used from one thread at a time.

A row is keyed (sensor, hour) and written by the hourly fold, so that an SD card sees few writes. Its columns sum the
hour up, for charts of months and years; its block holds the minutes.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fluksod.store.minutes import HOUR, MINUTE, Minute, counters_of, packed, unpacked
from fluksod.store.record import Cursor, Position
from fluksod.store.timeline import Timeline

_LOG = logging.getLogger(__name__)

FORMAT = 1
"""Version of the tables, in `PRAGMA user_version`."""
_TABLES = """
CREATE TABLE sensor (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, first_time INTEGER, first_counter INTEGER);
CREATE TABLE hour (
  sensor INTEGER NOT NULL, hour INTEGER NOT NULL,
  opened INTEGER, opening INTEGER, closed INTEGER, closing INTEGER,
  low INTEGER, high INTEGER, mean REAL, last INTEGER, covered INTEGER NOT NULL,
  minutes BLOB NOT NULL,
  PRIMARY KEY (sensor, hour)
) WITHOUT ROWID;
CREATE TABLE cursor (
  sensor INTEGER PRIMARY KEY, time INTEGER NOT NULL, counter INTEGER NOT NULL,
  since INTEGER, ahead_time INTEGER, ahead_counter INTEGER
);
CREATE TABLE fold (
  journal INTEGER NOT NULL, newest INTEGER NOT NULL, gap_start INTEGER NOT NULL, gap_end INTEGER NOT NULL
);
"""
_TABLES_SINCE = "CREATE TABLE IF NOT EXISTS leap (time INTEGER PRIMARY KEY)"
"""What an earlier fluksod of this format did not make and does not miss."""
_PAGE = 4096
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

Minutes = dict[int, Minute]
"""Minutes of one sensor by their start in unix seconds."""


class DamagedError(Exception):
    """The database holds nonsense; the text says what SQLite or we say of it."""


@dataclass(slots=True)
class HourSum:
    """An hour of a sensor. (`opened`, `opening`) is the end of its first minute and the counter there, (`closed`,
    `closing`) of its last one; the rest is as of a `Minute`, `covered` of 3,600 seconds.
    """

    start: int
    opened: int | None
    opening: int | None
    closed: int | None
    closing: int | None
    low: int | None
    high: int | None
    mean: float | None
    last: int | None
    covered: int


@dataclass(slots=True)
class Folded:
    """What a fold writes beside minutes: `journal` is the number of the newest journal file that is in the history.

    `leaps` are the unix seconds in which the measuring went on after the clock had been set back.
    """

    journal: int = 0
    timeline: Timeline = field(default_factory=Timeline)
    cursors: dict[str, Cursor] = field(default_factory=dict)
    firsts: dict[str, Position] = field(default_factory=dict)
    leaps: list[int] = field(default_factory=list)


class History:
    """The database at `path`. Every method may raise `sqlite3.OperationalError` (the disk) or `DamagedError`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._numbers: dict[str, int] = {}
        self._database = self._connected()

    def _connected(self) -> sqlite3.Connection:
        with _telling_damage():
            _check_size(self.path)
            database = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
            try:
                database.execute(f"PRAGMA page_size = {_PAGE}")
                database.execute("PRAGMA journal_mode = WAL")
                database.execute("PRAGMA synchronous = FULL")
                database.execute("PRAGMA wal_autocheckpoint = 64")  # of 4 KiB: it is folded in rarely and in few pages
                database.execute("PRAGMA cache_size = -512")
                _make_tables(database)
                self._numbers = dict(database.execute("SELECT id, number FROM sensor"))
            except BaseException:
                database.close()
                raise
        return database

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def folded(self) -> Folded:
        """What the newest fold wrote."""
        with _telling_damage():
            row = self._database.execute("SELECT journal, newest, gap_start, gap_end FROM fold").fetchone()
            cursors = {
                sensor: Cursor(Position(time, counter), since, _position(*ahead))
                for sensor, time, counter, since, *ahead in self._database.execute(
                    "SELECT id, time, counter, since, ahead_time, ahead_counter"
                    " FROM cursor JOIN sensor ON number = sensor"
                )
            }
            firsts = {
                sensor: Position(time, counter)
                for sensor, time, counter in self._database.execute(
                    "SELECT id, first_time, first_counter FROM sensor WHERE first_time IS NOT NULL"
                )
            }
            leaps = [time for (time,) in self._database.execute("SELECT time FROM leap ORDER BY time")]
        return (
            Folded(cursors=cursors, firsts=firsts)
            if row is None
            else Folded(row[0], Timeline(*row[1:]), cursors, firsts, leaps)
        )

    def fold(self, minutes: Mapping[str, Minutes], folded: Folded) -> None:
        """Take minutes in, merged with what is there, and remember `folded`: all of it or nothing."""
        known = dict(self._numbers)
        try:
            self._fold(minutes, folded)
        except BaseException:
            self._numbers = known  # a number that was given in what is undone now is not given
            raise

    def _fold(self, minutes: Mapping[str, Minutes], folded: Folded) -> None:
        with _telling_damage(), self._database:
            self._database.execute("BEGIN IMMEDIATE")
            for sensor, first in folded.firsts.items():
                self._number(sensor)
                self._database.execute(
                    "UPDATE sensor SET first_time = :time, first_counter = :counter"
                    " WHERE id = :id AND (first_time IS NULL OR first_time > :time)",
                    {"time": first.time, "counter": first.counter, "id": sensor},
                )
            for sensor, parts in minutes.items():
                for hour in sorted({start // HOUR * HOUR for start in parts}):
                    self._merge(self._number(sensor), hour, parts)
            for sensor, cursor in folded.cursors.items():
                ahead = (None, None) if cursor.ahead is None else (cursor.ahead.time, cursor.ahead.counter)
                self._database.execute(
                    "INSERT OR REPLACE INTO cursor VALUES (?, ?, ?, ?, ?, ?)",
                    (self._number(sensor), cursor.done.time, cursor.done.counter, cursor.since, *ahead),
                )
            self._database.executemany("INSERT OR IGNORE INTO leap VALUES (?)", [(leap,) for leap in folded.leaps])
            line = folded.timeline
            self._database.execute("DELETE FROM fold")
            self._database.execute(
                "INSERT INTO fold VALUES (?, ?, ?, ?)", (folded.journal, line.newest, line.gap_start, line.gap_end)
            )

    def forget_before(self, time: int) -> None:
        """Drop the hours before unix second `time`; what was counted until then is where the history begins."""
        with _telling_damage(), self._database:
            self._database.execute("BEGIN IMMEDIATE")
            for number in self._numbers.values():
                row = self._database.execute(
                    "SELECT max(closed) - 1, max(closing) FROM hour WHERE sensor = ? AND hour < ?",
                    (number, time // HOUR * HOUR),
                ).fetchone()
                if row[0] is not None:
                    self._database.execute(
                        "UPDATE sensor SET first_time = ?, first_counter = ? WHERE number = ?", (*row, number)
                    )
                self._database.execute("DELETE FROM hour WHERE sensor = ? AND hour < ?", (number, time // HOUR * HOUR))
            self._database.execute("DELETE FROM leap WHERE time < ?", (time,))

    def forget_cursors(self) -> None:
        """Forget what was acknowledged: it was by another cloud."""
        with _telling_damage(), self._database:
            self._database.execute("DELETE FROM cursor")

    def minutes(self, sensor: str, start: int, end: int) -> Iterator[tuple[int, Minute]]:
        """The minutes of a sensor in [start, end): (start in unix seconds, minute)."""
        with _telling_damage():
            rows = self._database.execute(
                "SELECT hour, minutes FROM hour WHERE sensor = ? AND hour >= ? AND hour < ? ORDER BY hour",
                (self._numbers.get(sensor), start // HOUR * HOUR, end),
            )
            for hour, block in rows:
                for index, minute in _unpacked(block).items():
                    if start <= hour + index * MINUTE < end:
                        yield hour + index * MINUTE, minute

    def counters(self, sensor: str, start: int, end: int) -> Iterator[tuple[int, int]]:
        """(last unix second, counter in thousandths) of the minutes in [start, end) whose counter is known."""
        with _telling_damage():
            rows = self._database.execute(
                "SELECT hour, minutes FROM hour WHERE sensor = ? AND hour >= ? AND hour < ? ORDER BY hour",
                (self._numbers.get(sensor), start // HOUR * HOUR, end),
            )
            for hour, block in rows:
                try:
                    counters = counters_of(block)
                except ValueError as error:
                    raise DamagedError(str(error)) from error
                for index, counter in counters:
                    if start <= hour + index * MINUTE < end:
                        yield hour + index * MINUTE + MINUTE - 1, counter

    def hours(self, sensor: str, start: int, end: int) -> Iterator[HourSum]:
        """The sums of the hours that begin in [start, end)."""
        with _telling_damage():
            for row in self._database.execute(
                "SELECT hour, opened, opening, closed, closing, low, high, mean, last, covered FROM hour"
                " WHERE sensor = ? AND hour >= ? AND hour < ? ORDER BY hour",
                (self._numbers.get(sensor), start, end),
            ):
                yield HourSum(*row)

    def counter_around(self, sensor: str, start: int, end: int) -> tuple[Position | None, Position | None]:
        """Counters in thousandths: at the end of the last minute up to `start`, and of the first one that ends at `end`
        or later.
        """
        number = self._numbers.get(sensor)
        with _telling_damage():
            before = self._database.execute(
                "SELECT hour, minutes FROM hour WHERE sensor = ? AND hour < ? AND opened <= ?"
                " ORDER BY hour DESC LIMIT 1",
                (number, start, start),
            ).fetchone()
            after = self._database.execute(
                "SELECT hour, minutes FROM hour WHERE sensor = ? AND hour >= ? AND closed >= ? ORDER BY hour LIMIT 1",
                (number, (end - 1) // HOUR * HOUR, end),
            ).fetchone()
        earlier = [] if before is None else _points(before[0], _unpacked(before[1]))
        later = [] if after is None else _points(after[0], _unpacked(after[1]))
        earlier = [point for point in earlier if point.time <= start]
        later = [point for point in later if point.time >= end]
        return (earlier[-1] if earlier else None), (later[0] if later else None)

    def oldest(self) -> int | None:
        """The unix second in which the oldest minute begins."""
        with _telling_damage():
            rows = [
                self._database.execute(
                    "SELECT hour, minutes FROM hour WHERE sensor = ? ORDER BY hour LIMIT 1", (number,)
                ).fetchone()
                for number in self._numbers.values()
            ]
        return min((row[0] + min(_unpacked(row[1])) * MINUTE for row in rows if row is not None), default=None)

    def _number(self, sensor: str) -> int:
        if sensor not in self._numbers:
            self._database.execute("INSERT OR IGNORE INTO sensor (id) VALUES (?)", (sensor,))
            row = self._database.execute("SELECT number FROM sensor WHERE id = ?", (sensor,)).fetchone()
            self._numbers[sensor] = row[0]
        return self._numbers[sensor]

    def _merge(self, number: int, hour: int, parts: Minutes) -> None:
        row = self._database.execute(
            "SELECT minutes FROM hour WHERE sensor = ? AND hour = ?", (number, hour)
        ).fetchone()
        whole = {} if row is None else _unpacked(row[0])
        for index in range(HOUR // MINUTE):
            part = parts.get(hour + index * MINUTE)
            if part is not None:
                whole.setdefault(index, Minute()).merge(part)
        points = _points(hour, whole)
        edges = (points[0].time, points[0].counter, points[-1].time, points[-1].counter) if points else (None,) * 4
        covered = sum(minute.covered for minute in whole.values())
        self._database.execute(
            "INSERT OR REPLACE INTO hour VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (number, hour, *edges, *_gauges(whole), covered, packed(whole)),
        )


def open_history(path: Path) -> History:
    """Open the database at `path`, or make it. One that is damaged is moved aside and named, and a new one made."""
    try:
        history = History(path)
        try:
            history.folded()
        except BaseException:
            history.close()
            raise
    except DamagedError as error:
        move_aside(path, str(error))
        return History(path)
    return history


def move_aside(path: Path, reason: str) -> None:
    """Move a damaged database out of the way."""
    aside = path.with_name(path.name + ".damaged")
    for tail in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + tail).replace(aside.with_name(aside.name + tail))
    _LOG.error("%s is damaged (%s); it is moved to %s and a new one begun, counters go on", path, reason, aside)


def _check_size(path: Path) -> None:
    """Refuse a file that ends within a page: SQLite would fill it up with zeros, and notice when it reads there."""
    wal = path.with_name(path.name + "-wal")
    if not path.exists() or (wal.exists() and wal.stat().st_size):
        return  # what is missing may be in the log of writes
    if path.stat().st_size % _PAGE:
        raise DamagedError("it ends within a page")


def _make_tables(database: sqlite3.Connection) -> None:
    found = database.execute("PRAGMA user_version").fetchone()[0]
    if not found:
        database.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {FORMAT}; COMMIT;")
    elif found != FORMAT:
        raise DamagedError(f"another fluksod has written it, in format {found} where this one writes {FORMAT}")
    database.execute(_TABLES_SINCE)


@contextlib.contextmanager
def _telling_damage() -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", None) in _DAMAGED or not isinstance(error, sqlite3.OperationalError):
            raise DamagedError(str(error)) from error
        raise


def _unpacked(block: bytes) -> Minutes:
    try:
        return unpacked(block)
    except ValueError as error:
        raise DamagedError(str(error)) from error


def _points(hour: int, minutes: Minutes) -> list[Position]:
    """The ends of an hour's minutes, keyed 0 to 59, with the counters there."""
    return [
        Position(hour + (index + 1) * MINUTE, minute.counter)
        for index, minute in sorted(minutes.items())
        if minute.counter is not None
    ]


def _gauges(minutes: Minutes) -> tuple[float | None, ...]:
    """Lowest, highest, mean and last gauge of an hour's minutes."""
    known = [minute for _, minute in sorted(minutes.items()) if minute.mean is not None]
    if not known:
        return (None,) * 4
    weight = sum(minute.covered for minute in known)
    mean = sum((minute.mean or 0) * minute.covered for minute in known) / max(weight, 1)
    low = min(minute.low for minute in known if minute.low is not None)
    high = max(minute.high for minute in known if minute.high is not None)
    return low, high, mean, known[-1].last


def _position(time: int | None, counter: int | None) -> Position | None:
    return None if time is None or counter is None else Position(time, counter)
