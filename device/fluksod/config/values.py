"""Checks of single values in the configuration. Each returns the value or raises `vol.Invalid` with what to give."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from ipaddress import ip_address
from typing import Any, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import voluptuous as vol

from fluksod.sensor import is_id

_Choice = TypeVar("_Choice", bound=StrEnum)


def text(value: Any) -> str:
    """A text of 1 to 200 printable characters."""
    if not isinstance(value, str) or not value.strip() or len(value) > 200 or not value.isprintable():
        raise vol.Invalid("give a text of 1 to 200 printable characters in quotes")
    return value


def name(value: Any) -> str:
    """A name for people, of at most 64 characters."""
    if len(text(value)) > 64:
        raise vol.Invalid("give a name of at most 64 characters")
    return str(value)


def flag(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise vol.Invalid("give true or false, without quotes")
    return value


def port(value: Any) -> int:
    """A TCP port to listen on; 0 takes any free one."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 65535:
        raise vol.Invalid("give a port number from 0 to 65535, without quotes (0 takes any free one)")
    return value


def remote_port(value: Any) -> int:
    """A TCP port of another machine."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 65535:
        raise vol.Invalid("give a port number from 1 to 65535, without quotes")
    return value


def host(value: Any) -> str:
    """Name or address of another machine."""
    if "/" in text(value) or " " in value:
        raise vol.Invalid('give a name or an address alone, such as "broker.example", without mqtt:// and port')
    return str(value)


def seconds(least: int, most: int) -> Callable[[Any], float]:
    """A number of seconds from `least` to `most`."""

    def check(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise vol.Invalid(f"give a number of seconds from {least} to {most}")
        return float(value)

    return check


def whole(least: int, most: int, unit: str) -> Callable[[Any], int]:
    """A whole number of `unit` from `least` to `most`."""

    def check(value: Any) -> int:
        if type(value) is not int or not least <= value <= most:
            raise vol.Invalid(f"give a whole number of {unit} from {least} to {most}, without quotes")
        return value

    return check


def thousandths(most: int) -> Callable[[Any], int]:
    """A number above 0 and at most `most` with up to three decimals, returned in thousandths."""

    def check(value: Any) -> int:
        number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0
        if not 0 < number <= most or round(number, 3) != number:
            raise vol.Invalid(f"give a number above 0, at most {most}, with up to three decimals")
        return round(number * 1000)

    return check


def address(value: Any) -> str:
    """An IP address."""
    try:
        return str(ip_address(value))
    except ValueError:
        raise vol.Invalid('give an IP address in quotes, such as "127.0.0.1"') from None


def timezone(value: Any) -> ZoneInfo:
    """A time zone by its IANA name."""
    try:
        return ZoneInfo(text(value))
    except (OSError, ValueError, KeyError):
        raise vol.Invalid('give the name of a time zone, such as "Europe/Brussels"') from None


def sensor_id(value: Any) -> str:
    """The id of a sensor, as it is on the wire."""
    if not isinstance(value, str) or not is_id(value):
        raise vol.Invalid("give the sensor's id as the board sends it: 32 hexadecimal digits, lower case, in quotes")
    return value


def one_of(kind: type[_Choice]) -> Callable[[Any], _Choice]:
    """A member of `kind`, given by its value."""
    known = ", ".join(f'"{member.value}"' for member in kind)

    def check(value: Any) -> _Choice:
        if value not in [member.value for member in kind]:
            raise vol.Invalid(f"give one of {known}")
        return kind(value)

    return check


def url(value: Any) -> str:
    """The cloud's address, http or https, without trailing slash."""
    given = text(value)
    parts = urlsplit(given)
    try:
        port_is_right = parts.port is None or parts.port > 0
    except ValueError:
        port_is_right = False
    if parts.scheme not in ("https", "http") or not parts.hostname or not port_is_right:
        raise vol.Invalid('give the cloud\'s address, such as "https://cloud.example:8443"')
    if parts.username or parts.query or parts.fragment:
        raise vol.Invalid("give the cloud's address without user name, ? and #")
    return given.rstrip("/")


def proxy(value: Any) -> str:
    """The address of an HTTP proxy: `http://[user:password@]host[:port]`."""
    given = text(value)
    parts = urlsplit(given)
    try:
        port_is_right = parts.port is None or parts.port > 0
    except ValueError:
        port_is_right = False
    if parts.scheme != "http" or not parts.hostname or not port_is_right or parts.path.strip("/"):
        raise vol.Invalid('give the proxy\'s address, such as "http://proxy.example:3128"')
    return given
