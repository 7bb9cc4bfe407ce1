"""Keeps the energy that is integrated for Fluksometers without counters, over restarts.

Nothing is shown before it is on the disk: a total cannot go back even when Home Assistant is killed.
"""

from dataclasses import asdict, replace
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store

from .client import Reading, Sensor, SensorType, Snapshot, is_number
from .const import DOMAIN, ENERGY_SAVE_SECONDS
from .power_integral import IntegralMemory, PowerIntegral

_VERSION = 1


class EnergyLedger:
    """The energy of an entry's electricity sensors, in Wh by sensor id."""

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Keep it for this entry."""
        self._store: Store[dict[str, Any]] = Store(hass, _VERSION, f"{DOMAIN}.energy.{entry_id}")
        self._integrals: dict[str, PowerIntegral] = {}
        self._shown: dict[str, float] = {}
        self._counted_to: dict[str, int] = {}
        self._saved_at: float | None = None

    async def load(self) -> None:
        """Go on from what an earlier run has kept; what is not as we write it is left out."""
        for sensor_id, kept in (await self._store.async_load() or {}).items():
            if (memory := _memory(kept)) is not None:
                self._integrals[sensor_id] = PowerIntegral(memory)
        self._show()

    async def take(self, snapshot: Snapshot, now: float) -> Snapshot:
        """Count a poll's seconds and return it with counters; `now` is in seconds on a monotonic clock."""
        metered = [sensor for sensor in snapshot.sensors.values() if sensor.type is SensorType.ELECTRICITY]
        for sensor in metered:
            self._integrals.setdefault(sensor.id, PowerIntegral()).observe(sensor.recent, now)
        first = any(self._integrals[sensor.id].total is not None and sensor.id not in self._shown for sensor in metered)
        if first or self._saved_at is None or now - self._saved_at >= ENERGY_SAVE_SECONDS:
            self._saved_at = now
            await self.save()
        return replace(
            snapshot, sensors={**snapshot.sensors, **{sensor.id: self._with_counter(sensor) for sensor in metered}}
        )

    def counted_to(self, sensor_id: str) -> int | None:
        """Return the last second (unix) that is in the total that is shown, None where none is."""
        return self._counted_to.get(sensor_id)

    async def save(self) -> None:
        """Put what was counted on the disk."""
        integrals = self._integrals.items()
        await self._store.async_save({key: asdict(memory) for key, each in integrals if (memory := each.memory)})
        self._show()

    async def remove(self) -> None:
        """Forget it all: the entry is gone."""
        await self._store.async_remove()

    def _show(self) -> None:
        self._shown = {key: total for key, each in self._integrals.items() if (total := each.total) is not None}
        self._counted_to = {key: memory.counted_to for key, each in self._integrals.items() if (memory := each.memory)}

    def _with_counter(self, sensor: Sensor) -> Sensor:
        total, memory = self._shown.get(sensor.id), self._integrals[sensor.id].memory
        reading = sensor.reading
        if reading is not None:
            reading = replace(reading, counter=total)
        elif memory is not None:
            # A pulse input that is silent for longer than a minute still has its total.
            reading = Reading(memory.counted_to, total, None)
        return replace(sensor, has_counter=True, reading=reading)


def _memory(kept: object) -> IntegralMemory | None:
    """Return what was kept of a sensor, None if it is not what we keep."""
    if not isinstance(kept, dict):
        return None
    watt_seconds, counted_to = kept.get("watt_seconds"), kept.get("counted_to")
    if is_number(watt_seconds) and watt_seconds >= 0 and isinstance(counted_to, int):
        return IntegralMemory(watt_seconds=watt_seconds, counted_to=counted_to)
    return None
