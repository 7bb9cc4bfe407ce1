"""The simulated household and its history: deterministic, additive, plausible, ending where the board stands."""

from __future__ import annotations

import inspect
import subprocess
import sys
import time
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fluksosim import CIRCUITS, HOUSE, Household, HouseSensor, history
from fluksosim.board import Board
from fluksosim.board_header import AVR_FOLDER
from fluksosim.live_house import LiveHouse
from fluksosim.loads import LOADS, Day
from tests.avr.hearing import START, Hear

NOVEMBER = int(datetime(2026, 11, 1, tzinfo=UTC).timestamp()) - 3600  # local midnight
DAY_S = 86400
KWH_J = 3.6e6

fewer = settings(max_examples=50)
seeds = st.integers(0, 50)
times = st.integers(NOVEMBER - 400 * DAY_S, NOVEMBER + 400 * DAY_S)
spans = st.integers(0, 3 * DAY_S)
circuits = st.sampled_from(sorted(CIRCUITS))
sensors = st.sampled_from(HOUSE)


@fewer
@given(seeds, circuits, times, st.integers(0, 200))
def test_a_total_is_the_sum_of_the_rates(seed: int, circuit: str, start: int, seconds: int) -> None:
    house = Household(seed)
    rates = [house.rate(circuit, start + i) for i in range(seconds)]
    assert all(rate >= 0 for rate in rates)
    assert house.total(circuit, start, start + seconds) == sum(rates)


@fewer
@given(seeds, circuits, times, spans, spans)
def test_totals_add_up_across_midnights(seed: int, circuit: str, start: int, first: int, second: int) -> None:
    house = Household(seed)
    middle, end = start + first, start + first + second
    whole = house.total(circuit, start, end)
    assert house.total(circuit, start, middle) + house.total(circuit, middle, end) == whole


@fewer
@given(seeds, times)
def test_a_circuit_is_its_loads_and_the_kitchen_is_part_of_main(seed: int, at: int) -> None:
    house = Household(seed)
    for circuit, loads in CIRCUITS.items():
        assert house.rate(circuit, at) == sum(house.load_rate(load, at) for load in loads)
    assert house.rate("kitchen", at) <= house.rate("main", at)


