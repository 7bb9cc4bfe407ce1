"""What waits for upload of one sensor: measurements in the store, the newest gauge; how the cloud took the last ones.

Measurements go in order from the store's cursor on. Where more of them wait than one request carries, as after a long
time without the cloud, the newest goes first and what is measured from then on stays live; the backlog follows beside.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from fluksod.store.archive import Archive
from fluksod.store.record import Cursor, Position
from fluksod.uplink.backoff import Backoff
from fluksod.uplink.connection import CloudError
from fluksod.uplink.thinning import thinned

BATCH = 2_000
"""Most measurements in one request, about 50 kB: made within 2 ms, so that what is live is not held up."""
STEP_BACK = 5
"""Seconds by which time may be behind the newest gauge before the clock counts as set back."""
WIRE = 1 << 32
"""The wire's counters have 32 bits and wrap (trap 10), whatever width the board's or ours have."""
_ALWAYS = 1 << 40


@dataclass(frozen=True, slots=True)
class Batch:
    """Measurements of one request, in order of time; `cursor` is where the sensor stands once the cloud has them.

    `stands_for` are those that they stand for: more of them where `rows` were thinned.
    """

    rows: list[Position]
    cursor: Cursor
    stands_for: list[Position]

    def on_the_wire(self) -> list[tuple[int, int]]:
        """[unix second, counter of 32 bit], as the wire has them."""
        return [(row.time, row.counter % WIRE) for row in self.rows]


class Pending:
    """One sensor's share of the uplink.

    `gauge` waits; `backoff` and `error` tell of refusals; `batch` is how much one request may carry; `older` counts the
    measurements that the store keeps as minutes only. With `thinning` a backlog is thinned as the original did.
    """

    def __init__(self, archive: Archive, sensor: str, *, thinning: bool = False) -> None:
        self._archive = archive
        self._sensor = sensor
        self._thinning = thinning
        self.gauge: tuple[int, float] | None = None
        self.gauge_told = 0
        self.backoff = Backoff()
        self.error: CloudError | None = None
        self.batch = BATCH
        self.older = 0
        self._counted = self._done = Position(0, 0)

    def __len__(self) -> int:
        cursor = self._archive.cursor(self._sensor)
        return self.older + (0 if cursor is None else len(self._archive.recent(self._sensor, cursor.newest)))

    @property
    def has_backlog(self) -> bool:
        """Whether something waits behind what is live."""
        cursor = self._archive.cursor(self._sensor)
        return cursor is not None and cursor.ahead is not None

    async def count(self) -> None:
        """Bring `older` up to date: only what has become old since the last time is read."""
        cursor = self._archive.cursor(self._sensor)
        if cursor is None:
            return
        if cursor.done < self._done or cursor.done > self._counted:  # it was set back, or has all that was counted
            self.older, self._counted = 0, cursor.done
        self._done = cursor.done
        until = _ALWAYS if cursor.since is None else cursor.since - 1
        more, self._counted = await self._archive.count_older(self._sensor, self._counted, until)
        self.older += more

    async def live(self) -> Batch | None:
        """What is newest; None when there is nothing."""
        cursor = self._archive.cursor(self._sensor)
        if cursor is None:
            return None
        rows = await self._archive.measurements(self._sensor, cursor.newest, _ALWAYS, self.batch)
        if not rows:
            return None
        if cursor.ahead is not None:
            return Batch(rows, Cursor(cursor.done, cursor.since, rows[-1]), rows)
        newest = self._archive.recent(self._sensor, cursor.done)[-1:] if len(rows) == BATCH else []
        if newest and newest[0].time > rows[-1].time:
            return Batch(newest, Cursor(cursor.done, newest[0].time, newest[0]), newest)
        return Batch(rows, Cursor(rows[-1]), rows)

    async def backlog(self) -> Batch | None:
        """The oldest of the backlog; None when there is none, or when it cannot be read now."""
        cursor = self._archive.cursor(self._sensor)
        if cursor is None or cursor.since is None or cursor.ahead is None:
            return None
        rows = await self._archive.measurements(self._sensor, cursor.done, cursor.since - 1, self.batch)
        if rows is None:
            return None
        is_all = len(rows) < self.batch
        after = Cursor(cursor.ahead) if is_all else Cursor(rows[-1], cursor.since, cursor.ahead)
        if not rows:
            self._archive.acknowledge(self._sensor, after)
            return None
        return Batch(thinned(rows, int(time.time())) if self._thinning else rows, after, rows)

    def acknowledge(self, batch: Batch) -> None:
        """The cloud has this batch."""
        self._archive.acknowledge(self._sensor, batch.cursor)
        self.older -= sum(row <= self._counted for row in batch.stands_for)
        self.backoff.succeeded()
        self.error = None
        self.batch = BATCH

    def put_gauge(self, at: int, value: float) -> None:
        """Keep the newest gauge. A second one in the second of the last one told is stamped with the next second.

        The cloud takes it for old news otherwise; the same is done with counters.
        """
        if self.gauge_told - STEP_BACK <= at <= self.gauge_told:
            at = self.gauge_told + 1
        self.gauge = (at, value)

    def gauge_is_told(self, gauge: tuple[int, float]) -> None:
        """The cloud has this gauge; a newer one of the same second goes with the next."""
        self.gauge_told = gauge[0]
        if self.gauge == gauge:
            self.gauge = None
        elif self.gauge is not None:
            self.put_gauge(*self.gauge)
