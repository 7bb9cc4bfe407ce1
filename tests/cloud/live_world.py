"""A real server with people who are logged in, for those who listen."""

from __future__ import annotations

import json
from typing import Any, NamedTuple
from urllib.parse import urlencode

from tests.cloud.fluksometer import Fluksometer, compact
from tests.cloud.listening import Stream, said
from tests.cloud.owner import PASSWORD
from tests.cloud.process import Answer, Server, Wire

NEVER = 86400


class Person:
    """Somebody who is logged in."""

    def __init__(self, wire: Wire, name: str) -> None:
        self.wire = wire
        self.name = name
        self.session = self.log_in()

    def log_in(self) -> dict[str, str]:
        """Log in once more; the header that says so."""
        form = urlencode({"name": self.name, "password": PASSWORD, "next": "/"}).encode()
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = self.wire.request("POST", "/login", kind, form)
        assert answer.headers["Location"].strip() == "/"
        return {"Cookie": answer.headers["Set-Cookie"].strip().partition(";")[0]}

    def ask(self, method: str, path: str, content: Any = None, status: int = 204) -> Any:
        """Send a request, check the status of its answer, and return its content."""
        body = b"" if content is None else compact(content)
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in self.session.items()]
        lines += ["Content-Type: application/json"] if body else []
        self.wire.send("\r\n".join([*lines, "", ""]).encode() + body)
        answer: Answer = self.wire.answer()
        assert answer.status == status, answer.body
        return json.loads(answer.body) if answer.body else None

    def token(self, **described: Any) -> Any:
        """Make a token."""
        return self.ask("POST", "/api/v2/tokens", {"name": "x"} | described, 201)


class World(NamedTuple):
    """A server with kees, who owns a device, and mallory."""

    server: Server
    wire: Wire
    kees: Person
    mallory: Person

    def share(self, device: Fluksometer, **share: Any) -> None:
        """Let kees share the device's sensor, and mallory subscribe to it."""
        path = f"/api/v2/sensors/{device.sensor}/shares"
        self.kees.ask("PUT", path, {"shares": [{"account": None} | share]}, 200)
        self.mallory.ask("PUT", f"/api/v2/subscriptions/{device.sensor}")

    def stream(self, device: Fluksometer, token: str = "", **headers: str) -> Stream:
        """Listen to the device's sensor."""
        return Stream(self.server, device.sensor, token, headers=headers)

    def command(self, *arguments: str) -> None:
        """Run a command in another process's place, while the server runs."""
        said(*arguments, "--dir", self.server.home)

    def newcomer(self, name: str) -> Person:
        """Somebody who has just got an account."""
        self.command("user", "add", name)
        return Person(self.wire, name)
