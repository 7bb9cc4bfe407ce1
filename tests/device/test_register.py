"""The counter we report never falls and never spikes, whatever the board sends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluksod.meter.register import MAX_RATE, SMALL_STEP, WRAP, Mark, Register


def after(*lines: tuple[int, float], saved: Mark | None = None) -> tuple[Register, list[str]]:
    """A register that took these (counter, seconds), and what it had to say."""
    register = Register(saved)
    notes = [note for raw, at in lines if (note := register.take(raw, at)) is not None]
    return register, notes


def test_follows_the_board() -> None:
    register, notes = after((100, 0), (101, 1), (101, 2), (150, 3))
    assert register.total == 150
    assert notes == []


def test_counters_are_absolute_and_wrap_at_32_bit() -> None:
    """Trap 10: a step over the wrap is a step of a few units, not one of four billion and not one backwards."""
    register, notes = after((WRAP - 3, 0), (WRAP - 1, 1), (2, 2), (3, 3))
    assert register.total == WRAP + 3
    assert notes == []


def test_a_board_that_restarted_lower_goes_on_with_an_offset() -> None:
    register, notes = after((5000, 0), (5001, 1), (4200, 30))
    assert register.total == 5001, "held until the next line"
    assert register.take(4201, 31) is not None
    assert register.total == 5002
    assert register.take(4203, 32) is None
    assert register.total == 5004
    assert "cannot follow" in notes[0]


def test_a_replaced_board_that_starts_at_zero() -> None:
    register, notes = after((800_000, 0), (800_001, 1), (0, 60), (1, 61), (2, 62))
    assert register.total == 800_003
    assert "restarted or replaced" in notes[-1]


def test_a_clock_that_went_back_needs_no_second_line() -> None:
    register = Register()
    register.take(5000, 0)
    register.take(5001, 1)
    assert "goes on from 5001" in (register.take(4200, 30, restarted=True) or "")
    register.take(4201, 31)
    assert register.total == 5002


@pytest.mark.parametrize("noise", [0, 99, 1_000_000, WRAP - 1])
def test_a_wrong_digit_is_forgotten_when_the_next_line_contradicts(noise: int) -> None:
    register, notes = after((5000, 0), (5001, 1), (noise, 2), (5002, 3), (5003, 4))
    assert register.total == 5003
    assert "it was noise" in notes[-1]


def test_a_small_wrong_step_is_waited_out() -> None:
    register, notes = after((5000, 0), (5001, 1), (5091, 2), (5002, 3))
    assert register.total == 5091, "it was reported, so it may not fall"
    assert "noise" in notes[0]
    for second, raw in enumerate(range(5003, 5091), start=4):
        assert register.take(raw, second) is None
        assert register.total == 5091
    register.take(5092, 100)
    assert register.total == 5092, "no energy was invented"


def test_a_counter_told_again_changes_nothing() -> None:
    register, notes = after((5000, 0), (5001, 1), (5001, 11), (5091, 12), (5091, 22), (5002, 23))
    assert register.total == 5091
    assert "noise" in notes[0]
    register, notes = after((5000, 0), (5001, 1), (77, 2), (5001, 11), (5002, 12))
    assert register.total == 5002
    assert "77" in notes[1]


def test_much_energy_after_a_long_silence_is_counted_once_confirmed() -> None:
    register, notes = after((5000, 0), (5001, 1), (9000, 3600))
    assert register.total == 5001
    register.take(9001, 3601)
    assert register.total == 9001
    assert notes == []


def test_a_spike_no_house_can_make_is_never_reported() -> None:
    """Trap 35: what is beyond any plausible rate would be stored as unknown; it becomes an offset."""
    register, notes = after((5000, 0), (5001, 1), (9_000_000, 2), (9_000_001, 3), (9_000_002, 4))
    assert register.total == 5003
    assert "restarted or replaced" in notes[-1]


def test_large_steps_that_go_on_are_taken_as_they_come() -> None:
    """A meter that counts 500 L a pulse: only its first step waits for confirmation."""
    register, notes = after((0, 0), (500, 60), (1000, 120))
    assert register.total == 1000
    register.take(1500, 180)
    assert register.total == 1500
    assert notes == []


def test_a_restart_of_the_daemon_continues_from_the_saved_mark() -> None:
    register, notes = after((4100, 10), (4101, 11), saved=Mark(4090, 9090, 0))
    assert register.total == 9101
    assert notes == []


def test_a_board_that_restarted_while_the_daemon_was_down() -> None:
    register, _ = after((300, 10), saved=Mark(4090, 9090, 0))
    assert register.total == 9090
    register.take(301, 11)
    assert register.total == 9091


def test_only_32_bit_counters_are_counters() -> None:
    with pytest.raises(ValueError, match="32 bits"):
        Register().take(WRAP, 0)


@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.sampled_from(["good", "noise", "restart", "gap"]), st.integers(0, WRAP - 1)),
        max_size=60,
    )
)
def test_never_falls_and_never_runs_faster_than_a_house_can(events: list[tuple[int, str, int]]) -> None:
    register = Register()
    register.take(1000, 0)
    board, at, previous = 1000, 0.0, 1000
    for step, event, anything in events:
        at += 3600.0 if event == "gap" else 1.0
        if event == "restart":
            board = anything % (board + 1)
        board = (board + step) % WRAP
        register.take(anything if event == "noise" else board, at)
        assert register.total is not None
        assert 0 <= register.total - previous <= SMALL_STEP + MAX_RATE * at
        previous = register.total


@given(st.lists(st.integers(0, SMALL_STEP), max_size=50), st.integers(0, WRAP - 1))
def test_an_undisturbed_board_is_followed_exactly(steps: list[int], start: int) -> None:
    register = Register()
    register.take(start, 0)
    total = start
    for second, step in enumerate(steps, start=1):
        total += step
        register.take(total % WRAP, second)
        assert register.total == total


def test_thousandths_ride_along_and_never_fall() -> None:
    """Boards with SPI tell them; the whole units stay what the wire needs."""
    register = Register()
    shown = []
    for second, (raw, milli) in enumerate([(10, 500), (10, 750), (11, 0), (11, 200), (11, 100), (12, 0), (12, 999)]):
        register.take(raw, second, milli=milli)
        shown.append((register.total, register.milli))
    assert shown == [(10, 500), (10, 750), (11, 0), (11, 200), (11, 200), (12, 0), (12, 999)]
    again = Register(register.mark)
    again.take(12, 10, milli=3)
    assert (again.total, again.milli) == (12, 999), "a board that restarted without its thousandths"


@given(
    st.lists(
        st.tuples(
            st.floats(0, 5000),
            st.integers(0, WRAP - 1) | st.integers(0, 3000) | st.integers(WRAP - 200, WRAP - 1),
            st.integers(0, 999),
            st.booleans(),
        ),
        max_size=60,
    )
)
def test_whatever_comes_it_rises_no_faster_than_is_possible(lines: list[tuple[float, int, int, bool]]) -> None:
    """Over any stretch of lines: a small step for each, and the largest rate for the time between."""
    register = Register()
    at, allowed, start = 0.0, 0.0, None
    previous = (0, 0)
    for seconds, raw, milli, restarted in lines:
        at += seconds
        register.take(raw, at, milli=milli, restarted=restarted)
        assert register.total is not None
        if start is None:
            start = register.total
        else:
            allowed += SMALL_STEP + MAX_RATE * seconds
            assert register.total - start <= allowed
            assert (register.total, register.milli) >= previous
        previous = (register.total, register.milli)
