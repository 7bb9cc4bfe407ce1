"""The household at work on a board: drives its clamps and contacts, and lets loads be switched by hand."""

from __future__ import annotations

from .board import Board
from .house import HOUSE
from .household import CIRCUITS, Household
from .loads import LOADS

PULSE_LOW_S = 0.06
PULSE_HIGH_S = 0.06
LONGEST_STEP_S = 10.0  # a clock that jumps makes no burst of pulses


class LiveHouse:
    """Drives `board` as `household` behaves. Call step() with the unix time, about once a second."""

    def __init__(self, household: Household, board: Board) -> None:
        self.household = household
        self.board = board
        self.switched: dict[str, bool] = {}
        self._unpulsed = {sensor.input: 0.0 for sensor in HOUSE if sensor.sensor_class == "pulse"}
        self._last_s: float | None = None

    def switch(self, load: str, on: bool | None) -> None:
        """Switch a load on or off by hand, None gives it back to its habits. ValueError for an unknown load."""
        if load not in LOADS:
            raise ValueError(f"there is no load {load!r}; there are: {', '.join(LOADS)}")
        if on is None:
            self.switched.pop(load, None)
        else:
            self.switched[load] = on

    def rate(self, load: str, time_s: float) -> int:
        """Return what a load draws (W, gas mL/s), switched by hand or by habit."""
        if load in self.switched:
            return LOADS[load].rate if self.switched[load] else 0
        return self.household.load_rate(load, time_s)

    def loads(self, time_s: float) -> dict[str, bool]:
        """Return which loads are on."""
        return {load: self.rate(load, time_s) > 0 for load in LOADS}

    def step(self, time_s: float) -> None:
        """Set the clamps to what is drawn at unix time `time_s`, and make the pulses due since the last step."""
        rates = {load: self.rate(load, time_s) for load in LOADS}
        elapsed = 0.0 if self._last_s is None else min(max(0.0, time_s - self._last_s), LONGEST_STEP_S)
        self._last_s = time_s
        for sensor in HOUSE:
            rate = sum(rates[load] for load in CIRCUITS[sensor.circuit])
            if sensor.sensor_class == "analog":
                self.board.clamp_watts(sensor.input, rate)
                continue
            quantum = sensor.unit_total * sensor.weight
            self._unpulsed[sensor.input] += rate * elapsed
            while self._unpulsed[sensor.input] >= quantum:
                self._unpulsed[sensor.input] -= quantum
                self.board.pulse(sensor.input - self.board.header.number("CLAMP_COUNT"), PULSE_LOW_S, PULSE_HIGH_S)
