"""A tmpo block: gzip of one line of JSON with its members in a fixed order. Pure.

Source: section 7.1 of the protocol reference. `head` and `tail` are the first and the last point, absolute; `t` and `v`
begin with 0 and hold differences. Old clients parse it with a regular expression on that order, without blanks.
"""

from __future__ import annotations

import gzip
import itertools
import json
from collections.abc import Iterable, Mapping
from typing import Any

VERSION = 1


def block(config: Mapping[str, Any], points: Iterable[tuple[int, float]]) -> bytes | None:
    """The block of `points` (unix second, value); None without any. Points whose time does not go on are dropped.

    `config` is the sensor's section of the configuration. Differences have three decimals at most.
    """
    times: list[int] = []
    values: list[float] = []
    for time, value in points:
        if not times or time > times[-1]:
            times.append(time)
            values.append(value)
    if not times:
        return None
    header = {
        "cfg": config,
        "tail": [times[-1], _number(values[-1])],
        "vsn": VERSION,
        "head": [times[0], _number(values[0])],
    }
    content = {"h": header, "t": _differences(times), "v": [_number(one) for one in _differences(values)]}
    return gzip.compress(json.dumps(content, separators=(",", ":")).encode(), 9, mtime=0)


def _differences(numbers: list[Any]) -> list[Any]:
    return [0, *(after - before for before, after in itertools.pairwise(numbers))]


def _number(value: float) -> float:
    rounded = round(value, 3)
    return int(rounded) if float(rounded).is_integer() else rounded
