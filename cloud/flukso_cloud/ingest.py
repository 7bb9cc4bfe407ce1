"""What devices send: whether they may, and where it goes."""

from __future__ import annotations

import logging
import time
from collections import Counter
from dataclasses import dataclass

import msgspec
from cryptography.exceptions import InvalidTag

from . import digest, metrics
from .claim import claim_code, normalise
from .limiter import REGISTRATION_BY_ADDRESS, Limiter
from .live import Broadcaster, Gauge, Reading
from .meter import Sample
from .seconds import LIVE_PAST, Seconds
from .steady_clock import SteadyClock
from .store import Appended, Device, Sensor, SensorConfig, SensorGoneError, Store, StoreUnavailableError
from .upload import IN_FUTURE, MalformedError, Measurements, read_heartbeat, read_measurements, read_time
from .vault import Vault, digest_of, new_token

log = logging.getLogger(__name__)

NO_DEVICE = "No proper provisioning for this device"
NO_SENSOR = "No proper provisioning for this sensor"
BAD_DIGEST = "Incorrect digest"
NOT_CLAIMED = "Nobody has claimed this device"
CLOCK_TOLERANCE = 300
"""Seconds: an older request for a token may be somebody's recording."""
CENSUS_SECONDS = 10.0
"""For so long a device that is gone may still be believed."""


class RefusedError(Exception):
    """The sender is not who it should be. The text goes into WWW-Authenticate, as the original's did."""


class RegistrationLimitError(Exception):
    """Too many new devices from one address."""


@dataclass(frozen=True, slots=True)
class _Origin:
    """A sensor and the key of its device."""

    sensor: Sensor
    key: bytes


