"""Fills the hours that Home Assistant has missed in the statistics of its entities, from the Fluksometer's history.

After Home Assistant, or the way to the Fluksometer, was down. The first hour that is recorded afterwards is waited for:
it carries all that was counted meanwhile, and so proves how much that is.
"""

from typing import Final

from homeassistant.const import EVENT_RECORDER_HOURLY_STATISTICS_GENERATED
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util

from .broken_sum import async_raise_broken_sum
from .client import FluksoError, FluksometerV2, FluksoNotFoundError, SensorClass
from .const import DOMAIN, LOGGER
from .coordinator import FluksoConfigEntry, FluksoCoordinator
from .healing import HOUR, LEEWAY, Healing, heal, pulse_leeway
from .long_term_statistics import (
    Series,
    async_done,
    async_rows,
    async_series,
    async_shift,
    async_write,
    is_recording,
    unit_class_of,
)
from .metered import async_counters, total_entity_id

FURTHEST_BACK: Final = 400 * 24 * HOUR
"""Seconds: what fluksod keeps unless told otherwise. Only the first comparison goes back so far."""

OVERLAP: Final = 3 * HOUR
"""Seconds that are compared again before what is settled."""

ATTEMPTS: Final = 48
"""Hours after which a sensor that does not fit its meter is left alone until the next outage."""


class GapHealer:
    """Heals the statistics of one Fluksometer's totals."""

    def __init__(
        self, hass: HomeAssistant, entry: FluksoConfigEntry, coordinator: FluksoCoordinator, client: FluksometerV2
    ) -> None:
        """Heal what this coordinator's entities have recorded with what this client tells."""
        self._hass = hass
        self._entry = entry
        self._coordinator = coordinator
        self._client = client
        self._settled: dict[str, int] = {}
        self._due: dict[str, tuple[int, int]] = {}  # since when by sensor, and the attempts so far
        self._available: set[str] = set()
        self._store = settled_store(hass, entry.entry_id)

    async def async_start(self) -> None:
        """Watch for outages until the entry is unloaded. Without a recorder there is nothing to heal."""
        if not is_recording(self._hass):
            return
        self._settled = await self._store.async_load() or {}
        self._watch()
        self._entry.async_on_unload(self._coordinator.async_add_listener(self._watch))
        self._entry.async_on_unload(
            self._hass.bus.async_listen(EVENT_RECORDER_HOURLY_STATISTICS_GENERATED, self._hour_recorded)
        )

    @callback
    def _watch(self) -> None:
        """Note which sensors have come back, at first all that are there."""
        available = {
            sensor_id for sensor_id in self._coordinator.data.sensors if self._coordinator.sensor_available(sensor_id)
        }
        now = int(dt_util.utcnow().timestamp())
        for sensor_id in available - self._available:
            self._due[sensor_id] = (now, 0)
        self._available = available

    @callback
    def _hour_recorded(self, _: Event) -> None:
        if self._due:
            self._entry.async_create_background_task(
                self._hass, self.async_heal(), f"{self._coordinator.name} healing", eager_start=False
            )

    async def async_heal(self) -> None:
        """Heal the sensors that were away."""
        async with self._coordinator.statistics_turn:
            # The hour is announced before it is in the database.
            await async_done(self._hass)
            for sensor_id, (since, attempts) in list(self._due.items()):
                settled = await self._heal_sensor(sensor_id)
                if self._due.get(sensor_id) != (since, attempts):
                    continue  # it was away again meanwhile
                if settled >= since or attempts + 1 >= ATTEMPTS:
                    del self._due[sensor_id]
                else:
                    self._due[sensor_id] = (since, attempts + 1)
            await self._store.async_save(self._settled)

    async def _heal_sensor(self, sensor_id: str) -> int:
        """Heal one sensor and return until when its statistics are known to be right, in unix seconds."""
        settled = self._settled.get(sensor_id, 0)
        sensor = self._coordinator.data.sensors.get(sensor_id)
        if sensor is None or (entity_id := total_entity_id(self._hass, sensor)) is None:
            return settled
        series = await async_series(self._hass, entity_id, unit_class_of(sensor.type))
        if series is None:
            return settled
        now = int(dt_util.utcnow().timestamp())
        rows = await async_rows(self._hass, series, max(settled - OVERLAP, now - FURTHEST_BACK))
        if len(rows) < 2:
            return settled
        try:
            counters = await async_counters(self._client, sensor, rows[0].start, rows[-1].end)
        except FluksoNotFoundError:
            LOGGER.debug("%s keeps no history of %s", self._coordinator.name, entity_id)
            counters = {}
        except FluksoError as error:
            LOGGER.debug("%s does not tell the history of %s: %s", self._coordinator.name, entity_id, error)
            return settled
        # A first comparison may be of a year: not in the event loop.
        leeway = pulse_leeway(rows) if sensor.sensor_class is SensorClass.PULSE else LEEWAY
        healing = await self._hass.async_add_executor_job(heal, rows, counters, leeway)
        await self._write(series, healing)
        if healing.settled is not None:
            self._settled[sensor_id] = settled = healing.settled
        return settled

    async def _write(self, series: Series, healing: Healing) -> None:
        for broken in healing.broken:
            async_raise_broken_sum(self._hass, series, broken)
        for shift in healing.shifts:
            async_shift(self._hass, series, shift)
        if healing.rows:
            await async_write(self._hass, series, healing.rows)
        if healing.shifts or healing.rows:
            await async_done(self._hass)
            LOGGER.info("%d hours of %s were put right from the Fluksometer's history", len(healing.rows), series.id)


def settled_store(hass: HomeAssistant, entry_id: str) -> Store[dict[str, int]]:
    """Return where it is kept until when the statistics of each sensor are known to be right (unix seconds)."""
    return Store(hass, 1, f"{DOMAIN}.{entry_id}.settled")
