"""Buckets from counters: pure arithmetic."""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flukso_cloud.meter import WRAP, Meter, Sample
from flukso_cloud.series import Break, Bucket, Neighbours, Span, measure, rate

HOUR = 1_795_402_800
ANALOG, PULSE, NET = Meter.of_class("analog"), Meter.of_class("pulse"), Meter.of_class("cosem")


def buckets(samples: Sequence[Sample], start: int, end: int, step: int, meter: Meter = ANALOG) -> list[Bucket | None]:
    """Measure from a list of samples, in order, looking them up the simple way."""
    times = [sample.time for sample in samples]
    spans = [Span(at, at + step) for at in range(start, end, step)]

    def near(at: int) -> Neighbours:
        after = bisect_right(times, at)
        return Neighbours(samples[after - 1] if after else None, samples[after] if after < len(samples) else None)

    breaks = [Break(*pair) for pair in itertools.pairwise(samples) if not meter.is_regular(*pair)]
    return measure(spans, {edge: near(edge) for span in spans for edge in span}, breaks, meter=meter, resolution=step)


def flowed(found: Sequence[Bucket | None]) -> float:
    return sum(bucket.flowed for bucket in found if bucket is not None)


@st.composite
def samples(draw: st.DrawFn, longest: int = 3600) -> list[Sample]:
    """Samples around a day, at most `longest` seconds apart, at rates up to the limit, wrapping now and then."""
    time = HOUR - draw(st.integers(1, 3600))
    counter = draw(st.one_of(st.integers(0, WRAP - 1), st.integers(WRAP - 1000, WRAP - 1)))
    steps = draw(st.lists(st.tuples(st.integers(1, longest), st.integers(0, 20_000)), max_size=40))
    found = [Sample(time, counter)]
    for silence, amount in itertools.chain(steps, itertools.repeat((3599, 700))):
        if time >= HOUR + 4 * 3600:
            return found
        time += silence
        counter = (counter + min(20 * silence, amount)) % WRAP
        found.append(Sample(time, counter))
    return found


@given(samples())
def test_energy_adds_up_at_every_resolution(series: list[Sample]) -> None:
    """The energy of an hour's minutes equals the hour's, whatever the sampling, wraps included (trap 10)."""
    for start in range(HOUR, HOUR + 4 * 3600, 3600):
        [hour] = buckets(series, start, start + 3600, 3600)
        assert hour is not None
        assert hour.covered == 3600
        for step in (60, 900):
            assert flowed(buckets(series, start, start + 3600, step)) == pytest.approx(hour.flowed, abs=1e-3)
    [all_four] = buckets(series, HOUR, HOUR + 4 * 3600, 4 * 3600)
    assert all_four is not None
    assert flowed(buckets(series, HOUR, HOUR + 4 * 3600, 3600)) == pytest.approx(all_four.flowed, abs=1e-3)


@given(samples(longest=9000))
def test_a_coarse_bucket_has_at_least_what_its_fine_ones_have(series: list[Sample]) -> None:
    """A gap of more than an hour stays a gap in minutes; its energy shows where a bucket is as long as the gap."""
    fine = flowed(buckets(series, HOUR, HOUR + 4 * 3600, 60))
    coarse = flowed(buckets(series, HOUR, HOUR + 4 * 3600, 4 * 3600))
    assert fine <= coarse + 1e-3


def test_a_bucket_is_the_difference_at_its_edges() -> None:
    found = buckets([Sample(HOUR - 30, 100), Sample(HOUR + 30, 160), Sample(HOUR + 90, 180)], HOUR, HOUR + 60, 60)
    assert found == [Bucket(30 + 10, 60)]


def test_a_wrap_at_32_bits() -> None:
    """Trap 10: counters are absolute and wrap."""
    series = [Sample(HOUR, WRAP - 10), Sample(HOUR + 60, 20), Sample(HOUR + 120, 50)]
    assert buckets(series, HOUR, HOUR + 120, 60) == [Bucket(30, 60), Bucket(30, 60)]
    assert buckets(series, HOUR, HOUR + 120, 120) == [Bucket(60, 120)]
    assert buckets(series, HOUR, HOUR + 60, 30) == [Bucket(15, 30), Bucket(15, 30)]


def test_a_reset_is_unknown_not_negative_and_not_huge() -> None:
    series = [Sample(HOUR, 5000), Sample(HOUR + 60, 5010), Sample(HOUR + 120, 3), Sample(HOUR + 180, 13)]
    assert buckets(series, HOUR, HOUR + 180, 60) == [Bucket(10, 60), None, Bucket(10, 60)]
    assert buckets(series, HOUR, HOUR + 180, 180) == [Bucket(20, 120)]


