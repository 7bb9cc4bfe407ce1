"""The JSON of version 2, read into models."""

from typing import Any, Final

from .errors import FluksoPayloadError, FluksoVersionError
from .models import Board, Cloud, Device, Reading, Sensor, SensorClass, SensorReading, SensorType
from .payload import JsonObject

_UNITS: Final = {
    SensorType.ELECTRICITY: ("Wh", "W"),
    SensorType.WATER: ("L", "L/min"),
    SensorType.GAS: ("L", "L/min"),
}

_TYPES: Final = {str(member): member for member in SensorType}
_CLASSES: Final = {str(member): member for member in SensorClass}


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
    )


def parse_sensors(value: Any) -> dict[str, Sensor]:
    """Read the answer to /api/v2/sensors.

    Sensors of a type or class that this client does not know are left out: a newer daemon may have more kinds.
    """
    sensors: dict[str, Sensor] = {}
    for item in JsonObject(value, "answer").objects("sensors"):
        sensor_id = item.id("id")
        if sensor_id in sensors:
            raise FluksoPayloadError(f"sensor {sensor_id} is listed twice")
        sensor_type = _TYPES.get(item.text("type"))
        sensor_class = _CLASSES.get(item.text("class"))
        if sensor_type is None or sensor_class is None:
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
        )
    return sensors


def parse_event(value: Any) -> SensorReading:
    """Read the data of a `reading` event."""
    event = JsonObject(value, "event")
    return SensorReading(event.id("sensor"), _reading(event))


def _reading(item: JsonObject) -> Reading:
    return Reading(item.time("time"), item.counter("counter"), item.gauge("gauge"))


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
    )
