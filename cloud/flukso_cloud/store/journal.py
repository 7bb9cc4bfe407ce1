"""The journal: uploads as they came, one row each, on disk at once and sorted in among the samples later.

A row for each sample would cost three times as much while a device waits (section 2.4 of the cloud's anchors). So what
is news, later than all that its sensor had, goes in whole; whoever asks for the sensor's samples sorts it in first.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import chain

import msgspec
from sqlite_utils import Database

from flukso_cloud.meter import Meter, Sample
from flukso_cloud.packing import PackingError
from flukso_cloud.summary import Samples, no_samples

from . import samples, upload_row
from .chunks import as_list
from .model import StoreUnavailableError
from .writer import Writer

log = logging.getLogger(__name__)

MOST_WAITING = 60_000
"""Uploads that may wait to be sorted in, about 60 MB; more, and those that come wait for those that go."""
SORT_AFTER = 60.0
"""Seconds that an upload waits at most, unless more come than can be sorted in."""
QUIET = 0.25
"""Seconds without an upload after which all that waits is sorted in."""
LONGEST = 1000
"""Samples of an upload that goes into the journal: a longer one would hold up the others of its slice."""
SLICE = 256
"""Uploads sorted in by one commit: some milliseconds, which those who upload meanwhile wait longer."""
WIPED_AT_ONCE = 4096
"""Uploads whose rows are deleted by one commit, all at once once they are sorted in: some milliseconds."""
COMMIT_PAUSE = 0.005
"""Seconds between commits at least, unless as many uploads have come as the last one had: who comes shares its cost."""
CLOSE_SECONDS = 3.0
_ADD = "INSERT INTO uploads (sensor, arrived, samples) VALUES (?, ?, ?)"
_ONE_MORE = ", (?, ?, ?)"
_MOST_IN_ONE = 128
"""Rows of one statement; each statement hands Python's lock over once."""
_WAITING = "SELECT number, sensor FROM waiting_uploads ORDER BY number"
_OF_SENSOR = "SELECT number, samples FROM waiting_uploads WHERE sensor = ? ORDER BY number"
_THESE = (
    "SELECT number, sensor, arrived, samples FROM waiting_uploads"
    " WHERE number IN (SELECT value FROM json_each(?)) ORDER BY number"
)
_SET_ASIDE = (
    "INSERT OR IGNORE INTO damaged_uploads (number, sensor, arrived, samples)"
    " SELECT number, sensor, arrived, samples FROM uploads WHERE number = ?"
)
_NOTE = "INSERT OR REPLACE INTO sorted_uploads (sensor, number) VALUES (?, ?)"
_OLDEST = "SELECT min(number) FROM uploads"
_WIPE = (
    "DELETE FROM uploads"
    " WHERE number < ? AND number <= (SELECT number FROM sorted_uploads WHERE sensor = uploads.sensor)"
)
_SENSOR = "SELECT class, device FROM sensors WHERE number = ?"
_LAST_SEEN = "UPDATE devices SET last_seen = ? WHERE number = ? AND last_seen < ?"

Entry = tuple[int, int, bytes]
"""Number of the sensor, unix seconds when it came, packed samples."""


def add(conn: sqlite3.Connection, entries: Sequence[Entry]) -> list[int]:
    """Keep uploads; return their numbers in the journal, which ascend."""
    numbers: list[int] = []
    for first in range(0, len(entries), _MOST_IN_ONE):
        part = entries[first : first + _MOST_IN_ONE]
        last = conn.execute(_ADD + _ONE_MORE * (len(part) - 1), [*chain.from_iterable(part)]).lastrowid
        numbers.extend(range((last or 0) - len(part) + 1, (last or 0) + 1))
    return numbers


def sort_in(conn: sqlite3.Connection, chosen: Mapping[int, Sequence[int]]) -> None:
    """Put uploads, named for each sensor by their numbers in order, among its samples; those gone are passed over.

    They stay where they are, noted as sorted in: to delete them one by one would write the whole journal again each
    time.
    """
    numbers = msgspec.json.encode([*chain.from_iterable(chosen.values())]).decode()
    came: dict[int, int] = {}
    uploads: dict[int, list[Samples]] = {}
    for number, sensor, arrived, packed in conn.execute(_THESE, (numbers,)).fetchall():
        came[sensor] = max(came.get(sensor, 0), arrived)
        found = _unpacked(number, packed)
        if found is None:
            conn.execute(_SET_ASIDE, (number,))
        uploads.setdefault(sensor, []).append(found or no_samples())
    for sensor, runs in uploads.items():
        owner = conn.execute(_SENSOR, (sensor,)).fetchone()
        if owner is not None:
            class_, device = owner
            samples.append_run(conn, sensor, Meter.of_class(class_), upload_row.in_turn(runs), came[sensor])
            conn.execute(_LAST_SEEN, (came[sensor], device, came[sensor]))
        conn.execute(_NOTE, (sensor, chosen[sensor][-1]))


