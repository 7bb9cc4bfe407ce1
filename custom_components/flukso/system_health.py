"""What Settings > System > Repairs > System information says of the integration."""

from typing import Any

from homeassistant.components.system_health import SystemHealthRegistration
from homeassistant.core import HomeAssistant, callback

from .const import DOMAIN
from .coordinator import FluksoConfigEntry


@callback
def async_register(_hass: HomeAssistant, register: SystemHealthRegistration) -> None:
    """Register what is told."""
    register.async_register_info(async_system_health_info)


async def async_system_health_info(hass: HomeAssistant) -> dict[str, Any]:
    """Count Fluksometers and sensors, and those with which something is wrong."""
    entries: list[FluksoConfigEntry] = hass.config_entries.async_loaded_entries(DOMAIN)
    coordinators = [entry.runtime_data for entry in entries]
    return {
        "fluksometers": len(hass.config_entries.async_entries(DOMAIN)),
        "reachable": sum(coordinator.last_update_success for coordinator in coordinators),
        "pushing": sum(coordinator.push is not None and coordinator.push.connected for coordinator in coordinators),
        "sensors": sum(len(coordinator.data.sensors) for coordinator in coordinators),
        "silent_sensors": sum(len(coordinator.stale) for coordinator in coordinators),
    }
