"""Reads a VCD file (IEEE 1364-2005, clause 18) as far as the simulator writes it."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

Changes = list[tuple[int, int]]
"""Time in ns and value from then on, in order; of an event the times at which it happened, each with 1."""


def read(path: Path) -> dict[str, Changes]:
    """Return the changes of each signal by its full name ("board.pins.led"), the first one at the trace's beginning."""
    declarations, _, body = path.read_text(encoding="ascii").partition("$enddefinitions $end\n")
    scopes: list[str] = []
    names: dict[str, str] = {}
    for line in declarations.splitlines():
        words = line.split()
        if words[0] == "$scope":
            scopes.append(words[2])
        elif words[0] == "$upscope":
            scopes.pop()
        elif words[0] == "$var":
            assert words[3] not in names
            names[words[3]] = ".".join((*scopes, words[4]))
    assert scopes == []
    changes: dict[str, Changes] = {name: [] for name in names.values()}
    now = -1
    for line in body.splitlines():
        if line[0] == "#":
            assert int(line[1:]) >= now
            now = int(line[1:])
        elif line[0] != "$":
            bits, _, code = line[1:].rpartition(" ") if line[0] == "b" else (line[0], "", line[1:])
            changes[names[code]].append((now, int(bits, 2)))
    return changes


def at(changes: Changes, ns: int) -> int:
    """Return the value of a signal at a time."""
    return [value for time, value in changes if time <= ns][-1]


def spans(changes: Changes, value: int = 1) -> list[tuple[int, int]]:
    """Return from when until when (ns) a signal had this value; the last span is left out if it did not end."""
    return [(begin, end) for (begin, had), (end, _) in pairwise(changes) if had == value]
