"""Energy and RMS of the clamps against the exact integral of what their front ends saw."""

from __future__ import annotations

import math
from collections.abc import Mapping

from bench.figure import Effort, Figure, Figures
from fluksosim import Board, Household, Waveform
from fluksosim.board_header import BoardHeader, FrontEnd
from fluksosim.eeprom_image import ClampCalibration, calibrated_image
from fluksosim.waveform import NOISE_STEPS

from .counted import save_and_read
from .main_board import PollingMainBoard
from .provisioned import provisioned_image

Harmonics = Mapping[int, float | tuple[float, float]]

FULL_RANGE_W = 11500.0  # 50 A at 230 V
HARMONICS: Harmonics = {3: 0.12, 5: (0.07, 180.0), 7: 0.04}
"""A household's current: what power supplies without much correction leave of a sine."""
THIRD_AND_FIFTH: Harmonics = {3: (0.25, 180.0), 5: 0.12}
EVENING_S = 1795456800  # 18:00 UTC on a weekday
BOARDS, RMS_BOARD = ("v1_1", "v2_0", "uno"), "uno"


def _board(name: str, seed: int, front_end: FrontEnd | None = None) -> Board:
    """Return a board that is set up and whose noise floor was calibrated with open clamps, as docs/board.md tells."""
    header = BoardHeader(name, front_end)
    calibration = ClampCalibration(0.0, NOISE_STEPS**2 + 1 / 12 if header.front_end is FrontEnd.RMS else None)
    clamps = [calibration] * header.number("CLAMP_COUNT")
    image = calibrated_image(provisioned_image(header), header, clamps)
    board = Board(name, eeprom=image, seed=seed, front_end=front_end)
    for clamp in range(header.number("CLAMP_COUNT")):
        board.clamp_waveform(clamp, Waveform(0, offset=_offset(header, clamp)))  # it settles within seconds
    if header.number("LINK_SPI"):
        PollingMainBoard(board)
    return board


def _offset(header: BoardHeader, clamp: int) -> float:
    """Return the offset (ADC steps) of a clamp's bias; the rectifying front end has none."""
    return 3.0 * clamp - 1.5 if header.front_end is FrontEnd.RMS else 0.0


def _errors(board: Board) -> list[float]:
    """Return the error in percent, now, of each clamp that saw anything; the board is then used up."""
    clamps = range(board.header.number("CLAMP_COUNT"))
    seen = [board.clamp_seen_wh(clamp) for clamp in clamps]
    counted = save_and_read(board)
    return [100 * (counted[clamp] / seen[clamp] - 1) for clamp in clamps if seen[clamp] > 0]


def steady(
    name: str, share: float, hertz: float, harmonics: Harmonics, seconds: float, front_end: FrontEnd | None = None
) -> float:
    """Return the largest error (percent) of a steady current of `share` of the range over `seconds`."""
    with _board(name, round(1000 * share), front_end) as board:
        board.mains_hz(hertz)
        for clamp in range(board.header.number("CLAMP_COUNT")):
            offset = _offset(board.header, clamp)
            board.clamp_waveform(clamp, Waveform(FULL_RANGE_W * share, harmonics, 40.0 * clamp, offset))
        board.run_for(seconds)
        return max(map(abs, _errors(board)))


def household(name: str, seconds: int) -> float:
    """Return the largest error (percent) in an evening of the household, while the mains frequency wanders."""
    house = Household(1)
    with _board(name, seed=2) as board:
        began = board.time_s
        drawn: list[int] = [-1] * board.header.number("CLAMP_COUNT")
        for second in range(seconds):
            board.mains_hz(50 + 0.1 * math.sin(second / 40))
            for clamp, circuit in zip(range(len(drawn)), ("main", "kitchen", "heat_pump"), strict=False):
                watts = house.rate(circuit, EVENING_S + second)
                if watts != drawn[clamp]:
                    board.clamp_waveform(clamp, Waveform(watts, HARMONICS, offset=_offset(board.header, clamp)))
                    drawn[clamp] = watts
            board.run_until(began + second + 1.0)
        return max(map(abs, _errors(board)))


def measure(effort: Effort) -> Figures:
    """Measure energy_error_pct_max and rms_error_pct_max."""
    seconds = {Effort.FULL: 3600, Effort.SHORT: 90, Effort.GLANCE: 20}[effort]
    levels = {Effort.FULL: (0.01, 0.03, 0.1, 0.3, 1.0), Effort.SHORT: (0.01, 1.0), Effort.GLANCE: (1.0,)}[effort]
    frequencies = {Effort.FULL: (49.0, 50.0, 51.0), Effort.SHORT: (49.0,), Effort.GLANCE: (50.0,)}[effort]
    energy = [household(name, seconds) for name in BOARDS]
    rms = []
    for share in levels:
        at_least = 60 if share < 0.1 else 15
        energy += [steady(name, share, 50.0, HARMONICS, at_least) for name in BOARDS]
        rms += [steady(RMS_BOARD, share, hertz, THIRD_AND_FIFTH, at_least) for hertz in frequencies]
    span = f"{100 * min(levels):g} to {100 * max(levels):g} % of {FULL_RANGE_W:g} W"
    told = f"{seconds} s of the household and {span} steady, {', '.join(BOARDS)} (RMS on {RMS_BOARD}, else mean)"
    return {
        "energy_error_pct_max": Figure(round(max(energy), 4), "%", f"exact integral of what the front end saw; {told}"),
        "rms_error_pct_max": Figure(
            round(max(rms), 4), "%", f"exact RMS; 25 % 3rd and 12 % 5th harmonic, {span}, {frequencies} Hz, {RMS_BOARD}"
        ),
    }
