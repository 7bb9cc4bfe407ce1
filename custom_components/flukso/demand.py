"""Quarter-hour demand of the sensors that count what the house draws: as the Fluksometer tells it, or computed here.

A Fluksometer that tells it knows quarters that Home Assistant has missed, and what the meter itself will be billed by.
For others it is computed from their counters, and the months' peaks are kept over restarts.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util

from .client import Demand, Direction, Sensor, SensorClass, SensorType, Snapshot
from .const import DOMAIN
from .coordinator import FluksoCoordinator
from .quarter_hour import QuarterHours

STORAGE_VERSION: Final = 1

SAVE_SECONDS: Final = 10.0
"""Seconds after the end of a quarter in which the quarters of other sensors may end too, before all are saved."""


def demand_store(hass: HomeAssistant, entry_id: str) -> Store[dict[str, Any]]:
    """Return where an entry's quarter hours are kept."""
    return Store(hass, STORAGE_VERSION, f"{DOMAIN}.quarter_hours.{entry_id}")


def has_demand(sensor: Sensor) -> bool:
    """Tell whether a sensor counts all that is drawn somewhere, so that quarter hours make sense."""
    return (
        sensor.type is SensorType.ELECTRICITY
        and sensor.direction is Direction.IMPORT
        and sensor.quantity is None
        and sensor.has_counter
        and not sensor.is_tariff_register
    )


def measures_grid(sensor: Sensor, snapshot: Snapshot) -> bool:
    """Tell whether this is the house's own connection, as far as is told.

    A P1 meter always is; else the only sensor that counts what is drawn.
    """
    if sensor.sensor_class is SensorClass.COSEM:
        return True
    return [other.id for other in snapshot.sensors.values() if has_demand(other)] == [sensor.id]


class Demands:
    """The demand of each sensor of one Fluksometer."""

    def __init__(self, hass: HomeAssistant, coordinator: FluksoCoordinator) -> None:
        """Follow the Fluksometer of this coordinator."""
        self._coordinator = coordinator
        self._store = demand_store(hass, coordinator.config_entry.entry_id)
        self._stored: Mapping[str, Any] = {}
        self._quarters: dict[str, QuarterHours] = {}

    async def async_start(self) -> None:
        """Go on from the run before. To be called before there are entities, so that they see what is newest."""
        stored = await self._store.async_load()
        self._stored = stored if isinstance(stored, dict) else {}
        self._take_polled()
        self._coordinator.config_entry.async_on_unload(self._coordinator.async_add_listener(self._take_polled))

    async def async_save(self) -> None:
        """Save at once."""
        if self._quarters:
            await self._store.async_save(self._data())

    def of(self, sensor_id: str) -> Demand | None:
        """Return a sensor's demand now, None for one that has none."""
        sensor = self._coordinator.data.sensors.get(sensor_id)
        if sensor is None:
            return None
        if sensor.demand is not None:
            return sensor.demand
        quarters = self._quarters.get(sensor_id)
        if quarters is None:
            return None
        reading = self._coordinator.reading(sensor_id)
        running = quarters.running(0 if reading is None or reading.gauge is None else reading.gauge)
        peak = quarters.peak
        return Demand(
            average=None if running is None else running.average,
            projected=None if running is None else running.projected,
            month_peak=None if peak is None else peak.average,
            month_peak_time=None if peak is None else peak.time,
            mean_month_peak=quarters.mean_peak,
        )

    @callback
    def _take_polled(self) -> None:
        """Take the counters of a poll. Between pulses the Fluksometer's clock tells until when a counter held."""
        coordinator = self._coordinator
        device = coordinator.data.device
        for sensor in coordinator.data.sensors.values():
            if not has_demand(sensor) or sensor.demand is not None:
                continue
            if sensor.id not in self._quarters:
                self._follow(sensor.id)
            link = device.link(sensor)
            held = sensor.sensor_class is SensorClass.PULSE and link is not None and link.connected
            self._observe(sensor.id, device.time if held else None)

    def _follow(self, sensor_id: str) -> None:
        quarters = self._quarters[sensor_id] = QuarterHours(dt_util.get_default_time_zone())
        if isinstance(stored := self._stored.get(sensor_id), dict):
            quarters.restore(stored)
        self._coordinator.config_entry.async_on_unload(
            self._coordinator.async_listen_to_sensor(sensor_id, partial(self._observe, sensor_id))
        )

    @callback
    def _observe(self, sensor_id: str, time: int | None = None) -> None:
        reading, ledger = self._coordinator.reading(sensor_id), self._coordinator.ledger
        if reading is None or reading.counter is None or not self._coordinator.sensor_available(sensor_id):
            return
        # What is integrated here is shown later than it was counted.
        counted_to = time if ledger is None else ledger.counted_to(sensor_id)
        ended = self._quarters[sensor_id].observe(reading.time if counted_to is None else counted_to, reading.counter)
        if ended:
            self._store.async_delay_save(self._data, SAVE_SECONDS)

    def _data(self) -> dict[str, Any]:
        """Return the quarter hours of all sensors, those that are not listed now too: they may come back."""
        return {**self._stored, **{sensor: quarters.as_dict() for sensor, quarters in self._quarters.items()}}
