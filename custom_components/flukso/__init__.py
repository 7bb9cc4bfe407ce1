"""Flukso: electricity, water and gas as Fluksometers measure them, over the local network."""

from homeassistant.const import CONF_DEVICE_ID, CONF_TOKEN, EVENT_HOMEASSISTANT_STOP, Platform
from homeassistant.core import Event, HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.device_registry import DeviceEntry
from homeassistant.helpers.typing import ConfigType

from .actions import async_register_actions
from .client import FluksometerMqtt, FluksometerV1, FluksometerV2
from .const import API_MQTT, API_V2, CONF_API, DOMAIN
from .coordinator import FluksoClient, FluksoConfigEntry, FluksoCoordinator
from .demand import Demands, demand_store
from .devices import async_learn_mac, async_register_hub, async_sensor_devices
from .energy_dashboard import async_register_energy_dashboard
from .energy_ledger import EnergyLedger
from .entry_data import entry_address, v1_sensors
from .gap_healing import GapHealer, settled_store
from .history_import import raised_store
from .issues import SilentLinks, async_forget

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)

PLATFORMS = [Platform.BINARY_SENSOR, Platform.SENSOR, Platform.UPDATE]


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Register the actions: they are there whether a Fluksometer is loaded or not."""
    async_register_energy_dashboard(hass)
    async_register_actions(hass)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: FluksoConfigEntry) -> bool:
    """Set up a Fluksometer."""
    session = async_get_clientsession(hass)
    address = entry_address(entry)
    client: FluksoClient
    if entry.data[CONF_API] == API_V2:
        client = FluksometerV2(session, address, entry.data.get(CONF_TOKEN))
    elif entry.data[CONF_API] == API_MQTT:
        client = FluksometerMqtt(address, entry.data[CONF_DEVICE_ID], entry.title)
    else:
        client = FluksometerV1(session, address, entry.data[CONF_DEVICE_ID], entry.title, v1_sensors(entry.data))

    coordinator = FluksoCoordinator(hass, entry, client)
    await coordinator.async_config_entry_first_refresh()
    async_register_hub(hass, entry, coordinator)
    coordinator.demands = Demands(hass, coordinator)
    await coordinator.demands.async_start()
    SilentLinks(hass, coordinator)
    entry.runtime_data = coordinator
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    if (ledger := coordinator.ledger) is not None:

        async def save(_: Event) -> None:
            await ledger.save()

        entry.async_on_unload(hass.bus.async_listen_once(EVENT_HOMEASSISTANT_STOP, save))
    entry.async_create_task(hass, async_learn_mac(hass, entry, coordinator), f"{coordinator.name} MAC address")
    if coordinator.push is not None:
        coordinator.push.start()
    if isinstance(client, FluksometerV2):
        await GapHealer(hass, entry, coordinator, client).async_start()
    return True


async def async_unload_entry(hass: HomeAssistant, entry: FluksoConfigEntry) -> bool:
    """Unload a Fluksometer."""
    await entry.runtime_data.demands.async_save()
    unloaded = await hass.config_entries.async_unload_platforms(entry, PLATFORMS)
    if unloaded and entry.runtime_data.ledger is not None:
        await entry.runtime_data.ledger.save()
    return unloaded


async def async_remove_entry(hass: HomeAssistant, entry: FluksoConfigEntry) -> None:
    """Forget what was kept for a Fluksometer."""
    await demand_store(hass, entry.entry_id).async_remove()
    await settled_store(hass, entry.entry_id).async_remove()
    await raised_store(hass, entry.entry_id).async_remove()
    await EnergyLedger(hass, entry.entry_id).remove()
    async_forget(hass, entry)


async def async_remove_config_entry_device(hass: HomeAssistant, entry: FluksoConfigEntry, device: DeviceEntry) -> bool:
    """Let a device be removed by hand once the Fluksometer no longer has it."""
    listed = entry.runtime_data.data.sensors
    return any(
        known.id == device.id and sensor_id not in listed
        for sensor_id, known in async_sensor_devices(hass, entry).items()
    )
