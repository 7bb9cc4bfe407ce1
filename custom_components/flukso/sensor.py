"""Power and energy of electricity, flow and volume of water and gas."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from time import time
from typing import Any, Final, override

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

from .claims import Claims
from .client import Direction, Quantity, Reading, Sensor, SensorType, is_number
from .const import DOMAIN
from .coordinator import FluksoConfigEntry, FluksoCoordinator
from .counter_guard import CounterGuard, GuardMemory
from .demand_sensor import DEMANDS, demand_entities
from .devices import async_follow_devices
from .entity import FluksoSensorEntity, Value
from .hub_entity import async_follow_hub
from .hub_sensor import hub_sensors
from .issues import async_report_register
from .phase_sensor import PHASES, phase_entities, told
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

NET_POWER: Final = replace(GAUGES[SensorType.ELECTRICITY], translation_key="net_power")
"""Of a meter that tells in one number what comes in and what goes out: above 0 it comes in, as Home Assistant wants."""

POWER_DRAWN: Final = replace(
    GAUGES[SensorType.ELECTRICITY],
    key="power_drawn",
    translation_key="power_drawn",
    entity_registry_enabled_default=False,
)
"""Of such a meter, only what comes in. What goes out is the power of its sensor for export."""

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
    shapes: dict[str, _Shape] = {}
    added: dict[str, set[str | None]] = {}
    claims = Claims(hass, entry)
    _remove_misfits(hass, coordinator)

    @callback
    def follow() -> None:
        """Bring devices and entities up to date with the sensors that the Fluksometer lists."""
        async_follow_devices(hass, entry, coordinator)
        sensors = coordinator.data.sensors
        if any(shapes[known].kind != _shape(sensors[known]).kind for known in shapes.keys() & sensors.keys()):
            # The owner corrected what a sensor measures: other entities altogether.
            hass.config_entries.async_schedule_reload(entry.entry_id)
            return
        # A sensor that is away for a moment keeps its entities; one that was removed may come back.
        for gone in shapes.keys() - sensors.keys() - coordinator.awaited:
            del shapes[gone], added[gone]
            claims.release(gone)
        claims.forget_all_but(set(sensors))
        new: list[FluksoSensorEntity] = []
        for sensor_id, sensor in sensors.items():
            if shapes.get(sensor_id) == (shape := _shape(sensor)):
                continue
            if not claims.claim(sensor):
                continue
            shapes[sensor_id] = shape
            known = added.setdefault(sensor_id, set())
            more = [entity for entity in _entities(coordinator, sensor) if entity.unique_id not in known]
            known.update(entity.unique_id for entity in more)
            new += more
        async_add_entities(new)

    follow()
    entry.async_on_unload(coordinator.async_add_listener(follow))
    async_follow_hub(hass, coordinator, Platform.SENSOR, async_add_entities, partial(hub_sensors, coordinator))


@dataclass(frozen=True, slots=True)
class _Shape:
    """What decides which entities a sensor has. Another kind has others; a meter may tell more in time."""

    kind: tuple[SensorType, Direction, Quantity | None]
    has_gauge: bool
    is_tariff_register: bool
    phases: tuple[str, ...]


def _shape(sensor: Sensor) -> _Shape:
    phases = tuple(description.key for description in told(sensor))
    kind = (sensor.type, sensor.direction, sensor.quantity)
    return _Shape(kind, sensor.has_gauge, sensor.is_tariff_register, phases)


def _entities(coordinator: FluksoCoordinator, sensor: Sensor) -> list[FluksoSensorEntity]:
    entities: list[FluksoSensorEntity] = []
    if sensor.gauge_is_net and not sensor.is_tariff_register:
        entities += [FluksoGauge(coordinator, sensor, NET_POWER), FluksoPowerDrawn(coordinator, sensor, POWER_DRAWN)]
    elif sensor.has_gauge and not sensor.is_tariff_register:
        entities.append(FluksoGauge(coordinator, sensor, _gauge(sensor)))
    if sensor.has_counter:
        entities.append(FluksoCounter(coordinator, sensor, _counter(sensor)))
    return entities + phase_entities(coordinator, sensor) + demand_entities(coordinator, coordinator.demands, sensor)


def _gauge(sensor: Sensor) -> SensorEntityDescription:
    return GAUGES[sensor.type] if sensor.quantity is None else QUANTITY_GAUGES[sensor.quantity]


def _counter(sensor: Sensor) -> SensorEntityDescription:
    return COUNTERS[sensor.type] if sensor.quantity is None else QUANTITY_COUNTERS[sensor.quantity]


def _draws_electricity(sensor: Sensor) -> bool:
    return sensor.type is SensorType.ELECTRICITY and sensor.direction is Direction.IMPORT and sensor.quantity is None


def _remove_misfits(hass: HomeAssistant, coordinator: FluksoCoordinator) -> None:
    """Remove entities that sensors no longer have since they measure something else.

    What a meter may tell in time stays: it may just have been switched on.
    """
    registry = er.async_get(hass)
    rates = {description.key for description in (*GAUGES.values(), *QUANTITY_GAUGES.values())}
    totals = {description.key for description in (*COUNTERS.values(), *QUANTITY_COUNTERS.values())}
    electric = {description.key for description in (POWER_DRAWN, *PHASES, *DEMANDS)}
    known = rates | totals | electric
    for sensor in coordinator.data.sensors.values():
        fitting = {_gauge(sensor).key}
        if sensor.has_counter:
            fitting.add(_counter(sensor).key)
        if _draws_electricity(sensor):
            fitting |= electric
        for key in known - fitting:
            if entity_id := registry.async_get_entity_id(Platform.SENSOR, DOMAIN, f"{sensor.id}_{key}"):
                registry.async_remove(entity_id)


class FluksoGauge(FluksoSensorEntity):
    """The rate now: W or L/min."""

    @override
    def _value(self, reading: Reading) -> Value:
        """Return the gauge as it is."""
        return reading.gauge


class FluksoPowerDrawn(FluksoSensorEntity):
    """What comes in now, in W; 0 while more goes out."""

    @override
    def _value(self, reading: Reading) -> Value:
        """Return the gauge where it is above 0."""
        return None if reading.gauge is None else max(reading.gauge, 0)


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
    def _value(self, reading: Reading) -> Value:
        """Return the guarded total, the last one while the register is unknown."""
        if reading.counter is None:
            return self._attr_native_value
        total = self.guard.observe(reading.counter, time())
        if (jump := self.guard.take_jump()) is not None:
            sensor = self.coordinator.data.sensors[self.sensor_id]
            async_report_register(self.hass, self.coordinator.config_entry, sensor, jump)
        return total


def _guard_memory(stored: object) -> GuardMemory | None:
    """Return what was stored, None if it is not what we store."""
    if not isinstance(stored, dict):
        return None
    total, register, at = (stored.get(key) for key in ("total", "register", "time"))
    if is_number(total) and is_number(register) and is_number(at):
        return GuardMemory(total=total, register=register, time=at)
    return None
