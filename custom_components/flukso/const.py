"""Constants of the Flukso integration, each with its reason."""

from datetime import timedelta
from logging import Logger, getLogger
from typing import Final

DOMAIN: Final = "flukso"
LOGGER: Logger = getLogger(__package__)

API_V1: Final = "v1"
API_V2: Final = "v2"
API_MQTT: Final = "mqtt"

CONF_API: Final = "api"
CONF_SENSORS: Final = "sensors"
CONF_INDEX: Final = "index"

SCAN_INTERVAL: Final = timedelta(seconds=5)
"""A clamp measures every second; with push this is only the floor under it."""

REFRESH_COOLDOWN: Final = 1.0
"""Seconds between two polls that were pulled forward."""

UNREACHABLE_GRACE: Final = 15.0
"""Seconds without any answer before the device counts as gone: two missed polls are Wi-Fi, not an outage."""

STALE_SECONDS: Final = 30.0
"""Seconds without a new reading before values count as stale. Clamps are measured every second; the daemon itself calls
the board disconnected after 10 s."""

ENERGY_SAVE_SECONDS: Final = 60.0
"""Seconds between two writes of integrated energy to the disk, and so the pace at which it is shown: a poll every 5 s
would write seventeen thousand times a day."""

ABSENT_SECONDS: Final = 60.0
"""Seconds a sensor must be missing from the device's list before its device and entities are removed: a daemon that is
just being configured may be without it for a moment."""
