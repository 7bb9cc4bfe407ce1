"""Devices that exist in a cloud's database, and their signed uploads, ready to be sent."""

from __future__ import annotations

import asyncio
import hmac
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from flukso_cloud.home import Home
from flukso_cloud.store.model import Heartbeat, SensorPlan
from flukso_cloud.store.sqlite import SqliteStore
from flukso_cloud.vault import Vault

COMMAND = Path(sys.executable).with_name("flukso-cloud")
ACCOUNT = "bench"
SENSORS_OF_A_DEVICE = 100
SAMPLES = 60
MINUTE = 60
START = 1_700_000_040
"""Unix seconds, a whole minute: the first measurement. Years of minutes fit between it and now."""


@dataclass(frozen=True, slots=True)
class Sender:
    """A sensor's id and the key of its device."""

    sensor: str
    key: bytes


class Fleet:
    """Sensors that are registered in the cloud in `home`, and what each sends next: an hour of minutes an upload."""

    def __init__(self, home: Home, senders: list[Sender]) -> None:
        self.home = home
        self.senders = senders
        self._uploads: Iterator[bytes] = self._make()

    def write(self, path: Path, uploads: int) -> int:
        """Write the next uploads to a file, as whole HTTP requests of one length, in turn of the sensors; tell it."""
        size = 0
        with path.open("wb") as file:
            for request in islice(self._uploads, uploads):
                if size not in {0, len(request)}:
                    raise RuntimeError("requests have to be of one length")
                size = len(request)
                file.write(request)
        return size

    def peek(self) -> bytes:
        """Return the next upload, which stays the next."""
        upload = next(self._uploads)
        self._uploads = chain([upload], self._uploads)
        return upload

    def _make(self) -> Iterator[bytes]:
        hour = 0
        while True:
            times = [START + MINUTE * (hour * SAMPLES + i) for i in range(SAMPLES)]
            for number, sender in enumerate(self.senders):
                counter = 1_000_000 + hour * SAMPLES * 3 + number % 1000
                pairs = b",".join(b"[%d,%d]" % (time, counter + 3 * i) for i, time in enumerate(times))
                yield request(sender, b'{"measurements":[' + pairs + b"]}")
            hour += 1


def request(sender: Sender, body: bytes) -> bytes:
    """Return a signed upload as it goes over the wire."""
    digest = hmac.digest(sender.key, body, "sha1").hex()
    return (
        f"POST /sensor/{sender.sensor} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"X-Version: 1.0\r\nX-Digest: {digest}\r\nUser-Agent: Fluksometer v250\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def make_home(folder: Path) -> Home:
    """Make a cloud's folder as its owner does."""
    environment = {**os.environ, "FLUKSO_CLOUD_PASSWORD": secrets.token_hex(8)}
    command = [str(COMMAND), "init", "--dir", str(folder), "--account", ACCOUNT]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return Home(folder)


def make_fleet(home: Home, sensors: int, *, claimed: bool = False) -> Fleet:
    """Register so many sensors, a hundred to a device; if `claimed`, they belong to the account that owns the cloud."""
    return Fleet(home, asyncio.run(_register(home, sensors, claimed=claimed)))


def token_of(home: Home) -> str:
    """Return a token for all of the account that owns the cloud."""
    command = [str(COMMAND), "token", "--account", ACCOUNT, "--dir", str(home.root)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


async def _register(home: Home, sensors: int, *, claimed: bool) -> list[Sender]:
    now = int(time.time())  # a device that nobody claims is forgotten after a month
    store, vault = SqliteStore.open(home.database), Vault.open(home)
    senders: list[Sender] = []
    account = await store.account(ACCOUNT)
    if account is None:
        raise RuntimeError("init makes the account")
    owner = account.number

    async def add(count: int) -> None:
        device, key, claim = secrets.token_hex(16), secrets.token_hex(16).encode(), secrets.token_bytes(32)
        made = await store.register(device, vault.seal(key, device), claim, now)
        plans = [SensorPlan(secrets.token_hex(16), "electricity", "analog", "main") for _ in range(count)]
        await store.heartbeat(made.number, Heartbeat(now), plans)
        if claimed:
            await store.claim(claim, owner)
        senders.extend(Sender(plan.id, key) for plan in plans)

    counts = [min(SENSORS_OF_A_DEVICE, sensors - first) for first in range(0, sensors, SENSORS_OF_A_DEVICE)]
    try:
        await asyncio.gather(*map(add, counts))
    finally:
        await store.close()
    return senders
