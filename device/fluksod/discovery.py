"""Announces the local API by mDNS, and finds other Fluksometers by it (docs/protocol.md, "mDNS").

`_flukso._tcp` has the sensors in its TXT records; `_http._tcp` leads people to the page.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

import ifaddr
from zeroconf import Error, InterfaceChoice, IPVersion
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

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
        while True:
            addresses = self._addresses()
            try:
                zeroconf = AsyncZeroconf(
                    interfaces=self._interfaces or InterfaceChoice.All,
                    ip_version=IPVersion.V4Only if self._host.version == 4 else IPVersion.All,
                )
            except (OSError, Error) as error:
                self._complain(error)
                await asyncio.sleep(TRY_AGAIN)
                continue
            try:
                await self._announce(zeroconf, addresses)
            except (OSError, Error) as error:
                self._complain(error)
                await asyncio.sleep(TRY_AGAIN)
            finally:
                self.siblings.forget()
                await zeroconf.async_close()

    async def _announce(self, zeroconf: AsyncZeroconf, addresses: list[str]) -> None:
        """Announce these addresses; returns when the machine has others."""
        self._changed.clear()
        info, page = self._info(addresses), self._page(addresses)
        await zeroconf.async_register_service(info, allow_name_change=True)
        await zeroconf.async_register_service(page, allow_name_change=True)
        _LOG.info("announced by mDNS as %s, at %s", info.name, ", ".join(addresses))
        self._complaint = ""
        browser = AsyncServiceBrowser(zeroconf.zeroconf, SERVICE, handlers=[self.siblings.changed])
        try:
            while self._addresses() == addresses:
                try:
                    async with asyncio.timeout(LOOK_EVERY):
                        await self._changed.wait()
                except TimeoutError:
                    continue
                self._changed.clear()
                await zeroconf.async_update_service(self._info(addresses, info.name))
        finally:
            await browser.async_cancel()

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

    def _addresses(self) -> list[str]:
        if not self._host.is_unspecified:
            return [str(self._host)]
        if self._interfaces:
            return self._interfaces
        found = {one for one in machine_addresses() if one.version == 4 or self._host.version == 6}
        return [str(address) for address in sorted(found, key=lambda one: (one.version, one.packed))] or ["127.0.0.1"]

    def _complain(self, error: Exception) -> None:
        if str(error) != self._complaint:
            self._complaint = str(error)
            _LOG.warning("the local API is not announced by mDNS: %r; set mdns = false in [lan] to silence this", error)


def machine_addresses() -> set[IPv4Address | IPv6Address]:
    """The machine's addresses that others can reach: no loopback, no link-local IPv6."""
    texts = (ip.ip if isinstance(ip.ip, str) else ip.ip[0] for adapter in ifaddr.get_adapters() for ip in adapter.ips)
    found = {ip_address(text) for text in texts}
    return {one for one in found if not one.is_loopback and not (one.version == 6 and one.is_link_local)}


def address_towards(host: str) -> str | None:
    """The address this machine would use to reach `host` (a numeric address); nothing is sent. None without a route."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((host, 9))
        except OSError:
            return None
        return str(probe.getsockname()[0])
