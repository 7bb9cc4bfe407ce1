"""What a Fluksometer announces as `_flukso._tcp`: ours with its device id, the originals with their sensors only.

Originals with a broker announce that too, as `_mqtt._tcp`, with nothing but their host name.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final

from homeassistant.helpers.service_info.zeroconf import ZeroconfServiceInfo

from .client import DEFAULT_PORT, Address, SensorType, V1Sensor, is_id

MQTT_SERVICE: Final = "_mqtt._tcp.local."

# The originals' host name is "flukso-" and the first six digits of the device id; mDNS appends a number on a conflict.
_HOSTNAME: Final = re.compile(r"(flukso-[0-9a-f]{6})(-\d+)?(\..*)?", re.IGNORECASE)
_SENSOR_KEY: Final = re.compile(r"id([1-9]\d{0,2})")


@dataclass(frozen=True, slots=True)
class Announcement:
    """An announced Fluksometer.

    `addresses` are where it may answer, IPv4 first. `device_id` is None for the originals; they are known by
    `hostname`, which is None when somebody renamed them, and by their sensors.
    """

    addresses: tuple[Address, ...]
    device_id: str | None
    hostname: str | None
    sensors: tuple[V1Sensor, ...]


def parse_announcement(info: ZeroconfServiceInfo) -> Announcement:
    """Read an announcement; what is not well-formed is left out."""
    device_id = info.properties.get("device")
    return Announcement(
        addresses=_addresses(info),
        device_id=device_id if is_id(device_id) else None,
        hostname=hostname_identity(info.hostname),
        sensors=_sensors(info),
    )


def hostname_identity(host: str) -> str | None:
    """Return `flukso-xxxxxx` for a Fluksometer's host name, None for any other."""
    match = _HOSTNAME.fullmatch(host)
    return match[1].lower() if match else None


def _addresses(info: ZeroconfServiceInfo) -> tuple[Address, ...]:
    # A link-local IPv6 address works only together with the name of an interface.
    usable = [ip for ip in info.ip_addresses if not ip.is_unspecified and (ip.version == 4 or not ip.is_link_local)]
    ordered = sorted(usable, key=lambda ip: (not isinstance(ip, IPv4Address), ip.is_link_local))
    return tuple(Address(str(ip), info.port or DEFAULT_PORT) for ip in ordered)


def _sensors(info: ZeroconfServiceInfo) -> tuple[V1Sensor, ...]:
    sensors: dict[str, V1Sensor] = {}
    for key, value in info.properties.items():
        match = _SENSOR_KEY.fullmatch(key)
        if match and is_id(value) and value not in sensors:
            sensors[value] = V1Sensor(value, int(match[1]), SensorType.ELECTRICITY)
    return tuple(sorted(sensors.values(), key=lambda sensor: sensor.index or 0))
