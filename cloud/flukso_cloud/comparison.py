"""A group's homes compared: their daily use over a period, told once and not again when somebody comes or goes."""

from __future__ import annotations

from .access import Sight
from .benchmark import told
from .series import ENOUGH, Span
from .store import Comparable, Compared, Group, Sensor, Store

DAY = 86400
PER = ("home", "person", "m2")


async def compare(store: Store, group: Group, kind: str, per: str, period: Span) -> Compared | None:
    """Return the percentiles of the daily use of a group's homes, by home, person or m2; None of fewer than five homes.

    A home is an account, and its use that of the sensor of this type with the highest use that it shares with the
    group, at the resolution of a day or finer, from the beginning of the period or before.
    """
    known = await store.compared(group.number, kind, per, *period)
    if known is not None:
        return known
    homes: dict[int, float] = {}
    for one in await store.comparable(group.number, kind):
        since, size = Sight((one.grant,), own=False).since(DAY), size_of(one, per)
        if since is None or since > period.start or not size:
            continue
        use = await daily_use(store, one.sensor, period)
        if use is not None:
            homes[one.account] = max(use / size, homes.get(one.account, 0))
    percentiles = told(list(homes.values()))
    if percentiles is None:
        return None
    return await store.keep_compared(group.number, kind, per, *period, len(homes), percentiles)


def size_of(home: Comparable, per: str) -> float | None:
    """Return what a home's use is divided by, None if its owner has not told."""
    return {"home": 1.0, "person": home.persons, "m2": home.area}[per]


async def daily_use(store: Store, sensor: Sensor, period: Span) -> float | None:
    """Return what flowed in an average day of a period, in Wh or L; None if less than half of it was measured."""
    found = await store.columns(sensor, period)
    [mean], [covered] = found.mean, found.covered
    return None if mean is None or covered < ENOUGH * (period.end - period.start) else mean * DAY