def wipe(conn: sqlite3.Connection, before: int) -> bool:
    """Delete uploads that are sorted in and whose numbers are lower, the first of them; tell whether more are left."""
    oldest = conn.execute(_OLDEST).fetchone()[0]
    end = before if oldest is None else min(before, oldest + WIPED_AT_ONCE)
    conn.execute(_WIPE, (end,))
    return end < before


def _unpacked(number: int, packed: bytes) -> Samples | None:
    """Return what an upload holds, None if it cannot be read."""
    try:
        return upload_row.unpack(packed)
    except PackingError:
        log.error("an upload cannot be read; run `flukso-cloud check`", extra={"number": number})  # noqa: TRY400
        return None


def waiting(conn: sqlite3.Connection) -> list[tuple[int, int]]:
    """Return what waits to be sorted in: numbers of the upload and of its sensor, in order."""
    return conn.execute(_WAITING).fetchall()


def unsorted(conn: sqlite3.Connection, sensor: int) -> list[Sample]:
    """Return a sensor's samples that wait to be sorted in, as they came. It looks through the whole journal."""
    rows = conn.execute(_OF_SENSOR, (sensor,))
    return [sample for row in rows for sample in as_list(_unpacked(*row) or no_samples())]


class _Batch:
    """Uploads that go into one commit, and who waits for it."""

    __slots__ = ("entries", "futures", "numbers")

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.futures: list[asyncio.Future[None]] = []
        self.numbers: list[int] = []


