"""Whether the boards and meters of a Fluksometer are connected."""

from collections.abc import Iterator
from typing import override

from homeassistant.components.binary_sensor import BinarySensorDeviceClass, BinarySensorEntity
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .client import Device
from .coordinator import FluksoConfigEntry, FluksoCoordinator
from .hub_entity import FluksoHubEntity, async_follow_hub
from .links import links

# The coordinator alone talks to the Fluksometer.
PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant, entry: FluksoConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add an entity for each board and meter."""
    coordinator = entry.runtime_data

    def make(device: Device) -> Iterator[FluksoLink]:
        for key, (name, _) in links(device).items():
            yield FluksoLink(coordinator, key, name)

    async_follow_hub(hass, coordinator, Platform.BINARY_SENSOR, async_add_entities, make)


class FluksoLink(FluksoHubEntity[bool], BinarySensorEntity):
    """Whether a board or meter is heard."""

    _attr_device_class = BinarySensorDeviceClass.CONNECTIVITY

    def __init__(self, coordinator: FluksoCoordinator, key: str, name: str) -> None:
        """Show the board or meter with this key."""
        super().__init__(coordinator, f"{key}_connected")
        self._link = key
        self._attr_translation_key = "named_link" if name else "board"
        if name:
            self._attr_translation_placeholders = {"name": name}

    @property
    @override
    def is_on(self) -> bool | None:
        """Tell whether it is connected."""
        return self.told

    @override
    def _read(self, device: Device) -> bool | None:
        """Return what the Fluksometer says, None where it does not have it any more."""
        link = links(device).get(self._link)
        return None if link is None else link[1].connected
