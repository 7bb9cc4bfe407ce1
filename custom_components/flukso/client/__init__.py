"""Client of a Fluksometer: both generations of the local API, and MQTT. Knows nothing of Home Assistant.

The formats are those of docs/protocol.md (v2) and of the original Fluksometers (v1, MQTT).
"""

from .address import DEFAULT_PORT, Address, parse_address
from .errors import (
    FluksoAddressError,
    FluksoAmbiguousError,
    FluksoConnectionError,
    FluksoError,
    FluksoNotFoundError,
    FluksoPayloadError,
    FluksoTokenError,
    FluksoVersionError,
)
from .identity import is_id
from .models import Board, Cloud, Device, Quantity, Reading, Sensor, SensorClass, SensorReading, SensorType, Snapshot
from .mqtt import DEFAULT_MQTT_PORT, FluksometerMqtt
from .payload import is_number
from .stream import Pushing, ReadingStream
from .v1 import FluksometerV1, V1Sensor
from .v2 import FluksometerV2

__all__ = [
    "DEFAULT_MQTT_PORT",
    "DEFAULT_PORT",
    "Address",
    "Board",
    "Cloud",
    "Device",
    "FluksoAddressError",
    "FluksoAmbiguousError",
    "FluksoConnectionError",
    "FluksoError",
    "FluksoNotFoundError",
    "FluksoPayloadError",
    "FluksoTokenError",
    "FluksoVersionError",
    "FluksometerMqtt",
    "FluksometerV1",
    "FluksometerV2",
    "Pushing",
    "Quantity",
    "Reading",
    "ReadingStream",
    "Sensor",
    "SensorClass",
    "SensorReading",
    "SensorType",
    "Snapshot",
    "V1Sensor",
    "is_id",
    "is_number",
    "parse_address",
]
