"""What a board has counted, to the thousandth."""

from __future__ import annotations

from fluksosim import Board
from fluksosim.eeprom_image import read_log

SAG_V = 4.7  # below the comparator's threshold, above the brown-out level
SAVE_S = 0.2


def save_and_read(board: Board) -> list[float]:
    """Let the supply sink at once, so that the board saves its counters now; they are in Wh or L."""
    board.supply_volts(SAG_V)
    board.run_for(SAVE_S)
    record = read_log(board.eeprom, board.header)
    if record is None:
        raise RuntimeError("the board saved no record when its supply sank")
    return [units + milli / 1000 for units, milli in zip(record.units, record.milli, strict=True)]
