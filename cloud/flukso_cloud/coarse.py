"""What is left of a stream that is shared at a coarse resolution. Pure."""

from __future__ import annotations

from .readings import Reading


class Coarse:
    """Lets the first counter of each bucket of `resolution` seconds through, with the mean rate since the one before.

    `factor` makes a rate of the counter's units a second: 3600 for W of Wh, 60 for L/min of L.
    """

    def __init__(self, resolution: int, factor: int) -> None:
        self._resolution = resolution
        self._factor = factor
        self._last: tuple[int, int] | None = None

    def take(self, reading: Reading) -> Reading | None:
        """Return what may be heard of a reading, None when nothing."""
        counter, last = reading.counter, self._last
        if counter is None or (last is not None and reading.time // self._resolution <= last[0] // self._resolution):
            return None
        self._last = (reading.time, counter)
        if last is None or counter < last[1]:
            return reading._replace(gauge=None)
        return reading._replace(gauge=round((counter - last[1]) * self._factor / (reading.time - last[0]), 3))
