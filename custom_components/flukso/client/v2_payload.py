"""The JSON of version 2, read into models."""

from dataclasses import replace
from typing import Any, Final

from .errors import FluksoPayloadError, FluksoVersionError
from .models import (
    Board,
    Broker,
    Cloud,
    Demand,
    Device,
    Direction,
    Firmware,
    Link,
    Phase,
    Reading,
    Sensor,
    SensorClass,
    SensorReading,
    SensorType,
    Storage,
    UpdatableBoard,
)
from .payload import JsonObject

_UNITS: Final = {
    SensorType.ELECTRICITY: ("Wh", "W"),
    SensorType.WATER: ("L", "L/min"),
    SensorType.GAS: ("L", "L/min"),
}

_TYPES: Final = {str(member): member for member in SensorType}
_CLASSES: Final = {str(member): member for member in SensorClass}
_DIRECTIONS: Final = {str(member): member for member in Direction}

_QUARTER: Final = 900
"""Seconds. A meter stamps its peak with the end of the quarter of an hour."""


def parse_device(value: Any) -> Device:
    """Read the answer to /api/v2/device. Raises FluksoVersionError when it is of another generation."""
    answer = JsonObject(value, "device")
    api = answer.text("api")
    major, _, minor = api.partition(".")
    if not (major.isdecimal() and minor.isdecimal()):
        raise FluksoPayloadError(f"device.api must be a version such as 2.0, not {api[:40]!r}")
    if major != "2":
        raise FluksoVersionError(f"the Fluksometer speaks version {api} of its API, we speak 2")
    return Device(
        id=answer.id("id"),
        name=answer.text("name"),
        model=answer.text("model"),
        software=answer.text("software"),
        api=api,
        time=answer.time("time"),
        board=_board(answer.object("board")),
        cloud=None if answer.is_null("cloud") else _cloud(answer.object("cloud")),
        boards=_links(answer, "boards"),
        meters=_links(answer, "meters"),
        broker=None if answer.lacks("mqtt") else _broker(answer.object("mqtt")),
        storage=None if answer.lacks("storage") else _storage(answer.object("storage")),
    )


def parse_sensors(value: Any) -> dict[str, Sensor]:
    """Read the answer to /api/v2/sensors.

    Sensors of a type, class or direction that this client does not know are left out: a newer daemon may have
    more kinds.
    """
    sensors: dict[str, Sensor] = {}
    for item in JsonObject(value, "answer").objects("sensors"):
        sensor_id = item.id("id")
        if sensor_id in sensors:
            raise FluksoPayloadError(f"sensor {sensor_id} is listed twice")
        sensor_type = _TYPES.get(item.text("type"))
        sensor_class = _CLASSES.get(item.text("class"))
        # Daemons before the direction have only what is taken in.
        direction = Direction.IMPORT if item.lacks("direction") else _DIRECTIONS.get(item.text("direction"))
        if sensor_type is None or sensor_class is None or direction is None:
            continue
        units = (item.text("counter_unit"), item.text("gauge_unit"))
        if units != _UNITS[sensor_type]:
            raise FluksoPayloadError(f"sensor {sensor_id} measures {sensor_type} in {units[0]} and {units[1]}")
        sensors[sensor_id] = Sensor(
            id=sensor_id,
            name=item.text("name"),
            type=sensor_type,
            sensor_class=sensor_class,
            has_counter=True,
            reading=None if item.is_null("reading") else _reading(item.object("reading")),
            direction=direction,
            source=None if item.lacks("source") else item.text("source"),
            phases=() if item.lacks("phases") else tuple(_phase(phase) for phase in item.objects("phases")),
            demand=None if item.lacks("demand") else _demand(item.object("demand")),
        )
    return sensors


def parse_firmware(value: Any) -> Firmware:
    """Read the answer to /api/v2/firmware; daemons before the offers have no boards."""
    answer = JsonObject(value, "firmware")
    return Firmware(
        state=answer.text("state"),
        board=answer.text_or_none("board"),
        percent=min(answer.count("percent"), 100),
        error=answer.text_or_none("error"),
        boards=()
        if answer.lacks("boards")
        else tuple(
            UpdatableBoard(
                item.text("name"), item.text("model"), item.text_or_none("written"), item.text_or_none("offered")
            )
            for item in answer.objects("boards")
        ),
    )


def parse_event(value: Any) -> SensorReading:
    """Read the data of a `reading` event."""
    event = JsonObject(value, "event")
    return SensorReading(event.id("sensor"), _reading(event))


def _reading(item: JsonObject) -> Reading:
    return Reading(item.time("time"), item.counter("counter"), item.gauge("gauge"))


def _phase(item: JsonObject) -> Phase:
    return Phase(item.gauge("power"), item.gauge("voltage"), item.gauge("current"))


def _demand(item: JsonObject) -> Demand:
    """Read what the daemon computes; what a meter computes itself counts before it, for that is billed."""
    demand = Demand(
        average=item.gauge("average"),
        projected=item.gauge("projected"),
        month_peak=item.gauge("month_peak"),
        month_peak_time=item.time_or_none("month_peak_time"),
        mean_month_peak=item.gauge("mean_month_peak"),
    )
    if item.is_null("meter"):
        return demand
    meter = item.object("meter")
    if not meter.is_null("average"):
        demand = replace(demand, average=meter.gauge("average"))
    if not meter.is_null("month_peak"):
        end = meter.time_or_none("month_peak_time")
        demand = replace(
            demand, month_peak=meter.gauge("month_peak"), month_peak_time=None if end is None else end - _QUARTER
        )
    if not meter.is_null("mean_month_peak"):
        demand = replace(demand, mean_month_peak=meter.gauge("mean_month_peak"))
    return demand


def _links(answer: JsonObject, key: str) -> tuple[Link, ...]:
    """Read the boards or the meters."""
    return () if answer.lacks(key) else tuple(_link(item) for item in answer.objects(key))


def _link(item: JsonObject) -> Link:
    board = _board(item)
    return Link(board.connected, board.last_line, board.rejected_lines, board.error, item.text("name"))


def _broker(item: JsonObject) -> Broker:
    return Broker(item.text("state"), item.text_or_none("error"))


def _storage(item: JsonObject) -> Storage:
    return Storage(
        state=item.text("state"),
        bytes=item.count("bytes"),
        oldest_minute=item.time_or_none("oldest_minute"),
        error=item.text_or_none("error"),
    )


def _board(item: JsonObject) -> Board:
    return Board(
        connected=item.flag("connected"),
        last_line=item.time_or_none("last_line"),
        rejected_lines=item.count("rejected_lines"),
        error=item.text_or_none("error"),
    )


def _cloud(item: JsonObject) -> Cloud:
    return Cloud(
        url=item.text("url"),
        state=item.text("state"),
        claim_code=item.text_or_none("claim_code"),
        last_upload=item.time_or_none("last_upload"),
        pending=item.count("pending"),
        error=item.text_or_none("error"),
        claimed=None if item.lacks("claimed") else item.flag("claimed"),
    )