@fewer
@given(seeds, circuits, times, spans, st.integers(1, 7200))
def test_running_totals_are_on_the_grid_and_agree(seed: int, circuit: str, start: int, span: int, step: int) -> None:
    house = Household(seed)
    totals = list(house.totals(circuit, start, start + span, step))
    if span == 0:
        assert totals == []
        return
    assert totals[-1] == (start + span, house.total(circuit, start, start + span))
    assert all(at % step == 0 for at, _ in totals[:-1])
    assert [at for at, _ in totals] == sorted({at for at, _ in totals})
    assert len(totals) == len(range(start - start % step + step, start + span, step)) + 1
    for at, total in totals[:: max(1, len(totals) // 5)]:
        assert total == house.total(circuit, start, at)


def test_the_same_seed_gives_the_same_house_in_every_process() -> None:
    program = (
        "from fluksosim import Household, CIRCUITS\n"
        f"print([Household(5).total(c, {NOVEMBER}, {NOVEMBER + 3 * DAY_S}) for c in CIRCUITS])"
    )
    for hash_seed in ("1", "2"):
        environment = {"PYTHONPATH": str(AVR_FOLDER / "sim"), "PYTHONHASHSEED": hash_seed}
        run = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
        assert run.stdout.strip() == str([Household(5).total(c, NOVEMBER, NOVEMBER + 3 * DAY_S) for c in CIRCUITS])
    assert Household(5).total("main", NOVEMBER, NOVEMBER + DAY_S) != Household(6).total(
        "main", NOVEMBER, NOVEMBER + DAY_S
    )


@pytest.mark.parametrize("seed", range(1, 7))
def test_november_totals_are_those_of_a_house(seed: int) -> None:
    house = Household(seed)

    def days(circuit: str, unit: float) -> list[float]:
        return [house.total(circuit, at, at + DAY_S) / unit for at in range(NOVEMBER, NOVEMBER + 28 * DAY_S, DAY_S)]

    for circuit, unit, lowest, low, high, highest in (
        ("main", KWH_J, 5, 8, 12, 16),
        ("kitchen", KWH_J, 1, 1.8, 4, 6),
        ("heat_pump", KWH_J, 1.5, 3, 6, 8),
        ("gas", 1e6, 0.3, 1, 4, 5),
    ):
        totals = days(circuit, unit)
        assert low < sum(totals) / len(totals) < high, circuit
        assert lowest < min(totals), circuit
        assert max(totals) < highest, circuit
        assert len({round(total, 2) for total in totals}) > 20, circuit  # no day is like another


def test_it_lives_by_day_and_heats_in_winter() -> None:
    house = Household(3)

    def mean(circuit: str, hour: float, hours: float, days: int = 28) -> float:
        starts = (NOVEMBER + day * DAY_S + int(hour * 3600) for day in range(days))
        return sum(house.total(circuit, at, at + int(hours * 3600)) for at in starts) / days / hours / 3600

    assert mean("main", 2, 3) < 260 < mean("main", 18, 3)
    assert mean("heat_pump", 0, 4) < mean("heat_pump", 6, 12)
    assert mean("gas", 1, 3) == 0
    july = NOVEMBER + 250 * DAY_S
    assert house.total("heat_pump", july, july + 10 * DAY_S) < 0.4 * house.total(
        "heat_pump", NOVEMBER, NOVEMBER + 10 * DAY_S
    )
    assert house.total("kitchen", july, july + 10 * DAY_S) > 0


def test_weekends_differ_from_working_days() -> None:
    assert [Day(1, number).weekend for number in range(7)] == [
        False,
        False,
        True,
        True,
        False,
        False,
        False,
    ]  # from Thu
    saturday = int(datetime(2026, 11, 21, tzinfo=UTC).timestamp()) // DAY_S
    assert Day(1, saturday).weekend
    house = Household(2)

    def early_kettles(first_day: int) -> int:
        return sum(
            house.load_rate("kettle", day * DAY_S + int(6.7 * 3600) - 3600 + s) > 0
            for day in range(first_day, first_day + 70, 7)
            for s in range(-1500, 1500, 60)
        )

    assert early_kettles(saturday - 3) > 5 * early_kettles(saturday)


@fewer
@given(seeds, sensors, times, spans, st.integers(0, 2**32 - 1))
def test_history_ends_exactly_at_the_given_counter(
    seed: int, sensor: HouseSensor, start: int, span: int, end_counter: int
) -> None:
    points = list(history(Household(seed), sensor, start, start + span, end_counter))
    if span == 0:
        assert points == []
        return
    assert points[-1] == (start + span, end_counter)
    assert all(at % 60 == 0 for at, _ in points[:-1])
    assert points[0][0] == (
        start if start % 60 == 0 else start - start % 60 + 60 if span > 60 - start % 60 else start + span
    )
    assert all(0 < later - earlier <= 60 for (earlier, _), (later, _) in pairwise(points))
    quantum = sensor.weight if sensor.sensor_class == "pulse" else 1
    for (_, earlier), (_, later) in pairwise(points):
        assert 0 <= (later - earlier) % 2**32 <= 300  # no step: at most a minute at 18 kW
        assert (later - earlier) % 2**32 % quantum == 0


@fewer
@given(seeds, sensors, times, st.integers(1, DAY_S))
def test_history_moves_by_what_the_house_drew(seed: int, sensor: HouseSensor, start: int, span: int) -> None:
    house = Household(seed)
    points = list(history(house, sensor, start - start % 60, start + span, 10**9))
    drawn = house.total(sensor.circuit, start - start % 60, start + span) / sensor.unit_total
    quantum = sensor.weight if sensor.sensor_class == "pulse" else 1
    assert abs(points[-1][1] - points[0][1] - drawn) < quantum


def test_history_of_30_days_streams_within_3_s() -> None:
    house = Household(12345)
    stream = history(house, HOUSE[0], NOVEMBER, NOVEMBER + 30 * DAY_S, 4521337)
    assert inspect.isgenerator(stream)
    start = time.process_time()
    count = sum(1 for sensor in HOUSE for _ in history(house, sensor, NOVEMBER, NOVEMBER + 30 * DAY_S, 4521337))
    assert count == 4 * (30 * 1440 + 1)
    assert time.process_time() - start < 3


def test_the_live_house_moves_the_board_as_the_household_draws(board: Board, heard: Hear) -> None:
    """Ten minutes of a morning: what the firmware has counted is what the household drew."""
    house = Household(3)
    live = LiveHouse(house, board)
    start = NOVEMBER + 8 * DAY_S + int(6.6 * 3600)
    live.switch("heat_pump", True)  # no waiting for cold weather
    live.switch("gas_boiler", True)
    lines = []
    for second in range(300):
        live.step(start + second)
        lines += board.run_for(1)
    live.step(start + 300)
    lines += board.run_for(2)
    last = [told[-1] for told in heard(lines).told]
    for sensor, counter in zip(HOUSE[:2], last[:2], strict=True):
        drawn = house.total(sensor.circuit, start, start + 300) / 3600
        assert counter - START[sensor.input] == pytest.approx(drawn, abs=1.5)
    assert last[2] - START[2] == LOADS["heat_pump"].rate * 300 // 3600
    assert last[3] - START[3] == LOADS["gas_boiler"].rate * 300 // 10000 * 10


def test_a_load_switched_by_hand_stays_so_until_given_back(board: Board) -> None:
    live = LiveHouse(Household(1), board)
    live.switch("kettle", True)
    assert live.loads(NOVEMBER)["kettle"] is True
    assert live.rate("kettle", NOVEMBER) == 2200
    live.switch("kettle", False)
    assert not any(live.rate("kettle", NOVEMBER + minute * 60) for minute in range(1440))
    live.switch("kettle", None)
    assert any(live.rate("kettle", NOVEMBER + minute * 60) for minute in range(1440))
    with pytest.raises(ValueError, match="kettle"):
        live.switch("toaster", True)
