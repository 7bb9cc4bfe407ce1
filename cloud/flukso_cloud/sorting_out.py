"""Measurements sorted out one by one: those that can be kept, and which others are bad for which reason. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from .meter import Sample
from .upload import are_flawless, objection

MOST_NAMED = 100
"""Bad ones that are named; all are counted."""
PAST = "kept no longer"
WHY = {
    "no time": "the time is no whole number of unix seconds from 2008 on",
    "time in the future": "the time is in the future",
    "no integer": "the counter is no whole number",
    "beyond 32 bits": "the counter does not fit 32 bits",
    PAST: "measurements of that day are kept no longer",
}
"""Reasons, by what the log calls them."""


class SortedOut(NamedTuple):
    """What can be kept, how many are bad by reason, and the first bad ones: place (the first is 0) and reason."""

    samples: list[Sample]
    refused: Counter[str]
    named: list[tuple[int, str]]


def sort_out(times: Sequence[Any], counters: Sequence[Any], now: int, kept_from: int = 0) -> SortedOut:
    """Look at each time and counter (as many of these) that came at `now`, whatever they are.

    Measurements from before `kept_from` (unix seconds) are not taken any more.
    """
    are_integers = {*map(type, times), *map(type, counters)} == {int}
    if are_integers and min(times) >= kept_from and are_flawless(times, counters, now=now):
        return SortedOut(list(map(Sample, times, counters)), Counter(), [])
    samples: list[Sample] = []
    refused: Counter[str] = Counter()
    named: list[tuple[int, str]] = []
    for place, pair in enumerate(zip(times, counters, strict=True)):
        reason = objection(pair, now)
        if reason is None and pair[0] < kept_from:
            reason = PAST
        if reason is None:
            samples.append(Sample(*pair))
            continue
        refused[reason] += 1
        if len(named) < MOST_NAMED:
            named.append((place, reason))
    return SortedOut(samples, refused, named)
