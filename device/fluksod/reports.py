"""What `fluksod status` and `fluksod sensors` print, made from what the local API tells. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fluksod.lan.parts import Condition, Part, parts

_MARKS = {Condition.GOOD: "ok", Condition.WAITING: "..", Condition.BAD: "!!", Condition.OFF: "--"}


def status_lines(device: Mapping[str, Any]) -> list[str]:
    """The lines of `fluksod status`."""
    found = parts(device, None)
    width = max(len(part.name) for part in found)
    head = f"{device['name']}, {device['model']} {device['software']}, device {device['id']}"
    lines = [f"{_MARKS[part.condition]} {part.name:<{width}}  {part.words}{_link(part)}" for part in found]
    cloud = device["cloud"]
    if cloud is not None and cloud["claimed"] is False:
        lines.append(f"Claim it at {cloud['url']} with the code {cloud['claim_code']}")
    return [head, *lines]


def needs_attention(device: Mapping[str, Any]) -> bool:
    """Whether somebody has to look at a part."""
    return any(part.condition is Condition.BAD for part in parts(device, None))


def sensor_lines(sensors: Sequence[Mapping[str, Any]], now: float) -> list[str]:
    """The table of `fluksod sensors`."""
    if not sensors:
        return ["No sensor yet: the board or meter has named none, and [[sensor]] has none."]
    rows = [
        ("ID", "NAME", "TYPE", "CLASS", "FROM", "COUNTER", "NOW", "AGE"),
        *(_row(sensor, now) for sensor in sensors),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(8)]
    return ["  ".join(_padded(row, widths)).rstrip() for row in rows]


def age(seconds: float) -> str:
    """A time that has passed, in the largest unit that fits."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def _link(part: Part) -> str:
    return "" if part.link is None else f", {part.link}"


def _row(sensor: Mapping[str, Any], now: float) -> tuple[str, ...]:
    reading = sensor["reading"]
    kind = (sensor["id"], sensor["name"], sensor["type"], sensor["class"], sensor["source"] or "-")
    if reading is None:
        return (*kind, "-", "-", "-")
    return (
        *kind,
        _value(reading["counter"], sensor["counter_unit"]),
        _value(reading["gauge"], sensor["gauge_unit"]),
        age(now - reading["time"]),
    )


def _value(value: float | None, unit: str) -> str:
    return "-" if value is None else f"{value} {unit}"


def _padded(row: Iterable[str], widths: Sequence[int]) -> Iterable[str]:
    for column, (cell, width) in enumerate(zip(row, widths, strict=True)):
        yield cell.rjust(width) if column >= 5 else cell.ljust(width)
