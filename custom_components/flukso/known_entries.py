"""Which entry belongs to a Fluksometer that does not tell its id, or tells it by another API than before."""

from collections.abc import Iterable
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr

from .client import SensorType, V1Sensor
from .const import API_MQTT, CONF_API, DOMAIN
from .entry_data import v1_sensors
from .probing import Found


@callback
def entry_of_original(
    hass: HomeAssistant, hostname: str | None, sensors: Iterable[V1Sensor]
) -> ConfigEntry[Any] | None:
    """Return the entry of an original: one with one of its sensors, or with its host name, `flukso-` and six digits.

    An entry by MQTT has the whole id, which begins with these digits; an ignored one has the one or the other.
    """
    ids = {sensor.id for sensor in sensors}
    entries = hass.config_entries.async_entries(DOMAIN)
    for entry in entries:
        if ids & {sensor.id for sensor in v1_sensors(entry.data)}:
            return entry
    for entry in entries:
        if hostname is not None and hostname in (entry.unique_id, _hostname(entry)):
            return entry
    return None


@callback
def entry_of_published(hass: HomeAssistant, found: Found) -> ConfigEntry[Any] | None:
    """Return the entry, by version 1, of an original that publishes by MQTT too."""
    sensors = (V1Sensor(sensor_id, None, SensorType.ELECTRICITY) for sensor_id in found.sensors)
    return entry_of_original(hass, f"flukso-{found.device.id[:6]}", sensors)


@callback
def entry_with_mac(hass: HomeAssistant, mac: str) -> ConfigEntry[Any] | None:
    """Return the entry of the Fluksometer that has a MAC address, as twelve hexadecimal digits."""
    connection = (dr.CONNECTION_NETWORK_MAC, dr.format_mac(mac))
    registry = dr.async_get(hass)
    for entry in hass.config_entries.async_entries(DOMAIN):
        for device in dr.async_entries_for_config_entry(registry, entry.entry_id):
            if connection in device.connections:
                return entry
    return None


def _hostname(entry: ConfigEntry[Any]) -> str | None:
    by_mqtt = entry.data.get(CONF_API, API_MQTT) == API_MQTT
    return f"flukso-{str(entry.unique_id)[:6]}" if by_mqtt else None
