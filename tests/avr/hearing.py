"""A provisioned board's ids and counters, and its lines sorted by sensor."""

from __future__ import annotations

from collections.abc import Callable

from fluksosim.board import Line

IDS = tuple(f"{i:x}" * 32 for i in (0xA, 0xB, 0xC, 0xD))
START = (1000, 2000, 3000, 4000)
"""Counters of the provisioned board."""


class Heard:
    """Lines sorted by sensor.

    `counters[i]` holds only counters that differ from the one before (the board repeats one when nothing happens),
    `told[i]` all of them, `powers[i]` and `ms[i]` (of pulse lines with news) in order, `messages` the texts.
    """

    def __init__(self, lines: list[Line], before: list[int]) -> None:
        self.counters: list[list[int]] = [[], [], [], []]
        self.told: list[list[int]] = [[], [], [], []]
        self.powers: list[list[int]] = [[], [], [], []]
        self.ms: list[list[int]] = [[], [], [], []]
        self.messages: list[str] = []
        for line in lines:
            word, _, rest = line.text.partition(" ")
            if word == "msg":
                self.messages.append(rest)
            elif word in ("pls", "pwr") and len(line.text) in (47, 58):
                sensor, value, *ms = rest.split(":")
                self._sort(word, IDS.index(sensor), int(value), [int(clock) for clock in ms], before)

    def _sort(self, word: str, sensor: int, value: int, ms: list[int], before: list[int]) -> None:
        if word == "pwr":
            self.powers[sensor].append(value)
            return
        self.told[sensor].append(value)
        if value != before[sensor]:
            self.counters[sensor].append(value)
            self.ms[sensor] += ms
            before[sensor] = value


Hear = Callable[[list[Line]], Heard]
"""Sorts lines; remembers each counter from one call to the next."""
