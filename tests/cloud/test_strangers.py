"""Strangers: connections that never finish, requests without end, and what they do to others. Both listeners."""

from __future__ import annotations

import re
import shutil
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.cloud.flm02_client import tls_1_0
from tests.cloud.fluksometer import Fluksometer, compact
from tests.cloud.kept import measurements
from tests.cloud.process import Answer, Server, Wire

PATIENCE = 3.0
EACH = 25
"""Connections of each kind at once: with both listeners' kinds, hundreds."""
START = 1_450_000_000
MOST_MEMORY = 64 * 1024 * 1024
"""Bytes that the process may grow by."""
MOST_SENT = 256 * 1024 * 1024
"""Bytes that kernel and server may take of what is refused, before they notice: loopback is fast, and buffers much."""
GIGABYTE = 1 << 30


@pytest.fixture(scope="module")
def impatient(folder_made: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with both listeners and little patience."""
    home = Path(shutil.copytree(folder_made, tmp_path_factory.mktemp("impatient") / "home"))
    (home / "flukso-cloud.toml").write_text(
        f"[server]\npatience = {PATIENCE}\n[legacy]\nenabled = true\nport = 0\n", encoding="utf-8"
    )
    with Server(home) as server:
        yield server
        assert "Traceback" not in server.log


class Listener:
    """One of the two, as a client sees it."""

    def __init__(self, server: Server, kind: str) -> None:
        self.server = server
        self.kind = kind
        self.port = server.port if kind == "modern" else server.legacy_port

    def plain(self) -> socket.socket:
        """Connect, without TLS."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=15)

    def connect(self) -> Wire:
        """Open a connection as its clients do."""
        if self.kind == "modern":
            return self.server.connect()
        return Wire(tls_1_0(self.server.home / "legacy-ca.pem").wrap_socket(self.plain()))

    def registered(self) -> Fluksometer:
        """A device that has sent one measurement."""
        device, wire = Fluksometer(), self.connect()
        body = device.registration()
        assert wire.request("POST", f"/device/{device.id}", device.headers(body), body).status == 200
        assert upload(wire, device, START).status == 200
        wire.close()
        return device


@pytest.fixture(params=["modern", "legacy"])
def listener(request: pytest.FixtureRequest, impatient: Server) -> Listener:
    return Listener(impatient, request.param)


def upload(wire: Wire, device: Fluksometer, at: int) -> Answer:
    body = compact({"measurements": [[at, 1]]})
    return wire.request("POST", f"/sensor/{device.sensor}", device.headers(body), body)


def head_of(device: Fluksometer, body: bytes, **changed: str) -> bytes:
    """The head of a signed upload."""
    headers = {"Content-Length": str(len(body))} | device.headers(body) | changed
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value)
    return f"POST /sensor/{device.sensor} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n".encode()


