"""Finds the line of a key in a TOML text: tomllib does not tell, and a complaint without a line is hard to follow."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

_TABLE = re.compile(r"\s*(\[\[?)\s*\"?([A-Za-z0-9_-]+)\"?\s*\]")
_KEY = re.compile(r"\s*\"?([A-Za-z0-9_-]+)\"?\s*=")


def line_of(text: str, path: Sequence[Any]) -> int | None:
    """The line (from 1) of `path`: table, index in an array of tables, key. Of the table where the key is absent.

    None where neither is found. Made for flat files as ours: tables of keys, no nesting, no dotted keys.
    """
    if not path or not isinstance(path[0], str):
        return None
    wanted = path[1] if len(path) > 1 and isinstance(path[1], int) else 0
    key = next((step for step in path[1:] if isinstance(step, str)), None)
    table_line: int | None = None
    table, seen = "", dict[str, int]()
    for number, line in enumerate(text.splitlines(), start=1):
        if (match := _TABLE.match(line)) is not None:
            table = match[2]
            seen[table] = seen.get(table, -1) + 1
            if table == path[0] and seen[table] == wanted:
                table_line = number
        elif (match := _KEY.match(line)) is not None:
            if not table and match[1] == path[0]:
                return number
            if table == path[0] and seen[table] == wanted and match[1] == key:
                return number
    return table_line
