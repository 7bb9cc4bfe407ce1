"""What goes over the wire: a real server, TLS, raw sockets."""

from __future__ import annotations

import asyncio
import hmac
import json
import select
import socket
import sqlite3
import ssl
import threading
import time
import warnings
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from flukso_cloud import goodbye
from flukso_cloud.api.request import read_body
from flukso_cloud.home import Home
from flukso_cloud.modern_wire import ModernProtocol
from flukso_cloud.tls import make_authority, make_certificate
from flukso_cloud.wire import DeviceProtocol, TitleCase
from tests.cloud.fluksometer import Fluksometer, compact
from tests.cloud.process import Answer, Server, Wire

LARGE = 32 * 1024 * 1024
"""Bytes of an answer that no kernel holds."""


@pytest.fixture
def wire(server: Server) -> Iterator[Wire]:
    wire = server.connect()
    yield wire
    wire.close()


def register(wire: Wire) -> Fluksometer:
    device = Fluksometer()
    body = device.registration()
    assert wire.request("POST", f"/device/{device.id}", device.headers(body), body).status == 200
    return device


def upload(wire: Wire, device: Fluksometer, time: int, counter: int, **headers: str) -> Answer:
    body = compact({"measurements": [[time, counter]]})
    return wire.request("POST", f"/sensor/{device.sensor}", device.headers(body, **headers), body)


def test_answers_have_their_exact_length(wire: Wire) -> None:
    """Trap 1: FLM02 reads Content-Length unconditionally; nothing is chunked."""
    device = register(wire)
    answer = upload(wire, device, 1_450_000_000, 1)
    assert answer.headers["Content-Length"] == " 17"
    assert answer.body == b'{"response":"ok"}'
    for found in (answer, wire.request("GET", "/sensor/x"), wire.request("GET", "/nowhere")):
        lines = [line for line in found.lines if line.lower().startswith("content-length:")]
        assert len(lines) == 1
        assert not any("chunked" in line.lower() for line in found.lines)


def test_the_digest_is_of_the_raw_answer(wire: Wire) -> None:
    """Trap 6."""
    device = register(wire)
    body = device.heartbeat()
    answer = wire.request("POST", f"/device/{device.id}", device.headers(body), body)
    digest = hmac.new(device.key.encode(), answer.body, "sha1").hexdigest()
    assert answer.headers["X-Digest"] == f" {digest}"
    assert isinstance(json.loads(answer.body)["upgrade"], int)
    assert "Date" in answer.headers
    assert "Server" not in answer.headers


def test_the_status_line_has_a_reason(wire: Wire) -> None:
    """Trap 3."""
    device = register(wire)
    assert upload(wire, device, 1_450_000_000, 1).status_line == "HTTP/1.1 200 OK"
    assert upload(wire, Fluksometer(), 1_450_000_000, 1).status_line == "HTTP/1.1 401 Unauthorized"
    body = b"{"
    bad = wire.request("POST", f"/sensor/{device.sensor}", device.headers(body), body)
    assert bad.status_line == "HTTP/1.1 400 Bad Request"
    body = compact({"config": {"enable": 1}})
    config = wire.request("POST", f"/sensor/{device.sensor}", device.headers(body), body)
    assert config.status_line == "HTTP/1.1 204 No Content"


def test_many_sensors_over_one_connection_errors_among_them(wire: Wire) -> None:
    """Trap 20: the connection stays."""
    device = register(wire)
    for i in range(50):
        assert upload(wire, device, 1_450_000_000 + i, i).status == 200
        error = upload(wire, Fluksometer(), 1_450_000_000, 1)
        assert error.status == 401
    assert upload(wire, device, 1_450_009_999, 60, Connection="close").status == 200
    assert wire.is_closed_within(5)


