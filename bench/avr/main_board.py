"""The main board of a board with an SPI link: it sets the sensors and then polls, as the original does."""

from __future__ import annotations

from fluksosim import Board
from fluksosim.spi_link import SpiLink

BOOT_S = 0.1
POLL_S = 0.05
CHANGES_S = 1.0
RS485_BYTES = 40
PULSE_UNITS = 1


class PollingMainBoard:
    """Polls every 50 ms, asks for changes every second; bytes come in and go out on RS-485 meanwhile."""

    def __init__(self, board: Board) -> None:
        self._board = board
        board.run_for(BOOT_S)
        self._link = SpiLink(board)
        header = board.header
        clamps, inputs = header.number("CLAMP_COUNT"), header.number("PULSE_COUNT")
        ports = [*range(clamps + inputs), *[0xFF] * (header.number("PORT_COUNT") - clamps - inputs)]
        self._set("sp" + "".join(f"{port:02x}" for port in ports))
        for sensor in range(clamps + inputs):
            units = header.number("METERCONST_DEFAULT") if sensor < clamps else PULSE_UNITS
            self._set(f"sm{sensor:02x}{units:04x}")
            self._set(f"se{sensor:02x}01")
        self._set("ct")
        self._next_poll_s = self._next_changes_s = board.time_s

    def _set(self, message: str) -> None:
        if (reply := self._link.control(message)) != message:
            raise RuntimeError(f"the board answered {reply} to {message}")

    def run_for(self, seconds: float) -> None:
        """Poll for so many simulated seconds."""
        end = self._board.time_s + seconds
        while self._next_poll_s < end:
            self._board.run_until(self._next_poll_s)
            self._next_poll_s += POLL_S
            if self._board.time_s >= self._next_changes_s:
                self._next_changes_s += CHANGES_S
                self._board.uart_receive(bytes(range(RS485_BYTES)))
                self._link.send_bus(bytes(range(RS485_BYTES)))
                self._link.changes()
            else:
                self._link.read()
                self._link.read()
        self._board.run_until(end)
