"""Client of a Fluksometer's local API, both generations of it. Knows nothing of Home Assistant.

The formats are those of docs/protocol.md (v2) and of the original Fluksometers (v1).
"""

from .address import DEFAULT_PORT, Address, parse_address
from .errors import (
    FluksoAddressError,
    FluksoAuthError,
    FluksoConnectionError,
    FluksoError,
    FluksoNotFoundError,
    FluksoPayloadError,
    FluksoRefusedError,
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
    Reading,
    Sensor,
    SensorClass,
    SensorReading,
    SensorType,
    Snapshot,
    Storage,
    UpdatableBoard,
)
from .payload import is_number
from .stream import ReadingStream
from .v1 import FluksometerV1, V1Sensor
from .v2 import FluksometerV2

__all__ = [
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
    "FluksoAuthError",
    "FluksoConnectionError",
    "FluksoError",
    "FluksoNotFoundError",
    "FluksoPayloadError",
    "FluksoRefusedError",
    "FluksoVersionError",
    "FluksometerV1",
    "FluksometerV2",
    "Link",
    "Phase",
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
