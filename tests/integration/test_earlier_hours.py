"""What a meter counted before it was recorded, as hours for a recorder."""

from itertools import pairwise

import pytest

from custom_components.flukso.earlier_hours import apart, before
from custom_components.flukso.healing import HOUR, Row

BEGIN = 1_795_003_200


def counters(*values: float | None, first: int = 0) -> dict[int, float]:
    """Return the counter by full hour; None where the meter did not count."""
    return {BEGIN + (first + hour) * HOUR: value for hour, value in enumerate(values) if value is not None}


def told(rows: list[Row]) -> list[tuple[int, float, float]]:
    """Return the number of the hour, state and sum of each row."""
    return [((row.start - BEGIN) // HOUR, row.state, row.sum) for row in rows]


def test_a_statistic_of_its_own() -> None:
    assert told(apart(counters(100, 101, 104, 104))) == [(0, 101, 1), (1, 104, 4), (2, 104, 4)]
    assert apart(counters(100)) == apart({}) == []


def test_hours_that_the_meter_missed_have_no_row() -> None:
    assert told(apart(counters(100, 101, None, None, 110))) == [(0, 101, 1), (3, 110, 10)]


def test_again_is_the_same() -> None:
    known = apart(counters(100, 101, 104, 109))
    assert apart(counters(100, 101, 104, 109), known) == known
    assert apart(counters(101, 104, 109, 112, first=1), known) == [*known[1:], Row(BEGIN + 3 * HOUR, 112, 12)]
    assert told(apart(counters(200, 203, first=9), known)) == [(9, 203, 12)]


def test_an_older_history_appears() -> None:
    known = apart(counters(104, 109, first=2))
    assert told(apart(counters(100, 101, 104, 109), known)) == [(0, 101, 1), (1, 104, 4), (2, 109, 9)]


@pytest.mark.parametrize("offset", [0, 5000])
def test_before_the_first_recorded_hour(offset: float) -> None:
    """Recording began in the middle of hour 3, at 106; the entity's total may be another than the register."""
    first = Row(BEGIN + 3 * HOUR, 109 + offset, 3.0)
    rows, amount = before(first, counters(100, 101, None, 105, 109, 120))
    assert told(rows) == [(0, 101 + offset, 1), (2, 105 + offset, 5)]
    assert amount == 6
    sums = [row.sum for row in rows] + [first.sum + amount]
    assert [later - earlier for earlier, later in pairwise(sums)] == [4, 4]
    assert before(rows[0], counters(100, 101, None, 105, 109)) == ([], 0)


def test_the_meter_does_not_know_the_first_recorded_hour() -> None:
    first = Row(BEGIN + 3 * HOUR, 109, 3.0)
    rows, amount = before(first, counters(100, 101, 103, 105))
    assert told(rows) == [(0, 105, 1), (1, 107, 3), (2, 109, 5)]
    assert amount == 5


def test_nothing_before() -> None:
    first = Row(BEGIN, 109, 3.0)
    assert before(first, counters(100, 101, 103)) == ([], 0)
    assert before(first, {}) == ([], 0)
