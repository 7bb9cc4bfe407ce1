"""Samples and breaks in SQLite: those of recent days in a table, older ones in chunks."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

from flukso_cloud.meter import Meter, Sample
from flukso_cloud.series import Break, Neighbours
from flukso_cloud.summary import HOUR, Integers, Samples, flows, no_samples, together

from . import chunks, retention
from .chunks import DAY, SETTLED
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
_AROUND = """
SELECT time, counter FROM samples WHERE sensor = :sensor AND time BETWEEN
  ifnull((SELECT max(time) FROM samples WHERE sensor = :sensor AND time <= :start), :start) AND
  ifnull((SELECT min(time) FROM samples WHERE sensor = :sensor AND time > :end), :end)
"""


def newest(conn: sqlite3.Connection, sensor: int) -> Sample | None:
    """Return the newest sample of a sensor."""
    row = conn.execute(_NEWEST, (sensor,)).fetchone()
    return _later(Sample(*row) if row else None, chunks.newest(conn, sensor))


LONG = 500
"""Samples from which on it pays to put a run into chunks at once."""


def append_run(conn: sqlite3.Connection, sensor: int, meter: Meter, run: Samples, now: int) -> None:
    """Store samples as `append` does, a long run of days that are over at `now` (unix seconds) straight in chunks."""
    before = (now - SETTLED) // DAY * DAY
    if run.size >= LONG and run.times[LONG - 1] < before and bool(np.all(run.times[1:] > run.times[:-1])):
        last = newest(conn, sensor)
        if last is None or last.time < run.times[0]:
            settled = run.between(0, before)
            chunks.extend(conn, sensor, meter, settled)
            add_breaks_of(conn, sensor, meter, last, settled)
            run = run.between(before, int(run.times[-1]) + 1)
    append(conn, sensor, meter, chunks.as_list(run))


def append(conn: sqlite3.Connection, sensor: int, meter: Meter, samples: Iterable[Sample]) -> Appended:
    """Store samples in whatever order they come; of two at the same time the later in the batch counts.

    Those of days that are kept no longer are not stored.
    """
    batch = sorted({sample.time: sample for sample in samples}.values())
    if not batch:
        return Appended(0, 0)
    row = conn.execute(_NEWEST, (sensor,)).fetchone()
    folded = chunks.newest(conn, sensor)
    last = _later(Sample(*row) if row else None, folded)
    past = 0
    if last is not None and batch[0].time <= last.time:
        first = retention.first_day(conn, sensor) * DAY
        past = sum(sample.time < first for sample in batch)
        batch = batch[past:]
    given = len(batch)
    if not batch:
        return Appended(0, 0, past)
    if folded is not None and batch[0].time // DAY <= folded.time // DAY:
        batch = _outside_chunks(conn, sensor, batch)
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
    news = changed + len(fresh)
    return Appended(news, given - news, past)


def _outside_chunks(conn: sqlite3.Connection, sensor: int, batch: list[Sample]) -> list[Sample]:
    """Return a batch without what chunks have already; a chunk that lacks some of it is taken back into the table."""
    left = batch
    for number in chunks.days(conn, sensor, batch[0].time // DAY, batch[-1].time // DAY):
        of_day = [sample for sample in batch if sample.time // DAY == number]
        kept = chunks.day(conn, sensor, number) if of_day else None
        if kept is None:
            continue
        known = set(chunks.as_list(kept))
        if known.issuperset(of_day):
            left = [sample for sample in left if sample.time // DAY != number]
        else:
            chunks.unfold(conn, sensor, number)
    return left


def _later(one: Sample | None, other: Sample | None) -> Sample | None:
    return max((sample for sample in (one, other) if sample is not None), default=None)


def _put(conn: sqlite3.Connection, sensor: int, samples: Sequence[Sample]) -> int:
    """Store samples and return how many of them are news."""
    before = conn.total_changes
    conn.executemany(_UPSERT, [(sensor, *sample) for sample in samples])
    return conn.total_changes - before


def newest_before(conn: sqlite3.Connection, sensor: int, time: int) -> Sample | None:
    """Return the newest sample before `time`."""
    row = conn.execute(_BEFORE, (sensor, time)).fetchone()
    return _later(Sample(*row) if row else None, chunks.before(conn, sensor, time))


def oldest_after(conn: sqlite3.Connection, sensor: int, time: int) -> Sample | None:
    """Return the oldest sample after `time`."""
    row = conn.execute(_AFTER, (sensor, time)).fetchone()
    found = (Sample(*row) if row else None, chunks.after(conn, sensor, time))
    return min((sample for sample in found if sample is not None), default=None)


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


def add_breaks_of(conn: sqlite3.Connection, sensor: int, meter: Meter, last: Sample | None, run: Samples) -> None:
    """Note where the counter breaks in a run that follows the sample `last`."""
    whole = run if last is None else together([chunks.from_rows([last]), run])
    rows = [(sensor, end, start, before, after) for start, before, end, after in irregular(whole, meter)]
    conn.executemany(_ADD_BREAK, rows)


def irregular(samples: Samples, meter: Meter) -> list[tuple[int, int, int, int]]:
    """Return the pairs of samples between which the counter does not simply go on: time and counter of each."""
    times, counters = samples
    differences = np.diff(counters)
    flowed, known = flows(np.diff(times), differences, meter)
    places = np.flatnonzero(~known | (flowed != differences))
    columns = (times[places], counters[places], times[places + 1], counters[places + 1])
    return list(zip(*map(np.ndarray.tolist, columns), strict=True))


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
    after = oldest_after(conn, sensor, sample.time)
    return [] if after is None else [(sample, after)]


def neighbours(conn: sqlite3.Connection, sensor: int, times: Sequence[int]) -> dict[int, Neighbours]:
    """Return the samples around each time."""
    if not times:
        return {}
    asked = np.asarray(times, np.int64)
    known = _known_around(conn, sensor, asked)
    places = np.searchsorted(known.times, asked, side="right").tolist()
    found = chunks.as_list(known)
    return {
        time: Neighbours(found[place - 1] if place else None, found[place] if place < len(found) else None)
        for time, place in zip(times, places, strict=True)
    }


def _known_around(conn: sqlite3.Connection, sensor: int, asked: Integers) -> Samples:
    """Return samples, among them those around each time: of chunks, the first and last of each hour where that will do.

    It will not within an hour, nor where the hour's first sample is at the time itself: what follows is inside.
    """
    start, end = int(asked.min()), int(asked.max())
    rows = around(conn, sensor, start, end)
    hours = chunks.hours(conn, sensor, start, end)
    on_time = asked[asked % HOUR == 0]
    inside = np.concatenate((asked[asked % HOUR != 0], hours.first_time[np.isin(hours.first_time, on_time)])) // HOUR
    samples_inside = chunks.of_hours(conn, sensor, np.unique(inside), hours)
    hours = hours.pick(~np.isin(hours.first_time // HOUR, inside))
    return together([rows, samples_inside, *chunks.ends_of(hours)])


def around(conn: sqlite3.Connection, sensor: int, start: int, end: int) -> Samples:
    """Return the samples in the table in [start, end], with the one before and the one after."""
    return chunks.from_rows(conn.execute(_AROUND, {"sensor": sensor, "start": start, "end": end}))


def breaks(conn: sqlite3.Connection, sensor: int, start: int, end: int) -> list[Break]:
    """Return the breaks that end in (start, end], in order of time."""
    return [Break(Sample(s, at_s), Sample(e, at_e)) for s, at_s, e, at_e in conn.execute(_BREAKS, (sensor, start, end))]


def between(conn: sqlite3.Connection, sensor: int, start: int, end: int, most: int) -> list[Sample]:
    """Return the samples with start <= time < end, in order of time, the first `most` of them."""
    parts = [chunks.from_rows(conn.execute(_BETWEEN, (sensor, start, end, most)))]
    found = 0
    for number in chunks.days(conn, sensor, start // DAY, (end - 1) // DAY):
        if found >= most:
            break
        part = (chunks.day(conn, sensor, number) or no_samples()).between(start, end)
        parts.append(part)
        found += part.size
    whole = together(parts)
    return [Sample(*pair) for pair in zip(*(column[:most].tolist() for column in whole), strict=True)]


def delete(conn: sqlite3.Connection, sensor: int, meter: Meter, start: int, end: int) -> int:
    """Forget the samples with start <= time < end; return how many there were."""
    gone = 0
    for number, count in chunks.days(conn, sensor, start // DAY, (end - 1) // DAY).items():
        if start <= number * DAY and (number + 1) * DAY <= end:
            chunks.drop(conn, sensor, number)
            gone += count
        else:
            chunks.unfold(conn, sensor, number)
    retention.forget_hours(conn, sensor, start, end)
    gone += conn.execute(_DELETE, (sensor, start, end)).rowcount
    conn.execute(_DROP_BREAKS, (sensor, start, end))
    after = oldest_after(conn, sensor, end - 1)
    if gone and after is not None:
        _judge_again(conn, sensor, meter, [after])
    return gone
