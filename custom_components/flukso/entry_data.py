"""What a config entry holds.

The device's id, which is its unique id too, its address, the generation of its API, for version 1 its
sensors, and for version 2 the token that its owner has set, where it is known.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_DEVICE_ID, CONF_HOST, CONF_ID, CONF_PORT, CONF_TOKEN, CONF_TYPE

from .client import Address, SensorType, V1Sensor
from .const import API_MQTT, API_V1, API_V2, CONF_API, CONF_INDEX, CONF_SENSORS


def address_data(address: Address) -> dict[str, Any]:
    """Return the members that hold an address."""
    return {CONF_HOST: address.host, CONF_PORT: address.port}


def v2_data(device_id: str, address: Address, token: str | None = None) -> dict[str, Any]:
    """Return the data of an entry for a Fluksometer that speaks version 2, with its token if it wants one."""
    data = {**address_data(address), CONF_DEVICE_ID: device_id, CONF_API: API_V2}
    return data if token is None else {**data, CONF_TOKEN: token}


def mqtt_data(device_id: str, address: Address) -> dict[str, Any]:
    """Return the data of an entry for a Fluksometer that publishes on its own broker, whose address it is."""
    return {**address_data(address), CONF_DEVICE_ID: device_id, CONF_API: API_MQTT}


def v1_data(device_id: str, address: Address, sensors: Iterable[V1Sensor]) -> dict[str, Any]:
    """Return the data of an entry for a Fluksometer that only speaks version 1."""
    return {
        **address_data(address),
        CONF_DEVICE_ID: device_id,
        CONF_API: API_V1,
        CONF_SENSORS: [sensor_data(sensor) for sensor in sensors],
    }


def sensor_data(sensor: V1Sensor) -> dict[str, Any]:
    """Return how an entry holds a sensor."""
    return {CONF_ID: sensor.id, CONF_INDEX: sensor.index, CONF_TYPE: str(sensor.type)}


def entry_address(entry: ConfigEntry[Any]) -> Address:
    """Return where the entry's Fluksometer answers."""
    return Address(entry.data[CONF_HOST], entry.data[CONF_PORT])


def v1_sensors(data: Mapping[str, Any]) -> list[V1Sensor]:
    """Return the sensors that an entry's data holds, none for version 2."""
    return [
        V1Sensor(sensor[CONF_ID], sensor[CONF_INDEX], SensorType(sensor[CONF_TYPE]))
        for sensor in data.get(CONF_SENSORS, ())
    ]
