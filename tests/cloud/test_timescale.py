"""Intervals, resolutions, alignment (section 2.5)."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flukso_cloud.series import Span
from flukso_cloud.timescale import (
    DEFAULT_RESOLUTION,
    LONGEST,
    MAX_BUCKETS,
    SECONDS,
    BadRangeError,
    buckets_between,
    buckets_of_interval,
    night_in,
)

NOW = 1_795_401_443
TIMES = st.integers(1_300_000_000, 2_000_000_000)


def test_a_month_has_28_days() -> None:
    """Trap 14."""
    assert SECONDS["month"] == 28 * 86400


@given(st.sampled_from(sorted(SECONDS)), st.sampled_from(sorted(SECONDS)), TIMES)
def test_alignment_of_the_2018_server(interval: str, resolution: str, now: int) -> None:
    """Trap 13: a stamp is the end of its bucket, and the last bucket is the one in progress."""
    step = SECONDS[resolution]
    length = min(SECONDS[interval], LONGEST.get(resolution, SECONDS["decade"]))
    buckets = buckets_of_interval(interval, resolution, now)
    end = (now - 1) // step * step
    start = (end - length + step) // step * step
    assert [bucket.end for bucket in buckets] == list(range(start + step, end + step + 1, step))
    assert all(bucket.end - bucket.start == step for bucket in buckets)
    assert buckets[-1].start < now <= buckets[-1].end
    if length % step == 0:
        assert len(buckets) == length // step


@pytest.mark.parametrize(
    ("interval", "count", "step"),
    [
        ("15min", 15, 60),
        ("hour", 60, 60),
        ("day", 96, 900),
        ("week", 7, 86400),
        ("month", 28, 86400),
        ("year", 53, 604800),
        ("decade", 522, 604800),
        ("night", 28, 86400),
    ],
)
def test_default_resolutions(interval: str, count: int, step: int) -> None:
    buckets = buckets_of_interval(interval, DEFAULT_RESOLUTION[interval], NOW)
    assert buckets[0].end - buckets[0].start == step
    # 365 and 3,650 days are no whole weeks: one more or less, by where the year begins in its week
    assert abs(len(buckets) - count) <= (1 if interval in {"year", "decade"} else 0)


def test_explicit_ends_are_rounded_down() -> None:
    buckets = buckets_between(NOW - 3600, NOW, "15min", NOW)
    assert buckets[0].start == (NOW - 3600) // 900 * 900
    assert buckets[-1] == Span(NOW // 900 * 900, NOW // 900 * 900 + 900)
    assert buckets_between(NOW - 3600, None, "15min", NOW)[-1].start == (NOW - 1) // 900 * 900


@pytest.mark.parametrize(("resolution", "longest"), sorted(LONGEST.items()))
def test_an_older_start_is_clamped(resolution: str, longest: int) -> None:
    buckets = buckets_between(0, NOW, resolution, NOW)
    assert NOW - longest - SECONDS[resolution] < buckets[0].start <= NOW - longest


def test_what_makes_no_range() -> None:
    with pytest.raises(BadRangeError, match="end lies before start"):
        buckets_between(NOW, NOW - 3600, "minute", NOW)
    assert len(buckets_between(0, 9_999_999_999, "hour", NOW)) <= MAX_BUCKETS


@given(TIMES, st.sampled_from(["UTC", "Europe/Brussels", "Australia/Sydney", "America/Los_Angeles", "Asia/Kathmandu"]))
def test_the_night_of_a_day(now: int, name: str) -> None:
    """Section 8.2: 02:00 to 05:00 local time; every day has one of its own, through changes of the clock."""
    zone = ZoneInfo(name)
    day = Span(now // 86400 * 86400, now // 86400 * 86400 + 86400)
    night, next_night = night_in(day, zone), night_in(Span(day.end, day.end + 86400), zone)
    assert day.start < night.end <= day.end + 3600
    assert 7200 <= night.end - night.start <= 14400
    assert 82_800 <= next_night.end - night.end <= 90_000
