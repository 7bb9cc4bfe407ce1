"""The history that a Fluksometer has kept of a sensor, made from what its meter did, as docs/protocol.md tells it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass
class KeptHistory:
    """`counter` is the meter's register at a time, in Wh or L; it is known from `begin` to `end` (unix seconds).

    In the stretches of `unmeasured` the daemon was away: the counter goes evenly from before to after.
    """

    counter: Callable[[int], float]
    begin: int
    end: int = 2**33
    unmeasured: Sequence[tuple[int, int]] = field(default_factory=list)
    pulses: bool = False
    """Of a pulse input: next to nothing is covered."""

    def at(self, time: int) -> float:
        """Return the counter as the daemon tells it, to the thousandth."""
        for start, stop in self.unmeasured:
            if start < time < stop:
                before, after = self.counter(start), self.counter(stop)
                return round(before + (after - before) * (time - start) / (stop - start), 3)
        return round(self.counter(time), 3)

    def columns(self, start: int, end: int, resolution: int) -> dict[str, Any]:
        """Return the columns of [start, end)."""
        times = list(range(start, end, resolution))
        told: dict[str, Any] = {"time": times}
        covered = [self._covered(time, time + resolution) for time in times]
        for name in ("min", "max", "mean", "last"):
            told[name] = [None if share == 0 else 100 for share in covered]
        edges = [(max(time, self.begin), min(time + resolution, self.end)) for time in times]
        told["counter_start"] = [self.at(opened) if opened < closed else None for opened, closed in edges]
        told["counter_end"] = [self.at(closed) if opened < closed else None for opened, closed in edges]
        told["coverage"] = [round(share * (0.001 if self.pulses else 1), 4) for share in covered]
        return told

    def _covered(self, start: int, end: int) -> float:
        known = max(0, min(end, self.end) - max(start, self.begin))
        missed = sum(
            max(0, min(end, stop, self.end) - max(start, begin, self.begin)) for begin, stop in self.unmeasured
        )
        return (known - missed) / (end - start)
