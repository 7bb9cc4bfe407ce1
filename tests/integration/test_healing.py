"""The hours that a recorder missed: each within 1 Wh of the meter, the total and all later sums as they were."""

from collections.abc import Iterable
from itertools import pairwise
from random import Random

import pytest

from custom_components.flukso.healing import HOUR, LEEWAY, Healing, Row, Shift, heal, pulse_leeway

BEGIN = 1_795_003_200
REGISTER = 4_521_337.0


class Meter:
    """A meter that counts a different amount each hour, and evenly within it; hours are numbered from BEGIN."""

    def __init__(self, hours: int, seed: int = 1) -> None:
        random = Random(seed)
        self.used = [random.choice((0.0, random.uniform(0, 300), random.uniform(0, 9000))) for _ in range(hours)]

    def at(self, hour: float) -> float:
        whole = int(hour)
        return REGISTER + sum(self.used[:whole]) + (self.used[whole] * (hour - whole) if hour > whole else 0)

    def edges(self, *unknown: range) -> dict[int, float]:
        known = set(range(len(self.used) + 1)).difference(*unknown)
        return {BEGIN + hour * HOUR: self.at(hour) for hour in known}

    def recorded(self, *away: tuple[float, float], flat: bool = False, total: float = 0.0) -> list[Row]:
        """Return the rows of a recorder that heard nothing from one hour to another; flat: it wrote rows meanwhile."""
        rows = []
        for hour in range(len(self.used)):
            heard = hour + 1.0
            silent = False
            for left, back in away:
                if left < hour + 1 < back:
                    heard = left
                    silent = left <= hour
            if not silent or flat:
                rows.append(Row(BEGIN + hour * HOUR, self.at(heard) + total, self.at(heard) - REGISTER))
        return rows


def written(rows: Iterable[Row], healing: Healing) -> list[Row]:
    """Return what the recorder has after that."""
    amount = 0.0
    shifted: dict[int, Row] = {}
    for row in rows:
        amount += sum(shift.amount for shift in healing.shifts if shift.start == row.start)
        shifted[row.start] = Row(row.start, row.state, row.sum + amount)
    shifted.update((row.start, row) for row in healing.rows)
    return [row for _, row in sorted(shifted.items())]


def check(meter: Meter, rows: list[Row], healing: Healing) -> None:
    """Each hour is there and right, and what had been right is untouched."""
    after = written(rows, healing)
    assert [row.start for row in after] == list(range(rows[0].start, rows[-1].end, HOUR))
    for earlier, later in pairwise(after):
        hour = (later.start - BEGIN) // HOUR
        assert later.sum - earlier.sum == pytest.approx(meter.used[hour], abs=1)
        assert later.state - earlier.state == pytest.approx(meter.used[hour], abs=1)
    assert after[-1].sum == pytest.approx(rows[-1].sum + sum(shift.amount for shift in healing.shifts))
    assert heal(after, meter.edges()).rows == ()


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("hours", [0.4, 1.0, 1.7, 3, 72, 720.25])
@pytest.mark.parametrize("left", [20.0, 20.3, 20.99])
@pytest.mark.parametrize("total", [0.0, 777.0])
def test_a_recorder_that_was_away(hours: float, left: float, flat: bool, total: float) -> None:
    meter = Meter(int(left + hours) + 20)
    rows = meter.recorded((left, left + hours), flat=flat, total=total)
    check(meter, rows, heal(rows, meter.edges()))


@pytest.mark.parametrize("seed", range(60))
def test_any_mixture_of_absences(seed: int) -> None:
    random = Random(seed)
    meter = Meter(400, seed)
    cuts = sorted(random.uniform(10, 380) for _ in range(2 * random.randint(1, 4)))
    away = [(left, back) for left, back in zip(cuts[::2], cuts[1::2], strict=True)]
    away = [pair for pair, after in pairwise([*away, (399.0, 399.0)]) if after[0] - pair[1] > 3]
    rows = meter.recorded(*away, flat=seed % 2 == 0)
    check(meter, rows, heal(rows, meter.edges()))