class Journal:
    """What comes and waits: for its commit first, then to be sorted in. Belongs to one event loop and one writer."""

    def __init__(self, writer: Writer, left: Iterable[tuple[int, int]] = ()) -> None:
        """`left` is what waits from before: numbers of the upload and of its sensor, in order."""
        self._writer = writer
        self._lock = threading.Lock()
        self._open: _Batch | None = None
        self._coming: dict[int, asyncio.Future[None]] = {}
        self._waiting: dict[int, list[int]] = {}
        self._order: deque[tuple[float, int]] = deque()  # since when something of a sensor waits
        self._count = 0
        self._last = 0
        self._sorted = 0
        self._newest = 0.0
        self._sorter: asyncio.Task[None] | None = None
        self._written: asyncio.Future[None] | None = None
        self._submitted = 0.0
        self._usual = 1
        self._due_commit: asyncio.TimerHandle | None = None
        for number, sensor in left:
            self._note(sensor, number, 0.0)

    def take(self, sensor: int, news: Sequence[Sample], now: int) -> asyncio.Future[None]:
        """Keep samples of a sensor, ascending and later than all that it had; the future is done after commit.

        Raises StoreUnavailableError, as the future may.
        """
        if self._count >= 2 * MOST_WAITING:
            raise StoreUnavailableError("too many uploads wait to be sorted in")
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (sensor, now, upload_row.pack(news))
        self._coming[sensor] = future
        with self._lock:
            batch = self._open
            if batch is not None:
                batch.entries.append(entry)
                batch.futures.append(future)
                if self._due_commit is not None and len(batch.entries) >= self._usual:
                    self._due_commit.cancel()
                    self._submit_later(batch)
                return future
            self._open = batch = _Batch()
        batch.entries.append(entry)
        batch.futures.append(future)
        pause = self._submitted + COMMIT_PAUSE - time.monotonic()
        if pause > 0 and self._usual > 1:
            self._due_commit = asyncio.get_running_loop().call_later(pause, self._submit_later, batch)
        else:
            try:
                self._submit(batch)
            except StoreUnavailableError:
                self._open = None
                self._arrived(batch)
                raise
        return future

    def _submit(self, batch: _Batch) -> None:
        """Let the writer commit a batch as soon as it can."""
        written = self._writer.submit(partial(self._commit, batch))
        self._submitted = time.monotonic()
        written.add_done_callback(partial(self._committed, batch))
        self._written = written

    def _submit_later(self, batch: _Batch) -> None:
        """Do so when nobody is there to be told at once that it cannot."""
        self._due_commit = None
        try:
            self._submit(batch)
        except StoreUnavailableError as error:
            self._open = None
            self._arrived(batch)
            for future in batch.futures:
                if not future.done():
                    future.set_exception(error)

    def _commit(self, batch: _Batch, db: Database) -> None:
        """Close the batch, with all that has come until now, and write it."""
        with self._lock:
            self._open = None
            self._usual = len(batch.entries)
        batch.numbers = add(db.conn, batch.entries)

    def _committed(self, batch: _Batch, written: asyncio.Future[None]) -> None:
        """Note what waits to be sorted in from now on, and tell those who wait for the commit."""
        if self._open is batch:  # the transaction could not even begin
            self._open = None
        self._arrived(batch)
        error = asyncio.CancelledError() if written.cancelled() else written.exception()
        if error is None:
            self._newest = time.monotonic()
            for number, entry in zip(batch.numbers, batch.entries, strict=True):
                self._note(entry[0], number, self._newest)
        for future in batch.futures:
            if not future.done():
                if error is None:
                    future.set_result(None)
                else:
                    future.set_exception(error)
        if self._count and self._sorter is None:
            self.keep_sorting()

    def _arrived(self, batch: _Batch) -> None:
        """Note of a batch that nobody has to wait for it any more."""
        for entry, future in zip(batch.entries, batch.futures, strict=True):
            if self._coming.get(entry[0]) is future:
                del self._coming[entry[0]]

    def _note(self, sensor: int, number: int, came: float) -> None:
        waiting = self._waiting.setdefault(sensor, [])
        if not waiting:
            self._order.append((came, sensor))
        waiting.append(number)
        self._last = max(self._last, number)
        self._count += 1

    async def settle(self, sensors: Iterable[int]) -> None:
        """Sort in what waits of these sensors; raises StoreUnavailableError if that cannot be done now."""
        sensors = tuple(sensors)
        if coming := [self._coming[sensor] for sensor in sensors if sensor in self._coming]:
            await asyncio.wait(coming)
        chosen = {sensor: tuple(self._waiting[sensor]) for sensor in sensors if sensor in self._waiting}
        if chosen:
            await self._sort(chosen)

    async def _sort(self, chosen: Mapping[int, Sequence[int]]) -> None:
        await self._writer.submit(lambda db: sort_in(db.conn, chosen))
        for sensor, numbers in chosen.items():
            known = self._waiting.get(sensor, [])
            left = [number for number in known if number > numbers[-1]]
            self._count -= len(known) - len(left)
            if left:
                self._waiting[sensor] = left
                self._order.append((self._newest, sensor))
            else:
                self._waiting.pop(sensor, None)
        self._sorted += sum(map(len, chosen.values()))
        if self._sorted >= WIPED_AT_ONCE or not self._waiting:
            await self._wipe()

    async def _wipe(self) -> None:
        """Delete what lies before all that waits."""
        self._sorted = 0
        before = min((numbers[0] for numbers in self._waiting.values()), default=self._last + 1)
        while await self._writer.submit(lambda db: wipe(db.conn, before)):
            pass

    def keep_sorting(self) -> None:
        """Sort in what waits, later and bit by bit, until nothing does."""
        self._sorter = asyncio.get_running_loop().create_task(self._sort_later())

    async def _sort_later(self) -> None:
        is_told = False
        while self._count:
            await asyncio.sleep(QUIET)
            try:
                while chosen := self._due():
                    await self._sort(chosen)
                    is_told = False
            except StoreUnavailableError as error:
                self._order.extend((0.0, sensor) for sensor in chosen)
                if not is_told:  # it is tried again at once, for as long as the disk is full
                    log.warning("cannot sort in what came", extra={"reason": str(error)})
                is_told = True
        self._order.clear()
        self._sorter = None

    def _due(self) -> dict[int, Sequence[int]]:
        """Choose a slice of what is to be sorted in now, the oldest first."""
        now = time.monotonic()
        is_urgent = self._count > MOST_WAITING
        is_quiet = now - self._newest > QUIET
        chosen: dict[int, Sequence[int]] = {}
        count = 0
        while self._order and count < SLICE:
            came, sensor = self._order[0]
            if not (is_quiet or is_urgent or now - came > SORT_AFTER):
                break
            self._order.popleft()
            if sensor in self._waiting and sensor not in chosen:
                chosen[sensor] = tuple(self._waiting[sensor])
                count += len(chosen[sensor])
        return chosen

    async def close(self) -> None:
        """Sort in what waits, for a few seconds at most: the rest waits for the next start."""
        if self._sorter is not None:
            self._sorter.cancel()
        if self._due_commit is not None and self._open is not None:
            self._due_commit.cancel()
            self._submit_later(self._open)
        if self._written is not None:
            await asyncio.wait([self._written])
        deadline = time.monotonic() + CLOSE_SECONDS
        self._newest = 0.0
        with suppress(StoreUnavailableError):
            while time.monotonic() < deadline and (chosen := self._due()):
                await self._sort(chosen)
