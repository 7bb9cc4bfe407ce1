"""Finds out what answers at an address, and whether it is the Fluksometer that it should be."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_DEVICE_ID, CONF_TOKEN
from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession

from .client import (
    DEFAULT_MQTT_PORT,
    DEFAULT_PORT,
    Address,
    Device,
    FluksoAmbiguousError,
    FluksoConnectionError,
    FluksoError,
    FluksometerMqtt,
    FluksometerV1,
    FluksometerV2,
    FluksoNotFoundError,
    Sensor,
    V1Sensor,
)
from .const import API_MQTT, API_V1, API_V2, CONF_API
from .entry_data import v1_sensors


class WrongDeviceError(FluksoError):
    """Another Fluksometer answers than the one that was meant."""


@dataclass(frozen=True, slots=True)
class Found:
    """A Fluksometer that has told who it is, by which API and at which address, and its sensors by id."""

    api: str
    address: Address
    device: Device
    sensors: Mapping[str, Sensor]
    token: str | None = None

    @property
    def title(self) -> str:
        """Return how to call its entry."""
        return f"{self.device.name or 'Fluksometer'} ({self.device.id[:6]})"


async def async_find(hass: HomeAssistant, address: Address) -> Found:
    """Return the Fluksometer at an address: by version 2 of the local API, else by MQTT.

    An original may speak both version 1 and MQTT, and only MQTT has its counters and tells who it is. Raises
    FluksoNotFoundError when there may be an original that speaks version 1 only: that takes the ids of its sensors.
    """
    reason: FluksoError
    brokers = [_broker(address)]
    try:
        return await async_find_v2(hass, address)
    except FluksoNotFoundError as error:
        reason = error
    except FluksoConnectionError as error:
        reason = error
        if address.port not in (DEFAULT_PORT, DEFAULT_MQTT_PORT):
            # Whoever gives another port may mean that of the broker.
            brokers.insert(0, address)
    for broker in brokers:
        try:
            return await async_find_mqtt(broker)
        except FluksoAmbiguousError:
            raise
        except FluksoError:
            continue
    raise reason


async def async_find_v2(hass: HomeAssistant, address: Address, token: str | None = None) -> Found:
    """Return the Fluksometer that speaks version 2 at an address, after a look at its sensors: an entry needs both."""
    snapshot = await FluksometerV2(async_get_clientsession(hass), address, token).fetch()
    return Found(API_V2, address, snapshot.device, snapshot.sensors, token)


async def async_find_mqtt(broker: Address) -> Found:
    """Return the Fluksometer that publishes on a broker."""
    snapshot = await FluksometerMqtt(broker).fetch()
    return Found(API_MQTT, broker, snapshot.device, snapshot.sensors)


async def async_find_original(hass: HomeAssistant, address: Address, sensors: Iterable[V1Sensor]) -> Found | None:
    """Return the original Fluksometer with these sensors, None when it speaks version 1 only.

    Raises FluksoError when it is not there at all.
    """
    known = tuple(sensors)
    try:
        found = await async_find_mqtt(_broker(address))
    except FluksoError:
        pass
    else:
        if found.sensors.keys() & {sensor.id for sensor in known}:
            return found
    await async_verify_v1(hass, address, known)
    return None


async def async_silent_sensors(hass: HomeAssistant, address: Address, sensors: Iterable[V1Sensor]) -> list[str]:
    """Return the ids of those sensors that the original at an address does not know, or has not measured yet."""
    known = tuple(sensors)
    client = FluksometerV1(async_get_clientsession(hass), address, "", "", known)
    silent: list[str] = []
    for sensor in known:
        try:
            minute = await client.minute(sensor)
        except FluksoNotFoundError:
            silent.append(sensor.id)
        else:
            if minute.end is None:
                silent.append(sensor.id)
    return silent


async def async_verify_v1(hass: HomeAssistant, address: Address, sensors: Iterable[V1Sensor]) -> None:
    """Make sure that an original answers for at least one of the sensors. Raises FluksoNotFoundError otherwise."""
    known = tuple(sensors)
    if len(await async_silent_sensors(hass, address, known)) == len(known):
        raise FluksoNotFoundError(f"{address} serves none of the sensors")


async def async_verify(hass: HomeAssistant, entry: ConfigEntry[Any], address: Address, *, trusted: bool) -> None:
    """Make sure that an entry's Fluksometer answers at an address. Raises WrongDeviceError when another one does.

    The entry's token is only sent to an address that its owner has named: anybody may announce one.
    """
    device_id = entry.data[CONF_DEVICE_ID]
    if entry.data[CONF_API] == API_V1:
        try:
            await async_verify_v1(hass, address, v1_sensors(entry.data))
        except FluksoNotFoundError as error:
            raise WrongDeviceError(str(error)) from error
        return
    try:
        if entry.data[CONF_API] == API_MQTT:
            device = (await FluksometerMqtt(address, device_id).fetch()).device
        else:
            device = (await async_find_v2(hass, address, entry.data.get(CONF_TOKEN) if trusted else None)).device
    except (FluksoNotFoundError, FluksoAmbiguousError) as error:
        raise WrongDeviceError(str(error)) from error
    if device.id != device_id:
        raise WrongDeviceError(f"{device.id} answers at {address} instead of {device_id}")


def _broker(address: Address) -> Address:
    return Address(address.host, DEFAULT_MQTT_PORT)