def test_a_hanging_store_is_answered_within_five_seconds(server: Server, wire: Wire) -> None:
    """Trap 19: FLM02 gives up after 5 s. It gets a 503 before, keeps its buffer, and sends it again."""
    device = register(wire)
    lock = sqlite3.connect(server.home / "private" / "cloud.db", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    try:
        began = time.monotonic()
        answer = upload(wire, device, 1_450_000_000, 1)
        assert time.monotonic() - began < 5
        assert answer.status_line == "HTTP/1.1 503 Service Unavailable"
        assert answer.headers["Retry-After"] == " 5"
    finally:
        lock.execute("ROLLBACK")
        lock.close()
    assert upload(wire, device, 1_450_000_000, 1).status == 200


def test_huge_bodies_are_refused_before_they_are_read(server: Server) -> None:
    wire, device = server.connect(), Fluksometer()
    headers = device.headers(b"") | {"Content-Length": str(10**9)}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    wire.send(f"POST /sensor/{device.sensor} HTTP/1.1\r\nHost: localhost\r\n{head}\r\n".encode())
    answer = wire.answer()
    assert answer.status == 413
    assert answer.headers["Connection"] == " close"
    assert wire.is_closed_within(5)


def test_endless_chunks_are_refused(server: Server) -> None:
    wire, device = server.connect(), Fluksometer()
    headers = device.headers(b"") | {"Transfer-Encoding": "chunked"}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    wire.send(f"POST /sensor/{device.sensor} HTTP/1.1\r\nHost: localhost\r\n{head}\r\n".encode())
    chunk = b"10000\r\n" + b"1" * 65536 + b"\r\n"
    deadline = time.monotonic() + 8
    try:
        while time.monotonic() < deadline:
            wire.send(chunk)
            time.sleep(0.01)
        pytest.fail("they were taken for 8 s")
    except OSError:
        pass


def test_a_huge_header_is_refused(server: Server) -> None:
    wire = server.connect()
    # Above the limit by little: all of it is sent before the refusal closes the connection.
    wire.send(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Large: " + b"a" * 66_000)
    assert wire.answer().status == 400
    assert wire.is_closed_within(5)


def test_tls_older_than_1_2_is_refused(server: Server) -> None:
    """Trap 18: the modern listener owes FLM02's TLS 1.0 nothing; a separate legacy listener serves it."""
    context = server.trust()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    plain = socket.create_connection(("127.0.0.1", server.port), timeout=10)
    with pytest.raises(ssl.SSLError), context.wrap_socket(plain, server_hostname="localhost"):
        pass


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_1_2_and_1_3_are_served(server: Server, version: ssl.TLSVersion) -> None:
    context = server.trust()
    context.minimum_version = context.maximum_version = version
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    plain = socket.create_connection(("127.0.0.1", server.port), timeout=10)
    with context.wrap_socket(plain, server_hostname="localhost") as sock:
        assert sock.version() == version.name.replace("_", ".")


def test_another_authority_is_refused_by_who_verifies(server: Server, home: Home) -> None:
    home.ca_certificate.unlink()
    assert make_authority(home)
    context = ssl.create_default_context(cafile=str(home.ca_certificate))
    plain = socket.create_connection(("127.0.0.1", server.port), timeout=10)
    with pytest.raises(ssl.SSLCertVerificationError), context.wrap_socket(plain, server_hostname="localhost"):
        pass


def test_another_name_is_refused_by_who_verifies(server: Server) -> None:
    plain = socket.create_connection(("127.0.0.1", server.port), timeout=10)
    with (
        pytest.raises(ssl.SSLCertVerificationError),
        server.trust().wrap_socket(plain, server_hostname="cloud.example"),
    ):
        pass


def test_a_renewed_certificate_keeps_its_authority(home: Home) -> None:
    before = home.ca_certificate.read_bytes()
    assert not make_certificate(home, ["localhost"])
    assert make_certificate(home, ["localhost", "192.0.2.7", "fe80::1", "cloud.example"])
    assert not make_certificate(home, ["cloud.example", "192.0.2.7", "fe80::1", "localhost"])
    assert home.ca_certificate.read_bytes() == before


class Plain:
    """The protocol on a plain socket, with short deadlines."""

    def __init__(self, port: int) -> None:
        self.port = port

    def connect(self) -> Wire:
        """Open a connection."""
        return Wire(socket.create_connection(("127.0.0.1", self.port), timeout=10))


@pytest.fixture(params=[DeviceProtocol, ModernProtocol])
def hasty(request: pytest.FixtureRequest) -> Iterator[Plain]:
    """A server that waits 0.5 s for a header and for a body, and sends its longest answer in parts."""

    class Hasty(request.param):
        patience = 0.5

    async def length(request: Request) -> PlainTextResponse:
        return PlainTextResponse(str(len(await read_body(request))))

    async def slow(_: Request) -> StreamingResponse:
        async def parts():
            for _ in range(3):
                await asyncio.sleep(0.4)
                yield b"part"

        return StreamingResponse(parts())

    async def large(_: Request) -> PlainTextResponse:
        return PlainTextResponse("x" * LARGE, headers={"Connection": "close"})

    app = TitleCase(
        Starlette(routes=[Route("/", length, methods=["POST"]), Route("/slow", slow), Route("/large", large)])
    )
    app.app.state.patience = Hasty.patience
    config = uvicorn.Config(
        app, http=Hasty, ws="none", log_config=None, server_header=False, date_header=False, timeout_keep_alive=30
    )
    server = uvicorn.Server(config)
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    yield Plain(listener.getsockname()[1])
    server.should_exit = True
    thread.join(10)


def test_a_connection_that_says_nothing_is_closed(hasty: Plain) -> None:
    assert hasty.connect().is_closed_within(5)


def test_a_header_that_never_ends_is_closed(hasty: Plain) -> None:
    wire = hasty.connect()
    wire.send(b"POST / HTTP/1.1\r\n")
    began = time.monotonic()
    try:
        while time.monotonic() - began < 5:  # a byte now and then buys no time
            wire.send(b"X")
            time.sleep(0.05)
        pytest.fail("it is still open")
    except OSError:
        pass


def test_the_second_header_has_a_deadline_too(hasty: Plain) -> None:
    wire = hasty.connect()
    assert wire.request("POST", "/", body=b"12345").body == b"5"
    wire.send(b"POST / HTTP/1.1\r\nHost: x\r\n")
    assert wire.is_closed_within(5)


def test_a_body_that_never_ends_is_answered_408(hasty: Plain) -> None:
    wire = hasty.connect()
    wire.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
    answer = wire.answer()
    assert answer.status == 408
    assert answer.headers["Connection"] == " close"
    assert wire.is_closed_within(5)


def test_an_idle_connection_is_kept(hasty: Plain) -> None:
    """Trap 20: between two requests there is no deadline but keep-alive's."""
    wire = hasty.connect()
    assert wire.request("POST", "/", body=b"1").body == b"1"
    assert not wire.is_closed_within(1.2)
    assert wire.request("POST", "/", body=b"12").body == b"2"


def test_a_long_answer_has_no_deadline(hasty: Plain) -> None:
    wire = hasty.connect()
    wire.send(b"GET /slow HTTP/1.0\r\nHost: x\r\n\r\n")
    data = b""
    while chunk := wire.sock.recv(4096):
        data += chunk
    assert data.count(b"part") == 3


def test_two_requests_at_once_are_answered_in_turn(hasty: Plain) -> None:
    wire = hasty.connect()
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: "
    wire.send(head + b"1\r\n\r\n1" + head + b"2\r\n\r\n12")
    assert [wire.answer().body, wire.answer().body] == [b"1", b"2"]


def keeps_sending(wire: Wire, what: bytes, seconds: float) -> bool:
    """Tell whether one can go on sending now and then for so long."""
    deadline = time.monotonic() + seconds
    try:
        while time.monotonic() < deadline:
            wire.send(what)
            if wire.is_closed_within(0.05):
                return False
    except OSError:
        return False
    return True


def test_blank_lines_between_requests_keep_nothing_open(hasty: Plain) -> None:
    wire = hasty.connect()
    assert wire.request("POST", "/", body=b"1").body == b"1"
    assert not keeps_sending(wire, b"\r\n", 8)


def test_a_body_that_nobody_reads_keeps_nothing_open(hasty: Plain) -> None:
    wire = hasty.connect()
    wire.send(b"GET /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
    assert wire.answer().status == 404
    assert not keeps_sending(wire, b"x", 8)


def test_a_body_that_nobody_reads_may_be_short(hasty: Plain) -> None:
    """Head and body of a device come apart; an early answer does not end the connection."""
    wire = hasty.connect()
    wire.send(b"POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n")
    assert wire.answer().status == 404
    wire.send(b"abc")
    assert wire.request("POST", "/", body=b"12").body == b"2"


def test_what_is_asked_to_be_upgraded_keeps_nothing_open(hasty: Plain) -> None:
    wire = hasty.connect()
    wire.send(b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
    assert wire.answer().status == 404
    assert not keeps_sending(wire, b"x", 8)


def test_an_answer_is_sent_whole_to_whoever_reads_slowly(hasty: Plain, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection is to be closed after it; the reader takes many times as long as a goodbye may."""
    monkeypatch.setattr(goodbye, "GOODBYE_SECONDS", 0.02)
    monkeypatch.setattr(goodbye, "LOOK_SECONDS", 0.01)
    wire = hasty.connect()
    wire.send(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
    length = 0
    while data := wire.sock.recv(1024 * 1024):
        length += len(data)
        time.sleep(0.01)
    assert length > LARGE


def test_whoever_takes_nothing_of_an_answer_is_cut_off(hasty: Plain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(goodbye, "GOODBYE_SECONDS", 0.1)
    monkeypatch.setattr(goodbye, "STALLED_SECONDS", 0.3)
    wire = hasty.connect()
    wire.send(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
    poll = select.poll()
    poll.register(wire.sock, 0)  # tells of the end alone, and reads nothing
    assert poll.poll(8000), "it is still open"
