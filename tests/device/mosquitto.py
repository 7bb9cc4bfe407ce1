"""A real mosquitto on 127.0.0.1, and what a client of it hears."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

import aiomqtt
import pytest
import trustme

from tests.device.waiting import until

PROGRAM = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
PASSWORD = "correct horse, battery"
USER = "fluksod"


class Mosquitto:
    """Runs in `folder`. With `authority` it speaks TLS only, with `closed` it wants `USER` and `PASSWORD`."""

    def __init__(self, folder: Path, authority: trustme.CA | None = None, *, closed: bool = False) -> None:
        if PROGRAM is None:
            pytest.skip("mosquitto is not installed: run scripts/setup broker")
        self.port = free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        lines = [f"user {getpass.getuser()}", "persistence false", "log_dest stderr", f"listener {self.port} 127.0.0.1"]
        if authority is not None:
            certificate = authority.issue_cert("127.0.0.1")
            certificate.private_key_pem.write_to_path(str(folder / "broker.key"))
            certificate.cert_chain_pems[0].write_to_path(str(folder / "broker.pem"))
            lines += [f"certfile {folder / 'broker.pem'}", f"keyfile {folder / 'broker.key'}"]
        if closed:
            subprocess.run(
                [shutil.which("mosquitto_passwd") or "mosquitto_passwd", "-c", "-b", folder / "users", USER, PASSWORD],
                check=True,
                capture_output=True,
            )
            lines += [f"password_file {folder / 'users'}"]
        lines += [f"allow_anonymous {str(not closed).lower()}"]
        (folder / "mosquitto.conf").write_text("\n".join(lines) + "\n")

    async def start(self) -> Self:
        """Start it, on the same port as before, knowing nothing of before."""
        assert PROGRAM is not None
        with (self._folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen([PROGRAM, "-c", self._folder / "mosquitto.conf"], stderr=log)
        await until(self._listens)
        return self

    def kill(self) -> None:
        """End it without a word to anybody."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @property
    def log(self) -> str:
        """What it has said."""
        return (self._folder / "mosquitto.log").read_text()

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class Heard:
    """What was published: the newest payload of each topic, which of them came as retained, and all in order."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self.client = client
        self.newest: dict[str, bytes] = {}
        self.retained: set[str] = set()
        self.order: list[tuple[str, bytes]] = []

    def __getitem__(self, topic: str) -> bytes:
        return self.newest[topic]

    def get(self, topic: str) -> bytes | None:
        return self.newest.get(topic)

    async def listen(self) -> None:
        async for message in self.client.messages:
            assert isinstance(message.payload, bytes)
            self.newest[message.topic.value] = message.payload
            self.order.append((message.topic.value, message.payload))
            if message.retain:
                self.retained.add(message.topic.value)


@asynccontextmanager
async def listening(
    broker: Mosquitto, topic: str = "#", *, password: str | None = None, authority: trustme.CA | None = None
) -> AsyncIterator[Heard]:
    """Hear what is published on `topic` until the block ends."""
    context = None
    if authority is not None:
        context = ssl.create_default_context()
        authority.configure_trust(context)
    user = None if password is None else USER
    async with aiomqtt.Client(
        "127.0.0.1", broker.port, username=user, password=password, tls_context=context
    ) as client:
        heard = Heard(client)
        await client.subscribe(topic)
        task = asyncio.create_task(heard.listen())
        try:
            yield heard
        finally:
            task.cancel()


async def retained(broker: Mosquitto, topic: str) -> bytes:
    """Wait until the broker keeps something for `topic`, as a client sees it that comes later; return that."""

    async def kept() -> bytes | None:
        async with listening(broker, topic) as heard:
            with contextlib.suppress(AssertionError):
                await until(lambda: topic in heard.retained, 0.2)
        return heard.newest.get(topic) if topic in heard.retained else None

    found: bytes = await until(kept)
    return found


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
