"""A mosquitto of the cloud's own: made to know the devices, started, told of new ones, ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
from pathlib import Path

from flukso_cloud.home import Home, write_private
from flukso_cloud.senders import Senders
from flukso_cloud.store import Store

from . import broker_files

LOOK_SECONDS = 2.0
"""Until a device that has just registered may connect; an original tries every 30 s."""
START_SECONDS = 10
LONGEST_SOCKET = 107
"""Bytes of a socket's path (sun_path in unix(7), less its end)."""
_PLACES = "/usr/sbin:/usr/local/sbin"


class BrokerError(Exception):
    """There can be no broker; the text says what to do."""


def _command() -> list[str]:
    """Return mosquitto, made to end with us however we end, where util-linux is there to do that."""
    found = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:{_PLACES}")
    if found is None:
        raise BrokerError("mosquitto is not installed; Debian's package has this name")
    setpriv = shutil.which("setpriv")
    return [found] if setpriv is None else [setpriv, "--pdeathsig", "TERM", found]


class Broker:
    """Runs mosquitto for the cloud in `home` at `host` and `port`.

    Devices speak TLS with it; the cloud itself comes by `socket`, as `broker_files.CLOUD` with `password`.
    """

    def __init__(self, home: Home, store: Store, senders: Senders, host: str, port: int) -> None:
        self._home = home
        self._store = store
        self._senders = senders
        self._listener = f"{port} {host}"
        self._folder = home.private / "mqtt"
        self._passwords: dict[str, str] = {}
        self._known: tuple[int, ...] = ()
        self._process: asyncio.subprocess.Process | None = None
        self.socket = self._folder / "broker.sock"
        self.password = secrets.token_urlsafe(32)

    async def start(self) -> None:
        """Write its files and start it; BrokerError if it does not listen."""
        if len(os.fsencode(self.socket)) > LONGEST_SOCKET:
            raise BrokerError(f"{self.socket} is too long for a socket; give the cloud a folder with a shorter path")
        command = _command()
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self.socket.unlink(missing_ok=True)
        text = broker_files.configuration(
            listener=self._listener,
            user=pwd.getpwuid(os.geteuid()).pw_name,
            folder=self._folder,
            socket=self.socket,
            certificate=self._home.certificate,
            key=self._home.key,
        )
        self._write("mosquitto.conf", text)
        await self._write_devices()
        self._process = await asyncio.create_subprocess_exec(*command, "-c", self._folder / "mosquitto.conf")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(START_SECONDS):
                await self._answers(self._process)
        if self._process.returncode is not None or not _listens(self.socket):
            await self.stop()
            raise BrokerError("mosquitto does not start; what it says stands above")

    async def follow(self) -> None:
        """Tell it of devices and sensors as they come and go, until it ends (BrokerError) or this is cancelled."""
        assert self._process is not None  # noqa: S101 - started
        while self._process.returncode is None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), LOOK_SECONDS)
            if await self._store.census() != self._known and self._process.returncode is None:
                await self._write_devices()
                self._process.send_signal(signal.SIGHUP)
        raise BrokerError(f"mosquitto has ended with status {self._process.returncode}")

    async def stop(self) -> None:
        """End it."""
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            await self._process.wait()

    async def _answers(self, process: asyncio.subprocess.Process) -> None:
        """Return when it listens or has ended: it says nothing of the first to wait for."""
        while process.returncode is None and not _listens(self.socket):  # noqa: ASYNC110 - no event of ours
            await asyncio.sleep(0.05)

    async def _write_devices(self) -> None:
        self._known = await self._store.census()
        devices = await self._store.devices()
        lines = await asyncio.to_thread(
            lambda: {
                device.id: self._passwords.get(device.id) or broker_files.password(device.id, self._senders.key(device))
                for device, _ in devices
            }
        )
        self._passwords = lines  # keys never change once registered
        ours = self._passwords | {broker_files.CLOUD: self._own_password()}
        self._write("access", broker_files.access((device.id, sensors) for device, sensors in devices))
        self._write("passwords", "".join(ours.values()))

    def _own_password(self) -> str:
        return broker_files.password(broker_files.CLOUD, self.password.encode())

    def _write(self, name: str, text: str) -> None:
        write_private(self._folder / name, text.encode())


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0
