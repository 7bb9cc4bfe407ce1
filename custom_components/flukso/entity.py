"""What all entities of a sensor share."""

from abc import abstractmethod
from datetime import datetime
from typing import override

from homeassistant.components.sensor import SensorEntity, SensorEntityDescription
from homeassistant.core import callback
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .client import Reading, Sensor
from .coordinator import FluksoCoordinator
from .devices import sensor_device_info

type Value = int | float | datetime | None


class FluksoSensorEntity(CoordinatorEntity[FluksoCoordinator], SensorEntity):
    """One quantity of one sensor. Writes its state when it changed, and only then."""

    _attr_has_entity_name = True
    _attr_available = False
    _attr_native_value: Value = None

    def __init__(self, coordinator: FluksoCoordinator, sensor: Sensor, description: SensorEntityDescription) -> None:
        """Show the described quantity of the sensor."""
        super().__init__(coordinator)
        self.entity_description = description
        self.sensor_id = sensor.id
        self._attr_unique_id = f"{sensor.id}_{description.key}"
        self._attr_device_info = sensor_device_info(coordinator.config_entry, coordinator, sensor)

    @property
    @override
    def available(self) -> bool:
        """Tell whether the sensor is there and being measured, as of the last update."""
        return self._attr_available

    @override
    async def async_added_to_hass(self) -> None:
        """Follow polled and pushed readings."""
        await super().async_added_to_hass()
        self.async_on_remove(self.coordinator.async_listen_to_sensor(self.sensor_id, self._handle_coordinator_update))
        self._refresh()

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        """Write the state if it changed."""
        if self._refresh():
            self.async_write_ha_state()

    def _refresh(self) -> bool:
        """Bring value and availability up to date and tell whether either changed."""
        available = self.coordinator.sensor_available(self.sensor_id)
        value = self._attr_native_value
        if available:
            reading = self.coordinator.reading(self.sensor_id)
            value = None if reading is None else self._value(reading)
        changed = (available, value) != (self._attr_available, self._attr_native_value)
        self._attr_available = available
        self._attr_native_value = value
        return changed

    @abstractmethod
    def _value(self, reading: Reading) -> Value:
        """Return the value to show for a reading."""
