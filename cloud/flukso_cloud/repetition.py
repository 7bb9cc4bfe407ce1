"""JSON objects that have a member twice: readers differ in which of them counts, so that none here does. Pure."""

from __future__ import annotations

import json
from typing import Any

import msgspec

_names = msgspec.json.Decoder(dict[str, msgspec.Raw])


class RepetitionError(ValueError):
    """An object has a member twice; `name` is its name."""

    def __init__(self, name: str) -> None:
        super().__init__("a member of an object is there twice")
        self.name = name


def refuse_repetition(body: bytes) -> None:
    """Raise RepetitionError if an object in JSON that has been read before, at any depth, has a member twice.

    A name takes two quotes. Where there are no more of them than the names need, all names are different: so it is with
    uploads, and what has no more than numbers costs a look at its bytes. Else it may raise what `json.loads` raises.
    """
    quotes = body.count(b'"')
    if quotes <= 2 or quotes == _needed(body):
        return
    json.loads(body, object_pairs_hook=_object, parse_int=len, parse_float=len, parse_constant=len)


def _needed(body: bytes) -> int:
    """Return the quotes of the members' names, 0 if it is no object."""
    try:
        return 2 * len(_names.decode(body))
    except msgspec.ValidationError:
        return 0


def _object(pairs: list[tuple[str, Any]]) -> None:
    names: set[str] = set()
    for name, _ in pairs:
        if name in names:
            raise RepetitionError(name)
        names.add(name)
