"""Who signed a request, for what devices send seldom. Measurements have a way of their own (ingest)."""

from __future__ import annotations

import logging

from cryptography.exceptions import InvalidTag

from . import digest
from .ingest import BAD_DIGEST, NO_DEVICE, NO_SENSOR, RefusedError
from .store import Device, Sensor, Store, StoreUnavailableError
from .vault import Vault

log = logging.getLogger(__name__)


class Senders:
    """Knows devices by their key."""

    def __init__(self, store: Store, vault: Vault) -> None:
        self._store = store
        self._vault = vault

    def key(self, device: Device) -> bytes:
        """Return a device's key, 32 ASCII characters; StoreUnavailableError if another server key sealed it."""
        try:
            return self._vault.unseal(device.sealed_key, device.id)
        except InvalidTag:
            log.critical("the key of device %s was sealed with another server.key than is here now", device.id)
            raise StoreUnavailableError("server.key does not belong to this database") from None

    async def device(self, device_id: str) -> tuple[Device, bytes]:
        """Return a device and its key; RefusedError if it is not known."""
        device = await self._store.device(device_id)
        if device is None:
            raise RefusedError(NO_DEVICE)
        return device, self.key(device)

    async def sensor(self, sensor_id: str, body: bytes, signature: str) -> Sensor:
        """Return the sensor whose device has signed a body; RefusedError if it is not known or has not."""
        sensor = await self._store.sensor(sensor_id)
        if sensor is None:
            raise RefusedError(NO_SENSOR)
        key = self.key(await self._store.device_number(sensor.device))
        if not digest.matches(key, body, signature):
            raise RefusedError(BAD_DIGEST)
        return sensor
