"""The cloud behind a proxy, set up as docs/cloud.md tells: nginx and Caddy, the real ones."""

from __future__ import annotations

import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flukso_cloud.claim import claim_code
from flukso_cloud.cli import main
from flukso_cloud.home import Home
from tests.cloud.fluksometer import Fluksometer, compact
from tests.cloud.owner import PASSWORD
from tests.cloud.process import Server, Wire, run
from tests.documented import Page

PAGE = Page("docs/cloud.md")
START = 1_450_000_000


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def replaced(text: str, *pairs: tuple[str, str]) -> str:
    """The documented configuration, for the places of this test."""
    for documented, here in pairs:
        assert documented in text, f"docs/cloud.md no longer has {documented}"
        text = text.replace(documented, here)
    return text


def nginx(folder: Path, home: Home, upstream: int, port: int) -> list[str]:
    server = replaced(
        PAGE.block_after("nginx", "nginx"),
        ("listen 443 ssl http2", f"listen 127.0.0.1:{port} ssl http2"),
        ("/etc/letsencrypt/live/cloud.example/fullchain.pem", str(home.certificate)),
        ("/etc/letsencrypt/live/cloud.example/privkey.pem", str(home.key)),
        ("/srv/flukso/ca.pem", str(home.ca_certificate)),
        ("127.0.0.1:8443", f"127.0.0.1:{upstream}"),
    )
    places = "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"user {home.root.owner()};\ndaemon off;\npid {folder}/pid;\nerror_log stderr;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{places}{server}}}\n"
    )
    return ["/usr/sbin/nginx", "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]


def caddy(folder: Path, home: Home, upstream: int, port: int) -> list[str]:
    site = replaced(
        PAGE.block_after("Caddy", "caddy"),
        ("cloud.example {", f"https://localhost:{port} {{\nbind 127.0.0.1\ntls {home.certificate} {home.key}"),
        ("/srv/flukso/ca.pem", str(home.ca_certificate)),
        ("127.0.0.1:8443", f"127.0.0.1:{upstream}"),
    )
    (folder / "Caddyfile").write_text(f"{{\nadmin off\nauto_https off\n}}\n{site}")
    return [str(shutil.which("caddy")), "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


@contextmanager
def in_front(command: list[str], folder: Path, port: int) -> Iterator[None]:
    """Run a proxy until it listens, and for as long as the context lasts."""
    with (folder / "proxy.log").open("w") as log:
        environment = os.environ | {"XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
        with subprocess.Popen(command, stdout=log, stderr=log, env=environment) as process:
            try:
                deadline = time.monotonic() + 20
                while True:
                    assert process.poll() is None, (folder / "proxy.log").read_text()
                    try:
                        socket.create_connection(("127.0.0.1", port), timeout=1).close()
                        break
                    except OSError:
                        assert time.monotonic() < deadline, (folder / "proxy.log").read_text()
                        time.sleep(0.05)
                yield
            finally:
                process.terminate()


@pytest.fixture
def behind(home: Home) -> Home:
    """A cloud with the name that the page gives it, and one for the browser; it believes the proxy beside it."""
    main(["init", "--dir", str(home.root), "--name", "cloud.local", "--name", "localhost"])
    home.settings.write_text('[server]\nproxies = ["127.0.0.1"]\n[log]\nrequests = true\n')
    return home


@pytest.mark.parametrize("proxy", [nginx, caddy])
def test_devices_pages_and_live_streams_through_a_proxy(
    behind: Home, tmp_path: Path, proxy: Callable[[Path, Home, int, int], list[str]]
) -> None:
    device, port = Fluksometer(), free_port()
    folder = tmp_path / "proxy"
    folder.mkdir()
    trust = ssl.create_default_context(cafile=str(behind.ca_certificate))

    def connect() -> Wire:
        plain = socket.create_connection(("127.0.0.1", port), timeout=15)
        return Wire(trust.wrap_socket(plain, server_hostname="localhost"))

    def request(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> tuple[int, str]:
        wire = connect()
        headers = {"Host": f"localhost:{port}", "Content-Length": str(len(body))} | headers
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        wire.send("\r\n".join([*lines, "Connection: close", "", ""]).encode() + body)
        answer = b""
        while data := wire.sock.recv(65536):
            answer += data
        wire.close()
        return int(answer.split(b" ")[1]), answer.decode()

    with Server(behind.root) as server, in_front(proxy(folder, behind, server.port, port), folder, port):
        body = device.registration()
        forged = {"X-Forwarded-For": "203.0.113.9"}
        assert request("POST", f"/device/{device.id}", device.headers(body) | forged, body)[0] == 200
        body = compact({"measurements": [(START, 1)]})
        status, answer = request("POST", f"/sensor/{device.sensor}", device.headers(body), body)
        assert (status, answer.rpartition("\r\n\r\n")[2]) == (200, '{"response":"ok"}')
        body = compact({"measurements": [(START, 2)]})
        wrong = device.headers(body) | {"X-Digest": "0" * 40}
        assert "Incorrect digest" in request("POST", f"/sensor/{device.sensor}", wrong, body)[1]
        form = f"name=kees&password={PASSWORD.replace(' ', '+')}&next=/".encode()
        own = {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"https://localhost:{port}"}
        status, answer = request("POST", "/login", own, form)
        assert (status, "__Host-flukso=" in answer) == (303, True)
        assert request("POST", "/login", own | {"Origin": "https://evil.example"}, form)[0] == 403
        server.stop()
    assert "address=203.0.113.9" not in server.log
    assert re.search(r"route=/device/\{device\} status=200 seconds=\S+ address=127\.0\.0\.1", server.log)


def test_a_live_stream_is_not_held_up_by_a_proxy(behind: Home, tmp_path: Path) -> None:
    """Through nginx, which would buffer: the reading arrives while the stream is open."""
    device, port, folder = Fluksometer(), free_port(), tmp_path / "proxy"
    folder.mkdir()
    trust = ssl.create_default_context(cafile=str(behind.ca_certificate))
    with Server(behind.root) as server, in_front(nginx(folder, behind, server.port, port), folder, port):
        wire, body = server.connect(), device.registration()
        assert wire.request("POST", f"/device/{device.id}", device.headers(body), body).status == 200
        code = claim_code(device.key.encode(), device.id)
        assert run("claim", code, "--account", "kees", "--dir", behind.root).returncode == 0
        token = run("token", "--account", "kees", "--dir", behind.root).stdout.strip()
        plain = socket.create_connection(("127.0.0.1", port), timeout=15)
        with trust.wrap_socket(plain, server_hostname="localhost") as stream:
            head = f"GET /api/v2/live?sensor={device.sensor} HTTP/1.1\r\nHost: localhost\r\nX-Token: {token}\r\n\r\n"
            stream.sendall(head.encode())
            heard = stream.recv(4096)
            assert heard.startswith(b"HTTP/1.1 200")
            body = compact({"measurements": [(int(time.time()), 7)]})
            assert wire.request("POST", f"/sensor/{device.sensor}", device.headers(body), body).status == 200
            while b'"counter":7' not in heard:
                heard += stream.recv(4096)
        wire.close()


def test_nobody_else_is_believed(home: Home) -> None:
    home.settings.write_text('[server]\nproxies = ["192.0.2.1"]\n[log]\nrequests = true\n')
    with Server(home.root) as server:
        assert server.connect().request("GET", "/healthz", {"X-Forwarded-For": "203.0.113.9"}).status == 200
        server.stop()
    assert "address=127.0.0.1" in server.log
    assert "203.0.113.9" not in server.log
