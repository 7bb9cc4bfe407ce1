"""Finds the line of a key in a TOML text: tomllib does not tell, and a complaint without a line is hard to follow."""

from __future__ import annotations

import re

_TABLE = re.compile(r"\s*\[\[?\s*\"?([A-Za-z0-9_-]+)\"?\s*\]")
_KEY = re.compile(r"\s*\"?([A-Za-z0-9_-]+)\"?\s*=")


def line_of(text: str, table: str, key: str | None = None) -> int | None:
    """Return the line (from 1) of `key` in `table`, of the table if `key` is None, None if it is not found.

    Made for flat files: tables of keys, no nesting, no dotted keys.
    """
    inside = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if (header := _TABLE.match(line)) is not None:
            inside = header[1]
            if key is None and inside == table:
                return number
        elif (found := _KEY.match(line)) is not None:
            at_top = not inside and found[1] == table
            if at_top or (inside == table and found[1] == key):
                return number
    return None
