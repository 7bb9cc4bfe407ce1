"""A real `flukso-cloud serve`: its own process, TLS, a port of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

COMMAND = str(Path(sys.executable).with_name("flukso-cloud"))
TUNED = str(Path(__file__).with_name("tuned.py"))
START_SECONDS = 30


def run(
    *arguments: str | Path, stdin: str = "", within: Sequence[str] = (), **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the command, `within` what comes before it on the command line, and return how it ended."""
    return subprocess.run(
        [*within, COMMAND, *map(str, arguments)],
        input=stdin,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


class Server:
    """The running server of the cloud in `home`, as a context manager. `within` comes before it on the command line.

    `tuned` are constants of flukso_cloud.api.live that are to be otherwise (tuned.py).
    """

    def __init__(
        self, home: Path, *arguments: str, within: Sequence[str] = (), command: str | Path = COMMAND, **tuned: float
    ) -> None:
        self.home = home
        self._within = within
        self._arguments = arguments
        told = [f"{name}={value}" for name, value in tuned.items()]
        self._program = [sys.executable, TUNED, *told, "--"] if told else [command]
        self.port = 0
        self.legacy_port = 0
        self.log = ""

    def __enter__(self) -> Server:
        self.process = subprocess.Popen(
            [*self._within, *self._program, "serve", "--dir", str(self.home), "--port", "0", *self._arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        listening = threading.Event()
        self._reader = threading.Thread(target=self._read, args=(listening,), daemon=True)
        self._reader.start()
        assert listening.wait(START_SECONDS), self.log
        assert self.port, self.log
        return self

    def _read(self, listening: threading.Event) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.log += line
            found = re.search(r"https://.*:(\d+)$", line)
            if found and "original Fluksometers" in line:
                self.legacy_port = int(found[1])
            elif found:
                self.port = int(found[1])
                listening.set()
        listening.set()

    def kill(self) -> None:
        """Kill -9, as a power cut of the process."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> int:
        """Ask it to stop, and return its exit status."""
        self.process.terminate()
        status = self.process.wait(20)
        self._reader.join(5)
        return status

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.stop()

    @property
    def url(self) -> str:
        """Where it is, by a name of its certificate."""
        return f"https://localhost:{self.port}"

    def trust(self) -> ssl.SSLContext:
        """Return a context that verifies against the cloud's own authority."""
        return ssl.create_default_context(cafile=str(self.home / "ca.pem"))

    def get_json(self, path: str, token: str) -> Any:
        """GET with a token, verified against the cloud's authority, and return the JSON."""
        request = urllib.request.Request(self.url + path, headers={"X-Token": token})
        with urllib.request.urlopen(request, context=self.trust(), timeout=10) as answer:
            return json.load(answer)

    def connect(self) -> Wire:
        """Open a verified connection."""
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=15)
        return Wire(self.trust().wrap_socket(plain, server_hostname="localhost"))


def _title(name: str) -> str:
    return "WWW-Authenticate" if name.lower() == "www-authenticate" else name.title()


class Answer:
    """An answer as it came over the wire: its status line, its header lines in their own case, its body.

    `headers` are named in Title-Case, whatever their case was.
    """

    def __init__(self, head: bytes, body: bytes) -> None:
        self.status_line, *lines = head.decode("latin-1").split("\r\n")
        self.lines = lines
        self.headers = {_title(line.split(":", 1)[0]): line.split(":", 1)[1] for line in lines}
        self.body = body

    @property
    def status(self) -> int:
        """The status code."""
        return int(self.status_line.split(" ")[1])


class Wire:
    """A raw connection."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._rest = b""

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self.sock.sendall(data)

    def request(self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"") -> Answer:
        """Send a request and read its answer."""
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        lines += [f"Content-Length: {len(body)}"] if method == "POST" else []
        self.send("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        return self.answer()

    def answer(self) -> Answer:
        """Read one answer."""
        data = self._rest
        while b"\r\n\r\n" not in data:
            data += self._read()
        head, _, body = data.partition(b"\r\n\r\n")
        answer = Answer(head, b"")
        length = int(answer.headers.get("Content-Length", "0"))
        while len(body) < length:
            body += self._read()
        self._rest = body[length:]
        return Answer(head, body[:length])

    def _read(self) -> bytes:
        data = self.sock.recv(65536)
        if not data:
            raise ConnectionError("the server closed the connection")
        return data

    def is_closed_within(self, seconds: float) -> bool:
        """Tell whether the server closes the connection in that time, sending nothing more but what is read here."""
        self.sock.settimeout(0.1)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if not self.sock.recv(65536):
                    return True
            except TimeoutError:
                continue
            except OSError:
                return True
        return False

    def close(self) -> None:
        """Close the connection."""
        self.sock.close()
