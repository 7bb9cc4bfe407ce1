"""tmpo blocks: gzip of one line of JSON with the members `h`, `t`, `v` in this order (section 7.1). Pure.

A block of level n spans 2^n seconds from a multiple of that on; 16 of one level are compacted into one of the next.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import msgspec

from .meter import HIGHEST, LOWEST, Sample

LEVELS = (8, 12, 16, 20)
MOST_BYTES = 16 * 1024 * 1024
"""Of a block, as the original took."""
MOST_TEXT = 64 * 1024 * 1024
"""Of what is in it: a reading a second for the 12 days of level 20 is a tenth of that."""
_FORM = re.compile(r'\{"h":(\{.+?\}),"t":(\[.+?\]),"v":(\[.+?\])\}\n?')
"""As the client of PyPI reads it."""


class BlockError(ValueError):
    """This is no tmpo block, or not one of this place; the text says why."""


class Place(NamedTuple):
    """Which block of a sensor: recycle id, level, and start in unix seconds."""

    rid: int
    lvl: int
    bid: int

    @property
    def end(self) -> int:
        """The first second behind it, in unix seconds."""
        return self.bid + (1 << self.lvl)

    @property
    def exists(self) -> bool:
        """Whether there can be a block of it: a level that is used, a start that is a multiple of its span."""
        return self.rid >= 0 and self.lvl in LEVELS and self.bid >= 0 and self.bid % (1 << self.lvl) == 0


class Block(NamedTuple):
    """What is in a block: times in unix seconds, values in thousandths of the sensor's unit, the sensor's data type."""

    times: Sequence[int]
    thousandths: Sequence[int]
    data_type: str


class _Config(msgspec.Struct):
    data_type: str = "counter"


class _Header(msgspec.Struct):
    head: tuple[int, float]
    cfg: _Config = msgspec.field(default_factory=_Config)


_header = msgspec.json.Decoder(_Header)
_times = msgspec.json.Decoder(list[int])
_values = msgspec.json.Decoder(list[float])


def read(data: bytes, place: Place) -> Block:
    """Read a block; BlockError if it cannot be read, or has a point outside the span of its place.

    It is checked as a whole, since clients put blocks one behind another and read them by their form.
    """
    found = _FORM.fullmatch(_text(data))
    if found is None:
        raise BlockError('a block is one line, {"h":{…},"t":[…],"v":[…]}')
    try:
        header = _header.decode(found[1])
        steps, changes = _times.decode(found[2]), _values.decode(found[3])
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise BlockError(f"the block's JSON cannot be read: {error}") from None
    if len(steps) != len(changes) or steps[0] != 0 or changes[0] != 0 or any(step <= 0 for step in steps[1:]):
        raise BlockError("t and v have as many members, begin with 0, and t goes up")
    if not place.bid <= header.head[0] or header.head[0] + sum(steps) >= place.end:
        raise BlockError("the block has points outside its span")
    start, first = header.head
    try:
        changed = [_thousandths(change) for change in (first, *changes[1:])]
    except OverflowError as error:
        raise BlockError("the block has values beyond 64 bits") from error
    return Block(list(accumulate(steps, initial=start))[1:], list(accumulate(changed)), header.cfg.data_type)


def _text(data: bytes) -> str:
    if len(data) > MOST_BYTES:
        raise BlockError(f"a block has at most {MOST_BYTES} bytes")
    unpacked = zlib.decompressobj(wbits=31)
    try:
        text = unpacked.decompress(data, MOST_TEXT)
    except zlib.error as error:
        raise BlockError(f"a block is one gzip member: {error}") from None
    if not unpacked.eof or unpacked.unused_data:
        raise BlockError("a block is one gzip member, whole and not too long")
    try:
        return text.decode()
    except UnicodeDecodeError:
        raise BlockError("a block is UTF-8") from None


def _thousandths(value: float) -> int:
    """Return a value in thousandths: the wire has three decimals at most."""
    if not math.isfinite(value) or abs(value) > 2**53:
        raise OverflowError
    return round(value * 1000)


def counters(block: Block) -> list[Sample]:
    """Return the measurements of a counter's block: whole, rounded down, those that fit the wire; none of a gauge's."""
    if block.data_type != "counter":
        return []
    samples = (Sample(time, value // 1000) for time, value in zip(block.times, block.thousandths, strict=True))
    return [sample for sample in samples if LOWEST <= sample.counter <= HIGHEST]


def behind(places: Iterable[Place], known: Place) -> list[Place]:
    """Return those whose end lies behind the end of a block that somebody has, as section 2.9 tells."""
    return [place for place in places if place.end > known.end]


def listed(places: Iterable[Place]) -> list[dict[str, Any]]:
    """Return places as the list of section 2.9 has them."""
    return [{**place._asdict(), "ext": "gz"} for place in places]
