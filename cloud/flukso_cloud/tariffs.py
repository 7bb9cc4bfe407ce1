"""What energy and water cost, and how much CO2 they stand for: tariffs, and what flows priced by them. Pure.

A tariff is valid from a day on until the next of its kind; so a new one leaves old costs as they were. Prices are in
the currency for 1 kWh of electricity, or for 1 m³ of gas or water. CO2 is a currency like others: kg for 1 kWh or m³.
Hours are those of the clock on the wall of the account.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import pairwise
from typing import Annotated, Literal, NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from .columns import Columns
from .periods import at_clock, day_of, edges, instant

CO2 = "kgCO2"
HELD = 3600
"""Seconds for which a price of a series holds when no other follows sooner."""
_MOST_DAYS = 100_000
_SATURDAY = 5

Kind = Literal["electricity", "gas", "water"]
Currency = Annotated[
    str, Meta(pattern=r"^([A-Z]{3}|kgCO2)$", description="three letters as ISO 4217 has them, or kgCO2", max_length=5)
]
Price = Annotated[float, Meta(ge=-1000, le=1000, description="for 1 kWh, or for 1 m³ of gas or water")]
ClockTime = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", max_length=5)]


class Flat(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="flat"):
    """One price at all times."""

    price: Price


class DayNight(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="day-night"):
    """A price by day and one by night; `weekend` is whether Saturday and Sunday are night all day."""

    day: Price
    night: Price
    night_from: ClockTime = "22:00"
    night_to: ClockTime = "07:00"
    weekend: bool = True


class Hourly(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="hourly"):
    """The prices of a series, which is stored apart."""


Rate: TypeAlias = Flat | DayNight | Hourly


class Tariff(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a kind of stream costs in a currency from a day on."""

    type: Kind
    currency: Currency
    valid_from: date = msgspec.field(name="from")
    rate: Rate


class Step(NamedTuple):
    """A price that holds in [start, end), unix seconds."""

    start: int
    end: int
    price: float


def steps(
    tariffs: Sequence[Tariff], prices: Sequence[tuple[int, float]], start: int, end: int, zone: ZoneInfo
) -> list[Step]:
    """Return the prices in [start, end), in order of time; where none is known there is a hole.

    `tariffs` are of one kind and currency; `prices` the series (unix seconds from which on, price), ascending.
    """
    ordered = sorted(tariffs, key=lambda tariff: tariff.valid_from)
    begins = [instant(tariff.valid_from, 0, zone) for tariff in ordered]
    found: list[Step] = []
    for tariff, begin, after in zip(ordered, begins, [*begins, end][1:], strict=True):
        first, last = max(start, begin), min(end, after)
        if first >= last:
            continue
        for step in _steps(tariff.rate, prices, first, last, zone):
            clipped = Step(max(step.start, first), min(step.end, last), step.price)
            if clipped.start >= clipped.end:
                continue
            if found and found[-1].end == clipped.start and found[-1].price == clipped.price:
                found[-1] = found[-1]._replace(end=clipped.end)
            else:
                found.append(clipped)
    return found


def _steps(rate: Rate, prices: Sequence[tuple[int, float]], start: int, end: int, zone: ZoneInfo) -> Iterator[Step]:
    match rate:
        case Flat(price):
            yield Step(start, end, price)
        case DayNight():
            yield from _days_and_nights(rate, start, end, zone)
        case Hourly():
            ends = [time for time, _ in prices[1:]] + [end]
            for (time, price), after in zip(prices, ends, strict=True):
                yield Step(time, min(after, time + HELD), price)


def _days_and_nights(rate: DayNight, start: int, end: int, zone: ZoneInfo) -> Iterator[Step]:
    bounds = edges(start, end, "day", zone, _MOST_DAYS)
    days = [day_of(bound, zone) for bound in bounds[:-1]]
    begin, finish = (_seconds(text) for text in (rate.night_from, rate.night_to))
    first, second = sorted((begin, finish))
    between = at_clock(days, first, zone), at_clock(days, second, zone)
    # before the first of the two, between them, and after the second
    shares = (rate.night, rate.day, rate.night) if begin > finish else (rate.day, rate.night, rate.day)
    for day, (opens, closes), one, two in zip(days, pairwise(bounds), *between, strict=True):
        if rate.weekend and day.weekday() >= _SATURDAY:
            yield Step(opens, closes, rate.night)
            continue
        yield Step(opens, one, shares[0])
        yield Step(one, two, shares[1])
        yield Step(two, closes, shares[2])


def _seconds(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 3600 + int(minutes) * 60


def fine_edges(buckets: Sequence[int], priced: Sequence[Step]) -> list[int]:
    """Return the edges of buckets and of prices together: between two of them the price is one."""
    first, last = buckets[0], buckets[-1]
    cuts = {cut for step in priced for cut in (step.start, step.end) if first < cut < last}
    return sorted(cuts.union(buckets))


def cost(buckets: Sequence[int], fine: Sequence[int], parts: Columns, priced: Sequence[Step]) -> Columns:
    """Return what flows, priced: columns as those of the parts, with the currency in place of Wh or L.

    `parts` are the columns between the `fine` edges. What has no price counts as not covered. The lowest and the
    highest cost a second are those of the parts: a low price at high power is one of them.
    """
    starts = [step.start for step in priced]
    made = Columns([], [], [], [], [], [])
    at = 0
    for end in buckets[1:]:
        flowed: float | None = None
        covered = measured = 0.0
        extremes: list[float] = []
        last: float | None = None
        while fine[at] < end:
            step = priced[bisect_right(starts, fine[at]) - 1] if priced and starts[0] <= fine[at] else None
            if step is not None and fine[at] < step.end and parts.flowed[at] is not None:
                price = step.price / 1000
                flowed = (flowed or 0) + price * _known(parts.flowed[at])
                covered += parts.covered[at]
                measured += price * _known(parts.mean[at]) * parts.covered[at]
                extremes += [price * rate for rate in (parts.low[at], parts.high[at]) if rate is not None]
                last = price * _known(parts.last[at]) if parts.last[at] is not None else last
            at += 1
        made.flowed.append(flowed)
        made.covered.append(covered)
        made.low.append(min(extremes, default=None))
        made.high.append(max(extremes, default=None))
        made.mean.append(measured / covered if covered else None)
        made.last.append(last)
    return made


def _known(value: float | None) -> float:
    return 0.0 if value is None else value