def memory(server: Server) -> int:
    """Bytes that the process has had at most."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1024


class Dawdler:
    """A connection that sends a byte now and then, and never what is waited for."""

    def __init__(self, sock: socket.socket, first: bytes, then: bytes) -> None:
        self._sock = sock
        self._then = then
        sock.sendall(first)
        sock.setblocking(False)

    def go_on(self) -> bool:
        """Send a little more; tell whether the connection is still there."""
        try:
            if self._then:
                with suppress(ssl.SSLWantWriteError, BlockingIOError):
                    self._sock.send(self._then)
            with suppress(ssl.SSLWantReadError, BlockingIOError):
                while self._sock.recv(4096):
                    pass
                return False
        except OSError:
            return False
        return True


def dawdlers(listener: Listener, device: Fluksometer) -> Iterator[Dawdler]:
    """Each kind of them, many times."""
    body = b"{" + b" " * 1000 + b"}"
    unread = b"PUT /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n"
    chunked = head_of(device, body, **{"Content-Length": "", "Transfer-Encoding": "chunked"})
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01"  # the first bytes of a handshake
    for _ in range(EACH):
        yield Dawdler(listener.plain(), b"", b"")
        yield Dawdler(listener.plain(), hello, b"\x00")
        yield Dawdler(listener.connect().sock, b"", b"")
        yield Dawdler(listener.connect().sock, b"POST /sensor/x HTTP/1.1\r\nX-Slow: ", b"a")
        yield Dawdler(listener.connect().sock, head_of(device, body), b"")
        yield Dawdler(listener.connect().sock, head_of(device, body), b" ")
        yield Dawdler(listener.connect().sock, chunked, b"1\r\n \r\n")
        yield Dawdler(listener.connect().sock, unread, b" ")


def test_whoever_never_finishes_is_closed_and_holds_up_nobody(listener: Listener) -> None:
    device = listener.registered()
    sent: list[int] = []
    waits: list[float] = []
    over = threading.Event()

    def keep_uploading() -> None:
        wire = listener.connect()
        while not over.is_set():
            began = time.monotonic()
            at = START + 60 * (1 + len(sent))
            assert upload(wire, device, at).status == 200
            waits.append(time.monotonic() - began)
            sent.append(at)

    uploader = threading.Thread(target=keep_uploading)
    uploader.start()
    try:
        left = list(dawdlers(listener, device))
        before = len(sent)
        deadline = time.monotonic() + 60
        while left:
            assert time.monotonic() < deadline, f"{len(left)} are still open"
            left = [one for one in left if one.go_on()]
            time.sleep(0.02)
    finally:
        over.set()
        uploader.join(20)
    assert len(sent) > before > 0
    assert max(waits) < 5, "a device gives up after 5 s"
    wire = listener.connect()
    assert upload(wire, device, START + 60 * (1 + len(sent))).status == 200
    stored = [sample.time for sample in measurements(listener.server.home / "private" / "cloud.db", device.sensor)]
    assert stored == [START, *sent, START + 60 * (1 + len(sent))]


def test_half_requests_that_are_cut_off_store_nothing(listener: Listener) -> None:
    device = listener.registered()
    body = compact({"measurements": [[START + 60, 2]]})
    whole = head_of(device, body) + body
    for end in range(10, len(whole), 17):
        wire = listener.connect()
        wire.send(whole[:end])
        wire.close()
    for end in range(1, 100, 7):
        plain = listener.plain()
        plain.sendall(b"\x16\x03\x01\x02\x00"[:end])
        plain.close()
    wire = listener.connect()
    assert upload(wire, device, START + 120).status == 200
    stored = measurements(listener.server.home / "private" / "cloud.db", device.sensor)
    assert [sample.time for sample in stored] == [START, START + 120]


def send_until_refused(wire: Wire, piece: bytes, most: int = GIGABYTE) -> int:
    """Send a piece again and again until the connection breaks; return how many bytes that were."""
    sent = 0
    wire.sock.settimeout(10)
    with suppress(OSError):
        while sent < most:
            sent += wire.sock.send(piece)
    return sent


def status_of(wire: Wire) -> int | None:
    """The status of an answer that came before the connection broke, if it is still there to be read."""
    try:
        return wire.answer().status
    except OSError:
        return None


@pytest.mark.parametrize("framing", [{"Content-Length": str(GIGABYTE)}, {"Transfer-Encoding": "chunked"}])
@pytest.mark.parametrize("known", [True, False])
def test_a_gigabyte_is_refused_before_it_is_read(listener: Listener, framing: dict[str, str], *, known: bool) -> None:
    device = listener.registered() if known else Fluksometer()
    before = memory(listener.server)
    is_chunked = "Transfer-Encoding" in framing
    piece = b"10000\r\n" + b"1" * 65536 + b"\r\n" if is_chunked else b"1" * 65536
    statuses = []
    for _ in range(8):
        wire = listener.connect()
        wire.send(head_of(device, b"", **({"Content-Length": ""} | framing)))
        if not is_chunked:  # nothing is sent: the refusal is for what would come
            assert wire.answer().status == 413
            assert wire.is_closed_within(5)
            wire = listener.connect()
            wire.send(head_of(device, b"", **framing))
        assert send_until_refused(wire, piece) < MOST_SENT
        statuses.append(status_of(wire))
    assert set(statuses) <= {413, None}
    assert 413 in statuses
    assert memory(listener.server) - before < MOST_MEMORY


def test_a_gigabyte_for_what_reads_no_body_is_cut_off(listener: Listener) -> None:
    before = memory(listener.server)
    for head in (
        f"POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: {GIGABYTE}\r\n\r\n",
        f"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: {GIGABYTE}\r\n\r\n",
    ):
        wire = listener.connect()
        wire.send(head.encode())
        assert wire.answer().status in {200, 404}
        assert send_until_refused(wire, b"1" * 65536) < MOST_SENT
    assert memory(listener.server) - before < MOST_MEMORY


@pytest.mark.parametrize(
    ("first", "piece"),
    [
        (b"GET /", b"a" * 65536),
        (b"GET / HTTP/1.1\r\nX-Long: ", b"a" * 65536),
        (b"GET / HTTP/1.1\r\n", b"a:b\r\n" * 13000),
        (b"POST /device/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"a:b\r\n" * 13000),
        (b"POST /device/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"1;" + b"a" * 65536 + b"\r\n1\r\n"),
    ],
    ids=["line", "one", "many", "trailers", "extensions"],
)
def test_huge_headers_are_refused(listener: Listener, first: bytes, piece: bytes) -> None:
    before = memory(listener.server)
    for _ in range(4):
        wire = listener.connect()
        wire.send(first)
        assert send_until_refused(wire, piece) < MOST_SENT
        assert status_of(wire) in {400, 404, 413, None}
    assert memory(listener.server) - before < MOST_MEMORY


@pytest.mark.parametrize("length", [21_000, 60_000, 200_000])
def test_a_huge_header_is_refused_also_if_it_comes_at_once(listener: Listener, length: int) -> None:
    wire = listener.connect()
    wire.send(b"POST /xmlrpc/1 HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * length + b"\r\nContent-Length: 0\r\n\r\n")
    assert wire.answer().status == 400
    assert wire.is_closed_within(5)


def test_pipelined_uploads_are_answered_in_turn(listener: Listener) -> None:
    device, wire = listener.registered(), listener.connect()
    bodies = [compact({"measurements": [[START + 60 * (i + 1), i]]}) for i in range(40)]
    signed = [head_of(device if i % 4 else Fluksometer(), body) + body for i, body in enumerate(bodies)]
    wire.send(b"".join(signed))
    assert [wire.answer().status for _ in bodies] == [200 if i % 4 else 401 for i in range(40)]
    stored = measurements(listener.server.home / "private" / "cloud.db", device.sensor)
    assert [sample.time for sample in stored] == [START, *(START + 60 * (i + 1) for i in range(40) if i % 4)]


def test_endless_pipelining_takes_no_memory(listener: Listener) -> None:
    """Whoever asks without end and reads no answer is cut off, or not listened to; others are served."""
    before, asked = memory(listener.server), b"POST /xmlrpc/1 HTTP/1.1\r\nContent-Length:0\r\n\r\n" * 1000
    wires = [listener.connect() for _ in range(6)]
    taken = 0
    for _ in range(40):
        for wire in wires:
            wire.sock.settimeout(0.05)
            with suppress(OSError):
                taken += wire.sock.send(asked)
    assert taken > len(asked)
    other = listener.connect()
    assert upload(other, listener.registered(), START + 60).status == 200
    assert memory(listener.server) - before < MOST_MEMORY
    for wire in wires:
        wire.close()


@pytest.mark.parametrize(
    "lines",
    [
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: -1",
        "Content-Length: +10",
        "Content-Length: 0x10",
        "Content-Length: ten",
        "Content-Length: 99999999999999999999999999999",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: gzip",
    ],
)
def test_a_length_that_cannot_be_is_refused(listener: Listener, lines: str) -> None:
    device, wire = listener.registered(), listener.connect()
    body = compact({"measurements": [[START + 60, 2]]})
    head = head_of(device, body, **{"Content-Length": ""})
    wire.send(head[:-2] + lines.encode() + b"\r\n\r\n" + body)
    assert wire.answer().status in {400, 413, 501}
    assert wire.is_closed_within(5)
    stored = measurements(listener.server.home / "private" / "cloud.db", device.sensor)
    assert [sample.time for sample in stored] == [START]


def test_a_length_that_is_too_short_stores_nothing(listener: Listener) -> None:
    """The digest of what was cut short is another, and what is beyond it is no request: whichever is noticed first."""
    device, wire = listener.registered(), listener.connect()
    body = compact({"measurements": [[START + 60, 2]]})
    wire.send(head_of(device, body, **{"Content-Length": str(len(body) - 3)}) + body)
    assert wire.answer().status in {400, 401}
    assert wire.is_closed_within(5)
    stored = measurements(listener.server.home / "private" / "cloud.db", device.sensor)
    assert [sample.time for sample in stored] == [START]


@pytest.mark.parametrize("part", [0, 1, 20])
def test_a_length_that_is_too_long_stores_nothing(listener: Listener, part: int) -> None:
    """The rest is waited for as long as our patience lasts."""
    device, wire = listener.registered(), listener.connect()
    body = compact({"measurements": [[START + 60, 2]]})
    wire.send(head_of(device, body, **{"Content-Length": str(len(body) + 1)}))
    wire.send(body[:part] if part else b"")
    assert status_of(wire) in {408, None}
    assert wire.is_closed_within(5)
    stored = measurements(listener.server.home / "private" / "cloud.db", device.sensor)
    assert [sample.time for sample in stored] == [START]
