"""What the difference of two counters of one sensor means. Counters are absolute, in Wh or L, 32 bit wide (trap 10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

WRAP = 2**32
LOWEST, HIGHEST = -(2**31), WRAP - 1
"""Counters that fit the wire: unsigned 32 bit, or signed where a meter nets export against import."""
MAX_RATE = 20
"""Wh or L a second: 72 kW. A faster change is unknown (section 8.1 of the protocol reference, trap 35)."""
NET_CLASSES = frozenset({"uart", "cosem"})
"""Classes whose counter is import minus export, and so may go back."""
PATIENT_CLASSES = frozenset({"pulse"})
"""Classes that may say nothing for hours because nothing flows."""
SHORTEST_GAP = 3600
"""Seconds without a sample before their energy is no longer spread over them."""
LONGEST_SILENCE = 8_640_000
"""Seconds (100 days) over which a patient sensor's counter is still believed: the original archive's heartbeat."""


class Sample(NamedTuple):
    """One measurement: unix seconds, and the counter then."""

    time: int
    counter: int


@dataclass(frozen=True, slots=True)
class Meter:
    """How a sensor's counter behaves."""

    net: bool = False
    patient: bool = False

    @classmethod
    def of_class(cls, name: str) -> Meter:
        """Return the behaviour of a sensor class ("analog", "pulse", "uart", "cosem")."""
        return cls(net=name in NET_CLASSES, patient=name in PATIENT_CLASSES)

    def flow(self, earlier: Sample, later: Sample) -> int | None:
        """Return what flowed between two consecutive samples in Wh or L, or None if the counter was reset or jumped."""
        flowed = later.counter - earlier.counter
        most = MAX_RATE * (later.time - earlier.time)
        if 0 <= flowed <= most:
            return flowed
        if flowed < 0:
            if 0 <= flowed + WRAP <= most:
                return flowed + WRAP
            if self.net and -flowed <= most:
                return flowed
        return None

    def is_regular(self, earlier: Sample, later: Sample) -> bool:
        """Tell whether what flowed is simply the difference of the two counters."""
        return self.flow(earlier, later) == later.counter - earlier.counter

    def spread(self, earlier: Sample, later: Sample, resolution: int) -> int | None:
        """Return what flowed between two consecutive samples if it may be spread evenly between them, else None.

        A silence no longer than an hour, or than a bucket of `resolution` seconds, is spread. A longer one is a gap,
        unless nothing flowed in it or the sensor is a pulse input, which has nothing to say between two pulses.
        """
        flowed = self.flow(earlier, later)
        silence = later.time - earlier.time
        if flowed is None or silence > LONGEST_SILENCE:
            return None
        if self.patient or abs(flowed) <= 1 or silence <= max(SHORTEST_GAP, resolution):
            return flowed
        return None
