"""Tells systemd how the cloud stands, where it was started by a unit of Type=notify. Source: sd_notify(3)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket


def notify(*lines: str) -> None:
    """Send `lines`, such as "READY=1", to systemd; nothing without it."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as to:
        to.connect(address)
        to.sendall("\n".join(lines).encode())


def watchdog_interval() -> float | None:
    """How often systemd wants to hear "WATCHDOG=1", in s: twice in the time it waits; None when it does not."""
    wait = os.environ.get("WATCHDOG_USEC", "")
    is_ours = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    return int(wait) / 2e6 if is_ours and wait.isdecimal() and int(wait) > 0 else None


async def keep_watchdog_quiet() -> None:
    """Tell systemd for as long as the event loop turns, if it wants to know."""
    interval = watchdog_interval()
    while interval is not None:
        notify("WATCHDOG=1")
        await asyncio.sleep(interval)
