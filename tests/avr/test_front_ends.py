"""Both kinds of clamp front end: energy and RMS against the exact integral, open clamps, calibration."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from bench.avr import busy, metering
from bench.avr.counted import save_and_read
from bench.avr.provisioned import provisioned_image
from bench.figure import Effort, as_json
from fluksosim import Board, Line, Waveform
from fluksosim.board_header import BoardHeader, FrontEnd
from fluksosim.eeprom_image import ClampCalibration, calibrated_image, read_log

FULL_RANGE_W = metering.FULL_RANGE_W


@pytest.fixture
def make() -> Iterator[Callable[..., Board]]:
    """Return a maker of boards by name, calibrated as given (default: not at all)."""
    boards: list[Board] = []

    def make(name: str, calibration: ClampCalibration | None = None, clock_ppm: float = 0) -> Board:
        header = BoardHeader(name)
        image = provisioned_image(header)
        if calibration:
            image = calibrated_image(image, header, [calibration] * header.number("CLAMP_COUNT"))
        boards.append(Board(name, eeprom=image, clock_ppm=clock_ppm))
        return boards[-1]

    yield make
    for board in boards:
        board.close()


def _powers(lines: list[Line], clamp: int) -> list[int]:
    start = f"pwr {clamp + 1:032x}:"
    return [int(line.text[len(start) :]) for line in lines if line.text.startswith(start)]


@pytest.mark.parametrize("name", ["v1_1", "v2_0", "uno"])
@pytest.mark.parametrize(("share", "seconds"), [(0.01, 60), (0.1, 20), (1.0, 20)])
def test_energy_of_a_households_current_is_the_integral_of_what_was_seen(
    name: str, share: float, seconds: float
) -> None:
    assert metering.steady(name, share, 50.0, metering.HARMONICS, seconds) < 0.2


@pytest.mark.parametrize("hertz", [49.0, 49.7, 51.0])
@pytest.mark.parametrize("share", [0.02, 1.0])
def test_rms_with_third_and_fifth_harmonic(share: float, hertz: float) -> None:
    assert metering.steady("uno", share, hertz, metering.THIRD_AND_FIFTH, 20) < 0.5


def test_a_changing_household_adds_up_while_the_mains_frequency_wanders() -> None:
    assert metering.household("uno", 60) < 0.2


def test_mean_and_rms_differ_by_the_form_factor(make: Callable[..., Board]) -> None:
    """A third harmonic of 30 % raises the RMS by 4.4 %, whatever its phase; the rectified mean follows the phase."""
    seen = {}
    for name in ("v1_1", "uno"):
        for phase in (0.0, 180.0):
            board = make(name)
            board.clamp_waveform(0, Waveform(3600, {3: (0.3, phase)}))
            board.run_for(5)
            seen[name, phase] = board.clamp_seen_wh(0) / 5
            assert save_and_read(board)[0] / 5 == pytest.approx(seen[name, phase], rel=0.006)
    assert seen["uno", 0.0] == pytest.approx(1.0440, abs=0.0002)
    assert seen["uno", 180.0] == pytest.approx(seen["uno", 0.0], rel=1e-9)
    assert seen["v1_1", 0.0] == pytest.approx(1 + 0.3 / 3, rel=0.01)  # in phase: half waves gain a third of it
    assert seen["v1_1", 180.0] == pytest.approx(1 - 0.3 / 3, rel=0.01)


@pytest.mark.parametrize(("noise", "offset"), [(0.0, 0.0), (0.4, -12.0), (0.8, 30.0)])
def test_an_open_clamp_of_the_biased_front_end_reads_0(make: Callable[..., Board], noise: float, offset: float) -> None:
    board = make("uno")
    board.clamp_waveform(0, Waveform(0, offset=offset, noise=noise))
    board.clamp_waveform(1, Waveform(9000))
    lines = board.run_for(20)
    assert set(_powers(lines, 0)) == {0}
    board.power_cut(hold_up_s=0.3)  # slowly: a supply that jumps moves the bias, which is no open clamp any more
    record = read_log(board.eeprom, board.header)
    assert record is not None
    assert (record.units[0], record.milli[0]) == (0, 0)
    assert record.units[1] > 40


def test_the_offset_is_followed(make: Callable[..., Board]) -> None:
    """A bias that jumps by 10 steps reads as a load at first, and as nothing once it has been followed."""
    board = make("uno")
    board.run_for(3)
    board.clamp_waveform(0, Waveform(0, offset=10))
    powers = _powers(board.run_for(30), 0)
    assert max(powers) > 200
    assert powers[-5:] == [0] * 5


def test_a_saturated_clamp_stays_in_range(make: Callable[..., Board]) -> None:
    board = make("uno")
    board.clamp_waveform(0, Waveform(500_000))
    powers = _powers(board.run_for(4), 0)
    most = 512 * board.header.number("METERCONST_DEFAULT") * 9 / board.header.number("METERCONST_DIVISOR")
    assert powers
    assert all(0.9 * most < power <= most + 1 for power in powers)


@pytest.mark.parametrize("name", ["v1_1", "uno"])
@pytest.mark.parametrize("trim", [-0.031, 0.02])
def test_a_gain_trim_in_the_eeprom_counts(make: Callable[..., Board], name: str, trim: float) -> None:
    board = make(name, ClampCalibration(trim))
    board.clamp_waveform(0, Waveform(5000))
    powers = _powers(board.run_for(10), 0)
    assert powers[-1] == pytest.approx(5000 * (1 + trim), rel=0.001)
    assert save_and_read(board)[0] == pytest.approx(board.clamp_seen_wh(0) * (1 + trim) * 10 / 10.2, rel=0.001)


def test_an_open_clamp_whose_rectifier_has_an_offset_reads_0_once_calibrated(make: Callable[..., Board]) -> None:
    """2 mV of offset are 1.86 steps, 23 W; docs/board.md tells how to find and set it."""
    offset_steps = 1.86
    powers = []
    for floor in (None, offset_steps):
        board = make("v1_1", ClampCalibration(0.0, floor))
        board.clamp_waveform(0, Waveform(0, offset=offset_steps))
        board.clamp_waveform(1, Waveform(5000, offset=offset_steps))
        lines = board.run_for(20)
        powers.append((_powers(lines, 0)[-1], _powers(lines, 1)[-1]))
    assert powers[0] == (pytest.approx(23, abs=3), pytest.approx(5023, abs=3))
    assert powers[1] == (0, pytest.approx(5000, abs=3))


def test_the_noise_floor_makes_small_loads_right(make: Callable[..., Board]) -> None:
    errors = []
    for floor in (1 / 12, 1 / 12 + 0.4**2):
        board = make("uno", ClampCalibration(0.0, floor))
        board.clamp_waveform(0, Waveform(FULL_RANGE_W * 0.01))
        board.run_for(60)
        seen = board.clamp_seen_wh(0)
        errors.append(abs(save_and_read(board)[0] / seen - 1))
    assert errors[1] < 0.002 < errors[0]


@pytest.mark.parametrize("ppm", [-20000, 20000])
def test_a_wrong_clock_changes_energy_but_not_power(make: Callable[..., Board], ppm: float) -> None:
    """A sample is worth a fixed time, so a clock that runs fast takes more samples: the energy is off by its error."""
    board = make("v1_1", clock_ppm=ppm)
    board.clamp_waveform(0, Waveform(5000))
    powers = _powers(board.run_for(20), 0)
    assert powers[-1] == pytest.approx(5000, rel=0.001)
    seen = board.clamp_seen_wh(0)
    assert save_and_read(board)[0] == pytest.approx(seen * (1 + ppm / 1e6), rel=0.001)


@pytest.mark.parametrize("harmonics", [{1: 0.5}, {16: 0.1}])
def test_a_harmonic_that_is_none_is_refused(make: Callable[..., Board], harmonics: dict[int, float]) -> None:
    with pytest.raises(ValueError, match="order from 2 to 15"):
        make("uno").clamp_waveform(0, Waveform(1000, harmonics))


@pytest.mark.parametrize("bad", [ClampCalibration(0.6), ClampCalibration(0.0, 256.5)])
def test_a_calibration_out_of_range_is_refused(bad: ClampCalibration) -> None:
    header = BoardHeader("uno")
    with pytest.raises(ValueError, match="a trim goes from"):
        calibrated_image(provisioned_image(header), header, [bad, bad])
    with pytest.raises(ValueError, match="has 2 clamps"):
        calibrated_image(provisioned_image(header), header, [ClampCalibration()])


@pytest.mark.parametrize("name", ["uno", "v2_0"])
def test_at_16_mhz_each_clamp_is_sampled_2500_times_a_second_whatever_else_happens(name: str) -> None:
    header = BoardHeader(name)
    measured = busy.run(name, 50)
    assert measured.off == 0
    assert measured.samples_per_s >= 2500
    assert measured.longest < header.number("F_CPU") / header.number("TICK_HZ")


@pytest.mark.parametrize("share", [0.02, 1.0])
def test_rms_on_three_clamps_of_the_spi_board(share: float) -> None:
    """The other front end than the header's, chosen when building; third and fifth harmonic."""
    assert metering.steady("v2_0", share, 49.7, metering.THIRD_AND_FIFTH, 20, FrontEnd.RMS) < 0.5


def test_the_benchmark_prints_what_was_promised() -> None:
    figures = metering.measure(Effort.GLANCE) | busy.measure(Effort.GLANCE)
    printed = json.loads(json.dumps(as_json("avr", figures)))
    assert printed["bench"] == "avr"
    assert {"energy_error_pct_max", "rms_error_pct_max", "pulses_lost", "longest_interrupt_cycles"} <= set(
        printed["figures"]
    )
    for figure in printed["figures"].values():
        assert set(figure) == {"value", "unit", "against"}
