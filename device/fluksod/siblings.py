"""Other Fluksometers on the same network, ours and the original ones, as their mDNS announcements tell."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from typing import Any

from zeroconf import ServiceStateChange, Zeroconf
from zeroconf.asyncio import AsyncServiceInfo

from fluksod.addresses import nearest, own_addresses
from fluksod.sensor import is_id

PATIENCE_MS = 3000
LOOK_EVERY = 30.0
"""Seconds between looks at a sibling. While what it told is fresh, for two minutes, that asks nobody; then one that has
lost its power does not answer. Its name alone would be known for 75 minutes (RFC 6762, section 10)."""
MOST = 64
"""More are not listed: anybody on the network can announce what he likes."""
LONGEST = 64
"""Characters of a name that are taken."""


@dataclass(frozen=True, slots=True)
class Sibling:
    """A Fluksometer: its device id where it tells one, its host's name, where its API is and of which generation."""

    id: str | None
    name: str
    address: str
    port: int
    api: str


class Siblings:
    """Knows all but the one with the id `device`, which is ours."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._found: dict[str, Sibling] = {}
        self._followed: dict[str, asyncio.Task[None]] = {}

    def describe(self) -> list[dict[str, Any]]:
        """The member `siblings` of /api/v2/device, by name."""
        return [asdict(sibling) for sibling in sorted(self._found.values(), key=lambda one: (one.name, one.port))]

    def changed(self, zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange) -> None:
        """As a handler of a service browser: somebody came, changed or went."""
        if (followed := self._followed.pop(name, None)) is not None:
            followed.cancel()
        if state_change is ServiceStateChange.Removed:
            self._found.pop(name, None)
        elif len(self._followed) < MOST:
            self._followed[name] = asyncio.ensure_future(self._follow(zeroconf, service_type, name))

    def forget(self) -> None:
        """Forget all: they will be found again."""
        for followed in self._followed.values():
            followed.cancel()
        self._followed.clear()
        self._found.clear()

    async def _follow(self, zeroconf: Zeroconf, service_type: str, name: str) -> None:
        """List it as long as it answers."""
        while True:
            info = AsyncServiceInfo(service_type, name)
            sibling = sibling_of(info) if await info.async_request(zeroconf, PATIENCE_MS) else None
            if sibling is not None and sibling.id != self._device:
                self._found[name] = sibling
            else:
                self._found.pop(name, None)
            await asyncio.sleep(LOOK_EVERY)


def sibling_of(info: AsyncServiceInfo) -> Sibling | None:
    """Who announces that, taken with care: it may be anybody. None where it cannot be reached."""
    told = info.decoded_properties
    device = told.get("device")
    address = nearest(info.parsed_addresses(), own_addresses())
    if address is None or info.port is None:
        return None
    return Sibling(
        device if device is not None and is_id(device) else None,
        _clean((info.server or info.name).removesuffix(".").removesuffix(".local")),
        str(address),
        info.port,
        _clean(told.get("api") or told.get("version") or "1.0"),
    )


def _clean(text: str) -> str:
    """What a stranger on the network has sent, fit for a terminal."""
    return "".join(character for character in text[:LONGEST] if character.isprintable())
