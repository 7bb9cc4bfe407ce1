"""The life of the EEPROM, and that what computes it writes as the firmware does."""

from __future__ import annotations

from collections.abc import Iterator

from fluksosim.board import Board
from fluksosim.board_header import BoardHeader
from fluksosim.build import build
from fluksosim.cut_board import CLAMP_WEIGHTS, provisioned
from fluksosim.eeprom_image import read_log
from fluksosim.eeprom_life import STEP_S, full_load_days, household_days, measure

BOARD = "v1_1"
NEW_YEAR_2026 = 1767222000


def test_the_eeprom_lasts_more_than_20_years_in_the_household() -> None:
    life = measure(household_days(NEW_YEAR_2026, days=8, every=45))
    assert life.years > 20
    assert 24 < life.records_a_day < 200
    assert measure(full_load_days(4)).years > 20


def test_the_firmware_writes_as_often_as_the_calculation_says() -> None:
    """280 s at a rate that needs several records: the real firmware in simavr against its log on the host."""
    header, built = BoardHeader(BOARD), build(BOARD)
    seconds = 280
    with Board(BOARD, eeprom=provisioned(BOARD, built), built=built) as board:
        for lap in range(seconds // 40):  # a rate that grows overtakes its reserve
            board.clamp_watts(0, 50 * 2**lap)
            board.run_for(40)
        measured, written = board.eeprom_operations, read_log(board.eeprom, header)
    assert written is not None

    def counters() -> Iterator[tuple[int, ...]]:
        counted = 0.0
        for at in range(0, seconds, STEP_S):
            counted += 50 * 2 ** (at // 40) * CLAMP_WEIGHTS[0] / header.number("METERCONST_DEFAULT") * STEP_S / 3600
            yield (int(counted), 0, 0, 0)

    life = measure(iter([counters()]))
    assert life.records_a_day == written.sequence - 1 == 3  # fresh_image() has made record 1
    assert abs(measured - life.operations) < 8  # values differ a little; a byte that is to be 0xFF is not written
