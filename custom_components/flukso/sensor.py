"""Power and energy of electricity, flow and volume of water and gas."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from time import time
from typing import Any, override

from homeassistant.components.sensor import (
    RestoreSensor,
    SensorDeviceClass,
    SensorEntityDescription,
    SensorExtraStoredData,
    SensorStateClass,
)
from homeassistant.const import Platform, UnitOfEnergy, UnitOfPower, UnitOfVolume, UnitOfVolumeFlowRate
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .client import Reading, Sensor, SensorType, is_number
from .const import DOMAIN
from .coordinator import FluksoConfigEntry, FluksoCoordinator
from .counter_guard import CounterGuard, GuardMemory
from .devices import async_follow_devices
from .entity import FluksoSensorEntity
from .quantities import QUANTITY_COUNTERS, QUANTITY_GAUGES

# The coordinator alone talks to the Fluksometer.
PARALLEL_UPDATES = 0

# Power and energy take their names from their device classes, which core translates into more languages than we do.
GAUGES: Mapping[SensorType, SensorEntityDescription] = {
    SensorType.ELECTRICITY: SensorEntityDescription(
        key="power",
        device_class=SensorDeviceClass.POWER,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=UnitOfPower.WATT,
        suggested_display_precision=0,
    ),
    SensorType.WATER: SensorEntityDescription(
        key="flow",
        translation_key="water_flow",
        device_class=SensorDeviceClass.VOLUME_FLOW_RATE,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=UnitOfVolumeFlowRate.LITERS_PER_MINUTE,
        suggested_display_precision=1,
    ),
    SensorType.GAS: SensorEntityDescription(
        key="flow",
        translation_key="gas_flow",
        device_class=SensorDeviceClass.VOLUME_FLOW_RATE,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=UnitOfVolumeFlowRate.LITERS_PER_MINUTE,
        suggested_display_precision=1,
    ),
}

# Native units are those of the register, so that the state carries each Wh and each litre.
COUNTERS: Mapping[SensorType, SensorEntityDescription] = {
    SensorType.ELECTRICITY: SensorEntityDescription(
        key="energy",
        device_class=SensorDeviceClass.ENERGY,
        state_class=SensorStateClass.TOTAL_INCREASING,
        native_unit_of_measurement=UnitOfEnergy.WATT_HOUR,
        suggested_unit_of_measurement=UnitOfEnergy.KILO_WATT_HOUR,
        suggested_display_precision=3,
    ),
    SensorType.WATER: SensorEntityDescription(
        key="volume",
        translation_key="water_volume",
        device_class=SensorDeviceClass.WATER,
        state_class=SensorStateClass.TOTAL_INCREASING,
        native_unit_of_measurement=UnitOfVolume.LITERS,
        suggested_unit_of_measurement=UnitOfVolume.CUBIC_METERS,
        suggested_display_precision=3,
    ),
    SensorType.GAS: SensorEntityDescription(
        key="volume",
        translation_key="gas_volume",
        device_class=SensorDeviceClass.GAS,
        state_class=SensorStateClass.TOTAL_INCREASING,
        native_unit_of_measurement=UnitOfVolume.LITERS,
        suggested_unit_of_measurement=UnitOfVolume.CUBIC_METERS,
        suggested_display_precision=3,
    ),
}


async def async_setup_entry(
    hass: HomeAssistant, entry: FluksoConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the entities of all sensors, now and when more appear."""
    coordinator = entry.runtime_data
    types: dict[str, SensorType] = {}
    _remove_misfits(hass, coordinator)

    @callback
    def follow() -> None:
        """Bring devices and entities up to date with the sensors that the Fluksometer lists."""
        async_follow_devices(hass, entry, coordinator)
        sensors = coordinator.data.sensors
        if any(sensors[known].type is not types[known] for known in types.keys() & sensors.keys()):
            # The owner corrected what a sensor measures: other entities altogether.
            hass.config_entries.async_schedule_reload(entry.entry_id)
            return
        # A sensor that is away for a moment keeps its entities; one that was removed may come back.
        for gone in types.keys() - sensors.keys() - coordinator.awaited:
            del types[gone]
        new = [sensor for sensor_id, sensor in sensors.items() if sensor_id not in types]
        types.update({sensor.id: sensor.type for sensor in new})
        async_add_entities(entity for sensor in new for entity in _entities(coordinator, sensor))

    follow()
    entry.async_on_unload(coordinator.async_add_listener(follow))


