"""Delays: from the last byte of a line on the board's wire to the event at a listener."""

from __future__ import annotations

from collections.abc import Sequence

from fluksod.link.lines import CounterLine, PowerLine, parse

from .house import FIRST_COUNTER
from .listeners import Key, Listener


class Lines:
    """Notes each line that a house's board has written, and when."""

    def __init__(self) -> None:
        self.written: dict[Key, float] = {}

    def note(self, line: bytes, at: float) -> None:
        """Take a line; what its event tells follows from what the house tells (see `House.lines`)."""
        told = parse(line.rstrip())
        if isinstance(told, PowerLine):
            self.written[told.sensor, told.watt + FIRST_COUNTER, told.watt] = at
        elif isinstance(told, CounterLine):
            second = told.counter - FIRST_COUNTER
            self.written[told.sensor, told.counter, second - 1 if told.ms is None else 3600] = at

    def delays(self, listeners: Sequence[Listener], after: float, before: float) -> list[float]:
        """Milliseconds until each listener had each line that was written in that time (monotonic s).

        Raises `ValueError` when an event has not come.
        """
        delays: list[float] = []
        for listener in listeners:
            heard = listener.heard()
            for key, at in self.written.items():
                if after <= at < before:
                    if key not in heard:
                        raise ValueError(f"no event has told {key}")
                    delays.append(1000 * (heard[key] - at))
        return delays


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` (0 to 1) of `values` do not exceed."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]