def test_nothing_to_heal() -> None:
    meter = Meter(100)
    healing = heal(meter.recorded(), meter.edges())
    assert healing == Healing((), (), (), BEGIN + 100 * HOUR)
    assert heal([], meter.edges()) == heal(meter.recorded(), {}) == Healing((), (), (), None)
    assert heal(meter.recorded()[:1], meter.edges()) == Healing((), (), (), None)


def test_nothing_before_the_recorder_is_back() -> None:
    """The row after the gap is the proof of what was counted; until it is there nothing is settled beyond the gap."""
    meter = Meter(50)
    rows = meter.recorded((20.3, 30.5))
    early = [row for row in rows if row.start < BEGIN + 25 * HOUR]
    healing = heal(early, meter.edges())
    assert healing.rows == ()
    assert healing.settled == BEGIN + 20 * HOUR
    flat = [row for row in meter.recorded((20.3, 30.5), flat=True) if row.start < BEGIN + 25 * HOUR]
    assert heal(flat, meter.edges()).rows == ()
    assert heal(flat, meter.edges()).settled == BEGIN + 20 * HOUR


def test_small_differences_are_left_alone() -> None:
    """A clock that is late moves a little energy between hours; those rows are as good as any."""
    meter = Meter(100)
    rows = [
        Row(row.start, row.state, row.sum + (4 if number % 2 else 0)) for number, row in enumerate(meter.recorded())
    ]
    rows = [row for before, row in pairwise([rows[0], *rows]) if row.sum >= before.sum]
    assert [row for row in heal(rows, meter.edges()).rows if row.start in {known.start for known in rows}] == []


@pytest.mark.parametrize("flat", [False, True])
def test_gaps_of_the_meter_stay(flat: bool) -> None:
    """Where the meter counted nothing, or nobody knows when, there is no row, or one that stands still."""
    meter = Meter(60)
    rows = meter.recorded((20.3, 40.5), flat=flat)
    edges = meter.edges(range(25, 31))
    healing = heal(rows, edges)
    after = {row.start: row for row in written(rows, healing)}
    for earlier, later in pairwise(sorted(after.values(), key=lambda row: row.start)):
        assert later.sum >= earlier.sum
        assert later.state >= earlier.state
    for hour in range(24, 30):
        start = BEGIN + hour * HOUR
        assert (start in after) == flat
        if flat:
            assert after[start].sum == pytest.approx(meter.at(24) - REGISTER)
    assert after[BEGIN + 30 * HOUR].sum - after[BEGIN + 23 * HOUR].sum == pytest.approx(sum(meter.used[24:31]))
    assert list(after.values())[-1].sum == rows[-1].sum


def test_meter_without_history_of_the_beginning() -> None:
    """The hours that it does know are booked backwards from the row after the gap."""
    meter = Meter(60)
    rows = meter.recorded((20.3, 40.5))
    healing = heal(rows, meter.edges(range(31)))
    assert [row.start for row in healing.rows] == [BEGIN + hour * HOUR for hour in range(30, 40)]
    after = written(rows, healing)
    assert after[-1].sum == rows[-1].sum
    for row in healing.rows[1:]:
        hour = (row.start - BEGIN) // HOUR
        assert row.sum - after[after.index(row) - 1].sum == pytest.approx(meter.used[hour])
    assert heal(rows[30:], meter.edges()).rows == ()


def test_a_total_that_began_anew_meanwhile() -> None:
    """The recorder counts a new register from zero: no more of the gap is known than that."""
    meter = Meter(60)
    rows = meter.recorded((20.3, 40.5))
    lost = 30_000.0
    rows = [
        row if row.start < BEGIN + 40 * HOUR else Row(row.start, row.state - REGISTER, row.sum - lost) for row in rows
    ]
    assert heal(rows, meter.edges()).rows == ()
    known = heal(rows, {BEGIN + hour * HOUR: meter.at(hour) for hour in range(38, 61)})
    assert all(rows[20].sum <= row.sum <= rows[21].sum for row in known.rows)


