"""Listeners that take nothing: they lose what they do not take or are cut off, and cost nobody anything."""

from __future__ import annotations

import re
import signal
import socket
import ssl
import time
import urllib.request
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from flukso_cloud.home import Home
from flukso_cloud.live import QUEUE
from tests.cloud.listening import Stream, claimed_by, said, upload
from tests.cloud.process import Server, Wire

SLOW = 20
UPLOADS = 17
OF_AN_UPLOAD = 200
NEVER = 86400
MIB = 1 << 20
MOST_GROWN = 18 * MIB
"""5 are the readings that are kept for whoever comes back; each who is slow holds a quarter of one."""
PATIENCE = 30.0


def never_reading(server: Server, query: str, token: str) -> Wire:
    """Ask for a stream, and take nothing of it; the window for what comes is as small as it gets."""
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
    plain.settimeout(PATIENCE)
    plain.connect(("127.0.0.1", server.port))
    wire = Wire(server.trust().wrap_socket(plain, server_hostname="localhost"))
    wire.send(f"GET /api/v2/live?{query} HTTP/1.1\r\nHost: localhost\r\nX-Token: {token}\r\n\r\n".encode())
    return wire


def metric(server: Server, name: str) -> float:
    """What Prometheus reads of one figure."""
    until(lambda: "/metrics" in server.log)
    url = re.search(r"http://127\.0\.0\.1:\d+/metrics", server.log)
    assert url is not None
    with urllib.request.urlopen(url[0], timeout=PATIENCE) as answer:
        found = re.search(rf"^{name} (.*)$", answer.read().decode(), re.MULTILINE)
    assert found is not None
    return float(found[1])


def until(true: Callable[[], bool]) -> None:
    """Wait for something; for so long that only what never comes fails."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def resident(server: Server) -> int:
    """The server's memory in bytes."""
    pages = Path(f"/proc/{server.process.pid}/statm").read_text().split()[1]
    return int(pages) * 4096


class Hour:
    """Devices whose every second of the last hour is uploaded bit by bit, each value once."""

    def __init__(self, server: Server, wire: Wire, devices: int) -> None:
        self.wire = wire
        self.devices = [claimed_by(server, wire, "kees") for _ in range(devices)]
        self.query = "&".join(f"sensor={device.sensor}" for device in self.devices)
        self.began = int(time.time()) - 3500

    def uploads(self) -> Iterator[list[int]]:
        """Upload; the values of each upload."""
        for number in range(len(self.devices) * UPLOADS):
            of_device, upload_ = divmod(number, UPLOADS)
            values = [number * OF_AN_UPLOAD + i for i in range(OF_AN_UPLOAD)]
            first = self.began + upload_ * OF_AN_UPLOAD
            upload(
                self.wire, self.devices[of_device], {"gauges": [[first + i, value] for i, value in enumerate(values)]}
            )
            yield values


def next_values(events: Iterator[Any], count: int) -> list[int | str]:
    """The gauges of the next events, and gaps."""
    return [event if event == "gap" else event["gauge"] for event in islice(events, count)]


def cloud(home: Home, **tuned: float) -> Server:
    home.settings.write_text("[metrics]\nenabled = true\nport = 0\n")
    return Server(home.root, **tuned)


def test_who_takes_nothing_costs_no_memory_and_nobody_anything(home: Home) -> None:
    """Held for them all, what they do not take would be 35 MB."""
    with cloud(home, SEND_SECONDS=NEVER) as server:
        wire = server.connect()
        hour = Hour(server, wire, 4)
        token = said("token", "--account", "kees", "--dir", home.root)
        slow = [never_reading(server, hour.query, token) for _ in range(SLOW)]
        until(lambda: metric(server, "flukso_live_listeners") == SLOW)
        swift = Stream(server, hour.devices[0].sensor, token, f"&{hour.query}").events()
        before = resident(server)
        for values in hour.uploads():
            assert next_values(swift, OF_AN_UPLOAD) == values, "whoever reads hears all of it"
        grown = resident(server) - before
        assert metric(server, "flukso_live_readings_lost_total") > SLOW * QUEUE
        assert grown < MOST_GROWN, f"{grown / MIB:.0f} MiB"
        heard = until_value(slow[0], values[-1])
        seen = [int(value) for value in re.findall(rb'"gauge":(\d+)', heard)]
        assert seen[:OF_AN_UPLOAD] == list(range(OF_AN_UPLOAD)), "what came before it was too slow"
        assert seen == sorted(set(seen))
        *_, after = heard.split(b"event: gap\n")
        newest = [int(value) for value in re.findall(rb'"gauge":(\d+)', after)]
        assert newest == list(range(values[-1] + 1 - QUEUE, values[-1] + 1)), "the gap is told, then what waited"
        for one in slow:
            one.close()


def test_who_takes_nothing_for_long_is_cut_off(home: Home) -> None:
    with cloud(home, SEND_SECONDS=0.3) as server:
        wire = server.connect()
        hour = Hour(server, wire, 2)
        token = said("token", "--account", "kees", "--dir", home.root)
        slow = never_reading(server, hour.query, token)
        until(lambda: metric(server, "flukso_live_listeners") == 1)
        swift = Stream(server, hour.devices[0].sensor, token, f"&{hour.query}").events()
        for values in hour.uploads():
            assert next_values(swift, OF_AN_UPLOAD) == values
        until(lambda: metric(server, "flukso_live_listeners") == 1)
        with pytest.raises((ConnectionError, ssl.SSLError)):
            until_value(slow, values[-1])
        slow.close()
        assert server.stop() == -signal.SIGTERM
    assert "ERROR" not in server.log, server.log


def until_value(wire: Wire, last: int) -> bytes:
    """Read until that gauge has come; ConnectionError or SSLError if the connection ends before."""
    heard = b""
    while b'"gauge":%d}' % last not in heard[-200_000:]:
        data = wire.sock.recv(65536)
        if not data:
            raise ConnectionError("the server closed the connection")
        heard += data
    return heard
