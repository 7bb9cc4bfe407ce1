"""Other Fluksometers on the same network, ours and the original ones, as their mDNS announcements tell."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from typing import Any

from zeroconf import ServiceStateChange, Zeroconf
from zeroconf.asyncio import AsyncServiceInfo

from fluksod.sensor import is_id

PATIENCE_MS = 3000
MOST = 64
"""More are not listed: anybody on the network can announce what he likes."""


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
        self._asking: dict[str, asyncio.Task[None]] = {}

    def describe(self) -> list[dict[str, Any]]:
        """The member `siblings` of /api/v2/device, by name."""
        return [asdict(sibling) for sibling in sorted(self._found.values(), key=lambda one: (one.name, one.port))]

    def changed(self, zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange) -> None:
        """As a handler of a service browser: somebody came, changed or went."""
        if state_change is ServiceStateChange.Removed:
            self._found.pop(name, None)
            if (asking := self._asking.pop(name, None)) is not None:
                asking.cancel()
        elif name in self._found or len(self._found) + len(self._asking) < MOST:
            asking = asyncio.ensure_future(self._ask(zeroconf, service_type, name))
            self._asking[name] = asking
            asking.add_done_callback(lambda _task: self._asking.pop(name, None))

    def forget(self) -> None:
        """Forget all: they will be found again."""
        for asking in list(self._asking.values()):
            asking.cancel()
        self._found.clear()

    async def _ask(self, zeroconf: Zeroconf, service_type: str, name: str) -> None:
        info = AsyncServiceInfo(service_type, name)
        if not await info.async_request(zeroconf, PATIENCE_MS):
            return
        told = info.decoded_properties
        addresses, port = info.parsed_addresses(), info.port
        if told.get("device") == self._device or not addresses or port is None:
            return
        device = told.get("device")
        host = (info.server or name).removesuffix(".").removesuffix(".local")
        known = device if device is not None and is_id(device) else None
        self._found[name] = Sibling(
            known, host[:64], addresses[0], port, told.get("api") or told.get("version") or "1.0"
        )
