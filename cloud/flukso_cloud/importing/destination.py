"""Where a history goes: a named sensor of an account, made if there is none.

What is made belongs to a device that stands for all that the account has imported; nothing ever speaks for it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

from flukso_cloud.clock import unix_now
from flukso_cloud.meter import Sample
from flukso_cloud.store import Account, Appended, Heartbeat, Sensor, SensorPlan, Store
from flukso_cloud.vault import Vault

BATCH = 10_000
"""Samples of one commit. Another process that serves meanwhile waits no longer than for one of them."""


class Wanted(NamedTuple):
    """The sensor that is asked for: its name or id, and what it is made as."""

    name: str
    type: str
    class_: str


class DestinationError(Exception):
    """The sensor cannot be imported into; the text says what to do."""


async def sensor_for(store: Store, vault: Vault, account: Account, wanted: Wanted) -> Sensor:
    """Return the account's sensor of that name or id; make it if there is none. Raises DestinationError."""
    found = await _find(store, account, wanted.name)
    if found is None:
        await _make(store, vault, account, wanted)
        found = await _find(store, account, wanted.name)
        assert found is not None  # noqa: S101 - it was made just now
    if found.type != wanted.type:
        raise DestinationError(f"the sensor {wanted.name} is of type {found.type}; give that, or another sensor")
    return found


async def _find(store: Store, account: Account, name: str) -> Sensor | None:
    sensors = [sensor for _, sensors in await store.streams(account.number) for sensor in sensors]
    found = [sensor for sensor in sensors if name in (sensor.id, sensor.function)]
    if len(found) > 1:
        ids = ", ".join(sensor.id for sensor in found)
        raise DestinationError(f"{account.name} has several sensors {name!r}; give the id: {ids}")
    return found[0] if found else None


async def _make(store: Store, vault: Vault, account: Account, wanted: Wanted) -> None:
    now = unix_now()
    device_id = vault.id_of(f"imports of account {account.number}")
    claim = vault.hash_claim(device_id)  # no code has so many digits: nobody else can claim it
    sealed = vault.seal(secrets.token_hex(16).encode(), device_id)
    device = await store.register(device_id, sealed, claim, now)
    if device.account is None:
        await store.claim(claim, account.number)
    plan = SensorPlan(secrets.token_hex(16), wanted.type, wanted.class_, wanted.name)
    if await store.heartbeat(device.number, Heartbeat(now), [plan]):
        raise DestinationError(f"{account.name} has imported into as many sensors as a device can have")


async def append_all(store: Store, sensor: Sensor, samples: Iterator[Sample], told: Callable[[], object]) -> Appended:
    """Store samples, some thousands to a commit; `told` is called after each commit.

    Cut off, it can be done again from the beginning: what is there already is only compared.
    """
    stored = known = 0
    while batch := list(islice(samples, BATCH)):
        appended = await store.append(sensor, batch, unix_now())
        stored, known = stored + appended.stored, known + appended.known
        told()
    return Appended(stored, known)
