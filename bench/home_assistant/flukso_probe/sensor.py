"""Entities like those of the integration, whose states a timer writes: what Home Assistant itself spends on them."""

import asyncio
from collections.abc import Iterable, Sequence
from itertools import batched, chain
from time import monotonic
from typing import override

import voluptuous as vol
from homeassistant.components.sensor import (
    PLATFORM_SCHEMA as SENSOR_SCHEMA,
)
from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import UnitOfEnergy, UnitOfPower
from homeassistant.core import HomeAssistant, ServiceCall, callback
from homeassistant.helpers.entity_platform import AddEntitiesCallback
from homeassistant.helpers.typing import ConfigType, DiscoveryInfoType

DOMAIN = "flukso_probe"
SENSORS = "sensors"
SENSORS_OF_A_METER = 6
TICK_SECONDS = 0.005
"""How often the event loop is asked whether it is late."""

PLATFORM_SCHEMA = SENSOR_SCHEMA.extend({vol.Required(SENSORS): vol.Coerce(int)})

POWER = SensorEntityDescription(
    key="power",
    device_class=SensorDeviceClass.POWER,
    state_class=SensorStateClass.MEASUREMENT,
    native_unit_of_measurement=UnitOfPower.WATT,
    suggested_display_precision=0,
)
ENERGY = SensorEntityDescription(
    key="energy",
    device_class=SensorDeviceClass.ENERGY,
    state_class=SensorStateClass.TOTAL_INCREASING,
    native_unit_of_measurement=UnitOfEnergy.WATT_HOUR,
    suggested_unit_of_measurement=UnitOfEnergy.KILO_WATT_HOUR,
    suggested_display_precision=3,
)


class Written(SensorEntity):
    """A state that is written when it is told a value."""

    _attr_should_poll = False
    _attr_available = False

    def __init__(self, description: SensorEntityDescription, number: int) -> None:
        """Make one of many alike."""
        self.entity_description = description
        self._attr_name = f"Probe {number} {description.key}"
        self._attr_unique_id = f"probe_{number}_{description.key}"

    @callback
    def write(self, value: int) -> None:
        """Write a state."""
        self._attr_available = True
        self._attr_native_value = value
        self.async_write_ha_state()


class Stall(SensorEntity):
    """The longest time, in ms, that the event loop has been late since this was read."""

    _attr_name = "Probe stall"
    _attr_unique_id = "probe_stall"
    _attr_should_poll = False
    _attr_native_value = 0.0

    @override
    async def async_added_to_hass(self) -> None:
        """Begin to look."""
        self.hass.async_create_background_task(self._look(), "flukso_probe stall")

    async def _look(self) -> None:
        told, longest = monotonic(), 0.0
        while True:
            due = monotonic() + TICK_SECONDS
            await asyncio.sleep(TICK_SECONDS)
            now = monotonic()
            longest = max(longest, now - due)
            if now - told >= 1:
                self._attr_native_value = round(1000 * longest, 1)
                self.async_write_ha_state()
                told, longest = now, 0.0


class Writer:
    """Writes each sensor's states once a second: those of one meter together, the meters spread over the second."""

    def __init__(self, hass: HomeAssistant, sensors: Sequence[tuple[Written, Written]]) -> None:
        """Write to pairs of power and energy."""
        self._hass = hass
        self._sensors = sensors
        self._second = 0
        self._timers: list[asyncio.TimerHandle] = []

    @callback
    def start(self) -> None:
        """Write the next second, and those after it."""
        self._second += 1
        due = self._hass.loop.time()
        of_meters = list(batched(self._sensors, SENSORS_OF_A_METER))
        self._timers = [
            self._hass.loop.call_at(due + place / len(of_meters), self._write, of_one)
            for place, of_one in enumerate(of_meters)
        ]
        self._timers.append(self._hass.loop.call_at(due + 1, self.start))

    @callback
    def _write(self, sensors: Iterable[tuple[Written, Written]]) -> None:
        for entity in chain.from_iterable(sensors):
            entity.write(100_000 + self._second)

    @callback
    def stop(self) -> None:
        """Write no more."""
        for timer in self._timers:
            timer.cancel()


async def async_setup_platform(
    hass: HomeAssistant,
    config: ConfigType,
    async_add_entities: AddEntitiesCallback,
    _discovery_info: DiscoveryInfoType | None = None,
) -> None:
    """Add the entities, and the actions that begin and end their writing."""
    sensors = [(Written(POWER, number), Written(ENERGY, number)) for number in range(config[SENSORS])]
    async_add_entities([*(entity for pair in sensors for entity in pair), Stall()])
    writer = Writer(hass, sensors)

    async def start(_call: ServiceCall) -> None:
        writer.start()

    async def stop(_call: ServiceCall) -> None:
        writer.stop()

    hass.services.async_register(DOMAIN, "start", start)
    hass.services.async_register(DOMAIN, "stop", stop)
