"""Seconds that are kept as minutes: the energy is right, whatever the order, and never jumps."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flukso_cloud.meter import HIGHEST, MAX_RATE, Meter, Sample
from flukso_cloud.minutes import LATE, TOO_HIGH, Minutes, Second

START = 1_795_401_420 // 60 * 60
ANALOG, NET = Meter.of_class("analog"), Meter.of_class("cosem")


def fed(minutes: Minutes, seconds: list[Second]) -> list[Sample]:
    """The samples that seconds come to, with those of the last minute."""
    found: list[Sample] = []
    for second in seconds:
        found += minutes.close_before(second.time)
        assert minutes.take(second) is None
    return found + minutes.close()


def gauges(first: int, values: list[float]) -> list[Second]:
    return [Second(first + i, value, None) for i, value in enumerate(values)]


def test_an_hour_of_a_kilowatt() -> None:
    found = fed(Minutes(ANALOG, 3600, Sample(START, 500)), gauges(START + 1, [1000.0] * 3600))
    assert [sample.time for sample in found] == [START + 60 * i for i in range(1, 61)], "one a minute, at its end"
    assert found[-1].counter == 1500
    assert {later.counter - earlier.counter for earlier, later in itertools.pairwise(found)} == {16, 17}


def test_the_first_is_a_beginning_and_not_a_minute() -> None:
    assert fed(Minutes(ANALOG, 3600, None), gauges(START + 51, [3600.0] * 70)) == [
        Sample(START + 50, 0),
        Sample(START + 60, 10),
        Sample(START + 120, 70),
    ]


def test_a_silence_is_not_counted() -> None:
    minutes = Minutes(ANALOG, 3600, Sample(START, 0))
    assert fed(minutes, gauges(START + 1, [3600.0] * 30)) == [Sample(START + 30, 30)]
    assert fed(minutes, gauges(START + 601, [3600.0] * 60)) == [Sample(START + 600, 30), Sample(START + 660, 90)]
    minutes = Minutes(ANALOG, 3600, Sample(START, 0))
    seconds = gauges(START + 1, [3600.0] * 30) + gauges(START + 601, [3600.0] * 60)
    assert fed(minutes, seconds) == [Sample(START + 30, 30), Sample(START + 600, 30), Sample(START + 660, 90)]


def test_whoever_sends_each_ten_seconds_means_all_of_them() -> None:
    seconds = [Second(START + 10 * i, 3600.0, None) for i in range(1, 31)]
    assert fed(Minutes(ANALOG, 3600, Sample(START, 0)), seconds)[-1] == Sample(START + 300, 300)


def test_what_is_less_than_a_unit_is_not_lost() -> None:
    found = fed(Minutes(ANALOG, 3600, Sample(START, 0)), gauges(START + 1, [7.0] * 3600))
    assert found[-1].counter == 7
    litres = fed(Minutes(ANALOG, 60, Sample(START, 0)), gauges(START + 1, [0.5] * 600))
    assert litres[-1].counter == 5, "L/min"


@given(st.permutations(range(1, 61)), st.lists(st.integers(1, 60), max_size=20))
def test_neither_order_nor_repetition_changes_a_minute(order: list[int], again: list[int]) -> None:
    minutes = Minutes(ANALOG, 3600, Sample(START, 0))
    for i in [*order, *again]:
        assert minutes.take(Second(START + i, 60.0 * i, None)) is None
    assert minutes.close_before(START + 60) == []
    assert minutes.close_before(START + 61) == [Sample(START + 60, sum(60 * i for i in range(1, 61)) // 3600)]
    assert minutes.take(Second(START + 60, 1.0, None)) == LATE


@given(
    st.lists(st.tuples(st.integers(0, 300), st.floats(0, MAX_RATE * 3600)), max_size=80),
    st.integers(0, 2**31),
)
def test_a_counter_never_goes_back_nor_faster_than_the_rates(steps: list[tuple[int, float]], counter: int) -> None:
    """Whatever comes, in whatever order, what is kept ascends, and each step is one that a meter can make."""
    minutes, time = Minutes(ANALOG, 3600, Sample(START, counter)), START + 100
    found = [Sample(START, counter)]
    for step, gauge in steps:
        time += step - 50
        found += minutes.close_before(time)
        minutes.take(Second(time, gauge, None))
    found += minutes.close()
    for earlier, later in itertools.pairwise(found):
        assert earlier.time < later.time
        assert ANALOG.flow(earlier, later) is not None
        assert later.counter >= earlier.counter


def test_a_device_that_counts_is_believed() -> None:
    seconds = [Second(START + i, 100.0, 7000 + i // 30) for i in range(1, 131)]
    assert fed(Minutes(ANALOG, 3600, Sample(START, 6999)), seconds) == [
        Sample(START + 60, 7002),
        Sample(START + 120, 7004),
        Sample(START + 130, 7004),
    ]
    minutes = Minutes(ANALOG, 3600, Sample(START, 6999))
    for i in (40, 50, 45):
        assert minutes.take(Second(START + i, None, 7000 + i)) is None
    assert minutes.close() == [Sample(START + 50, 7050)], "the newest, not the last to come"


def test_what_flows_out_counts_only_where_the_meter_nets() -> None:
    out = gauges(START + 1, [-3600.0] * 60)
    assert fed(Minutes(ANALOG, 3600, Sample(START, 9)), out) == [Sample(START + 60, 9)]
    assert fed(Minutes(NET, 3600, Sample(START, 9)), out) == [Sample(START + 60, -51)]


def test_the_counter_wraps_as_meters_do() -> None:
    earlier = Sample(START, HIGHEST - 10)
    [later] = fed(Minutes(ANALOG, 3600, earlier), gauges(START + 1, [3600.0] * 60))
    assert ANALOG.flow(earlier, later) == 60


@pytest.mark.parametrize("gauge", [72_001.0, -72_001.0])
def test_what_no_house_can_use_is_refused(gauge: float) -> None:
    minutes = Minutes(NET, 3600, None)
    assert minutes.take(Second(START + 1, gauge, None)) == TOO_HIGH
    assert not minutes.is_open


def test_what_is_kept_is_not_counted_again() -> None:
    minutes = Minutes(ANALOG, 3600, Sample(START + 30, 5))
    assert minutes.take(Second(START + 30, 1.0, None)) == LATE
    assert fed(minutes, gauges(START + 31, [3600.0] * 30)) == [Sample(START + 60, 35)], "goes on in the same minute"
