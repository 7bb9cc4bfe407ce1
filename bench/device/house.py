"""The house of these measurements: six sensors of one board, each told once a second, as a board tells them."""

from __future__ import annotations

from dataclasses import dataclass

from tests.device.board import pls, pwr
from tests.device.daemon_process import sensor_table

CLAMPS = 3
SENSORS = 6
"""Of a v2 board: three clamps, and three inputs that count pulses."""
FIRST_COUNTER = 100_000
"""Where each counter stands in second 0: above what a month of past in minutes has counted."""


@dataclass(frozen=True, slots=True)
class House:
    """The sensors of board number `board`: three clamps, three pulse inputs; each counts one Wh a second."""

    board: int = 0

    @property
    def sensors(self) -> list[str]:
        """Ids of the sensors, clamps first."""
        return [f"0123456789abcdef0123456789ab{self.board:02x}{index:02x}" for index in range(SENSORS)]

    def tables(self) -> str:
        """The `[[sensor]]` tables of the configuration."""
        return "".join(
            sensor_table(sensor, f"Sensor {self.board}.{index}", "electricity")
            for index, sensor in enumerate(self.sensors)
        )

    def lines(self, second: int) -> list[bytes]:
        """What the board writes in a second: counter and power of each clamp, counter and clock of each pulse input.

        Counters stand at `FIRST_COUNTER` + `second`; a clamp has `second` watts, a pulse input 3600.
        """
        lines = []
        for index, sensor in enumerate(self.sensors):
            if index < CLAMPS:
                lines += [pls(sensor, FIRST_COUNTER + second), pwr(sensor, second)]
            else:
                lines.append(pls(sensor, FIRST_COUNTER + second, 1000 * (second + 1)))
        return lines
