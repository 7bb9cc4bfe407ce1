"""The gauge of a pulse input: from the counter and the board's clock at two pulses. Pure.

Rule of the original daemon (power = delta counter / delta ms x factor, only when the board's clock went on), and one
of ours: when the next pulse is overdue, the rate cannot be what it was, so the gauge falls with the time waited.
"""

from __future__ import annotations

from dataclasses import dataclass

from fluksod.meter.register import MAX_RATE, WRAP

NO_PULSE_YET = 1
"""Board's clock in ms of a line that tells a counter before its first pulse since power-up (docs/board.md)."""
ZERO_AFTER = 3600.0
"""Seconds without a pulse after which the gauge is 0; five of the last periods where those are longer."""


@dataclass(frozen=True, slots=True)
class _Pulse:
    counter: int
    milli: int
    ms: int
    at: float


class PulseGauge:
    """Computes the rate of one pulse input; `factor` is the gauge for one unit of the counter in one ms."""

    def __init__(self, factor: float) -> None:
        self._factor = factor
        self._last: _Pulse | None = None
        self._rate: float | None = None
        self._period = 0.0
        self.restarted = False

    @property
    def rate(self) -> float | None:
        """The rate between the last two pulses; None before there were two."""
        return self._rate

    def take(self, counter: int, ms: int, at: float, milli: int = 0) -> float | None:
        """Take a pulse: the board's counter and clock (both 32 bit), seen at `at` (monotonic seconds).

        `milli` are thousandths beyond the counter.

        Returns the new rate, or None when this pulse only starts a new measurement (first one, board restarted) or is
        the last one told again. `restarted` tells afterwards whether the board's clock went back.
        """
        self.restarted = False
        last = self._last
        if last is not None and (counter, milli, ms) == (last.counter, last.milli, last.ms):
            return None
        self._last = None if ms <= NO_PULSE_YET else _Pulse(counter, milli, ms, at)
        if last is None:
            return None
        waited = at - last.at
        elapsed = (ms - last.ms) % WRAP
        if ms < last.ms and not _wrapped(elapsed / 1000, waited):
            self.restarted = True
            return None
        step = ((counter - last.counter) * 1000 + milli - last.milli) % (WRAP * 1000) / 1000
        if elapsed == 0 or step == 0 or step * 1000 / elapsed > MAX_RATE:
            return None
        self._period = max(elapsed / 1000, waited)
        self._rate = step * self._factor / elapsed
        return self._rate

    def now(self, at: float) -> float | None:
        """The gauge at `at`: the rate, or less when the next pulse is overdue; None before there were two pulses."""
        if self._rate is None or self._last is None:
            return None
        waited = at - self._last.at
        if waited >= max(ZERO_AFTER, 5 * self._period):
            return 0.0
        return self._rate if waited <= self._period else self._rate * self._period / waited


def _wrapped(elapsed: float, waited: float) -> bool:
    """Whether the board's clock went over its 49.7 days: then it agrees with the time waited here."""
    return abs(elapsed - waited) <= 10.0 + 0.05 * waited
