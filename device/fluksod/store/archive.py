"""Keeps what is measured: journal as it comes, history by the hour; and tells it again, at any resolution.

A reading is written to the journal before anybody hears of it. In memory are the newest seconds and the minutes since
the last fold, both made again from the journal at the start. What the disk refuses is kept in memory while there is
room, and measuring and serving go on.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import logging
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from fluksod.config import StoreConfig
from fluksod.meter.metering import CLOCK_NOT_SET, Reading
from fluksod.meter.register import Mark
from fluksod.store import buckets
from fluksod.store.buckets import Cell, Columns
from fluksod.store.clock import Clock
from fluksod.store.history import DamagedError, Folded, History, HourSum, Minutes, move_aside, open_history
from fluksod.store.journal import Journal, JournalFile, records_of
from fluksod.store.minutes import HOUR, MINUTE, Minute
from fluksod.store.record import ClockSet, Cursor, CursorState, Entry, Position, Record, RegisterState
from fluksod.store.seconds import LONGEST_WORD, Place, Second
from fluksod.store.timeline import JITTER, Timeline
from fluksod.store.track import Track, measurements, merged

_LOG = logging.getLogger(__name__)
_Answer = TypeVar("_Answer")
_Kind = TypeVar("_Kind")

OnReading = Callable[[Reading, Place | None], None]
"""Hears a reading and where it is kept; None where that instant was measured before, and so is not kept."""
SYNC_EVERY = 10.0
"""Seconds between two syncs of the journal: what a power cut loses at most."""
FOLD_AGAIN = 60.0
"""Seconds until a fold that failed is tried again."""
MINUTES_IN_MEMORY = 48 * 60
"""Minutes of a sensor that are kept in memory while the disk refuses them; beyond that the oldest are lost."""
COUNTED_AT_ONCE = 1000
"""Measurements that are read at once only to be counted, in about a millisecond."""
DAY = 86400


@dataclass(slots=True)
class StorageState:
    """How the store stands: `bytes` on the disk, when its oldest minute began (unix s), what is wrong in words."""

    bytes: int = 0
    oldest_minute: int | None = None
    error: str | None = None


class Archive:
    """The store in `folder`. `open` before anything else; `run` keeps it going; `close` at the end.

    `on_reading` hears each reading after it was written. `open` raises `OSError` where the folder cannot be used.
    All but what `history` and `measurements` compute happens in the event loop's thread.
    """

    def __init__(self, folder: Path, config: StoreConfig, clock: Clock, on_reading: OnReading) -> None:
        self.state = StorageState()
        self._config = config
        self._clock = clock
        self._on_reading = on_reading
        self._mark_of: Callable[[str], Mark | None] = lambda _sensor: None
        self._journal = Journal(folder / "journal")
        self._database = folder / "history.db"
        self._history: History | None = None
        self._thread = ThreadPoolExecutor(1, "history")
        self._timeline = Timeline()
        self._place = Place(0, 0)
        self._tracks: dict[str, Track] = {}
        self._folding: dict[str, Minutes] = {}
        self._folded = Folded()
        self._leaps: list[int] = []
        self._is_behind = False
        self._fed = 0
        self._ended: dict[int, int] = {}
        self._hour = 0
        self._boundary = 0
        self._is_clock_set = True
        self._is_untold = False
        self._errors: dict[str, str] = {}
        self._pruned = 0
        self._next_sync = 0.0

    def open(self) -> dict[str, Mark]:
        """Take up what an earlier run has left; returns where the registers stood, `at` in unix seconds."""
        try:
            self._folded = self._opened_history().folded()
            self._leaps = list(self._folded.leaps)
            self.state.oldest_minute = self._opened_history().oldest()
        except (sqlite3.Error, OSError) as error:
            self._note("the history", error)
        for sensor, first in self._folded.firsts.items():
            self._track(sensor).first = first
        for sensor, cursor in self._folded.cursors.items():
            self._track(sensor).cursor = cursor
        self._replay()
        self._measure_disk()
        registers = [track.register for track in self._tracks.values() if track.register is not None]
        return {register.sensor: _mark(register) for register in registers}

    def follow(self, mark_of: Callable[[str], Mark | None]) -> None:
        """Ask `mark_of` where a sensor's register stands, with each reading, so that it can be taken up again."""
        self._mark_of = mark_of

    def take(self, reading: Reading) -> None:
        """Keep a reading. While the clock is not set it is kept by the boot's own clock, and nobody hears of it yet."""
        counter = None if reading.counter is None else reading.counter * 1000 + reading.milli
        gauge = None if reading.gauge is None else round(reading.gauge * 1000)
        now = self._clock.unix_time()
        if now is not None and not self._is_clock_set:
            self._stamp(now)
        if now is None:
            self._is_clock_set = False
            entry = Entry(reading.sensor, int(self._clock.of_boot()), counter, gauge, self._clock.boot)
        else:
            entry = Entry(reading.sensor, now, counter, gauge)
        self._write([entry, *self._register_news(entry)])
        if now is not None:
            place = self._feed(entry, now)
            self._on_reading(reading if reading.time > CLOCK_NOT_SET else replace(reading, time=now), place)

    def cursor(self, sensor: str) -> Cursor | None:
        """What of a sensor the cloud has; None before its first counter, which is only a guard and never uploaded."""
        track = self._tracks.get(sensor)
        if track is None or track.first is None:
            return None
        # A second earlier, so that what is counted in the guard's own second is told with its own time.
        return track.cursor or Cursor(Position(track.first.time - 1, track.first.counter // 1000))

    @property
    def kept_seconds(self) -> int:
        """How long minutes are kept, in s."""
        return self._config.days * DAY

    def first_time(self, sensor: str) -> int | None:
        """When a sensor's counter was known first, in unix seconds; None before that."""
        track = self._tracks.get(sensor)
        return None if track is None or track.first is None else track.first.time

    def acknowledge(self, sensor: str, cursor: Cursor) -> None:
        """Remember what the cloud has."""
        self._track(sensor).cursor = cursor
        self._write([CursorState(sensor, cursor)])

    async def forget_cursors(self) -> None:
        """Forget what was acknowledged, since it was by another cloud: the new one gets all there is."""
        if all(track.cursor is None for track in self._tracks.values()):
            return
        for track in self._tracks.values():
            track.cursor = None
        with self._noting_trouble("the history"):
            await self._on_disk(History.forget_cursors)
        await self.fold()

    async def measurements(self, sensor: str, after: Position, until: int, most: int) -> list[Position] | None:
        """The oldest measurements after `after` and not after unix second `until`, at most `most`, in order.

        Whole counters that went up, of seconds as far as they are kept, before that of minutes: the counter at the last
        second of a minute. None where the history cannot be read now: nothing may overtake what is in it.
        """
        track, boundary = self._track(sensor), self._boundary
        rows: list[Position] = []
        if after.time < boundary - 1 and after.time < until:
            old = min(boundary, until + 1)
            held = self._held_counters(sensor, old)
            read = False
            with self._noting_trouble("reading the history"):
                rows = await self._on_disk(lambda disk: _older(disk, sensor, after, old, held, most))
                read = True
            if not read:
                return None
        if len(rows) < most:
            from_here = rows[-1] if rows else after
            recent = track.seconds.counters(max(_since(track, from_here), boundary), until + 1)
            rows += measurements(recent, from_here, most - len(rows))
        return rows

    def recent(self, sensor: str, after: Position) -> list[Position]:
        """As `measurements`, of the seconds in memory alone."""
        track = self._track(sensor)
        now = self._clock.unix_time() or 0
        return measurements(track.seconds.counters(max(_since(track, after), self._boundary), now + 1), after, 1 << 62)

    async def count_older(self, sensor: str, after: Position, until: int) -> tuple[int, Position]:
        """How many measurements there are after `after` up to unix second `until` that are kept as minutes only.

        Also the last of them, `after` where there is none. They are read in small parts, so that what is live is not
        held up.
        """
        old, count = min(self._boundary, until + 1), 0
        while after.time < old - 1:
            rows = await self.measurements(sensor, after, old - 1, COUNTED_AT_ONCE)
            if not rows:
                break
            count, after = count + len(rows), rows[-1]
            if len(rows) < COUNTED_AT_ONCE:
                break
        return count, after

    async def minute_counters(self, sensor: str, start: int, end: int) -> list[tuple[int, int]] | None:
        """(last unix second, counter in thousandths) of the minutes that begin in [start, end) and have a counter.

        None where the history cannot be read now.
        """
        track = self._tracks.get(sensor, Track())
        held = [
            (at + MINUTE - 1, minute.counter)
            for part in (self._folding.get(sensor, {}), track.minutes)
            for at, minute in part.items()
            if start <= at < end
        ]
        if track.newest is not None and start <= track.newest.time < end:  # it goes into its minute when it is over
            held.append((track.newest.time // MINUTE * MINUTE + MINUTE - 1, track.newest.counter))
        counters: dict[int, int] | None = None
        with self._noting_trouble("reading the history"):
            counters = await self._on_disk(lambda disk: dict(disk.counters(sensor, start, end)))
        if counters is None:
            return None
        for time_, counter in held:
            if counter is not None:
                counters[time_] = max(counter, counters.get(time_, 0))
        return sorted(counters.items())

    def first(self, sensor: str) -> int | None:
        """The unix second of a sensor's first counter; None before it, and while the history cannot be read."""
        track = self._tracks.get(sensor)
        return None if track is None or track.first is None or self.state.error is not None else track.first.time

    def newest(self, sensor: str) -> Second | None:
        """What a sensor has shown last, as it was kept."""
        return self._tracks.get(sensor, Track()).newest

    @property
    def leaps(self) -> Sequence[int]:
        """The unix seconds in which measuring went on after a clock that was set back: counters jump there."""
        return self._leaps

    def _held_counters(self, sensor: str, before: int) -> list[tuple[int, int]]:
        """(last unix second, counter) of minutes over at `before` that are not in the history yet."""
        return sorted(
            (start + MINUTE - 1, minute.counter)
            for part in (self._folding.get(sensor, {}), self._track(sensor).minutes)
            for start, minute in part.items()
            if start + MINUTE <= before and minute.counter is not None
        )

    async def history(self, sensor: str, start: int, end: int, resolution: int) -> Columns:
        """A sensor's history in buckets of `resolution` seconds, the first one beginning at `start` (unix seconds).

        Raises `ValueError` for no or more than 100,000 buckets. An unknown sensor has gaps only.
        """
        buckets.check(start, end, resolution)
        track, boundary = self._tracks.get(sensor, Track()), self._boundary
        points = [] if track.first is None else [Position(track.first.time + 1, track.first.counter)]
        cells: list[Cell] = []
        for part in (self._folding.get(sensor, {}), track.minutes):
            held = [(at, minute) for at, minute in part.items() if at < boundary]
            points += _points(held)
            cells += [_cell(at, minute) for at, minute in held if start - MINUTE < at < end]
        points += [Position(time + 1, counter) for time, counter in track.seconds.around(start - 1, end, boundary)]
        for second in track.seconds.between(max(start, boundary), end + LONGEST_WORD):
            begin = max(second.time + 1 - second.covers, boundary)
            gauge = second.gauge
            cells.append(Cell(begin, second.time + 1, gauge, gauge, gauge, gauge, second.time + 1 - begin))
        if start < boundary:
            by_hours = resolution % HOUR == 0 and start % HOUR == 0
            with self._noting_trouble("reading the history"):
                old = await self._on_disk(
                    lambda disk: _kept(disk, sensor, start, min(end, boundary), by_hours=by_hours)
                )
                points += old[0]
                cells += old[1]
        points.sort(key=lambda point: point.time)
        cells.sort(key=lambda cell: cell.start)
        return await asyncio.to_thread(buckets.columns, points, cells, start=start, end=end, resolution=resolution)

    @property
    def newest_place(self) -> Place:
        """Where the newest reading is kept."""
        return self._place

    @property
    def seconds_since(self) -> int:
        """The unix second from which on every second is kept."""
        firsts = [track.seconds.first for track in self._tracks.values() if track.seconds.first is not None]
        return self._boundary or min(firsts, default=self._place.second)

    def readings_after(self, place: Place, most: int) -> list[tuple[Place, Reading]]:
        """What is kept by the second after `place`, in order, `most` at most: what each sensor showed last in one."""
        parts = [_of_sensor(sensor, track.seconds.after(place)) for sensor, track in self._tracks.items()]
        merged_parts = heapq.merge(*parts, key=lambda told: told[1].place)
        return [(second.place, _reading(sensor, second)) for sensor, second in itertools.islice(merged_parts, most)]

    async def sync(self) -> None:
        """Put on the disk what was taken until now, so that no power cut takes it back."""
        if self._journal.unsynced:
            with self._noting_trouble("the journal"):
                await asyncio.to_thread(self._journal.sync)
            self._next_sync = time.monotonic() + SYNC_EVERY

    async def fold(self) -> None:
        """Take the journal's finished file into the history and drop what is not needed any more."""
        self._forget_seconds()
        await self.sync()
        number = self._journal.number
        with self._noting_trouble("the journal"):
            self._journal.begin(number + 1, self._snapshot())
        if self._journal.number == number:
            return
        self._ended[number] = self._timeline.newest
        self._hour = self._timeline.newest // HOUR
        self._folding = {sensor: track.take_minutes() for sensor, track in self._tracks.items()}
        folded = Folded(
            number,
            replace(self._timeline),
            {sensor: track.cursor for sensor, track in self._tracks.items() if track.cursor is not None},
            {sensor: track.first for sensor, track in self._tracks.items() if track.first is not None},
            list(self._leaps),
        )
        minutes = self._folding
        with self._noting_trouble("the history"):
            await self._on_disk(lambda disk: disk.fold(minutes, folded))
            self._folding = {}
            self._folded = folded
            await self._drop_old()
        for sensor, parts in self._folding.items():  # it was refused: they go with the next fold
            track = self._tracks[sensor]
            track.minutes = merged(parts, track.minutes)
            for start in sorted(track.minutes)[:-MINUTES_IN_MEMORY]:
                del track.minutes[start]
        self._folding = {}
        self._measure_disk()

    async def run(self) -> None:
        """Sync, fold and forget in time, until cancelled."""
        next_fold = 0.0
        while True:
            await asyncio.sleep(1.0)
            now = time.monotonic()
            if now >= self._next_sync:
                await self.sync()
            if self._timeline.newest // HOUR > self._hour and now >= next_fold:
                next_fold = now + FOLD_AGAIN
                await self.fold()
            self._forget_seconds()

    def close(self) -> None:
        """Put all on the disk and let go of it."""
        self._journal.close()
        self._thread.submit(self._close_history)
        self._thread.shutdown()

    def _register_news(self, entry: Entry) -> list[RegisterState]:
        """What the journal cannot tell from counters alone: a register that does not simply go on with the board's."""
        track, mark = self._track(entry.sensor), self._mark_of(entry.sensor)
        at = entry.time if entry.boot is None else self._timeline.newest
        track.register_follows(entry, at)
        if mark is None or entry.counter is None:
            return []
        stands = RegisterState(entry.sensor, mark.raw, mark.total * 1000 + mark.milli, entry.counter, at)
        if track.register == stands:
            return []
        track.register = stands
        return [stands]

    def _write(self, records: Sequence[Record]) -> None:
        with self._noting_trouble("the journal"):
            if self._is_untold:
                self._journal.append(self._snapshot())
                self._is_untold = False
            try:
                self._journal.append(records)
            except OSError:
                self._is_untold = True
                raise

    def _snapshot(self) -> list[Record]:
        """What has to be in the newest file: registers and cursors."""
        registers = [track.register for track in self._tracks.values() if track.register is not None]
        cursors = [
            CursorState(sensor, track.cursor) for sensor, track in self._tracks.items() if track.cursor is not None
        ]
        return [*registers, *cursors]

    def _feed(self, entry: Entry, unix_time: int, *, into_minutes: bool = True) -> Place | None:
        placed = self._timeline.place(unix_time)
        self._is_behind |= placed is None or unix_time + JITTER < self._fed
        self._fed = unix_time
        if placed is None:
            return None
        if self._is_behind and into_minutes:
            self._leaps.append(placed)
        self._is_behind = False
        self._place = self._place.following(placed)
        self._hour = self._hour or placed // HOUR
        track = self._track(entry.sensor)
        if placed < self._timeline.newest:
            track.go_back_to(placed)
        track.put(entry, self._place, keep_second=placed >= self._boundary, into_minutes=into_minutes)
        return self._place

    def _stamp(self, now: int) -> None:
        """The clock is set: what was kept by the boot's own clock gets its time."""
        boot, offset = self._clock.boot, now - int(self._clock.of_boot())
        self._is_clock_set = True
        self._write([ClockSet(boot, offset)])
        for file in self._journal.files():
            if file.number > self._folded.journal:
                for record in records_of(file):
                    if isinstance(record, Entry) and record.boot == boot:
                        self._feed(record, record.time + offset)

    def _replay(self) -> None:
        """Make seconds, minutes, registers and cursors from the journal as they were."""
        files = self._journal.files()
        offsets: dict[bytes, int] | None = None
        unplaced = file = 0
        is_new = False
        for number, record in self._journal.open(self._folded.journal + 1):
            if number != file:
                file, self._hour = number, 0
            if number > self._folded.journal and not is_new:
                is_new = True
                self._go_on_from_fold()
            if isinstance(record, RegisterState):
                self._track(record.sensor).register = record
            elif isinstance(record, CursorState):
                self._track(record.sensor).cursor = record.cursor
            elif isinstance(record, Entry):
                if record.boot is not None and offsets is None:
                    offsets = {set_.boot: set_.offset for set_ in _of_kind(files, ClockSet)}
                unix_time = _unix_time(record, offsets or {})
                if unix_time is None:
                    unplaced += 1
                    self._is_clock_set = self._is_clock_set and record.boot != self._clock.boot
                self._track(record.sensor).register_follows(record, unix_time or self._timeline.newest)
                if unix_time is not None:
                    self._feed(record, unix_time, into_minutes=is_new)
                    self._ended[number] = self._timeline.newest
                    if not self._boundary and self._folded.journal:
                        # Before the first file there was nothing; before any other one some seconds are gone.
                        gone = 0 if number == 1 else MINUTE - 1
                        self._boundary = (self._timeline.newest + gone) // MINUTE * MINUTE
        if not is_new:
            self._go_on_from_fold()
        if not self._boundary and self._folded.journal:
            self._boundary = (
                self._timeline.newest // MINUTE + 1
            ) * MINUTE  # the journal is lost: there are minutes only
        if unplaced and self._is_clock_set:
            _LOG.warning(
                "%d readings have no time: their boot ended before the clock was set; counters go on", unplaced
            )
        self._forget_seconds()

    def _go_on_from_fold(self) -> None:
        for track in self._tracks.values():
            track.finish_second(into_minutes=False)
        self._timeline = replace(self._folded.timeline)
        self._fed, self._is_behind = self._timeline.newest, False

    def _forget_seconds(self) -> None:
        """Drop seconds that are kept as minutes only from now on."""
        boundary = (self._timeline.newest - self._config.seconds) // MINUTE * MINUTE
        if boundary > self._boundary:
            self._boundary = boundary
            for track in self._tracks.values():
                track.seconds.forget_before(boundary)

    async def _drop_old(self) -> None:
        """Drop journal files that are folded and whose seconds are not kept, and minutes beyond their days."""
        for file in self._journal.files():
            if file.number <= self._folded.journal and self._ended.get(file.number, 0) < self._boundary:
                file.path.unlink(missing_ok=True)
                self._ended.pop(file.number, None)
        today = self._timeline.newest // DAY
        if today != self._pruned:
            self._pruned = today
            await self._on_disk(lambda disk: disk.forget_before((today - self._config.days) * DAY))
        self.state.oldest_minute = await self._on_disk(History.oldest)

    def _track(self, sensor: str) -> Track:
        track = self._tracks.get(sensor)
        if track is None:
            track = self._tracks[sensor] = Track()
        return track

    def _opened_history(self) -> History:
        if self._history is None:
            self._history = open_history(self._database)
        return self._history

    async def _on_disk(self, work: Callable[[History], _Answer]) -> _Answer:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._with_history, work)

    def _with_history(self, work: Callable[[History], _Answer]) -> _Answer:
        history = self._opened_history()
        try:
            return work(history)
        except DamagedError as error:
            self._close_history()
            move_aside(self._database, str(error))
            return work(self._opened_history())

    def _close_history(self) -> None:
        history, self._history = self._history, None
        if history is not None:
            with contextlib.suppress(sqlite3.Error):
                history.close()

    def _measure_disk(self) -> None:
        """Find out how large the files are."""
        with self._noting_trouble("a look at its files"):
            tails = [self._database.with_name(self._database.name + tail) for tail in ("", "-wal")]
            self.state.bytes = self._journal.size() + sum(tail.stat().st_size for tail in tails if tail.exists())

    @contextlib.contextmanager
    def _noting_trouble(self, what: str) -> Iterator[None]:
        """Note what the disk refuses in `state` and, once, in the log; and that it does no more."""
        try:
            yield
        except (OSError, sqlite3.Error, DamagedError) as error:
            self._note(what, error)
        else:
            if self._errors.pop(what, None) is not None:
                _LOG.info("the disk takes %s again", what)
                self.state.error = "; ".join(self._errors.values()) or None

    def _note(self, what: str, error: Exception) -> None:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        if what not in self._errors:
            _LOG.error(
                "the disk refuses %s: %s; measuring and serving go on; make room or mend it, else what is measured"
                " until then is lost at a restart",
                what,
                reason,
            )
        self._errors[what] = f"the disk refuses {what}: {reason}"
        self.state.error = "; ".join(self._errors.values())


def _since(track: Track, after: Position) -> int:
    """The second from which on there may be news: what its own second counted more was told as of a later one."""
    return after.time if track.newest is None else min(after.time, track.newest.time)


def _reading(sensor: str, second: Second) -> Reading:
    counter, milli = (None, 0) if second.counter is None else divmod(second.counter, 1000)
    gauge = None if second.gauge is None else second.gauge / 1000
    return Reading(sensor, second.time, counter, gauge, measured=True, milli=milli)


def _mark(register: RegisterState) -> Mark:
    told = register.told if register.told > register.total else 0
    total, milli = divmod(register.total, 1000)
    return Mark(register.raw, total, float(register.at), milli, told)


def _of_kind(files: Iterable[JournalFile], kind: type[_Kind]) -> Iterator[_Kind]:
    return (record for file in files for record in records_of(file) if isinstance(record, kind))


def _unix_time(entry: Entry, offsets: Mapping[bytes, int]) -> int | None:
    if entry.boot is None:
        return entry.time
    offset = offsets.get(entry.boot)
    return None if offset is None else entry.time + offset


def _older(
    disk: History, sensor: str, after: Position, before: int, held: Sequence[tuple[int, int]], most: int
) -> list[Position]:
    """Measurements of minutes that are over at `before`, in the history and, `held`, not in it yet."""
    kept = disk.counters(sensor, after.time // MINUTE * MINUTE, before - MINUTE + 1)
    return measurements(heapq.merge(kept, held) if held else kept, after, most)


def _kept(disk: History, sensor: str, start: int, end: int, *, by_hours: bool) -> tuple[list[Position], list[Cell]]:
    """Points and cells of the history in [start, end), with the points around; by hours as far as they are whole."""
    around = disk.counter_around(sensor, start, end)
    points = [point for point in around if point is not None]
    cells: list[Cell] = []
    middle = end // HOUR * HOUR if by_hours else start
    for hour in disk.hours(sensor, start, middle):
        points += _edges(hour)
        cells.append(Cell(hour.start, hour.start + HOUR, hour.low, hour.high, hour.mean, hour.last, hour.covered))
    minutes = list(disk.minutes(sensor, max(middle, start), end))
    points += _points(minutes)
    cells += [_cell(at, minute) for at, minute in minutes]
    return points, cells


def _of_sensor(sensor: str, seconds: Iterable[Second]) -> Iterator[tuple[str, Second]]:
    return ((sensor, second) for second in seconds)


def _points(minutes: Iterable[tuple[int, Minute]]) -> list[Position]:
    return [Position(at + MINUTE, minute.counter) for at, minute in minutes if minute.counter is not None]


def _edges(hour: HourSum) -> list[Position]:
    if hour.opened is None or hour.opening is None or hour.closed is None or hour.closing is None:
        return []
    return [Position(hour.opened, hour.opening), Position(hour.closed, hour.closing)]


def _cell(at: int, minute: Minute) -> Cell:
    return Cell(at, at + MINUTE, minute.low, minute.high, minute.mean, minute.last, minute.covered)
