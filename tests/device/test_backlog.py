"""What waits for the cloud: ascending, once, never lost; old measurements are thinned as the original does."""

from __future__ import annotations

from array import array
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from fluksod.uplink.backlog import Backlog
from fluksod.uplink.backoff import LONGEST, Backoff
from fluksod.uplink.thinning import thin, thin_to

T = 1_795_000_020  # a multiple of 60


def filled(*measurements: tuple[int, int], limit: int = 1000) -> Backlog:
    """A backlog past its guard that took these (seconds after T, counter)."""
    backlog = Backlog(limit)
    backlog.put(T - 1, 0)
    for second, counter in measurements:
        backlog.put(T + second, counter)
    return backlog


def content(backlog: Backlog) -> list[tuple[int, int]]:
    rows = [(time - T, counter) for time, counter in backlog.take(1_000_000)]
    backlog.give_back()
    return rows


def test_the_wire_wraps_at_32_bit_though_ours_goes_on() -> None:
    """Trap 10: a cloud refuses a counter of more than 32 bits, and knows what a wrap is."""
    backlog = filled((0, 2**32 - 1), (1, 2**32), (2, 2**32 + 7))
    assert content(backlog) == [(0, 2**32 - 1), (1, 0), (2, 7)]


def test_the_first_counter_after_the_start_is_only_a_guard() -> None:
    """Trap 30."""
    backlog = Backlog()
    backlog.put(T, 4521337)
    assert len(backlog) == 0
    backlog.put(T + 1, 4521337)
    assert len(backlog) == 0, "nothing was counted yet"
    backlog.put(T + 2, 4521338)
    assert backlog.take(10) == [(T + 2, 4521338)]


def test_only_changes_are_kept() -> None:
    assert content(filled((1, 1), (2, 1), (3, 1), (4, 2))) == [(1, 1), (4, 2)]


def test_one_measurement_a_second_with_its_newest_counter() -> None:
    """Trap 17: no time comes twice."""
    assert content(filled((1, 1), (1, 2), (1, 3), (2, 4))) == [(1, 3), (2, 4)]


def test_what_is_on_its_way_is_not_changed() -> None:
    backlog = filled((1, 1))
    assert backlog.take(10) == [(T + 1, 1)]
    backlog.put(T + 1, 2)
    backlog.acknowledge()
    assert content(backlog) == [(2, 2)], "the same second is taken, so it goes with the next"
    backlog.put(T + 2, 3)
    assert content(backlog) == [(2, 3)]


def test_what_was_not_acknowledged_goes_again() -> None:
    backlog = filled((1, 1), (2, 2), (3, 3))
    assert backlog.take(2) == [(T + 1, 1), (T + 2, 2)]
    backlog.give_back()
    assert backlog.take(2) == [(T + 1, 1), (T + 2, 2)]
    backlog.acknowledge()
    assert content(backlog) == [(3, 3)]


def test_a_clock_set_back_keeps_the_counter_and_the_order() -> None:
    backlog = filled((1, 1), (2, 2), (3600, 3))
    assert backlog.put(T + 10, 4) == 1
    assert content(backlog) == [(1, 1), (2, 2), (10, 4)]
    backlog.take(10)
    backlog.put(T + 4, 5)
    backlog.acknowledge()
    assert content(backlog) == [(4, 5)], "a measurement on its way is not acknowledged for another"


def test_thinning_keeps_the_first_and_the_last_of_a_bucket() -> None:
    times = array("q", [T + second for second in (0, 10, 20, 59, 60, 61, 119, 180, 200)])
    counters = array("q", range(9))
    assert [time - T for time in thin(times, counters, 60, T + 1000)[0]] == [0, 59, 60, 119, 180, 200]
    assert list(thin(times, counters, 60, T + 60)[1]) == [0, 3, 4, 5, 6, 7, 8], "what is new is not thinned"


def test_a_month_without_a_cloud_is_compressed_and_not_lost() -> None:
    backlog = filled(limit=20_000)
    days = 31
    for minute in range(days * 24 * 60):
        for second in (0, 20, 40):
            backlog.put(T + 60 * minute + second, 3 * minute + second // 20 + 1)
    assert len(backlog) <= 20_000
    rows = content(backlog)
    assert rows[-1] == (60 * days * 24 * 60 - 20, 3 * days * 24 * 60), "the newest is exact"
    assert rows[0] == (0, 1), "the oldest is exact"
    times = [time for time, _ in rows]
    assert times == sorted(set(times))
    assert max(later - earlier for earlier, later in pairwise(times)) <= 86_400


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(0, 3)), max_size=80), st.integers(0, 80))
def test_times_ascend_and_the_newest_counter_always_arrives(steps: list[tuple[int, int]], taken: int) -> None:
    backlog = filled()
    second, counter = 0, 0
    arrived: list[tuple[int, int]] = []
    for number, (pause, count) in enumerate(steps):
        if number == taken:
            arrived += [(time - T, value) for time, value in backlog.take(3)]
        second, counter = second + pause, counter + count
        backlog.put(T + second, counter)
        if number == taken:
            backlog.acknowledge()
    arrived += content(backlog)
    times = [time for time, _ in arrived]
    assert times == sorted(set(times))
    counters = [value for _, value in arrived]
    assert counters == sorted(counters)
    assert (counters[-1] if counters else 0) == counter


@given(st.lists(st.integers(0, 200_000), unique=True, max_size=200).map(sorted), st.integers(2, 100))
def test_thinning_keeps_both_ends_and_the_order(seconds: list[int], size: int) -> None:
    times, counters = thin_to(array("q", seconds), array("q", range(len(seconds))), size, 200_000)
    assert list(times) == sorted(set(times))
    assert [seconds[counter] for counter in counters] == list(times)
    assert list(times[:1]) + list(times[-1:]) == seconds[:1] + seconds[-1:]


def test_waits_longer_with_each_failure_and_not_for_ever() -> None:
    backoff = Backoff()
    delays = [backoff.failed(100.0) for _ in range(12)]
    for number, delay in enumerate(delays):
        step = min(2.0**number, LONGEST)
        assert step / 2 <= delay <= step
    assert backoff.until == 100.0 + delays[-1]
    assert backoff.failed(100.0, at_least=900) == 900
    backoff.succeeded()
    assert backoff.failed(100.0) <= 1
    assert len({Backoff().failed(0) for _ in range(10)}) > 1, "jitter"
