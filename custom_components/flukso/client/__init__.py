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
    FluksoRefusedError,
    FluksoTokenError,
    FluksoVersionError,
)
from .history import Bucket
from .identity import is_id
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
    Quantity,
    Reading,
    Sensor,
    SensorClass,
    SensorReading,
    SensorType,
    Snapshot,
    Storage,
    UpdatableBoard,
)
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
    "Broker",
    "Bucket",
    "Cloud",
    "Demand",
    "Device",
    "Direction",
    "Firmware",
    "FluksoAddressError",
    "FluksoAmbiguousError",
    "FluksoConnectionError",
    "FluksoError",
    "FluksoNotFoundError",
    "FluksoPayloadError",
    "FluksoRefusedError",
    "FluksoTokenError",
    "FluksoVersionError",
    "FluksometerMqtt",
    "FluksometerV1",
    "FluksometerV2",
    "Link",
    "Phase",
    "Pushing",
    "Quantity",
    "Reading",
    "ReadingStream",
    "Sensor",
    "SensorClass",
    "SensorReading",
    "SensorType",
    "Snapshot",
    "Storage",
    "UpdatableBoard",
    "V1Sensor",
    "is_id",
    "is_number",
    "parse_address",
]
