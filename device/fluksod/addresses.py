"""The addresses of this machine, and which one of another machine can be reached from it."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface, ip_address, ip_interface

import ifaddr


@dataclass(frozen=True, slots=True)
class OwnAddress:
    """An address with its network, on the interface that the kernel knows by `index`: another one after a replug."""

    index: int
    at: IPv4Interface | IPv6Interface

    @property
    def text(self) -> str:
        """The address alone."""
        return str(self.at.ip)

    @property
    def is_for_others(self) -> bool:
        """Whether other machines can use it as it stands: no loopback, and no IPv6 address that needs an interface."""
        return not self.at.is_loopback and not (self.at.version == 6 and self.at.is_link_local)


def own_addresses() -> frozenset[OwnAddress]:
    """All addresses of the machine now; takes a quarter of a millisecond."""
    return frozenset(
        OwnAddress(adapter.index or 0, ip_interface((ip.ip if isinstance(ip.ip, str) else ip.ip[0], ip.network_prefix)))
        for adapter in ifaddr.get_adapters()
        for ip in adapter.ips
    )


def nearest(addresses: Iterable[str], own: Iterable[OwnAddress]) -> IPv4Address | IPv6Address | None:
    """The address of another machine that is best reached: in a network that we are in too, if there is one.

    A machine with containers tells of networks that nobody else can reach. None where there is no address.
    """
    networks = [one.at.network for one in own]

    def farness(address: IPv4Address | IPv6Address) -> tuple[bool, bool, int]:
        needs_interface = address.version == 6 and address.is_link_local
        return needs_interface, not any(address in network for network in networks), address.version

    return min((ip_address(text) for text in addresses), key=farness, default=None)


def address_towards(host: str) -> str | None:
    """The address this machine would use to reach `host` (a numeric address); nothing is sent. None without a route."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((host, 9))
        except OSError:
            return None
        return str(probe.getsockname()[0])