def _entities(coordinator: FluksoCoordinator, sensor: Sensor) -> list[FluksoSensorEntity]:
    entities: list[FluksoSensorEntity] = []
    if sensor.has_gauge:
        entities.append(FluksoGauge(coordinator, sensor, _gauge(sensor)))
    if sensor.has_counter:
        entities.append(FluksoCounter(coordinator, sensor, _counter(sensor)))
    return entities


def _gauge(sensor: Sensor) -> SensorEntityDescription:
    return GAUGES[sensor.type] if sensor.quantity is None else QUANTITY_GAUGES[sensor.quantity]


def _counter(sensor: Sensor) -> SensorEntityDescription:
    return COUNTERS[sensor.type] if sensor.quantity is None else QUANTITY_COUNTERS[sensor.quantity]


def _remove_misfits(hass: HomeAssistant, coordinator: FluksoCoordinator) -> None:
    """Remove entities that sensors no longer have since they measure something else."""
    registry = er.async_get(hass)
    for sensor in coordinator.data.sensors.values():
        wanted = {_gauge(sensor).key} | ({_counter(sensor).key} if sensor.has_counter else set())
        for description in (*GAUGES.values(), *COUNTERS.values()):
            unique_id = f"{sensor.id}_{description.key}"
            if description.key not in wanted and (
                entity_id := registry.async_get_entity_id(Platform.SENSOR, DOMAIN, unique_id)
            ):
                registry.async_remove(entity_id)


class FluksoGauge(FluksoSensorEntity):
    """The rate now: W or L/min."""

    @override
    def _value(self, reading: Reading) -> int | float | None:
        """Return the gauge as it is."""
        return reading.gauge


@dataclass
class CounterStoredData(SensorExtraStoredData):
    """The total that was shown, and from which register it was made."""

    guard: GuardMemory | None

    @override
    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {**super().as_dict(), "guard": None if self.guard is None else asdict(self.guard)}


class FluksoCounter(FluksoSensorEntity, RestoreSensor):
    """The total so far: Wh or L. It never goes back but to zero, and never spikes."""

    def __init__(self, coordinator: FluksoCoordinator, sensor: Sensor, description: SensorEntityDescription) -> None:
        """Show the total of the sensor."""
        super().__init__(coordinator, sensor, description)
        self.guard = CounterGuard()

    @override
    async def async_added_to_hass(self) -> None:
        """Go on from the total before the restart."""
        if (stored := await self.async_get_last_extra_data()) is not None:
            memory = _guard_memory(stored.as_dict().get("guard"))
            if memory is not None:
                self.guard.restore(memory)
        await super().async_added_to_hass()

    @property
    @override
    def extra_restore_state_data(self) -> CounterStoredData:
        """Keep the total and its register over a restart."""
        return CounterStoredData(self.native_value, self.native_unit_of_measurement, self.guard.memory)

    @override
    def _value(self, reading: Reading) -> int | float | None:
        """Return the guarded total, the last one while the register is unknown."""
        if reading.counter is None:
            return self._attr_native_value
        return self.guard.observe(reading.counter, time())


def _guard_memory(stored: object) -> GuardMemory | None:
    """Return what was stored, None if it is not what we store."""
    if not isinstance(stored, dict):
        return None
    total, register, at = (stored.get(key) for key in ("total", "register", "time"))
    if is_number(total) and is_number(register) and is_number(at):
        return GuardMemory(total=total, register=register, time=at)
    return None
