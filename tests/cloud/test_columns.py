"""Statistics of buckets: against the arithmetic of one pair of samples after another, and what has to hold of any."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flukso_cloud.columns import Columns, columns
from flukso_cloud.meter import SHORTEST_GAP, WRAP, Meter, Sample
from flukso_cloud.summary import HOUR, MINUTE, Samples, flows, gaps, joined, summarise

START = 1_790_000_000 // 86400 * 86400
METERS = [Meter(), Meter(net=True), Meter(patient=True)]

steps = st.tuples(
    st.one_of(st.just(60), st.integers(1, 200), st.integers(3000, 20_000), st.integers(80_000, 9_000_000)),
    st.one_of(st.integers(0, 60), st.integers(-40, 3000), st.integers(-WRAP + 1, -WRAP + 5000), st.just(2**30)),
)
series = st.lists(steps, max_size=60).map(
    lambda found: [
        Sample(START + sum(step[0] for step in found[:place]), (10_000 + sum(step[1] for step in found[:place])) % WRAP)
        for place in range(len(found) + 1)
    ]
)


def arrays(samples: list[Sample]) -> Samples:
    table = np.array(samples, np.int64).reshape(-1, 2)
    return Samples(table[:, 0], table[:, 1])


def told(samples: list[Sample], edges: list[int], meter: Meter = METERS[0], width: int = MINUTE) -> Columns:
    found = arrays(samples)
    return columns(summarise(found, meter, width), edges, meter, fine=summarise(found, meter, 1))


def one_by_one(samples: list[Sample], start: int, end: int, meter: Meter) -> tuple[float | None, float, float]:
    """What flowed between two instants, what of it while measured, and how long that was."""
    flowed = measured = covered = 0.0
    known = False
    for earlier, later in pairwise(samples):
        share = max(min(later.time, end) - max(earlier.time, start), 0)
        flow = meter.flow(earlier, later)
        if not share or flow is None:
            continue
        known = True
        flowed += flow * share / (later.time - earlier.time)
        if meter.spread(earlier, later, 0) is not None:
            covered += share
            measured += flow * share / (later.time - earlier.time)
    return flowed if known else None, measured, covered


@given(series, st.sampled_from(METERS))
def test_pairs_of_samples_are_judged_as_a_meter_does(samples: list[Sample], meter: Meter) -> None:
    times, counters = arrays(samples)
    flowed, known = flows(np.diff(times), np.diff(counters), meter)
    is_gap = gaps(np.diff(times), flowed, meter)
    for place, (earlier, later) in enumerate(pairwise(samples)):
        assert (flowed[place] if known[place] else None) == meter.flow(earlier, later)
        if known[place]:
            assert bool(is_gap[place]) == (meter.spread(earlier, later, 0) is None)


@given(series, st.sampled_from(METERS), st.sampled_from([7, 60, 900, HOUR, 86400]), st.integers(-5000, 5000))
def test_buckets_are_what_flowed_between_each_two_samples(
    samples: list[Sample], meter: Meter, resolution: int, shift: int
) -> None:
    edges = [START + shift + number * resolution for number in range(40)]
    found = told(samples, edges, meter)
    for place, (start, end) in enumerate(pairwise(edges)):
        flowed, measured, covered = one_by_one(samples, start, end, meter)
        assert found.covered[place] == pytest.approx(covered, abs=1e-3)
        assert (found.flowed[place] is None) == (flowed is None)
        assert found.flowed[place] == (None if flowed is None else pytest.approx(flowed, abs=1e-3))
        assert found.mean[place] == (pytest.approx(measured / covered, abs=1e-3) if covered else None)


@given(series, st.sampled_from(METERS), st.integers(1, 48), st.integers(2, 30))
def test_sums_agree_at_every_resolution(samples: list[Sample], meter: Meter, length: int, count: int) -> None:
    fine = told(samples, [START + number * HOUR for number in range(length * count + 1)], meter)
    coarse = told(samples, [START + number * length * HOUR for number in range(count + 1)], meter)
    for place in range(count):
        parts = slice(place * length, (place + 1) * length)
        known = [flowed for flowed in fine.flowed[parts] if flowed is not None]
        assert coarse.flowed[place] == (pytest.approx(sum(known), abs=1e-3) if known else None)
        assert coarse.covered[place] == pytest.approx(sum(fine.covered[parts]), abs=1e-3)


@given(series, st.sampled_from(METERS), st.integers(0, 60), st.integers(1, 24))
def test_hours_summed_up_tell_what_their_samples_tell(
    samples: list[Sample], meter: Meter, hours: int, length: int
) -> None:
    """Also where some of them come from elsewhere as minutes."""
    edges = [START + number * length * HOUR for number in range(30)]
    cut = START + hours * HOUR
    found, whole = arrays(samples), told(samples, edges, meter)
    early, late = found.between(0, cut), found.between(cut, 1 << 62)
    rows = joined([summarise(early, meter, HOUR), summarise(late, meter, MINUTE)])
    mixed = columns(rows, edges, meter)
    for name, column, expected in zip(Columns._fields, mixed, whole, strict=True):
        for one, other in zip(column, expected, strict=True):
            assert one == (None if other is None else pytest.approx(other, abs=1e-3)), name


def test_lowest_highest_and_last_rate() -> None:
    counters = [0, 1, 4, 6, 7]
    samples = [Sample(START + 60 * number, counter) for number, counter in enumerate(counters)]
    found = told(samples, [START, START + 240])
    assert [found.low[0], found.high[0], found.mean[0], found.last[0]] == pytest.approx(
        [1 / 60, 3 / 60, 7 / 240, 1 / 60]
    )


def test_rates_of_readings_each_second_are_over_a_minute() -> None:
    """A counter of whole Wh goes up by one each two seconds at 1,800 W: between two of them there are 0 or 3,600 W."""
    samples = [Sample(START + number, number // 2) for number in range(601)]
    found = told(samples, [START, START + 600])
    assert [found.low[0], found.high[0], found.last[0]] == pytest.approx([0.5, 0.5, 0.5])
    fine = told(samples, [START + number for number in range(601)])
    assert sum(flowed or 0 for flowed in fine.flowed) == pytest.approx(300)
    assert fine.high[300] == pytest.approx(0.5)


def test_a_gap_is_not_covered_and_its_energy_is_no_spike() -> None:
    samples = [
        Sample(START, 0),
        Sample(START + 60, 10),
        Sample(START + 5 * HOUR, 5000),
        Sample(START + 5 * HOUR + 60, 5010),
    ]
    found = told(samples, [START + number * HOUR for number in range(7)])
    assert found.covered == [60, 0, 0, 0, 0, 60]
    assert found.mean == [pytest.approx(1 / 6), None, None, None, None, pytest.approx(1 / 6)]
    assert sum(flowed or 0 for flowed in found.flowed) == pytest.approx(5010)
    assert max(flowed or 0 for flowed in found.flowed) < 1100
    assert SHORTEST_GAP < 5 * HOUR - 60


def test_a_reset_is_unknown_and_a_wrap_is_not() -> None:
    samples = [
        Sample(START, 70_000),
        Sample(START + 60, 70_005),
        Sample(START + 120, 0),
        Sample(START + 180, WRAP - 3),
        Sample(START + 240, 2),
    ]
    found = told(samples, [START + 60 * number for number in range(6)])
    assert found.flowed == [5, None, None, 5, None]
    assert found.covered == [60, 0, 0, 60, 0]


def test_nothing_is_known_without_samples_or_buckets() -> None:
    assert told([], [0, 60, 120]).flowed == [None, None]
    assert told([Sample(START, 5)], [START, START + 60]).flowed == [None]
    assert told([Sample(START, 5)], [START]).flowed == []
