"""Finds the hours that a recorder missed, from what the meter counted. Arithmetic: knows nothing of Home Assistant.

A recorder that was down, or could not hear its meter, has no rows for those hours, or rows that stand still, and books
all that was counted meanwhile into the first hour after. The meter's counter at each full hour tells where it belongs.
Hours are those of UTC, so daylight saving does not matter. All values are in Wh or L, all times unix seconds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import gcd
from typing import Final

HOUR: Final = 3600

LEEWAY: Final = 5.0
"""Wh or L by which a row may be off its meter because one of the two clocks is late: 5 s at 3.6 kW."""

LEEWAY_SHARE: Final = 0.001
"""Share of what was counted by which two rows may be off besides."""

_NEARLY: Final = 0.5
"""Wh or L: what a row lacks at most that is taken for a whole one before a hole."""

_EXACT: Final = 0.01
"""Wh or L: a row that is closer than this to what it should be is left as it is."""


@dataclass(frozen=True, slots=True)
class Row:
    """An hour in a recorder: its start, and the meter's total and the recorder's sum at its end."""

    start: int
    state: float
    sum: float

    @property
    def end(self) -> int:
        """Return when the hour is over."""
        return self.start + HOUR


@dataclass(frozen=True, slots=True)
class Shift:
    """A sum that began again at zero: all sums from the hour `start` on lack `amount`."""

    start: int
    amount: float


@dataclass(frozen=True, slots=True)
class Healing:
    """Rows to write over or between those that are there, after the sums were shifted.

    `broken` are sums that began again at zero, where the meter does not tell what was counted meanwhile: the amount is
    by the totals that were recorded before and after. `settled` is the end of the newest hour that fits the meter:
    later rows need only be compared from there on; None before there is one.
    """

    rows: tuple[Row, ...]
    shifts: tuple[Shift, ...]
    broken: tuple[Shift, ...]
    settled: int | None


def heal(rows: Sequence[Row], edges: Mapping[int, float], leeway: float = LEEWAY) -> Healing:
    """Compare consecutive rows with the meter's counter at full hours and tell what to write.

    `edges` has only the hours at which the meter did count: what it missed itself stays as it is. Rows are only written
    between two that fit the meter equally well, so the total is never changed, and no sum goes back.
    """
    straight, shifts, broken = _shifted(rows, edges, leeway)
    healed: list[Row] = []
    settled: int | None = None
    base: int | None = None  # place of the newest row that is known to the meter
    whole = moved = 0  # place of one up to it that lacks nothing, and in how many rows after that something was counted
    place = 0
    while place < len(straight):
        if straight[place].end not in edges:
            place += 1
            continue
        fit = None if base is None else _next_fit(straight, base, place, edges, leeway)
        if base is None or fit is None:
            if place and straight[place - 1].end not in edges:
                healed += _towards(straight, place, edges)
            base = whole = place
            moved = 0
        else:
            has_moved = straight[fit].sum > straight[base].sum
            # The last row before a hole may lack a little.
            found = _between(straight[(whole if straight[fit].start > straight[base].end else base) : fit + 1], edges)
            healed += found
            # Rows that stand still where nothing was used prove nothing.
            if has_moved or settled == straight[base].end:
                settled = straight[fit].end
            base = fit
            moved += has_moved
            if found or moved > 1 or _misfit(straight[whole], straight[fit], edges) >= -_NEARLY:
                whole, moved = fit, 0
        place = base + 1
    return Healing(tuple(healed), tuple(shifts), tuple(broken), settled)


def pulse_leeway(rows: Sequence[Row]) -> float:
    """Return by how much a row may be off where the meter counts in pulses: what one and a half of them are worth.

    Between two pulses a counter is anything from the one to the other.
    """
    steps = (round(abs(later.state - earlier.state) * 1000) for earlier, later in pairwise(rows))
    return max(LEEWAY, 1.5 * gcd(*steps) / 1000)


def _misfit(earlier: Row, later: Row, edges: Mapping[int, float]) -> float:
    """Return by how much more the recorder has between two rows than the meter counted."""
    return later.sum - earlier.sum - (edges[later.end] - edges[earlier.end])


def _fits(earlier: Row, later: Row, edges: Mapping[int, float], leeway: float) -> bool:
    return abs(_misfit(earlier, later, edges)) <= leeway and later.sum >= earlier.sum


def _next_fit(rows: Sequence[Row], base: int, place: int, edges: Mapping[int, float], leeway: float) -> int | None:
    """Return the first row that fits the base again, with little but missed hours between.

    One that fits within a share of all that was counted will do where none fits better. Sums that a user has adjusted
    fit again by chance at most, long after, with many good hours between.
    """
    missed = good = 0
    nearly: int | None = None
    for at in range(place, len(rows)):
        row, before = rows[at], rows[at - 1]
        missed += (row.start - before.end) // HOUR
        if row.end not in edges:
            continue
        if _fits(rows[base], row, edges, leeway):
            return at
        total = edges[row.end] - edges[rows[base].end]
        if nearly is None and _fits(rows[base], row, edges, leeway + LEEWAY_SHARE * total):
            nearly = at
        counted = edges[row.end] - edges.get(row.start, edges[row.end])
        if row.sum < before.sum or _misfit(rows[base], row, edges) > 0:
            break
        if row.sum > before.sum:
            good += 1
        elif counted > 0:
            missed += 1
        if good > missed + 2:
            break
    return nearly


def _between(window: Sequence[Row], edges: Mapping[int, float]) -> list[Row]:
    """Return the rows strictly between the first and the last one as the meter has them."""
    first, last = window[0], window[-1]
    known = {row.start: row for row in window}
    healed: list[Row] = []
    reached = first
    for start in range(first.end, last.start, HOUR):
        row = known.get(start)
        if (counter := edges.get(start + HOUR)) is not None:
            counted = min(max(counter - edges[first.end], reached.sum - first.sum), last.sum - first.sum)
            # A total that began anew meanwhile is not one that rises by what was counted.
            state = first.state + counted if last.state >= first.state else reached.state
            wanted = Row(start, min(state, max(first.state, last.state)), first.sum + counted)
        elif row is not None:
            # The meter does not tell either: nothing is counted here, and nothing goes back.
            wanted = row if row.sum >= reached.sum else Row(start, max(row.state, reached.state), reached.sum)
        else:
            continue
        if row is None or abs(row.sum - wanted.sum) > _EXACT:
            healed.append(wanted)
        reached = wanted
    return healed


def _towards(rows: Sequence[Row], place: int, edges: Mapping[int, float]) -> list[Row]:
    """Return missing hours before a row that is known to the meter, when the row before it is not."""
    row, before = rows[place], rows[place - 1]
    healed: list[Row] = []
    for start in range(row.start - HOUR, before.start, -HOUR):
        counter = edges.get(start + HOUR)
        if counter is None or row.sum - (edges[row.end] - counter) < before.sum:
            break
        counted = edges[row.end] - counter
        healed.append(Row(start, max(row.state - counted, 0.0), row.sum - counted))
    return healed[::-1]


def _shifted(
    rows: Sequence[Row], edges: Mapping[int, float], leeway: float
) -> tuple[list[Row], list[Shift], list[Shift]]:
    """Return the rows with sums that go on where they began again at zero, and the shifts that this took."""
    straight: list[Row] = []
    shifts: list[Shift] = []
    broken: list[Shift] = []
    amount = 0.0
    base: Row | None = None  # the newest row that fits one before it: the last one before a hole lacks a part
    known: Row | None = None
    for place, row in enumerate(rows):
        before = rows[place - 1] if place else row
        shifted = Row(row.start, row.state, row.sum + amount)
        if row.start > before.end and before.sum - row.sum > leeway:
            if base is not None and row.end in edges:
                lacking = -_misfit(base, shifted, edges)
                shifts.append(Shift(row.start, lacking))
                amount += lacking
                shifted = Row(row.start, row.state, row.sum + amount)
            else:
                broken.append(Shift(row.start, before.sum - row.sum + max(0.0, row.state - before.state)))
        straight.append(shifted)
        if row.end in edges:
            near = [other for other in (base, known) if other is not None]
            if base is None or any(_fits(other, shifted, edges, leeway) for other in near):
                base = shifted
            known = shifted
    return straight, shifts, broken
