"""The counter at full hours: known where the meter was there to count."""

from custom_components.flukso.client import Bucket
from custom_components.flukso.full_hours import counters_at_full_hours
from custom_components.flukso.healing import HOUR

BEGIN = 1_795_003_200
UNKNOWN = (None, None, 0)


def hours(*told: tuple[float | None, float | None, float]) -> list[Bucket]:
    """Return buckets from counters at the edges and coverage."""
    return [
        Bucket(BEGIN + number * HOUR, start, end, None, None, None, None, coverage)
        for number, (start, end, coverage) in enumerate(told)
    ]


def known(*told: tuple[float | None, float | None, float], pulses: bool = False, newest: float = 0) -> dict[int, float]:
    """Return the counters by number of the full hour."""
    counters = counters_at_full_hours(hours(*told), pulses=pulses, newest=newest)
    return {(time - BEGIN) // HOUR: counter for time, counter in counters.items()}


def test_a_meter_that_was_always_there() -> None:
    assert known((1, 2, 1), (2, 4, 0.99), (4, 7, 1)) == {0: 1, 1: 2, 2: 4, 3: 7}


def test_nothing_is_known() -> None:
    assert known() == {}
    assert known(UNKNOWN, UNKNOWN, pulses=True) == {}


def test_knowledge_begins_and_ends_within_an_hour() -> None:
    assert known(UNKNOWN, (5, 6, 0.4), (6, 9, 1), (9, 11, 0.5), UNKNOWN) == {2: 6, 3: 9}
    assert known((5, 6, 0.4), (6, 7, 0.5)) == {}


def test_knowledge_begins_with_an_hour() -> None:
    assert known(UNKNOWN, (5, 6, 1), (6, 9, 1)) == {1: 5, 2: 6, 3: 9}


def test_a_gap_of_the_meter() -> None:
    """From 2:20 to 5:30: the counter at 3, 4 and 5 is a guess."""
    told = known((0, 1, 1), (1, 2, 1), (2, 3, 0.33), (3, 4, 0), (4, 5, 0), (5, 6, 0.5), (6, 7, 1))
    assert told == {0: 0, 1: 1, 2: 2, 6: 6, 7: 7}


def test_nothing_can_be_missed_where_nothing_was_counted() -> None:
    assert known((0, 1, 1), (1, 1, 0), (1, 1, 0), (1, 1, 0), (1, 3, 0.5), (3, 4, 1)) == {
        0: 0,
        1: 1,
        2: 1,
        3: 1,
        5: 3,
        6: 4,
    }


def test_pulses() -> None:
    """Coverage says nothing there; after the last pulse the counter of now does."""
    told = [(0, 1, 0.001), (1, 1.5, 0), (1.5, 2, 0.001), UNKNOWN, UNKNOWN]
    assert known(*told, pulses=True, newest=3) == {1: 1, 2: 1.5}
    assert known(*told, pulses=True, newest=2) == {1: 1, 2: 1.5, 3: 2, 4: 2, 5: 2}
