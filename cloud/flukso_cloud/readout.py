"""A sensor's series as API v2 tells it: columns in the unit that is asked for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec
import numpy as np

from .columns import Columns
from .store import Sensor, Store
from .tariffs import CO2, Hourly, Kind, cost, fine_edges, steps
from .units import COUNTER_UNITS, RATE_UNITS, YEAR

PER_YEAR = "peryear"
NIGHT = (2 * 3600, 5 * 3600)
"""Seconds after midnight between which a house sleeps: what it takes then is its leak (flukso.net's night chart)."""


class Unit(NamedTuple):
    """What a rate is told in, and the multiplier of the counter's units a second, or of the currency a second.

    `flowed` is what an amount is told in; `currency` is None for what costs nothing to tell.
    """

    label: str
    factor: float
    flowed: str
    currency: str | None = None


class Series(msgspec.Struct, frozen=True):
    """The buckets of a sensor: lists of one length, a value for each bucket, null where it is not known.

    `flowed` is the amount in `flowed_unit`, of what was measured; `mean`, `min`, `max` and `last` are rates in `unit`,
    and `coverage` is the share of the bucket that was measured (and has a price, where the unit is money).
    """

    sensor: str
    type: str
    unit: str
    flowed_unit: str
    flowed: list[float | None]
    mean: list[float | None]
    min: list[float | None]
    max: list[float | None]
    last: list[float | None]
    coverage: list[float]


def unit_named(name: str | None, kind: str) -> Unit | None:
    """Return the unit of API v2 of that name for a kind of sensor, the usual one for None; None if there is none."""
    units = RATE_UNITS.get(kind, {})
    if name is None:
        name = next(iter(units), "")
    if name in units:
        label, factor = units[name]
        return Unit(label, factor, COUNTER_UNITS[kind])
    currency = name.removesuffix(PER_YEAR)
    if not units or currency == name:
        return None
    currency = CO2 if currency == CO2.lower() else currency.upper()
    return Unit(f"{currency}/year", YEAR, currency, currency)


def unit_names(kind: str) -> list[str]:
    """Return the names of the units for a kind of sensor."""
    return [*RATE_UNITS.get(kind, {}), f"eur{PER_YEAR} (or another currency)", f"{CO2.lower()}{PER_YEAR}"]


async def read(
    store: Store, sensor: Sensor, edges: Sequence[int], unit: Unit, *, account: int, zone: ZoneInfo
) -> Columns:
    """Return a sensor's columns between `edges`, as `in_unit` does."""
    return await in_unit(partial(store.columns, sensor), store, sensor.type, edges, unit, account=account, zone=zone)


async def in_unit(
    read_columns: Callable[[Sequence[int]], Awaitable[Columns]],
    store: Store,
    kind: str,
    edges: Sequence[int],
    unit: Unit,
    *,
    account: int,
    zone: ZoneInfo,
) -> Columns:
    """Return the columns between `edges`: of Wh or L, or of money by the tariffs of an account in its time `zone`.

    `read_columns` returns those of a stream of a `kind` between any edges.
    """
    if unit.currency is None:
        return await read_columns(edges)
    priced_kind: Kind = kind  # type: ignore[assignment]  # what has a unit is of one of these types
    tariffs = [one for one in await store.tariffs(account) if (one.type, one.currency) == (kind, unit.currency)]
    prices: list[tuple[int, float]] = []
    if any(isinstance(one.rate, Hourly) for one in tariffs):
        prices = await store.prices(account, priced_kind, unit.currency, edges[0], edges[-1])
    priced = steps(tariffs, prices, edges[0], edges[-1], zone)
    fine = fine_edges(edges, priced)
    return cost(edges, fine, await read_columns(fine), priced)


def told(
    stream: tuple[str, str],
    unit: Unit,
    spans: Sequence[tuple[int, int]],
    columns: Columns,
    shown: Sequence[bool] | None = None,
) -> Series:
    """Return the columns of buckets (their `spans` from ... to ...) of a stream (id and type) as they are told.

    `shown` is for somebody who sees the sensor coarsely: which buckets he sees; what there was within them he does not.
    """
    flowed = _scaled(columns.flowed, 1, 3 if unit.currency is None else 6)
    begins, ends = np.asarray(spans, np.int64).T
    coverage: list[float] = (np.asarray(columns.covered) / (ends - begins)).round(4).tolist()
    rates = (columns.mean, columns.low, columns.high, columns.last)
    mean, low, high, last = (_scaled(column, unit.factor, 3) for column in rates)
    if shown is not None:
        flowed, mean = ([v if s else None for v, s in zip(c, shown, strict=True)] for c in (flowed, mean))
        coverage = [v if s else 0.0 for v, s in zip(coverage, shown, strict=True)]
        low = high = last = [None] * len(spans)
    return Series(*stream, unit.label, unit.flowed, flowed, mean, low, high, last, coverage)


def each(columns: Columns, step: int) -> Columns:
    """Return the columns of each `step`-th bucket, from the first on."""
    if step == 1:
        return columns
    flowed, covered, low, high, mean, last = columns
    return Columns(flowed[::step], covered[::step], low[::step], high[::step], mean[::step], last[::step])


def _scaled(column: Sequence[float | None], factor: float, digits: int) -> list[float | None]:
    scaled = (np.array(column, np.float64) * factor).round(digits)  # what is not known is NaN meanwhile
    found: list[float | None] = scaled.tolist()
    for place in np.flatnonzero(np.isnan(scaled)).tolist():
        found[place] = None
    return found