@pytest.mark.parametrize("when", [range(30, 31), range(30, 60)])
def test_sums_that_the_user_adjusted(when: range) -> None:
    """What a user has taken away, for an hour or for good, is not put back."""
    meter = Meter(100)
    rows = [
        Row(row.start, row.state, row.sum - 2000 if (row.start - BEGIN) // HOUR in when else row.sum)
        for row in meter.recorded()
    ]
    rows = [Row(row.start, row.state, row.sum + (500 if row.start > rows[79].start else 0)) for row in rows]
    assert heal(rows, meter.edges()) == Healing((), (), (), BEGIN + 100 * HOUR)


def test_a_spike_is_not_ours() -> None:
    meter = Meter(100)
    rows = [
        Row(row.start, row.state, row.sum + (9e6 if number >= 50 else 0)) for number, row in enumerate(meter.recorded())
    ]
    assert heal(rows, meter.edges()).rows == ()


def restarted(meter: Meter, left: float, back: float) -> list[Row]:
    """Return rows whose sum began again at zero when the recorder heard the meter again (P2 of the anchors)."""
    lost = meter.at(back) - REGISTER
    return [
        Row(row.start, row.state, row.sum - lost if row.end >= BEGIN + back * HOUR else row.sum)
        for row in meter.recorded((left, back))
    ]


def test_a_sum_that_began_again_goes_on() -> None:
    meter = Meter(400)
    rows = restarted(meter, 40.3, 340.6)
    healing = heal(rows, meter.edges())
    assert [shift.start for shift in healing.shifts] == [BEGIN + 340 * HOUR]
    check(meter, rows, healing)
    assert written(rows, healing)[-1].sum == pytest.approx(meter.at(400) - REGISTER)


def test_a_sum_that_began_again_twice() -> None:
    meter = Meter(900)
    lost = meter.at(640.6) - meter.at(340.6)
    rows = [row for row in restarted(meter, 40.3, 340.6) if not 440 <= (row.start - BEGIN) / HOUR < 640]
    rows = [Row(row.start, row.state, row.sum - lost if row.start >= BEGIN + 640 * HOUR else row.sum) for row in rows]
    healing = heal(rows, meter.edges())
    assert len(healing.shifts) == 2
    check(meter, rows, healing)


def test_a_sum_that_began_again_unknown_to_the_meter() -> None:
    meter = Meter(400)
    rows = restarted(meter, 40.3, 340.6)
    healing = heal(rows, {})
    assert (healing.rows, healing.shifts) == ((), ())
    (shift,) = healing.broken
    assert shift.start == BEGIN + 340 * HOUR
    assert shift.amount == pytest.approx(meter.at(340.6) - REGISTER)
    replaced = [Row(row.start, 5.0, row.sum) if row.start >= shift.start else row for row in rows]
    (shift,) = heal(replaced, {}).broken
    before, after = next((one, two) for one, two in pairwise(replaced) if two.start > one.end)
    assert shift == Shift(after.start, before.sum - after.sum)


def test_a_total_that_lost_a_little_meanwhile() -> None:
    """A thousandth less than the meter counted in three days: the last hour lacks it, the others are right."""
    meter = Meter(120)
    rows = meter.recorded((20.3, 92.5))
    rows = [Row(row.start, row.state - 80, row.sum - 80) if row.start >= BEGIN + 92 * HOUR else row for row in rows]
    healing = heal(rows, meter.edges())
    after = written(rows, healing)
    assert len(after) == 120
    for earlier, later in pairwise(after):
        hour = (later.start - BEGIN) // HOUR
        assert later.sum - earlier.sum == pytest.approx(meter.used[hour], abs=1 if hour != 92 else 81)
        assert later.sum >= earlier.sum
    assert after[-1].sum == rows[-1].sum


def test_pulses() -> None:
    """A row is off by a pulse at most; the weight of a pulse is found from the totals."""
    assert pulse_leeway([Row(0, 1000, 0), Row(HOUR, 1030, 30), Row(2 * HOUR, 1080, 80)]) == 15
    assert pulse_leeway([Row(0, 1000, 0), Row(HOUR, 1001, 1), Row(2 * HOUR, 1003, 3)]) == LEEWAY
    assert pulse_leeway([]) == LEEWAY
