"""The pure parts of the store: minutes made of seconds, their packing, and which instants were measured already."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluksod.store.minutes import Minute, packed, spread, unpacked
from fluksod.store.seconds import Second, Seconds
from fluksod.store.timeline import Timeline

T = 1_795_003_200


def minutes_of(*seconds: Second) -> dict[int, Minute]:
    minutes: dict[int, Minute] = {}
    for second in seconds:
        spread(second, minutes)
    return {start - T: minute for start, minute in minutes.items()}


def test_a_minute_has_its_least_its_most_its_mean_and_its_end() -> None:
    minutes = minutes_of(Second(T, 7, 100, 1), Second(T + 1, 7, 400, 1), Second(T + 4, 9, 200, 3))
    assert minutes == {0: Minute(9, 100, 400, 220, 200, 5)}


def test_a_reading_speaks_for_the_end_of_the_minute_before() -> None:
    minutes = minutes_of(Second(T + 55, 7, 100, 1), Second(T + 62, 8, 300, 7))
    assert minutes == {0: Minute(7, 100, 300, 260, 300, 5), 60: Minute(8, 300, 300, 300, 300, 3)}


def test_a_minute_without_a_gauge() -> None:
    assert minutes_of(Second(T, 7, None, 1)) == {0: Minute(7, None, None, None, None, 1)}


GAUGES = st.none() | st.integers(-2_000_000_000, 2_000_000_000)
MINUTES = st.builds(Minute, st.none() | st.integers(0, 1 << 50), GAUGES, GAUGES, GAUGES, GAUGES, st.integers(0, 60))


@given(st.dictionaries(st.integers(0, 59), MINUTES))
def test_packed_minutes_are_unpacked_as_they_were(hour: dict[int, Minute]) -> None:
    assert unpacked(packed(hour)) == hour


@given(st.binary(max_size=100))
def test_a_damaged_block_is_refused(block: bytes) -> None:
    with pytest.raises(ValueError, match="damaged"):
        unpacked(block)


@given(st.lists(st.integers(0, 50)))
def test_seconds_are_in_order_each_once_with_its_newest(times: list[int]) -> None:
    seconds = Seconds()
    for number, time in enumerate(times):
        seconds.put(Second(time, number, None, 1))
    newest = {time: number for number, time in enumerate(times)}
    assert list(seconds.counters(0, 100)) == sorted(newest.items())
    inside = [item for item in sorted(newest.items()) if 10 <= item[0] < 20]
    before = [item for item in sorted(newest.items()) if item[0] < 10][-1:]
    after = [item for item in sorted(newest.items()) if item[0] >= 20][:1]
    assert seconds.around(10, 20, 0) == before + inside + after


def test_time_that_goes_on_is_taken() -> None:
    line = Timeline()
    assert [line.place(T + second) for second in (0, 1, 5, 5, 900)] == [T, T + 1, T + 5, T + 5, T + 900]


def test_a_clock_that_trembles() -> None:
    line = Timeline()
    assert [line.place(T + second) for second in (0, 10, 8, 5, 11)] == [T, T + 10, T + 10, T + 10, T + 11]


def test_what_was_measured_is_not_measured_again() -> None:
    line = Timeline()
    assert [line.place(T + second) for second in range(100)] == [T + second for second in range(100)]
    assert [line.place(T + second) for second in (50, 70, 93)] == [None, None, None]
    assert line.place(T + 100) == T + 100


def test_what_was_leapt_over_is_measured_when_its_time_comes() -> None:
    line = Timeline()
    for second in (0, 1, 3600, 3601):
        line.place(T + second)
    assert [line.place(T + second) for second in (2, 3, 2, 3599)] == [T + 2, T + 3, T + 3, T + 3599]
    assert [line.place(T + second) for second in (0, 3590)] == [None, None]
    assert line.place(T + 3602) == T + 3602


def test_a_clock_that_began_in_the_future_is_followed_back() -> None:
    line = Timeline()
    line.place(3_471_292_800)  # the year 2080
    assert [line.place(T), line.place(T + 1)] == [T, T + 1]


@given(st.lists(st.integers(0, 20_000), max_size=60))
def test_no_instant_is_measured_twice_in_different_stretches(times: list[int]) -> None:
    line = Timeline()
    back: list[int] = []
    for time in times:
        place = line.place(T + time)
        if place is not None and place < line.newest and place not in back[-1:]:
            back.append(place)
    assert len(back) == len(set(back))
