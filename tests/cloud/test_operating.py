"""Operating the cloud: log, metrics, health, systemd's unit, readiness and watchdog, and how it stops."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from flukso_cloud.app import create_app
from flukso_cloud.claim import claim_code
from flukso_cloud.home import Home
from flukso_cloud.server import STOP_SECONDS
from tests.cloud.fluksometer import Fluksometer, compact
from tests.cloud.kept import measurements
from tests.cloud.owner import PASSWORD
from tests.cloud.process import COMMAND, Server, Wire, run
from tests.documented import Page

START = 1_450_000_000


def until(condition: Callable[[], bool], server: Server, seconds: float = 15) -> None:
    """Wait for a condition, or show the server's log."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, server.log
        time.sleep(0.02)


def register(server: Server, device: Fluksometer) -> None:
    wire, body = server.connect(), device.registration()
    assert wire.request("POST", f"/device/{device.id}", device.headers(body), body).status == 200
    wire.close()


def upload(server: Server, device: Fluksometer, *pairs: tuple[int, int]) -> int:
    wire, body = server.connect(), compact({"measurements": pairs})
    status = wire.request("POST", f"/sensor/{device.sensor}", device.headers(body), body).status
    wire.close()
    return status


def listening(server: Server, home: Home) -> Wire:
    """A stream of live readings, open."""
    device = Fluksometer()
    register(server, device)
    code = claim_code(device.key.encode(), device.id)
    assert run("claim", code, "--account", "kees", "--dir", home.root).returncode == 0
    token = run("token", "--account", "kees", "--dir", home.root).stdout.strip()
    stream = server.connect()
    path = f"/api/v2/live?sensor={device.sensor}"
    stream.send(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nX-Token: {token}\r\n\r\n".encode())
    assert b"HTTP/1.1 200" in stream.sock.recv(4096)
    return stream


def metrics(server: Server) -> dict[str, float]:
    """What Prometheus reads, by name and labels."""
    until(lambda: "/metrics" in server.log, server)
    url = re.search(r"http://127\.0\.0\.1:\d+/metrics", server.log)
    assert url is not None
    with urllib.request.urlopen(url[0], timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")}


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Another process, as a careless backup, holds the database."""
    with sqlite3.connect(database, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


# --- metrics ---------------------------------------------------------------------------------------------------------


def test_prometheus_sees_uploads_samples_commits_listeners_and_size(home: Home) -> None:
    home.settings.write_text("[metrics]\nenabled = true\nport = 0\n")
    with Server(home.root) as server:
        device = Fluksometer()
        register(server, device)
        assert upload(server, device, (START, 1), (START + 60, 2), (5, 3)) == 200
        assert upload(server, device, (START, 1), (START + 120, 2)) == 200
        stream = listening(server, home)
        until(lambda: metrics(server)["flukso_live_listeners"] == 1, server)
        seen = metrics(server)
        assert seen["flukso_uploads_total"] == 2
        outcomes = {word: seen[f'flukso_samples_total{{outcome="{word}"}}'] for word in ("stored", "known", "refused")}
        assert outcomes == {"stored": 3, "known": 1, "refused": 1}
        assert seen['flukso_requests_total{method="POST",route="/sensor/{sensor}",status="200"}'] == 2
        assert seen['flukso_request_seconds_count{route="/sensor/{sensor}"}'] == 2
        assert seen["flukso_commit_seconds_count"] >= 4
        assert seen["flukso_commit_writes_sum"] >= 4
        assert seen["flukso_writes_waiting"] == 0
        assert seen['flukso_database_bytes{file="cloud.db"}'] == home.database.stat().st_size
        assert seen["process_resident_memory_bytes"] > 1e6
        stream.close()
        until(lambda: metrics(server)["flukso_live_listeners"] == 0, server)


def test_the_page_names_every_metric(home: Home) -> None:
    home.settings.write_text("[metrics]\nenabled = true\nport = 0\n")
    with Server(home.root) as server:
        until(lambda: "/metrics" in server.log, server)
        url = re.search(r"http://127\.0\.0\.1:\d+/metrics", server.log)
        assert url is not None
        with urllib.request.urlopen(url[0], timeout=5) as answer:
            text = answer.read().decode()
    kinds = dict(re.findall(r"(?m)^# TYPE (flukso_\S+) (\S+)$", text))
    served = {name for name in kinds if not name.endswith("_created")}
    assert served == set(re.findall(r"`(flukso_[a-z_]+)", Page("docs/cloud.md").text))


def test_the_public_cannot_see_the_metrics(client: TestClient) -> None:
    assert client.get("/metrics").status_code == 404


def test_unknown_paths_do_not_make_new_metrics(home: Home) -> None:
    home.settings.write_text("[metrics]\nenabled = true\nport = 0\n")
    with Server(home.root) as server:
        wire = server.connect()
        for i in range(3):
            assert wire.request("GET", f"/nothing/{i}").status == 404
        for method in ("TRACE", "REPORT", "PURGE"):
            assert wire.request(method, "/nothing").status == 404
        seen = {name: times for name, times in metrics(server).items() if name.startswith("flukso_requests_total")}
        assert seen == {
            'flukso_requests_total{method="GET",route="none",status="404"}': 3,
            'flukso_requests_total{method="other",route="none",status="404"}': 3,
        }


def test_a_metrics_port_in_use_is_told(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        home.settings.write_text(f"[metrics]\nenabled = true\nport = {port}\n")
        ended = run("serve", "--dir", home.root, "--port", "0")
    assert ended.returncode == 1
    assert f"cannot serve metrics on 127.0.0.1 port {port}" in ended.stderr
    assert "Traceback" not in ended.stderr


# --- health ----------------------------------------------------------------------------------------------------------


def test_alive_and_ready(client: TestClient, home: Home) -> None:
    log = home.database.with_name("cloud.db-wal")
    before = log.stat().st_size
    assert (client.get("/healthz").status_code, client.get("/readyz").text) == (200, "ready\n")
    assert log.stat().st_size > before  # it has been written, not only asked
    after = log.stat().st_size
    for _ in range(20):
        assert client.get("/readyz").status_code == 200
    assert log.stat().st_size <= after + 5000  # who asks often causes no more commits


def test_not_ready_while_the_database_is_locked_then_ready_again(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flukso_cloud.store.sqlite.BUSY_MS", 50)
    monkeypatch.setattr("flukso_cloud.readiness.FRESH_SECONDS", 0.0)
    with TestClient(create_app(home), base_url="https://cloud.example") as client:
        with locked(home.database):
            answer = client.get("/readyz")
            assert (answer.status_code, answer.text) == (503, "not ready: database is locked\n")
            assert answer.headers["Retry-After"] == "5"
            assert client.get("/healthz").status_code == 200
        assert client.get("/readyz").status_code == 200


# --- the log ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("style", ["logfmt", "json"])
def test_requests_are_logged_without_anything_secret(home: Home, style: str) -> None:
    home.settings.write_text(f'[log]\nformat = "{style}"\nlevel = "debug"\nrequests = true\n')
    token = run("token", "--account", "kees", "--dir", home.root).stdout.strip()
    with Server(home.root) as server:
        device = Fluksometer()
        register(server, device)
        assert upload(server, device, (START, 1), (START, -(2**40))) == 200
        wire = server.connect()
        path = f"/sensor/{device.sensor}?version=1.0&interval=hour&unit=watt&token={token}"
        assert wire.request("GET", path).status == 401
        assert wire.request("GET", "/api/v2/devices", {"X-Token": token}).status == 200
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        body = f"name=kees&password={PASSWORD.replace(' ', '+')}&next=/".encode()
        session = wire.request("POST", "/login", form, body).headers["Set-Cookie"].split("=")[1].split(";")[0]
        wire.send(f"GET /?token={token} HTTP/9\r\n\r\n".encode())
        wire.close()
        until(lambda: "/login" in server.log, server)
        server.stop()
    lines = [line for line in server.log.splitlines() if not line.startswith("Flukso cloud on")]
    for secret in (device.key, token, PASSWORD, PASSWORD.replace(" ", "+"), session, device.sign(body)):
        assert secret not in server.log
    if style == "json":
        events = [json.loads(line) for line in lines]
        (refused,) = [one for one in events if one["message"] == "request" and one["status"] == "401"]
        assert refused["route"] == "/sensor/{sensor}"
        assert refused["sensor"] == device.sensor
        assert refused["address"] == "127.0.0.1"
        assert {one["level"] for one in events} >= {"info", "warning"}
    else:
        assert re.search(
            r"(?m)^time=\S+\+00:00 level=info logger=\S+ message=request method=GET route=/sensor/{sensor} status=401 "
            rf"seconds=\S+ address=127\.0\.0\.1 sensor={device.sensor}$",
            server.log,
        )
        assert f'level=warning logger=flukso_cloud.ingest message="sensor {device.sensor}: refused' in server.log


def test_requests_are_not_logged_unless_the_settings_say_so(home: Home) -> None:
    with Server(home.root) as server:
        assert server.connect().request("GET", "/healthz").status == 200
        server.stop()
    assert "message=request" not in server.log


def test_in_the_journal_each_line_has_its_priority(home: Home, tmp_path: Path) -> None:
    """Standard error is the journal when its device and inode are what systemd says."""
    device = Fluksometer()
    with (tmp_path / "journal").open("wb") as journal:
        stat = os.fstat(journal.fileno())
        environment = os.environ | {"JOURNAL_STREAM": f"{stat.st_dev}:{stat.st_ino}"}
        command = [COMMAND, "serve", "--dir", home.root, "--port", "0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=journal, text=True, env=environment) as process:
            server = Server(home.root)
            assert process.stdout is not None
            server.port = int(process.stdout.readline().rpartition(":")[2])
            register(server, device)
            assert upload(server, device, (5, 1)) == 200
            process.terminate()
    lines = (tmp_path / "journal").read_text().splitlines()
    assert all(re.match(r"<[3-6]>level=", line) for line in lines), lines
    assert f'<6>level=info logger=flukso_cloud.ingest message="registered device {device.id}"' in lines
    assert any(line.startswith("<4>level=warning") and device.sensor in line for line in lines)


# --- systemd ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def unit(home: Home, tmp_path: Path) -> Path:
    """The unit as it is printed for a cloud."""
    printed = run("unit", "--dir", home.root)
    assert printed.returncode == 0, printed.stderr
    path = tmp_path / "flukso-cloud.service"
    path.write_text(printed.stdout)
    return path


def test_the_unit_is_right_and_closes_what_is_not_needed(unit: Path) -> None:
    verified = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True)
    assert "flukso-cloud.service:" not in verified.stderr, verified.stderr
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", unit], capture_output=True, text=True
    )
    exposure = re.search(r"Overall exposure level for flukso-cloud.service: ([0-9.]+)", judged.stdout)
    assert exposure is not None
    assert float(exposure[1]) <= 2.0


def test_the_unit_serves_this_cloud_as_the_owner_of_its_folder(unit: Path, home: Home) -> None:
    text = unit.read_text()
    assert f"\nExecStart={COMMAND} serve --dir {home.root}\n" in text
    assert f"\nUser={home.root.owner()}\n" in text
    assert f"\nReadWritePaths={home.root}\n" in text


def test_a_unit_for_names_with_spaces_and_settings_elsewhere(folder_made: Path, tmp_path: Path) -> None:
    strange = tmp_path / "my 100% cloud"
    strange.symlink_to(folder_made)
    (tmp_path / "set tings.toml").touch()
    printed = run("unit", "--dir", strange, "--config", tmp_path / "set tings.toml").stdout
    assert f'serve --dir {folder_made} --config "{tmp_path}/set tings.toml"\n' in printed


def test_systemd_hears_that_it_is_ready_alive_and_going(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real socket stands for systemd's; the watchdog wants to hear of us every half second."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(15)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "200000")
        with Server(home.root) as server:
            heard = systemd.recv(4096).decode().splitlines()
            assert heard == ["READY=1", f"STATUS=https://127.0.0.1:{server.port}"]
            assert [systemd.recv(4096) for _ in range(3)] == [b"WATCHDOG=1"] * 3
            assert server.stop() == -signal.SIGTERM
            while (last := systemd.recv(4096)) == b"WATCHDOG=1":
                pass
            assert last == b"STOPPING=1"


# --- the stop --------------------------------------------------------------------------------------------------------


def test_a_stop_under_load_answers_after_commit_or_not_at_all(home: Home) -> None:
    """Every acknowledged upload is there once; who gets no answer gets the end of the connection, soon."""
    devices = [Fluksometer() for _ in range(6)]
    good: list[list[tuple[int, int]]] = [[] for _ in devices]
    broken: list[str] = []
    with Server(home.root) as server:
        for device in devices:
            register(server, device)

        def keep_uploading(device: Fluksometer, acknowledged: list[tuple[int, int]]) -> None:
            wire = server.connect()
            try:
                for i in range(100_000):
                    pair = (START + 60 * i, i)
                    body = compact({"measurements": [pair]})
                    answer = wire.request("POST", f"/sensor/{device.sensor}", device.headers(body), body)
                    if answer.status == 200 and answer.body == b'{"response":"ok"}':
                        acknowledged.append(pair)
                    else:
                        broken.append(f"{answer.status_line} {answer.body!r}")
            except OSError as error:
                if isinstance(error, TimeoutError):
                    broken.append("no answer and no end")

        threads = [threading.Thread(target=keep_uploading, args=pair) for pair in zip(devices, good, strict=True)]
        for thread in threads:
            thread.start()
        until(lambda: min(map(len, good)) >= 10, server)
        assert server.stop() == -signal.SIGTERM
        for thread in threads:
            thread.join(20)
    assert broken == []
    assert not home.database.with_name("cloud.db-wal").exists()  # all of it is in the database
    for device, acknowledged in zip(devices, good, strict=True):
        stored = measurements(home.database, device.sensor)
        assert set(acknowledged) <= set(stored)
        assert len(stored) <= len(acknowledged) + 1


@pytest.mark.parametrize("status", [200, 503])
def test_an_upload_under_way_at_the_stop_is_answered_after_its_commit_or_refused(home: Home, status: int) -> None:
    """Another program holds the database meanwhile: for a moment, or longer than the store waits."""
    device = Fluksometer()
    with Server(home.root) as server:
        register(server, device)
        wire, body = server.connect(), compact({"measurements": [(START, 1)]})
        with locked(home.database):
            head = "".join(f"{name}: {value}\r\n" for name, value in device.headers(body).items())
            lines = f"POST /sensor/{device.sensor} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
            wire.send(f"{lines}{head}\r\n".encode() + body)
            probe = server.connect()
            assert probe.request("GET", "/healthz").status == 200  # by now the upload has been read
            probe.close()
            server.process.terminate()
            if status == 200:
                time.sleep(0.5)
            else:
                assert wire.answer().status == status
        if status == 200:
            assert wire.answer().status == status
        assert server.process.wait(20) == -signal.SIGTERM
    with sqlite3.connect(home.database) as conn:
        assert conn.execute("SELECT count(*) FROM samples").fetchone() == (int(status == 200),)


def test_a_stop_ends_live_streams_at_once(home: Home) -> None:
    with Server(home.root) as server:
        stream = listening(server, home)
        began = time.monotonic()
        assert server.stop() == -signal.SIGTERM
        assert time.monotonic() - began < STOP_SECONDS
        stream.close()
