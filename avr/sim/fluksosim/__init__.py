"""The sensor board's firmware in simavr: for tests, measurements and the demo. See avr/sim/README.md."""

from .board import Board, Line
from .board_header import FrontEnd
from .history import history
from .house import HOUSE, HouseSensor
from .household import CIRCUITS, Household
from .waveform import Waveform

__all__ = ["CIRCUITS", "HOUSE", "Board", "FrontEnd", "HouseSensor", "Household", "Line", "Waveform", "history"]
