"""Who listens to a real server: streams of live readings, and the devices that they are of."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flukso_cloud.claim import claim_code
from flukso_cloud.cli import main
from tests.cloud.fluksometer import Fluksometer, compact
from tests.cloud.process import Server, Wire


class Stream:
    """A server-sent event stream from the real server."""

    def __init__(
        self,
        server: Server,
        sensor: str,
        token: str = "",
        query: str = "",
        last_id: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        self.ids: list[str] = []
        connection = http.client.HTTPSConnection("localhost", server.port, context=server.trust(), timeout=30)
        headers = ({"X-Token": token} if token else {}) | (headers or {})
        headers |= {} if last_id is None else {"Last-Event-ID": last_id}
        connection.request("GET", f"/api/v2/live?sensor={sensor}{query}", headers=headers)
        self.answer = connection.getresponse()

    def events(self) -> Iterator[Any]:
        """Yield the data of each `reading` event."""
        event = ""
        while line := self.answer.readline():
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name == "event":
                event = value
            elif name == "id":
                self.ids.append(value)
            elif name == "data" and event == "gap":
                yield event
            elif name == "data" and event == "reading":
                yield json.loads(value)


def claimed_by(server: Server, wire: Wire, name: str) -> Fluksometer:
    """Return a device of an account, registered by HTTP and claimed by the command while the server runs."""
    device = Fluksometer()
    body = device.registration()
    assert wire.request("POST", f"/device/{device.id}", device.headers(body), body).status == 200
    code = claim_code(device.key.encode(), device.id)
    told = said("claim", code.lower(), "--account", name, "--dir", server.home)
    assert told == f"device {device.id}: claimed by {name}"
    return device


def claimed(server: Server, wire: Wire) -> tuple[Fluksometer, str]:
    """Return a device of kees and a token for its sensor."""
    device = claimed_by(server, wire, "kees")
    return device, said("token", "--account", "kees", "--sensor", device.sensor, "--dir", server.home)


def said(*arguments: str | Path) -> str:
    """Run the command, in this process for speed, and return what it says."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        main([str(argument) for argument in arguments])
    return out.getvalue().strip()


def upload(wire: Wire, device: Fluksometer, content: dict[str, Any]) -> None:
    body = compact(content)
    assert wire.request("POST", f"/sensor/{device.sensor}", device.headers(body), body).status == 200
