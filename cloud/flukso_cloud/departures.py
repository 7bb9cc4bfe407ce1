"""Devices that leave and accounts that close, with all that is kept of them; and unclaimed devices, which expire."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from .ears import Ears
from .steady_clock import SteadyClock
from .store import FORGET, RELEASE, Sensor, Store, StoreUnavailableError

log = logging.getLogger(__name__)

DAY = 86400
LOOK_SECONDS = 3600


class Departures:
    """Lets devices and accounts go. What is cut off on the way is carried through by the next one, or by `run`."""

    def __init__(self, store: Store, ears: Ears) -> None:
        self._store = store
        self._ears = ears

    async def release(self, device: int, sensors: Sequence[Sensor], owner: int, now: int) -> None:
        """Take a device from its owner, and delete its readings; it can be claimed anew, and nobody hears it."""
        await self._leave(device, sensors, RELEASE, owner, now)

    async def forget(self, device: int, sensors: Sequence[Sensor], owner: int | None, now: int) -> None:
        """Delete a device and its readings. It can register anew."""
        await self._leave(device, sensors, FORGET, owner, now)

    async def close_account(self, account: int, now: int) -> None:
        """Delete an account with its readings, shares, groups and tokens; its devices can be claimed anew."""
        sensors = [sensor.number for _, mine in await self._store.streams(account) for sensor in mine]
        listeners = {account} | await self._store.subscribers(sensors)
        await self._store.close_account(account, now)
        await self._ears.look_again(*listeners)
        await self.finish()

    async def expire(self, before: int, now: int) -> None:
        """Forget the devices that nobody has claimed, and that registered or were released before `before`."""
        await self._store.mark_expired(before, now)
        await self.finish()

    async def finish(self) -> None:
        """Carry through all that has begun."""
        for device, sensors in await self._store.leaving():
            for sensor in sensors:
                await self._store.forget_readings(sensor.number)
            await self._store.finish_leaving(device.number)
            await self._ears.forget(*(sensor.id for sensor in sensors))
            log.info("device %s: its readings are deleted", device.id)
        for account in await self._store.closing():
            await self._store.finish_closing(account)

    async def run(self, unclaimed_days: int, clock: SteadyClock) -> None:
        """Let unclaimed devices expire after so many days (0: never), once an hour, until cancelled."""
        while True:
            now = clock.surely()
            try:
                if unclaimed_days:
                    await self.expire(now - unclaimed_days * DAY, now)
                else:
                    await self.finish()
            except StoreUnavailableError as error:
                log.warning("unclaimed devices are looked at later: %s", error)
            await asyncio.sleep(LOOK_SECONDS)

    async def _leave(self, device: int, sensors: Sequence[Sensor], how: str, owner: int | None, now: int) -> None:
        listeners = await self._store.subscribers([sensor.number for sensor in sensors])
        await self._store.mark_leaving(device, how, now)
        await self._ears.look_again(*listeners, *([] if owner is None else [owner]))
        await self.finish()
