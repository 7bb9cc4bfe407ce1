"""Where a Fluksometer answers: a host and a port."""

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv6Address
from typing import Final

from .errors import FluksoAddressError

DEFAULT_PORT: Final = 8080
"""The port of the local API, on the originals and on ours."""

# RFC 1123 labels, and the underscore that some home routers hand out.
_LABEL: Final = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME: Final = re.compile(rf"(?=.{{1,253}}\.?$){_LABEL}(\.{_LABEL})*\.?")


@dataclass(frozen=True, slots=True)
class Address:
    """A host (a name, an IPv4 address, or an IPv6 address without brackets) and a TCP port."""

    host: str
    port: int = DEFAULT_PORT

    def __str__(self) -> str:
        """Return it as a user would type it."""
        return f"{self.url_host}:{self.port}"

    @property
    def url(self) -> str:
        """Return the base of every URL there, without a trailing slash."""
        return f"http://{self.url_host}:{self.port}"

    @property
    def url_host(self) -> str:
        """Return the host as it stands in a URL: an IPv6 address in brackets."""
        return f"[{self.host}]" if ":" in self.host else self.host


def parse_address(text: str, default_port: int = DEFAULT_PORT) -> Address:
    """Read `host`, `host:port`, `[ipv6]:port`, or any of these as an http URL.

    Raises FluksoAddressError when it is none of them.
    """
    rest = text.strip()
    scheme, separator, after = rest.partition("://")
    if separator:
        if scheme.lower() != "http":
            raise FluksoAddressError(f"A Fluksometer is reached over http, not {scheme}")
        rest = after
    rest = rest.split("/", 1)[0]

    if rest.startswith("["):
        host, closing, tail = rest[1:].partition("]")
        if not closing or (tail and not tail.startswith(":")):
            raise FluksoAddressError(f"{text!r} is not an address")
        return Address(_ipv6(host), _port(tail[1:]) if tail else default_port)
    if rest.count(":") > 1:
        return Address(_ipv6(rest), default_port)
    host, colon, port = rest.partition(":")
    if _NAME.fullmatch(host) is None:
        raise FluksoAddressError(f"{text!r} is not a host name or an IP address")
    return Address(host.lower(), _port(port) if colon else default_port)


def _ipv6(text: str) -> str:
    try:
        return str(IPv6Address(text))
    except AddressValueError as error:
        raise FluksoAddressError(f"{text!r} is not an IPv6 address") from error


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise FluksoAddressError(f"{text!r} is not a port between 1 and 65535")
    return int(text)
