"""What all diagnostic entities of a Fluksometer itself share."""

from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import override

from homeassistant.const import EntityCategory, Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .client import Device
from .const import DOMAIN
from .coordinator import FluksoCoordinator
from .devices import hub_identifier


class FluksoHubEntity[V](CoordinatorEntity[FluksoCoordinator]):
    """One thing that a Fluksometer tells of itself. Writes its state when it changed, and only then."""

    _attr_has_entity_name = True
    _attr_entity_category = EntityCategory.DIAGNOSTIC
    _attr_entity_registry_enabled_default = False
    _attr_available = False

    def __init__(self, coordinator: FluksoCoordinator, key: str) -> None:
        """Show what has this key."""
        super().__init__(coordinator)
        self.told: V | None = None
        hub = hub_identifier(coordinator.config_entry)
        self._attr_unique_id = f"{hub}_{key}"
        self._attr_device_info = DeviceInfo(identifiers={(DOMAIN, hub)})

    @property
    @override
    def available(self) -> bool:
        """Tell whether the Fluksometer answered last."""
        return self._attr_available

    @override
    async def async_added_to_hass(self) -> None:
        """Show what is known."""
        await super().async_added_to_hass()
        self._refresh()

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        """Write the state if it changed."""
        if self._refresh():
            self.async_write_ha_state()

    def _refresh(self) -> bool:
        """Bring value and availability up to date and tell whether either changed."""
        before = (self._attr_available, self.told)
        self._attr_available = self.coordinator.last_update_success
        if self._attr_available:
            self.told = self._read(self.coordinator.data.device)
        return before != (self._attr_available, self.told)

    @abstractmethod
    def _read(self, device: Device) -> V | None:
        """Return what the Fluksometer tells, None while it is not known."""


@callback
def async_follow_hub[V](
    hass: HomeAssistant,
    coordinator: FluksoCoordinator,
    platform: Platform,
    async_add_entities: AddConfigEntryEntitiesCallback,
    make: Callable[[Device], Iterable[FluksoHubEntity[V]]],
) -> None:
    """Add the entities of what a Fluksometer tells of itself, now and when it tells more.

    Those of what it no longer has when it is set up are removed.
    """
    added: set[str | None] = set()

    @callback
    def follow() -> None:
        new = [entity for entity in make(coordinator.data.device) if entity.unique_id not in added]
        added.update(entity.unique_id for entity in new)
        if new:
            async_add_entities(new)

    follow()
    coordinator.config_entry.async_on_unload(coordinator.async_add_listener(follow))
    registry = er.async_get(hass)
    hub = hub_identifier(coordinator.config_entry)
    for known in er.async_entries_for_config_entry(registry, coordinator.config_entry.entry_id):
        ours = known.domain == platform and known.unique_id.startswith(f"{hub}_")
        if ours and known.unique_id not in added:
            registry.async_remove(known.entity_id)
