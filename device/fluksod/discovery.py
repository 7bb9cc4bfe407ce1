"""Announces the local API by mDNS, and finds other Fluksometers by it (docs/protocol.md, "mDNS").

`_flukso._tcp` has the sensors in its TXT records; `_http._tcp` leads people to the page.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Sequence
from ipaddress import ip_address

from zeroconf import Error, InterfaceChoice, IPVersion
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from fluksod.addresses import OwnAddress, own_addresses
from fluksod.siblings import Siblings

_LOG = logging.getLogger(__name__)

SERVICE = "_flukso._tcp.local."
HTTP = "_http._tcp.local."
LOOK_EVERY = 2.0
"""Seconds between looks at the machine's addresses: a router may give another one, a cable may be plugged in late."""
TRY_AGAIN = 10.0


class Announcement:
    """Keeps the services announced, and `siblings` up to date, while `run` runs.

    `host` is where the API listens ("0.0.0.0" means all IPv4 addresses of the machine, "::" all), `interfaces` the
    addresses whose networks are told: when empty, that of `host`, or all.
    """

    def __init__(self, hostname: str, device: str, host: str, port: int, interfaces: Sequence[str]) -> None:
        self.siblings = Siblings(device)
        self._hostname = hostname
        self._device = device
        self._host = ip_address(host)
        self._port = port
        self._interfaces = list(interfaces) or ([] if self._host.is_unspecified else [host])
        self._sensors: list[str] = []
        self._changed = asyncio.Event()
        self._complaint = ""

    def set_sensors(self, sensors: Iterable[str]) -> None:
        """Announce these sensor ids from now on."""
        sensors = list(sensors)
        if sensors != self._sensors:
            self._sensors = sensors
            self._changed.set()

    async def run(self) -> None:
        """Announce until cancelled, then say goodbye. Without multicast it says so once, and tries again."""
        logging.getLogger("zeroconf").setLevel(logging.ERROR)  # it warns, with a traceback, of a network that went away
        while True:
            own = self._own()
            if not own:
                self._complain(f"this machine has no address {' or '.join(self._interfaces)} now")
                await asyncio.sleep(LOOK_EVERY)
                continue
            try:
                await self._announce(own)
            except (OSError, Error) as error:
                self._complain(str(error) or repr(error))
                await asyncio.sleep(TRY_AGAIN)

    async def _announce(self, own: frozenset[OwnAddress]) -> None:
        """Announce while the machine has these addresses; returns when it has others."""
        if self._interfaces:
            zeroconf = AsyncZeroconf(interfaces=[one.text for one in own])
        else:
            version = IPVersion.V4Only if self._host.version == 4 else IPVersion.All
            zeroconf = AsyncZeroconf(interfaces=InterfaceChoice.All, ip_version=version)
        try:
            self._changed.clear()
            addresses = self._addresses(own)
            info = self._info(addresses)
            services = (info, self._page(addresses))
            await asyncio.gather(
                *(zeroconf.async_register_service(service, allow_name_change=True) for service in services)
            )
            _LOG.info("announced by mDNS as %s, at %s", info.name, ", ".join(addresses))
            self._complaint = ""
            AsyncServiceBrowser(zeroconf.zeroconf, SERVICE, handlers=[self.siblings.changed])
            while self._own() == own:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_EVERY):
                        await self._changed.wait()
                if self._changed.is_set():
                    self._changed.clear()
                    await zeroconf.async_update_service(self._info(addresses, info.name))
        finally:
            self.siblings.forget()
            await zeroconf.async_close()

    def _info(self, addresses: list[str], name: str | None = None) -> AsyncServiceInfo:
        properties = {f"id{number}": sensor for number, sensor in enumerate(self._sensors, start=1)}
        properties |= {"path": "/sensor", "version": "1.0", "device": self._device, "api": "2.0"}
        return self._service(
            SERVICE, name or f"Flukso RESTful API on {self._hostname}.{SERVICE}", properties, addresses
        )

    def _page(self, addresses: list[str]) -> AsyncServiceInfo:
        return self._service(HTTP, f"Web Server on {self._hostname}.{HTTP}", {"path": "/"}, addresses)

    def _service(self, kind: str, name: str, properties: dict[str, str], addresses: list[str]) -> AsyncServiceInfo:
        return AsyncServiceInfo(
            kind,
            name,
            port=self._port,
            properties=properties,
            server=f"{self._hostname}.local.",
            parsed_addresses=addresses,
        )

    def _own(self) -> frozenset[OwnAddress]:
        """The machine's addresses that matter: those that are named, or all at which the API listens."""
        own = own_addresses()
        if self._interfaces:
            named = [ip_address(text) for text in self._interfaces]
            return frozenset(one for one in own if one.at.ip in named)
        return frozenset(one for one in own if one.at.version == 4 or self._host.version == 6)

    def _addresses(self, own: frozenset[OwnAddress]) -> list[str]:
        """What is announced: where the API listens, in the networks that are told."""
        if not self._host.is_unspecified:
            return [str(self._host)]
        found = (one.at.ip for one in own if one.is_for_others or self._interfaces)
        return [str(ip) for ip in sorted(found, key=lambda one: (one.version, one.packed))] or ["127.0.0.1"]

    def _complain(self, why: str) -> None:
        if why != self._complaint:
            self._complaint = why
            _LOG.warning(
                "the local API is not announced by mDNS: %s; it goes on trying, until mdns = false in [lan]", why
            )
