"""The registry's devices: one for each Fluksometer, and one for each of its sensors below it."""

from ipaddress import AddressValueError, IPv4Address

from homeassistant.const import CONF_DEVICE_ID
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.device_registry import DeviceCollisionError, DeviceInfo

from .client import Sensor, SensorClass, is_id
from .const import API_V1, API_V2, CONF_API, CONF_INDEX, CONF_SENSORS, DOMAIN, LOGGER
from .coordinator import FluksoConfigEntry, FluksoCoordinator
from .entry_data import entry_address
from .neighbours import ARP_TABLE, mac_address

MANUFACTURER = "Flukso"

_MODELS = {
    SensorClass.ANALOG: "Current clamp",
    SensorClass.PULSE: "Pulse input",
    SensorClass.COSEM: "P1 meter",
    SensorClass.UART: "RS-485 meter",
}


@callback
def async_register_hub(hass: HomeAssistant, entry: FluksoConfigEntry, coordinator: FluksoCoordinator) -> None:
    """Register the Fluksometer itself, before anything refers to it, or bring its entry up to date."""
    device = coordinator.data.device
    address = entry_address(entry)
    coordinator.hub_id = (
        dr.async_get(hass)
        .async_get_or_create(
            config_entry_id=entry.entry_id,
            identifiers={(DOMAIN, hub_identifier(entry))},
            manufacturer=MANUFACTURER,
            model=device.model,
            name=device.name,
            sw_version=device.software,
            # Ours serves a page beside its API, the originals have theirs on the ordinary port.
            configuration_url=address.url if entry.data[CONF_API] == API_V2 else f"http://{address.url_host}/",
        )
        .id
    )


def hub_identifier(entry: FluksoConfigEntry) -> str:
    """Return what the registry knows the Fluksometer itself by: its id.

    An original that was added by its address is known by the id of a sensor, which has a device of its own.
    """
    device_id: str = entry.data[CONF_DEVICE_ID]
    return f"fluksometer-{device_id}" if entry.data[CONF_API] == API_V1 and is_id(device_id) else device_id


@callback
def async_move_hub(hass: HomeAssistant, entry: FluksoConfigEntry, device_id: str) -> None:
    """Let the Fluksometer itself go on under the id that it has by another API."""
    registry = dr.async_get(hass)
    hub = registry.async_get_device_by_identifier((DOMAIN, hub_identifier(entry)), entry.entry_id)
    if hub is not None:
        registry.async_update_device(hub.id, new_identifiers={(DOMAIN, device_id)})


async def async_learn_mac(hass: HomeAssistant, entry: FluksoConfigEntry, coordinator: FluksoCoordinator) -> None:
    """Register the Fluksometer's MAC address, by which Home Assistant recognises it when it gets another address.

    A name as address needs none: it leads to the new address by itself.
    """
    host = entry_address(entry).host
    try:
        IPv4Address(host)
    except AddressValueError:
        return
    mac = await hass.async_add_executor_job(mac_address, host, ARP_TABLE)
    if mac is None:
        return
    connection = (dr.CONNECTION_NETWORK_MAC, mac)
    try:
        dr.async_get(hass).async_update_device(coordinator.hub_id, merge_connections={connection})
    except DeviceCollisionError as error:
        # Two daemons on one machine; before 2026.11 also the router's own entry for the machine.
        LOGGER.debug("%s is not followed by its MAC address: %s", coordinator.name, error)


def sensor_device_info(entry: FluksoConfigEntry, coordinator: FluksoCoordinator, sensor: Sensor) -> DeviceInfo:
    """Describe the device of a sensor."""
    model = None if sensor.sensor_class is None else _MODELS[sensor.sensor_class]
    identifiers = {(DOMAIN, sensor.lead or sensor.id)}
    if sensor.name:
        return DeviceInfo(
            identifiers=identifiers,
            manufacturer=MANUFACTURER,
            model=model,
            name=sensor.name,
            via_device_id=coordinator.hub_id,
        )
    return DeviceInfo(
        identifiers=identifiers,
        manufacturer=MANUFACTURER,
        model=model,
        translation_key="sensor",
        translation_placeholders={"number": _number(entry, sensor)},
        via_device_id=coordinator.hub_id,
    )


def _number(entry: FluksoConfigEntry, sensor: Sensor) -> str:
    """Return what tells a nameless sensor from its neighbours: its number on the Fluksometer, else of its id."""
    if sensor.index is not None:
        return str(sensor.index)
    for known in entry.data.get(CONF_SENSORS, ()):
        if known["id"] == sensor.id and known[CONF_INDEX] is not None:
            return str(known[CONF_INDEX])
    return sensor.id[:6]


@callback
def async_sensor_devices(hass: HomeAssistant, entry: FluksoConfigEntry) -> dict[str, dr.DeviceEntry]:
    """Return the registered devices of the entry's sensors by sensor id."""
    return {
        identifier: device
        for device in dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
        if device.via_device_id is not None
        for domain, identifier in device.identifiers
        if domain == DOMAIN
    }


@callback
def async_follow_devices(hass: HomeAssistant, entry: FluksoConfigEntry, coordinator: FluksoCoordinator) -> None:
    """Bring the registry up to date with what the Fluksometer lists now: names, software, and sensors that are gone."""
    if not coordinator.last_update_success:
        return
    registry = dr.async_get(hass)
    devices = async_sensor_devices(hass, entry)
    for sensor_id in coordinator.absent(set(devices)):
        LOGGER.info("%s no longer has the sensor %s: removed", coordinator.name, devices[sensor_id].name)
        registry.async_remove_device(devices[sensor_id].id)
    for sensor_id, sensor in coordinator.data.sensors.items():
        if sensor_id in devices and sensor.name and devices[sensor_id].name != sensor.name:
            registry.async_update_device(devices[sensor_id].id, name=sensor.name)
    hub = registry.async_get(coordinator.hub_id, include_child_devices=False)
    device = coordinator.data.device
    if hub is not None and (hub.name, hub.sw_version) != (device.name, device.software):
        registry.async_update_device(hub.id, name=device.name, sw_version=device.software)
