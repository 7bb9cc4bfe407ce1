"""What the store has of one sensor in memory: its newest seconds, and the minutes that are not in the history. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from fluksod.store.minutes import Minute, spread
from fluksod.store.record import Cursor, Entry, Position, RegisterState
from fluksod.store.seconds import LONGEST_WORD, Place, Second, Seconds

_WRAP = 1 << 32


class Track:
    """One sensor. `first` is where its counter begins, `register` where its register stands, in thousandths."""

    def __init__(self) -> None:
        self.seconds = Seconds()
        self.minutes: dict[int, Minute] = {}
        self.first: Position | None = None
        self.register: RegisterState | None = None
        self.cursor: Cursor | None = None
        self._second: Second | None = None
        self._is_in_minutes = False
        self._is_covered = False

    def put(self, entry: Entry, place: Place, *, keep_second: bool = True, into_minutes: bool = True) -> None:
        """Take what was shown at `place`, as a second and, when that is over, into its minute."""
        time = place.second
        before = self._second
        counter, gauge = entry.counter, entry.gauge
        covers = 1
        if before is not None and before.time == time:
            counter = before.counter if counter is None else counter
            gauge = before.gauge if gauge is None else gauge
            covers = before.covers
            self._is_in_minutes = False
        elif before is not None:
            self.finish_second(into_minutes=into_minutes)
            covers = time - before.time if 0 < time - before.time <= LONGEST_WORD else 1
            self._is_in_minutes = self._is_covered = False
        self._second = Second(time, counter, gauge, covers, place.order)
        if keep_second:
            self.seconds.put(self._second)
        if counter is not None and (self.first is None or time < self.first.time):
            self.first = Position(time, counter)

    @property
    def newest(self) -> Second | None:
        """The newest second, with what its sensor showed last in it."""
        return self._second

    def finish_second(self, *, into_minutes: bool = True) -> None:
        """Take the newest second into its minute now."""
        if self._second is not None and not self._is_in_minutes and into_minutes:
            spread(self._second._replace(covers=0) if self._is_covered else self._second, self.minutes)
        self._is_in_minutes = self._is_covered = True

    def register_follows(self, entry: Entry, at: int) -> None:
        """The counter went on as the board's did, and so did the register; `at` in unix seconds."""
        if self.register is None or entry.counter is None:
            return
        step = entry.counter // 1000 - self.register.total // 1000
        raw = (self.register.raw + step) % _WRAP
        self.register = RegisterState(entry.sensor, raw, entry.counter, entry.counter, at)

    def go_back_to(self, time: int) -> None:
        """The clock was ahead: what is measured from unix second `time` on is news for the cloud."""
        if self.cursor is not None and self.cursor.ahead is None and self.cursor.done.time >= time:
            self.cursor = Cursor(Position(time - 1, self.cursor.done.counter))

    def take_minutes(self) -> dict[int, Minute]:
        """Hand over the minutes that are not in the history yet."""
        self.finish_second()
        minutes, self.minutes = self.minutes, {}
        return minutes


def merged(earlier: dict[int, Minute], later: dict[int, Minute]) -> dict[int, Minute]:
    """Two parts of the same minutes together; `earlier` is changed."""
    for start, part in later.items():
        earlier.setdefault(start, Minute()).merge(part)
    return earlier


def measurements(counters: Iterable[tuple[int, int]], after: Position, most: int) -> list[Position]:
    """Of (unix second, counter in thousandths), in order, those that the wire has: whole counters that went up.

    At most `most`, and only those after `after`. Times ascend strictly (trap 17): of two at the same time the higher
    counts, and where more was counted since, up to the second of `after`, that is told as of the next one.
    """
    last, told = after.time + 1, after.counter
    rows: list[Position] = []
    for time, thousandths in counters:
        counter = thousandths // 1000
        if counter <= told:
            continue
        told = counter
        if time > last:
            if len(rows) == most:
                break
            last = time
            rows.append(Position(time, counter))
        elif rows:
            rows[-1] = Position(last, counter)
        else:
            rows.append(Position(last, counter))
    return rows
