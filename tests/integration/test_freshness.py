"""Which values are still being measured."""

from dataclasses import replace

import pytest

from custom_components.flukso.client import Board, Device, Reading, Sensor, SensorClass, SensorType, Snapshot
from custom_components.flukso.freshness import Freshness

T = 1795401443


def snapshot(
    time: int = T, *, connected: bool = True, last_line: int | None = T, clamp: int | None = T, pulse: int | None = T
) -> Snapshot:
    """Return a poll at a time, with the times of the board's last line and of the sensors' readings."""
    device = Device("d", "Fluksometer", "fluksod", "0.1.0", "2.0", time, Board(connected, last_line, 0, None), None)
    sensors = {
        "clamp": (SensorClass.ANALOG, clamp),
        "pulse": (SensorClass.PULSE, pulse),
    }
    return Snapshot(
        device,
        {
            name: Sensor(
                name, name, SensorType.ELECTRICITY, kind, True, None if read is None else Reading(read, 1000, 230)
            )
            for name, (kind, read) in sensors.items()
        },
    )


@pytest.fixture
def freshness() -> Freshness:
    return Freshness(30)


def test_all_fresh(freshness: Freshness) -> None:
    freshness.judge(snapshot(), 100)
    assert not freshness.stale
    assert freshness.proven


def test_pulses_may_be_silent_for_hours_while_the_board_talks(freshness: Freshness) -> None:
    freshness.judge(snapshot(T, pulse=T - 20_000), 100)
    freshness.judge(snapshot(T + 9_000, clamp=T + 9_000, pulse=T - 20_000), 9_100)
    assert not freshness.stale


def test_clamp_that_is_silent_alone(freshness: Freshness) -> None:
    freshness.judge(snapshot(T), 100)
    freshness.judge(snapshot(T + 30), 130)
    assert not freshness.stale
    freshness.judge(snapshot(T + 31), 131)
    assert freshness.stale == {"clamp"}
    freshness.judge(snapshot(T + 36, clamp=T + 36), 136)
    assert not freshness.stale


def test_clamp_that_was_silent_before_we_came(freshness: Freshness) -> None:
    freshness.judge(snapshot(T, clamp=T - 31), 100)
    assert freshness.stale == {"clamp"}


def test_silent_board_takes_all_with_it_at_once(freshness: Freshness) -> None:
    freshness.judge(snapshot(T), 100)
    freshness.judge(snapshot(T + 30, connected=False), 130)
    assert not freshness.stale
    # The clamp's own time has run out a moment before the board's: not two messages for one fault.
    freshness.judge(snapshot(T + 31, connected=False, last_line=T + 1), 131.5)
    assert not freshness.stale
    freshness.judge(snapshot(T + 35, connected=False, last_line=T + 1), 135)
    assert freshness.stale == {"clamp", "pulse"}
    freshness.judge(snapshot(T + 60, last_line=T + 60, clamp=T + 60), 160)
    assert not freshness.stale


def test_silent_clamp_stays_silent_when_the_board_falls_silent(freshness: Freshness) -> None:
    freshness.judge(snapshot(T, clamp=T - 100), 100)
    freshness.judge(snapshot(T + 12, connected=False, clamp=T - 100), 112)
    assert freshness.stale == {"clamp"}


def test_board_that_never_spoke(freshness: Freshness) -> None:
    freshness.judge(snapshot(T, connected=False, last_line=None, clamp=None, pulse=None), 100)
    assert freshness.stale == {"clamp", "pulse"}


def test_sensor_without_reading_is_not_stale_but_unknown(freshness: Freshness) -> None:
    freshness.judge(snapshot(T, clamp=None, pulse=None), 100)
    assert not freshness.stale


@pytest.mark.parametrize("jump", [-86_400, 86_400])
def test_jump_of_the_fluksometers_clock_is_no_silence(freshness: Freshness, jump: int) -> None:
    freshness.judge(snapshot(T), 100)
    # The clock has jumped, the readings not yet.
    freshness.judge(snapshot(T + 5 + jump, last_line=T + 5, clamp=T + 4), 105)
    assert not freshness.stale
    freshness.judge(snapshot(T + 10 + jump, last_line=T + 10 + jump, clamp=T + 10 + jump), 110)
    assert not freshness.stale


def test_clamp_from_the_future_dies_too(freshness: Freshness) -> None:
    freshness.judge(snapshot(T, clamp=T + 500), 100)
    freshness.judge(snapshot(T + 31, clamp=T + 500), 131)
    assert freshness.stale == {"clamp"}


def test_pushed_reading_revives_at_once(freshness: Freshness) -> None:
    freshness.judge(snapshot(T, clamp=T - 31), 100)
    assert not freshness.note("clamp", T - 31, 101)  # the same old reading, sent again when the stream was opened
    assert freshness.stale == {"clamp"}
    assert freshness.note("clamp", T + 2, 102)
    assert not freshness.stale
    assert not freshness.note("clamp", T + 3, 103)
    assert not freshness.note("pulse", T + 3, 103)


def v1(time: int | None) -> Snapshot:
    """Return a poll of an original Fluksometer whose newest second is this."""
    full = snapshot()
    return replace(full, device=replace(full.device, time=time, board=None))


def test_v1_is_proven_by_a_second_that_moves(freshness: Freshness) -> None:
    freshness.judge(v1(T), 100)
    assert not freshness.proven
    freshness.judge(v1(T), 105)
    assert not freshness.proven
    freshness.judge(v1(T + 10), 110)
    assert freshness.proven
    assert not freshness.stale


def test_v1_goes_stale_when_nothing_moves(freshness: Freshness) -> None:
    freshness.judge(v1(T), 100)
    freshness.judge(v1(T + 5), 105)
    freshness.judge(v1(T + 5), 136)
    assert freshness.stale == {"clamp", "pulse"}
    freshness.judge(v1(T + 40), 140)
    assert not freshness.stale


def test_v1_that_never_measures(freshness: Freshness) -> None:
    freshness.judge(v1(None), 100)
    freshness.judge(v1(None), 131)
    assert freshness.stale == {"clamp", "pulse"}
    assert not freshness.proven
