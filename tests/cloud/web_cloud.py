"""A real cloud for the tests of its pages: made and served by its own commands, fed the way devices feed it."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import hmac
import os
import secrets
import subprocess
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from flukso_cloud.cli import main
from tests.cloud.fluksometer import compact
from tests.cloud.process import Server

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "cloud" / "web"
PASSWORD = "quiet-meadow-17"
COOKIE = "__Host-flukso"


def npm(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run npm in the pages' folder, after installing what it needs if that is missing."""
    # scripts/setup puts one here where the machine has none that is new enough
    own = ROOT / ".tools" / "node" / "bin"
    environment = os.environ | ({"PATH": f"{own}:{os.environ['PATH']}"} if own.is_dir() else {})

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["npm", *command], cwd=SOURCES, env=environment, capture_output=True, text=True, timeout=100
        )

    with (SOURCES / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (SOURCES / "node_modules" / ".package-lock.json").exists():
            installed = run("ci", "--silent")
            assert installed.returncode == 0, installed.stdout + installed.stderr
        return run(*arguments)


@cache
def build_pages() -> None:
    """Build the scripts and styles, so that no test looks at old ones."""
    built = npm("run", "--silent", "build")
    assert built.returncode == 0, built.stdout + built.stderr


class PagedCloud:
    """A served cloud with the accounts `ada`, `bob`, `cleo` and `dora`, all with one password."""

    ACCOUNTS = ("ada", "bob", "cleo", "dora")

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("FLUKSO_CLOUD_PASSWORD", PASSWORD)
            place = ("--dir", str(folder), "--time-zone", "Europe/Brussels")
            main(["init", "--name", "localhost", *place])
            for name in self.ACCOUNTS:
                main(["user", "add", name, *place])
        self.server = Server(folder).__enter__()
        self._client = self._connect()

    def _connect(self) -> httpx2.Client:
        return httpx2.Client(verify=self.server.trust(), base_url=self.server.url, timeout=20)

    @property
    def http(self) -> httpx2.Client:
        """A client that has no session, whatever was done with it."""
        self._client.cookies.clear()
        return self._client

    @property
    def url(self) -> str:
        """Where the pages are."""
        return self.server.url

    def stop(self) -> None:
        """Stop serving."""
        self._client.close()
        self.server.stop()

    def start_again(self) -> None:
        """Serve again on the same port, so that a page can find it."""
        self.server = Server(self._folder, "--port", str(self.server.port)).__enter__()
        self._client = self._connect()

    @property
    def spki(self) -> str:
        """Digest of the server's public key, for Chromium to trust this one key and no other."""
        certificate = x509.load_pem_x509_certificate((self._folder / "private" / "tls.pem").read_bytes())
        public = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(hashlib.sha256(public).digest()).decode()

    def log_in(self, name: str) -> str:
        """Log in through the form and return the session's cookie."""
        answer = self.http.post("/login", data={"name": name, "password": PASSWORD, "next": "/"})
        assert answer.headers["location"] == "/", answer.headers
        return str(answer.cookies[COOKIE])

    def get(self, path: str, session: str | None = None) -> httpx2.Response:
        """Get a page, with somebody's session."""
        return self.http.get(path, headers={} if session is None else {"Cookie": f"{COOKIE}={session}"})

    def claim(self, code: str, session: str) -> None:
        """Claim a device through the form."""
        answer = self.http.post("/claim", data={"code": code}, headers={"Cookie": f"{COOKIE}={session}"})
        assert "claimed=" in answer.headers["location"], answer.headers


class Household:
    """A Fluksometer with several sensors, given as name: (type, class), that registers itself and uploads."""

    def __init__(self, cloud: PagedCloud, sensors: dict[str, tuple[str, str]]) -> None:
        self._cloud = cloud
        self.id = secrets.token_hex(16)
        self.key = secrets.token_hex(16)
        self.sensors = {name: secrets.token_hex(16) for name in sensors}
        said = {
            self.sensors[name]: {"type": type_, "class": class_, "function": name}
            for name, (type_, class_) in sensors.items()
        }
        beat = {"key": self.key, "sensors": said, "reset": 1, "version": 1, "time": int(time.time()), "uptime": 1}
        self._post(f"/device/{self.id}", beat)

    def _post(self, path: str, content: Any) -> None:
        body = compact(content)
        digest = hmac.new(self.key.encode(), body, hashlib.sha1).hexdigest()
        headers = {"X-Version": "1.0", "X-Digest": digest, "Content-Type": "application/json"}
        answer = self._cloud.http.post(path, content=body, headers=headers)
        assert answer.status_code == 200, answer.text

    @property
    def name(self) -> str:
        """The name that the cloud shows."""
        return f"flukso-{self.id[:6]}"

    @property
    def claim_code(self) -> str:
        """As docs/protocol.md derives it."""
        mac = hmac.new(self.key.encode(), f"flukso claim {self.id}".encode(), hashlib.sha256).digest()
        bits = int.from_bytes(mac[:5], "big")
        digits = "".join("0123456789ABCDEFGHJKMNPQRSTVWXYZ"[bits >> shift & 31] for shift in range(35, -1, -5))
        return f"{digits[:4]}-{digits[4:]}"

    def measure(self, sensor: str, measurements: Sequence[tuple[int, int]]) -> None:
        """Upload counters."""
        self._post(f"/sensor/{self.sensors[sensor]}", {"measurements": measurements})

    def gauge(self, sensor: str, value: float) -> None:
        """Upload the rate now, W or L/min."""
        self._post(f"/sensor/{self.sensors[sensor]}", {"measurements": [], "gauges": [[int(time.time()), value]]})


MAIN_WATT, SOLAR_WATT, GAS_L_PER_MIN = 600, 300, 6
"""Constant rates of the test household."""


def household(cloud: PagedCloud, session: str) -> Household:
    """Return a claimed device with 40 hours of history that is easy to check.

    All its sensors were silent from ten to eight hours ago; those of water never said anything.
    """
    house = Household(
        cloud,
        {
            "Main": ("electricity", "analog"),
            "Solar": ("electricity", "analog"),
            "Gas": ("gas", "pulse"),
            "Water": ("water", "pulse"),
            "Warmwasserbereitungsanlage": ("water", "pulse"),
        },
    )
    hour = 3600
    now = int(time.time()) // 60 * 60
    times = [*range(now - 40 * hour, now - 10 * hour + 1, 300), *range(now - 8 * hour, now + 1, 60)]
    for name, per_hour in (("Main", MAIN_WATT), ("Solar", SOLAR_WATT), ("Gas", GAS_L_PER_MIN * 60)):
        house.measure(name, [(at, 1000 + per_hour * (at - times[0]) // hour) for at in times])
    cloud.claim(house.claim_code, session)
    return house
