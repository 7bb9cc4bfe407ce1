"""The listener for original Fluksometers: a real server, TLS 1.0, and their client as it was seen to behave."""

from __future__ import annotations

import hmac
import json
import re
import shutil
import socket
import ssl
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.cloud.flm02_client import Flm02
from tests.cloud.fluksometer import Fluksometer, compact
from tests.cloud.process import Server

TITLE_CASE = re.compile(r"(WWW|[A-Z][a-z0-9]*)(-[A-Z][a-z0-9]*)*")


@pytest.fixture(scope="module")
def legacy(folder_made: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that serves original Fluksometers too."""
    home = Path(shutil.copytree(folder_made, tmp_path_factory.mktemp("legacy") / "home"))
    (home / "flukso-cloud.toml").write_text("[legacy]\nenabled = true\nport = 0\n")
    with Server(home) as server:
        yield server


@pytest.fixture
def original(legacy: Server) -> Iterator[Flm02]:
    client = Flm02(legacy.legacy_port, legacy.home / "legacy-ca.pem")
    yield client
    client.close()


def register(client: Flm02) -> Fluksometer:
    device = Fluksometer()
    body = device.registration()
    status, _ = client.post(f"/device/{device.id}", device.headers(body), body)
    assert status == 200
    return device


def upload(client: Flm02, device: Fluksometer, time: int, counter: int, *, last: bool = False) -> tuple[int, bytes]:
    body = compact({"measurements": [[time, counter]]})
    return client.post(f"/sensor/{device.sensor}", device.headers(body), body, last=last)


def test_tls_1_0_with_rsa_and_sha_1(original: Flm02, legacy: Server) -> None:
    """Trap 18; section 11.2: TLS 1.0, AES256-SHA, no SNI, a leaf signed with SHA-1 that its authority verifies."""
    assert original.sock.version() == "TLSv1"
    assert original.sock.cipher() == ("AES256-SHA", "SSLv3", 256)
    for path in ("legacy-ca.pem", "private/legacy-tls.pem"):
        certificate = x509.load_pem_x509_certificate((legacy.home / path).read_bytes())
        assert certificate.signature_algorithm_oid.dotted_string == "1.2.840.113549.1.1.5"
        assert isinstance(certificate.public_key(), rsa.RSAPublicKey)
    assert stat.S_IMODE((legacy.home / "private/legacy-tls.key").stat().st_mode) == 0o600


def test_openssl_connects_with_tls_1_0(legacy: Server) -> None:
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{legacy.legacy_port}", "-tls1", "-noservername"]
    options = ["-cipher", "AES256-SHA:@SECLEVEL=0", "-CAfile", str(legacy.home / "legacy-ca.pem")]
    done = subprocess.run([*command, *options], input="", capture_output=True, text=True, timeout=20)
    assert "Verify return code: 0 (ok)" in done.stdout
    assert re.search(r"Protocol\s*: TLSv1\n", done.stdout)


def test_the_modern_authority_signs_nothing_of_it(legacy: Server) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        Flm02(legacy.legacy_port, legacy.home / "ca.pem")


def test_a_heartbeat_verifies_no_certificate_but_the_answers_digest(legacy: Server) -> None:
    """Traps 2, 6, 9: `X-Digest` in this case, of the raw answer; `upgrade` is an integer."""
    client = Flm02(legacy.legacy_port, None)
    device = register(client)
    body = device.heartbeat()
    status, answer = client.post(f"/device/{device.id}", device.headers(body), body, last=True)
    assert status == 200
    assert client.headers["X-Digest"] == hmac.new(device.key.encode(), answer, "sha1").hexdigest()
    assert type(json.loads(answer)["upgrade"]) is int


def test_a_cycle_of_many_sensors_errors_among_them(original: Flm02) -> None:
    """Traps 1, 20; section 11.1: errors come without a body, so that the next answer is read as what it is."""
    device = register(original)
    for i in range(50):
        assert upload(original, device, 1_450_000_000 + i, i) == (200, b'{"response":"ok"}')
        assert upload(original, Fluksometer(), 1_450_000_000, 1) == (401, b"")
        assert original.headers["Content-Length"] == "0"
        assert original.headers["WWW-Authenticate"] == "No proper provisioning for this sensor"
    assert upload(original, device, 1_450_009_999, 60, last=True)[0] == 200
    assert original.sock.recv(1) == b""


def test_a_config_upload_is_answered_204(original: Flm02) -> None:
    device = register(original)
    body = b'{"config":{"enable":1,"class":"uart"}}'  # section 11.1: of the UART sensor, without a type
    assert original.post(f"/sensor/{device.sensor}", device.headers(body), body)[0] == 204
    assert upload(original, device, 1_450_000_000, 1)[0] == 200


def test_header_names_are_in_title_case(original: Flm02) -> None:
    """Trap 2: FLM02 looks them up in exactly this case."""
    device = register(original)
    for sender, status in ((device, 200), (Fluksometer(), 401)):
        assert upload(original, sender, 1_450_000_000, 1)[0] == status
        assert all(TITLE_CASE.fullmatch(name) for name in original.headers), original.headers
        assert {"Date", "Content-Length"} <= original.headers.keys()
        assert "Server" not in original.headers


@pytest.mark.parametrize("path", ["/", "/login", "/api/v2/devices", "/healthz", "/sensor/x/y", "/device/x/sensor"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_nothing_but_device_routes_is_there(legacy: Server, method: str, path: str) -> None:
    client = Flm02(legacy.legacy_port, None)
    client.sock.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode())
    head = client.sock.recv(4096)
    assert head.startswith(b"HTTP/1.1 404 ")
    assert b"\r\nContent-Length: 0\r\n" in head
    assert head.endswith(b"\r\n\r\n")
    client.close()


def test_series_are_not_read_over_it(original: Flm02, legacy: Server) -> None:
    device = register(original)
    original.sock.sendall(f"GET /sensor/{device.sensor}?version=1.0 HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert original.sock.recv(4096).startswith(b"HTTP/1.1 404 ")


def test_xml_rpc_is_answered(original: Flm02) -> None:
    status, answer = original.post("/xmlrpc/1", {"Content-Type": "text/xml"}, b"<methodCall/>")
    assert status == 200
    assert b"fault" in answer


def test_it_is_off_unless_the_settings_say_so(server: Server) -> None:
    assert not server.legacy_port
    assert not (server.home / "legacy-ca.pem").exists()


def test_a_certificate_that_is_there_is_kept(folder_made: Path, tmp_path: Path) -> None:
    home = Path(shutil.copytree(folder_made, tmp_path / "home"))
    (home / "flukso-cloud.toml").write_text("[legacy]\nenabled = true\nport = 0\n")
    kept = []
    for _ in range(2):
        with Server(home) as server:
            socket.create_connection(("127.0.0.1", server.legacy_port), timeout=5).close()
            assert server.stop() in {0, -15}
        kept.append((home / "legacy-ca.pem").read_bytes())
    assert kept[0] == kept[1]