class Ingest:
    """Takes heartbeats and measurements. Keys never change once registered, so they are kept decrypted in memory."""

    def __init__(self, store: Store, vault: Vault, live: Broadcaster, seconds: Seconds, limiter: Limiter) -> None:
        self._store = store
        self._vault = vault
        self._live = live
        self._seconds = seconds
        self._limiter = limiter
        self._origins: dict[str, _Origin] = {}
        self._keys: dict[int, bytes] = {}
        self._census: tuple[int, ...] = ()
        self._counted = 0.0
        self.refused: Counter[str] = Counter()
        self.clock = SteadyClock()

    def _key(self, device: Device) -> bytes:
        try:
            return self._vault.unseal(device.sealed_key, device.id)
        except InvalidTag:
            log.critical("the key of device %s was sealed with another server.key than is here now", device.id)
            raise StoreUnavailableError("server.key does not belong to this database") from None

    async def heartbeat(self, device_id: str, body: bytes, signature: str, now: int, address: str) -> tuple[bytes, str]:
        """Take a heartbeat, registering the device if it is new; return the answer and its digest.

        `address` is what the sender is limited by.

        Raises RefusedError, MalformedError, RegistrationLimitError, StoreUnavailableError.
        """
        noted = self.clock.latest(now)
        device = await self._store.device(device_id)
        if device is None:
            beat = read_heartbeat(body, noted)
            if beat.key is None:
                raise RefusedError(NO_DEVICE)
            key = beat.key.encode("ascii")
            if not digest.matches(key, body, signature):
                raise RefusedError(BAD_DIGEST)
            if not self._limiter.allows(REGISTRATION_BY_ADDRESS, address):
                raise RegistrationLimitError
            digits = normalise(claim_code(key, device_id))
            assert digits is not None  # noqa: S101 - our own code is well-formed
            device = await self._store.register(
                device_id, self._vault.seal(key, device_id), self._vault.hash_claim(digits), noted
            )
            log.info("registered device %s", device_id)
        key = self._key(device)
        if not digest.matches(key, body, signature):
            raise RefusedError(BAD_DIGEST)
        beat = read_heartbeat(body, noted)
        if beat.key is not None and beat.key.encode("ascii") != key:
            raise RefusedError(BAD_DIGEST)
        upgrade = await self._store.take_upgrade(device.number) if device.upgrade else 0
        refused = beat.refused + await self._store.heartbeat(device.number, beat.state, beat.sensors)
        for plan in beat.sensors:
            self._origins.pop(plan.id, None)
        answer = msgspec.json.encode(
            {
                "upgrade": upgrade,
                "timestamp": now,
                "live": 1,
                "claimed": int(device.account is not None),
                "refused": refused,
            }
        )
        return answer, digest.sign(key, answer)

    async def measurements(self, sensor_id: str, body: bytes, signature: str, now: int) -> bool:
        """Take measurements, stored when this returns, or a configuration; tell whether it was measurements.

        Raises RefusedError, MalformedError, StoreUnavailableError.
        """
        origin = await self._signed(sensor_id, body, signature)
        noted = self.clock.latest(now)
        upload = read_measurements(body, noted)
        if isinstance(upload, SensorConfig):
            self._origins.pop(sensor_id, None)
            try:
                await self._store.configure(origin.sensor.number, upload)
            except SensorGoneError:
                raise RefusedError(NO_SENSOR) from None
            return False
        if IN_FUTURE in upload.refused and self.clock.is_behind(now):
            raise StoreUnavailableError("the clock has gone back: set it right")
        try:
            await self.keep(origin.sensor, upload, noted)
        except SensorGoneError:
            self._origins.pop(sensor_id, None)
            raise RefusedError(NO_SENSOR) from None
        return True

    async def keep(self, sensor: Sensor, upload: Measurements, now: int) -> Appended:
        """Store measurements of a sensor, count what was refused of them, and show live what is news.

        Raises SensorGoneError, StoreUnavailableError.
        """
        if upload.refused:
            self.refused.update(upload.refused)
            log.warning("sensor %s: refused %s", sensor.id, upload.refused)
        appended = await self._store.append(sensor, upload.samples, now) if upload.samples else Appended(0, 0)
        if upload.samples:
            self._seconds.measured(sensor.id)
        metrics.uploaded(stored=appended.stored, known=appended.known, refused=sum(upload.refused.values()))
        self._live.publish(_readings(sensor.id, upload.samples, upload.gauges, now))
        return appended

    async def sensor(self, sensor_id: str, body: bytes, signature: str) -> Sensor:
        """Return the sensor whose device has signed a body. Raises RefusedError, StoreUnavailableError."""
        return (await self._signed(sensor_id, body, signature)).sensor

    async def _signed(self, sensor_id: str, body: bytes, signature: str) -> _Origin:
        if time.monotonic() - self._counted > CENSUS_SECONDS:
            await self._look_for_changes()
        origin = self._origins.get(sensor_id) or await self._find(sensor_id)
        if not digest.matches(origin.key, body, signature):
            raise RefusedError(BAD_DIGEST)
        return origin

    def knows(self, sensor_id: str) -> bool:
        """Tell whether a sensor of this id sent something lately."""
        return sensor_id in self._origins

    async def device_token(self, device_id: str, body: bytes, signature: str, now: int) -> tuple[bytes, str]:
        """Make a token with which a claimed device hears its owner's subscriptions; return the answer and its digest.

        Raises RefusedError, MalformedError, StoreUnavailableError.
        """
        device = await self._store.device(device_id)
        if device is None:
            raise RefusedError(NO_DEVICE)
        key = self._key(device)
        if not digest.matches(key, body, signature):
            raise RefusedError(BAD_DIGEST)
        if abs(read_time(body) - now) > CLOCK_TOLERANCE:
            raise MalformedError(f"time is more than {CLOCK_TOLERANCE} s off; here it is {now}")
        if device.account is None:
            raise RefusedError(NOT_CLAIMED)
        token = new_token()
        await self._store.replace_token(digest_of(token), device.account, None, now, device.number)
        self._live.look_again(device.account)
        answer = msgspec.json.encode({"token": token})
        return answer, digest.sign(key, answer)

    async def _look_for_changes(self) -> None:
        """Forget what is kept if devices or sensors came or went: other processes write the same database."""
        self._counted = time.monotonic()
        census = await self._store.census()
        if census != self._census:
            self._census = census
            self._origins.clear()
            self._keys.clear()

    async def _find(self, sensor_id: str) -> _Origin:
        sensor = await self._store.sensor(sensor_id)
        if sensor is None:
            raise RefusedError(NO_SENSOR)
        key = self._keys.get(sensor.device)
        if key is None:
            key = self._keys[sensor.device] = self._key(await self._store.device_number(sensor.device))
        origin = _Origin(sensor, key)
        self._origins[sensor_id] = origin
        return origin


def _readings(sensor_id: str, samples: list[Sample], gauges: list[Gauge], now: int) -> list[Reading]:
    """Return what is news: recent gauges, and the newest counter."""
    rates = {gauge.time: gauge.value for gauge in gauges if gauge.time > now - LIVE_PAST}
    newest = max(samples) if samples else None
    counters = {newest.time: newest.counter} if newest is not None and newest.time > now - LIVE_PAST else {}
    if not rates and not counters:
        return []
    return [Reading(sensor_id, time, counters.get(time), rates.get(time)) for time in sorted(rates.keys() | counters)]


__all__ = ["Ingest", "MalformedError", "RefusedError", "RegistrationLimitError"]
