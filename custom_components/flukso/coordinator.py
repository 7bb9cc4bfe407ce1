"""Keeps what one Fluksometer tells: polls as the floor, pushed readings at once."""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_DEVICE_ID
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryAuthFailed
from homeassistant.helpers.debounce import Debouncer
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed

from .client import (
    FluksoConnectionError,
    FluksoError,
    FluksometerMqtt,
    FluksometerV1,
    FluksometerV2,
    FluksoNotFoundError,
    FluksoTokenError,
    Reading,
    SensorReading,
    Snapshot,
)
from .const import (
    ABSENT_SECONDS,
    DOMAIN,
    LOGGER,
    REFRESH_COOLDOWN,
    SCAN_INTERVAL,
    STALE_SECONDS,
    UNREACHABLE_GRACE,
)
from .energy_ledger import EnergyLedger
from .freshness import Freshness
from .issues import async_clear_wrong_device, async_report_wrong_device
from .push import Push

if TYPE_CHECKING:
    from .demand import Demands

type FluksoConfigEntry = ConfigEntry[FluksoCoordinator]
type FluksoClient = FluksometerV1 | FluksometerV2 | FluksometerMqtt


class FluksoCoordinator(DataUpdateCoordinator[Snapshot]):
    """What one Fluksometer tells, and whether it can be relied on."""

    config_entry: FluksoConfigEntry

    hub_id: str
    """The Fluksometer's id in the device registry, set while the entry is set up."""

    demands: Demands
    """The quarter hours of its sensors, set while the entry is set up."""

    def __init__(self, hass: HomeAssistant, entry: FluksoConfigEntry, client: FluksoClient) -> None:
        """Follow the Fluksometer that the client reaches."""
        super().__init__(
            hass,
            LOGGER,
            config_entry=entry,
            name=entry.title,
            update_interval=SCAN_INTERVAL,
            request_refresh_debouncer=Debouncer(hass, LOGGER, cooldown=REFRESH_COOLDOWN, immediate=True),
        )
        self.device_id: str = entry.data[CONF_DEVICE_ID]
        self.awaited: set[str] = set()
        """Ids of the sensors that the Fluksometer no longer lists, but not for long enough to be removed."""
        self.client = client
        self.statistics_turn = asyncio.Lock()
        """Held by whoever rewrites the statistics of this Fluksometer's entities."""
        self.push = None if isinstance(client, FluksometerV1) else Push(self, client)
        self.ledger = EnergyLedger(hass, entry.entry_id) if isinstance(client, FluksometerV1) else None
        self._freshness = Freshness(STALE_SECONDS)
        self._reported_stale: set[str] = set()
        self._heard = 0.0
        self._pushed_at: dict[str, float] = {}
        self._absent_since: dict[str, float] = {}
        self._sensor_listeners: dict[str, list[CALLBACK_TYPE]] = {}

    @property
    def stale(self) -> list[str]:
        """Return the ids of the sensors whose values are too old."""
        return sorted(self._freshness.stale)

    def sensor_available(self, sensor_id: str) -> bool:
        """Tell whether a sensor is there and being measured."""
        return self.last_update_success and sensor_id in self.data.sensors and sensor_id not in self._freshness.stale

    def reading(self, sensor_id: str) -> Reading | None:
        """Return a sensor's newest reading, None before there is one that is known to be current."""
        if not self._freshness.proven or (sensor := self.data.sensors.get(sensor_id)) is None:
            return None
        return sensor.reading

    @callback
    def async_listen_to_sensor(self, sensor_id: str, listener: CALLBACK_TYPE) -> Callable[[], None]:
        """Call the listener for each reading pushed for this sensor."""
        listeners = self._sensor_listeners.setdefault(sensor_id, [])
        listeners.append(listener)
        return lambda: listeners.remove(listener)

    @override
    async def _async_setup(self) -> None:
        """Fetch what an earlier run has kept."""
        if self.ledger is not None:
            await self.ledger.load()

    @override
    async def _async_update_data(self) -> Snapshot:
        """Poll; a short silence is bridged with what is known."""
        started = monotonic()
        try:
            snapshot = await self.client.fetch()
        except FluksoTokenError as error:
            raise ConfigEntryAuthFailed(translation_domain=DOMAIN, translation_key="invalid_token") from error
        except FluksoError as error:
            if self.data is not None and self.last_update_success and monotonic() - self._heard < UNREACHABLE_GRACE:
                LOGGER.debug("%s missed a poll: %s", self.name, error)
                return self.data
            # Nobody can be missing from a list that cannot be had.
            self._absent_since.clear()
            key = _key(error)
            raise UpdateFailed(
                translation_domain=DOMAIN, translation_key=key, translation_placeholders={"error": str(error)}
            ) from error
        if snapshot.device.id != self.device_id:
            async_report_wrong_device(self.hass, self.config_entry, snapshot.device.id)
            raise UpdateFailed(
                translation_domain=DOMAIN,
                translation_key="wrong_device",
                translation_placeholders={"expected": self.device_id, "found": snapshot.device.id},
            )
        if not self.last_update_success or self.data is None:
            async_clear_wrong_device(self.hass, self.config_entry)
        self._heard = monotonic()
        if self.push is not None and not self.last_update_success:
            self.push.retry_now()
        snapshot = self._keep_pushed(snapshot, started)
        if self.ledger is not None:
            snapshot = await self.ledger.take(snapshot, self._heard)
        self._freshness.judge(snapshot, self._heard)
        self._report_stale(snapshot)
        return snapshot

    @callback
    def async_take_pushed(self, pushed: SensorReading) -> None:
        """Show a pushed reading at once."""
        now = self._heard = monotonic()
        if pushed.sensor not in self.data.sensors:
            LOGGER.debug("%s pushed a reading of the unknown sensor %s", self.name, pushed.sensor)
            self.async_refresh_soon()
            return
        self._pushed_at[pushed.sensor] = now
        self.data = self.data.with_reading(pushed.sensor, pushed.reading)
        revived = self._freshness.note(pushed.sensor, pushed.reading.time, now)
        if revived or not self.last_update_success or not self._freshness.proven:
            self.async_refresh_soon()
        for listener in tuple(self._sensor_listeners.get(pushed.sensor, ())):
            listener()

    @callback
    def async_refresh_soon(self) -> None:
        """Pull the next poll forward."""
        self.config_entry.async_create_background_task(
            self.hass, self.async_request_refresh(), f"{self.name} refresh", eager_start=False
        )

    def absent(self, known: set[str]) -> set[str]:
        """Return those of the known sensors that the Fluksometer has not listed for a minute."""
        now = monotonic()
        missing = known - self.data.sensors.keys()
        self._absent_since = {sensor: self._absent_since.get(sensor, now) for sensor in missing}
        gone = {sensor for sensor, since in self._absent_since.items() if now - since >= ABSENT_SECONDS}
        self.awaited = missing - gone
        return gone

    def _keep_pushed(self, snapshot: Snapshot, started: float) -> Snapshot:
        """Return the snapshot with the readings that were pushed while the poll was under way: they are newer."""
        for sensor_id, at in self._pushed_at.items():
            if at < started or sensor_id not in snapshot.sensors or self.data is None:
                continue
            known, polled = self.data.sensors.get(sensor_id), snapshot.sensors[sensor_id].reading
            if known is None or known.reading is None or (polled is not None and polled.time > known.reading.time):
                continue
            snapshot = snapshot.with_reading(sensor_id, known.reading)
        return snapshot

    def _report_stale(self, snapshot: Snapshot) -> None:
        """Log one line when sensors fall silent and one when they are back."""
        stale = set(self._freshness.stale)
        lost = sorted(snapshot.sensors[sensor].name or sensor for sensor in stale - self._reported_stale)
        back = sorted(
            snapshot.sensors[sensor].name or sensor
            for sensor in self._reported_stale - stale
            if sensor in snapshot.sensors
        )
        if lost:
            links = [snapshot.device.link(snapshot.sensors[sensor]) for sensor in stale - self._reported_stale]
            silent = any(link is not None and not link.connected for link in links)
            why = "the board is silent" if silent else "no longer measured"
            LOGGER.warning("%s has no current values of %s: %s", self.name, ", ".join(lost), why)
        if back:
            LOGGER.info("%s has current values of %s again", self.name, ", ".join(back))
        self._reported_stale = stale


def _key(error: FluksoError) -> str:
    """Return the key of the message for an error."""
    if isinstance(error, FluksoConnectionError):
        return "cannot_connect"
    return "not_found" if isinstance(error, FluksoNotFoundError) else "invalid_response"
