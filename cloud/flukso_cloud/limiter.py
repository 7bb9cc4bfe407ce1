"""Limits on how often somebody may try something, kept in memory (library: limits)."""

from __future__ import annotations

import ipaddress

from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

LOGIN_BY_ADDRESS = RateLimitItemPerMinute(20, namespace="login-address")
LOGIN_BY_ACCOUNT = RateLimitItemPerMinute(10, 5, namespace="login-account")
CLAIM_BY_ACCOUNT = RateLimitItemPerHour(20, namespace="claim-account")
CLAIM_BY_ADDRESS = RateLimitItemPerHour(60, namespace="claim-address")
REGISTRATION_BY_ADDRESS = RateLimitItemPerMinute(60, namespace="registration-address")


class Limiter:
    """Counts attempts in a moving window."""

    def __init__(self) -> None:
        self._strategy = MovingWindowRateLimiter(MemoryStorage())

    def allows(self, limit: RateLimitItem, who: str) -> bool:
        """Count an attempt; False if it is one too many."""
        return self._strategy.hit(limit, who)

    def forget(self, limit: RateLimitItem, who: str) -> None:
        """Start anew: the attempts were somebody's who may."""
        self._strategy.clear(limit, who)


def neighbourhood(address: str) -> str:
    """Return what one person can be told by: an IPv4 address, or the first 64 bits of an IPv6 address."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return str(ip.ipv4_mapped)
        return str(ipaddress.IPv6Network((ip, 64), strict=False).network_address)
    return str(ip)
