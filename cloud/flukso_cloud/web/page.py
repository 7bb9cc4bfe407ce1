"""The chart page's content: what its template shows and what its script starts from. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flukso_cloud.history import Point
from flukso_cloud.overview import DeviceView, SensorView

from .chart import QUANTITIES, QUANTITY_OF_TYPE, SCALES, Quantity, QuantityName, Unit, View
from .numbers import Statistics, statistics, three_digits

Series = Mapping[str, Sequence[Point]]
"""Points by sensor, in the wire unit of its quantity; the same buckets for all."""
COLORS = 6
"""Of the palette in page.css; further streams take them again, dashed."""
FRESH = 30
"""A reading older than this is told with its age, seconds."""
_KINDS = {"analog": "clamp"}


@dataclass(frozen=True, slots=True)
class Now:
    """A present value as text, None if it is not known, and how old it is in words, "" while it is fresh."""

    text: str | None
    age: str


@dataclass(frozen=True, slots=True)
class Stream:
    """A sensor as the page shows it.

    `main` is the one with the big figure; `kind_below` leaves out what the heading says, for narrow screens.
    """

    id: str
    name: str
    kind: str
    kind_below: str
    color: int
    dashed: bool
    main: bool
    hidden: bool
    gauge_unit: str
    now: Now
    statistics: Mapping[str, str] | None


@dataclass(frozen=True, slots=True)
class Row:
    """A bucket of all streams of a panel: its time in words, its beginning as ISO 8601, a text for each stream."""

    when: str
    start_iso: str
    values: list[str]


@dataclass(frozen=True, slots=True)
class Panel:
    """A chart with its legend and table."""

    name: QuantityName
    label: str
    parameter: str
    units: tuple[Unit, ...]
    unit: Unit
    streams: list[Stream]
    rows: list[Row]


def shown(device: DeviceView) -> list[SensorView]:
    """Return the sensors that a chart can show, those of one quantity together."""
    order = list(QUANTITIES)
    known = [sensor for sensor in device.sensors if sensor.type in QUANTITY_OF_TYPE]
    return sorted(known, key=lambda sensor: order.index(QUANTITY_OF_TYPE[sensor.type]))


def name_of(sensor: SensorView) -> str:
    """Return the name that its owner gave a sensor, or its type and the beginning of its id."""
    return sensor.name or f"{sensor.type} {sensor.id[:4]}"


def age_in_words(seconds: float) -> str:
    """Return how long ago something was, "" if it is fresh."""
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        count = int(seconds // length)
        if count:
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "" if seconds <= FRESH else f"{int(seconds)} seconds ago"


def interval_in_words(start: datetime, end: datetime) -> str:
    """Return a bucket's interval, its date once unless it changes."""
    if start.date() == end.date():
        return f"{start:%Y-%m-%d %H:%M} to {end:%H:%M}"
    return f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}"


def _now(sensor: SensorView, quantity: Quantity, minutes: Sequence[Point], now: int) -> Now:
    """Return the newest gauge, or for a sensor that sends counters only its newest minute, whichever is younger."""
    unit = quantity.units[0]
    newest = next((point for point in reversed(minutes) if point.value is not None), None)
    candidates = [(sensor.gauge.time, sensor.gauge.value)] if sensor.gauge else []
    if newest is not None and newest.value is not None:
        candidates.append((newest.time, newest.value * quantity.wire_factor))
    if not candidates:
        return Now(None, age_in_words(now - sensor.measurement.time) if sensor.measurement else "no reading yet")
    time, value = max(candidates)
    return Now(three_digits(value * unit.factor, unit.decimals), age_in_words(now - time))


def _table(known: Statistics | None, unit: Unit) -> dict[str, str] | None:
    if known is None:
        return None
    return {name: three_digits(value, unit.decimals) for name, value in known._asdict().items()}


def _stream(color: int, sensor: SensorView, points: Sequence[Point], now: Now, view: View) -> Stream:
    name = QUANTITY_OF_TYPE[sensor.type]
    quantity, unit = QUANTITIES[name], view.unit_of(name)
    how = _KINDS.get(sensor.class_, sensor.class_)
    return Stream(
        id=sensor.id,
        name=name_of(sensor),
        kind=f"{sensor.type}, {how}",
        kind_below=how if name == "power" else f"{sensor.type}, {how}",
        color=color % COLORS,
        dashed=color >= COLORS,
        main=color == 0,
        hidden=view.hides(sensor.id),
        gauge_unit=quantity.units[0].label,
        now=now,
        statistics=_table(statistics(_values(points, quantity, unit)), unit),
    )


def _values(points: Sequence[Point], quantity: Quantity, unit: Unit) -> list[float | None]:
    factor = quantity.wire_factor * unit.factor
    return [None if point.value is None else point.value * factor for point in points]


def _rows(columns: Sequence[Sequence[Point]], quantity: Quantity, unit: Unit, step: int, zone: ZoneInfo) -> list[Row]:
    """Return the buckets that any of the streams has a value in, newest first."""
    rows: list[Row] = []
    for points in reversed(list(zip(*columns, strict=True))):
        values = _values(points, quantity, unit)
        if any(value is not None for value in values):
            start, end = (datetime.fromtimestamp(points[0].time - before, zone) for before in (step, 0))
            texts = [three_digits(value, unit.decimals) for value in values]
            rows.append(Row(interval_in_words(start, end), start.isoformat(), texts))
    return rows


def panels(device: DeviceView, series: Series, minutes: Series, view: View, zone: ZoneInfo, now: int) -> list[Panel]:
    """Return the charts of a device; `series` are the buckets of the chosen scale, `minutes` the newest."""
    found: list[Panel] = []
    for name, quantity in QUANTITIES.items():
        mine = [one for one in enumerate(shown(device)) if QUANTITY_OF_TYPE[one[1].type] == name]
        if not mine:
            continue
        unit = view.unit_of(name)
        streams = [
            _stream(color, sensor, series[sensor.id], _now(sensor, quantity, minutes[sensor.id], now), view)
            for color, sensor in mine
        ]
        rows = _rows([series[sensor.id] for _, sensor in mine], quantity, unit, SCALES[view.scale].step, zone)
        found.append(Panel(name, quantity.label, quantity.parameter, quantity.units, unit, streams, rows))
    return found


def page_data(device: DeviceView, series: Mapping[str, Series], view: View, now: int) -> dict[str, Any]:
    """Return what the page's script starts from, typed in `cloud/web/src/page.js`; gaps are "nan", as on the wire."""
    return {
        "time": now,
        "device": {"name": device.name, "address": view.device},
        "scales": {name: asdict(scale) for name, scale in SCALES.items()},
        "quantities": {name: asdict(quantity) for name, quantity in QUANTITIES.items()},
        "sensors": [
            {
                "id": sensor.id,
                "name": name_of(sensor),
                "type": sensor.type,
                "class": sensor.class_,
                "quantity": QUANTITY_OF_TYPE[sensor.type],
                "stream": number,
                "measured": None if sensor.measurement is None else sensor.measurement.time,
                "gauge": None if sensor.gauge is None else {"time": sensor.gauge.time, "value": sensor.gauge.value},
            }
            for number, sensor in enumerate(shown(device))
        ],
        "series": {
            scale: {
                sensor: [[point.time, "nan" if point.value is None else point.value] for point in points]
                for sensor, points in streams.items()
            }
            for scale, streams in series.items()
        },
    }
