"""What waits for upload of one sensor: measurements, the newest gauge, and how the cloud took the last ones."""

from __future__ import annotations

from fluksod.uplink.backlog import STEP_BACK, Backlog
from fluksod.uplink.backoff import Backoff
from fluksod.uplink.connection import CloudError

BATCH = 10_000
"""Most measurements in one request: about 250 kB."""


class Pending:
    """One sensor's share of the uplink.

    `backlog` and `gauge` wait; `backoff` and `error` tell of refusals; `batch` is how much one request may carry.
    """

    def __init__(self) -> None:
        self.backlog = Backlog()
        self.gauge: tuple[int, float] | None = None
        self.gauge_told = 0
        self.backoff = Backoff()
        self.error: CloudError | None = None
        self.batch = BATCH

    def put_gauge(self, time: int, value: float) -> None:
        """Keep the newest gauge. A second one in the second of the last one told is stamped with the next second.

        The cloud takes it for old news otherwise; the same is done with counters.
        """
        if self.gauge_told - STEP_BACK <= time <= self.gauge_told:
            time = self.gauge_told + 1
        self.gauge = (time, value)

    def gauge_is_told(self, gauge: tuple[int, float]) -> None:
        """The cloud has this gauge; a newer one of the same second goes with the next."""
        self.gauge_told = gauge[0]
        if self.gauge == gauge:
            self.gauge = None
        elif self.gauge is not None:
            self.put_gauge(*self.gauge)
