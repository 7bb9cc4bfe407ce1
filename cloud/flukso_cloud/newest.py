"""The newest values of sensors as somebody sees them: the newest reading, or the last bucket if he sees coarsely."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .access import Sight
from .glimpse import glimpse
from .live import Broadcaster, Gauge
from .meter import Sample
from .store import Sensor, Store


class Newest(NamedTuple):
    """The newest counter and the newest rate, each None while there is none."""

    measurement: Sample | None
    gauge: Gauge | None


async def newest_values(store: Store, live: Broadcaster, seen: Sequence[tuple[Sensor, Sight]]) -> list[Newest]:
    """Return the newest values of each sensor, in this order; none from before it may be seen."""
    samples = await store.newest([sensor.number for sensor, sight in seen if not sight.finest])
    found: list[Newest] = []
    for sensor, sight in seen:
        since = sight.since(1)
        if sight.finest or since is None:
            last = await glimpse(store, sensor, sight)
            found.append(Newest(None, None) if last is None else Newest(last.measurement, last.gauge))
            continue
        sample, gauge = samples.get(sensor.number), live.gauge(sensor.id)
        found.append(
            Newest(
                sample if sample is not None and sample.time >= since else None,
                gauge if gauge is not None and gauge.time >= since else None,
            )
        )
    return found