def test_more_than_20_units_a_second_is_unknown() -> None:
    """Trap 35: 72 kW is the limit; what is beyond is unknown, and the rest stays."""
    series = [Sample(HOUR, 0), Sample(HOUR + 60, 1200), Sample(HOUR + 120, 2401), Sample(HOUR + 180, 2410)]
    assert buckets(series, HOUR, HOUR + 180, 60) == [Bucket(1200, 60), None, Bucket(9, 60)]
    assert buckets(series, HOUR, HOUR + 180, 180) == [Bucket(1209, 120)]


def test_import_minus_export_may_go_back() -> None:
    series = [Sample(HOUR, 5000), Sample(HOUR + 60, 4990), Sample(HOUR + 120, 4995)]
    assert buckets(series, HOUR, HOUR + 120, 60, NET) == [Bucket(-10, 60), Bucket(5, 60)]
    assert buckets(series, HOUR, HOUR + 60, 60, ANALOG) == [None]


def test_a_gap_stays_a_gap() -> None:
    series = [Sample(HOUR - 60, 0), Sample(HOUR + 60, 20), Sample(HOUR + 60 + 3601, 500), Sample(HOUR + 7200, 600)]
    minutes = buckets(series, HOUR, HOUR + 7200, 60)
    assert minutes[0] == Bucket(10, 60)
    assert minutes[1:61] == [None] * 60
    assert minutes[61] is not None
    assert minutes[61].covered == 59
    assert all(bucket is not None for bucket in minutes[62:])
    [both] = buckets(series, HOUR, HOUR + 7200, 7200)
    assert both == Bucket(590, 7200)


def test_an_hour_of_silence_is_no_gap() -> None:
    series = [Sample(HOUR, 0), Sample(HOUR + 3600, 3600)]
    assert buckets(series, HOUR, HOUR + 3600, 900) == [Bucket(900, 900)] * 4


def test_silence_without_flow_is_no_gap() -> None:
    series = [Sample(HOUR, 7), Sample(HOUR + 20 * 3600, 8)]
    assert all(bucket is not None for bucket in buckets(series, HOUR, HOUR + 7200, 60))


def test_a_pulse_input_is_silent_between_pulses() -> None:
    series = [Sample(HOUR, 100), Sample(HOUR + 36_000, 110)]
    assert buckets(series, HOUR, HOUR + 3600, 1800, PULSE) == [Bucket(0.5, 1800), Bucket(0.5, 1800)]
    assert buckets(series, HOUR, HOUR + 3600, 1800, ANALOG) == [None, None]


def test_nothing_known_outside_the_samples() -> None:
    series = [Sample(HOUR + 30, 0), Sample(HOUR + 90, 60)]
    assert buckets(series, HOUR - 60, HOUR + 180, 60) == [None, Bucket(30, 30), Bucket(30, 30), None]
    assert buckets([], HOUR, HOUR + 60, 60) == [None]


class TestRate:
    """The rate of one bucket."""

    span = Span(HOUR, HOUR + 60)

    def test_per_second(self) -> None:
        assert rate(self.span, Bucket(30, 60), newest=HOUR + 90, now=HOUR + 90) == 0.5

    def test_a_bucket_in_progress_has_none(self) -> None:
        assert rate(self.span, Bucket(30, 59), newest=HOUR + 59, now=HOUR + 59) is None
        assert rate(self.span, Bucket(30, 60), newest=HOUR + 60, now=HOUR + 60) == 0.5

    def test_a_closed_bucket_waits_for_the_sample_after_it(self) -> None:
        """Else the same minute would be one value now and another a second later."""
        late = Bucket(29, 58)
        assert rate(self.span, late, newest=HOUR + 58, now=HOUR + 61) is None
        assert rate(self.span, late, newest=HOUR + 58, now=HOUR + 58 + 3601) == 0.5

    def test_half_has_to_be_covered(self) -> None:
        assert rate(self.span, Bucket(10, 29), newest=HOUR + 99, now=HOUR + 99) is None
        assert rate(self.span, Bucket(15, 30), newest=HOUR + 99, now=HOUR + 99) == 0.5
        assert rate(self.span, Bucket(10, 1), newest=HOUR + 99, now=HOUR + 99, lenient=True) == 10 / 60

    def test_nothing_has_none(self) -> None:
        assert rate(self.span, None, newest=None, now=HOUR + 99) is None
