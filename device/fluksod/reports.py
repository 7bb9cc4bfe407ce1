"""What `fluksod status` and `fluksod sensors` print, made from what the local API tells. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple


class Part(NamedTuple):
    """A part of the daemon: whether all is well with it (None: it is not there), and how it stands in words."""

    name: str
    well: bool | None
    text: str


def parts(device: Mapping[str, Any], now: float) -> list[Part]:
    """How all parts stand."""
    found = [
        Part(f"board {board['name']}", board["connected"], board["error"] or f"connected on {board['port']}")
        for board in device["boards"]
    ]
    for meter in device["meters"]:
        heard = "" if meter["last_line"] is None else f", heard {age(now - meter['last_line'])} ago"
        found.append(Part(f"meter {meter['name']}", meter["connected"], meter["error"] or f"{meter['variant']}{heard}"))
    found.append(_cloud(device["cloud"], now))
    mqtt = device["mqtt"]
    if mqtt is not None:
        where = f"{mqtt['state']} to {mqtt['host']}:{mqtt['port']}"
        found.append(Part("MQTT", mqtt["state"] == "connected", mqtt["error"] or where))
    storage = device["storage"]
    oldest = storage["oldest_minute"]
    since = "" if oldest is None else f", minutes since {datetime.fromtimestamp(oldest, UTC):%Y-%m-%d}"
    text = storage["error"] or f"{storage['bytes'] / 1e6:.1f} MB{since}"
    found.append(Part("storage", storage["state"] == "ok", text))
    found += [
        Part(f"sibling {one['name']}", True, f"http://{one['address']}:{one['port']}/ (API {one['api']})")
        for one in device["siblings"]
    ]
    return found


def status_lines(device: Mapping[str, Any], now: float) -> list[str]:
    """The lines of `fluksod status`."""
    listed = parts(device, now)
    width = max(len(part.name) for part in listed)
    marks = {True: "ok", False: "!!", None: "--"}
    head = f"{device['name']}, {device['model']} {device['software']}, device {device['id']}"
    return [head, *(f"{marks[part.well]} {part.name:<{width}}  {part.text}" for part in listed)]


def sensor_lines(sensors: Sequence[Mapping[str, Any]], now: float) -> list[str]:
    """The table of `fluksod sensors`."""
    if not sensors:
        return ["No sensor yet: the board or meter has named none, and [[sensor]] has none."]
    rows = [("ID", "NAME", "TYPE", "CLASS", "COUNTER", "NOW", "AGE"), *(_row(sensor, now) for sensor in sensors)]
    widths = [max(len(row[column]) for row in rows) for column in range(7)]
    return ["  ".join(_padded(row, widths)).rstrip() for row in rows]


def age(seconds: float) -> str:
    """A time that has passed, in the largest unit that fits."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def _row(sensor: Mapping[str, Any], now: float) -> tuple[str, ...]:
    reading = sensor["reading"]
    kind = (sensor["id"], sensor["name"], sensor["type"], sensor["class"])
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
        yield cell.rjust(width) if column >= 4 else cell.ljust(width)


def _cloud(cloud: Mapping[str, Any] | None, now: float) -> Part:
    if cloud is None:
        return Part("cloud", None, "none configured")
    if cloud["error"] is not None:
        return Part("cloud", False, str(cloud["error"]))
    sent = "" if cloud["last_upload"] is None else f", last upload {age(now - cloud['last_upload'])} ago"
    waiting = f", {cloud['pending']} measurements wait" if cloud["pending"] else ""
    claim = f"; claim it there with the code {cloud['claim_code']}" if cloud["claimed"] is False else ""
    return Part("cloud", cloud["state"] == "connected", f"{cloud['state']} to {cloud['url']}{sent}{waiting}{claim}")
