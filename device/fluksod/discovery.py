"""Announces the local API by mDNS: `_flukso._tcp` with the sensors in its TXT records (docs/protocol.md, "mDNS")."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

import ifaddr
from zeroconf import Error, InterfaceChoice, IPVersion
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

_LOG = logging.getLogger(__name__)

SERVICE = "_flukso._tcp.local."


class Announcement:
    """Keeps the service announced while `run` runs.

    `host` is where the API listens ("0.0.0.0" means all addresses of the machine), `interfaces` the addresses whose
    networks are told: when empty, that of `host`, or all.
    """

    def __init__(self, hostname: str, device: str, host: str, port: int, interfaces: Sequence[str]) -> None:
        self._hostname = hostname
        self._device = device
        self._host = host
        self._port = port
        self._interfaces = list(interfaces) or ([] if ip_address(host).is_unspecified else [host])
        self._sensors: list[str] = []
        self._changed = asyncio.Event()

    def set_sensors(self, sensors: Iterable[str]) -> None:
        """Announce these sensor ids from now on."""
        sensors = list(sensors)
        if sensors != self._sensors:
            self._sensors = sensors
            self._changed.set()

    async def run(self) -> None:
        """Announce until cancelled, then say goodbye. Without multicast it says so once; the API runs unannounced."""
        try:
            zeroconf = AsyncZeroconf(
                interfaces=self._interfaces or InterfaceChoice.All,
                ip_version=None if self._interfaces else IPVersion.V4Only,
            )
        except (OSError, Error) as error:
            _LOG.warning("the local API is not announced by mDNS: %s; set mdns = false in [lan] to silence this", error)
            return
        try:
            await self._announce(zeroconf)
        except (OSError, Error) as error:
            _LOG.warning("the local API is no longer announced by mDNS: %r", error)
        finally:
            await zeroconf.async_close()

    async def _announce(self, zeroconf: AsyncZeroconf) -> None:
        self._changed.clear()
        info = self._info()
        await zeroconf.async_register_service(info, allow_name_change=True)
        _LOG.info("announced by mDNS as %s", info.name)
        while True:
            await self._changed.wait()
            self._changed.clear()
            await zeroconf.async_update_service(self._info(info.name))

    def _info(self, name: str | None = None) -> AsyncServiceInfo:
        properties = {f"id{number}": sensor for number, sensor in enumerate(self._sensors, start=1)}
        properties |= {"path": "/sensor", "version": "1.0", "device": self._device, "api": "2.0"}
        return AsyncServiceInfo(
            SERVICE,
            name or f"Flukso RESTful API on {self._hostname}.{SERVICE}",
            port=self._port,
            properties=properties,
            server=f"{self._hostname}.local.",
            parsed_addresses=self._addresses(),
        )

    def _addresses(self) -> list[str]:
        if not ip_address(self._host).is_unspecified:
            return [self._host]
        if self._interfaces:
            return self._interfaces
        return [str(address) for address in sorted(machine_addresses(), key=lambda address: address.is_loopback)]


def machine_addresses() -> set[IPv4Address | IPv6Address]:
    """The machine's IPv4 addresses; loopback only when there is no other."""
    found = {ip_address(ip.ip) for adapter in ifaddr.get_adapters() for ip in adapter.ips if isinstance(ip.ip, str)}
    return {address for address in found if not address.is_loopback} or {ip_address("127.0.0.1")}


def address_towards(host: str) -> str | None:
    """The address this machine would use to reach `host` (a numeric address); nothing is sent. None without a route."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((host, 9))
        except OSError:
            return None
        return str(probe.getsockname()[0])
