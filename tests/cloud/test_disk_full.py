"""A disk that is full while uploads come: refused, nothing lost or half written, history still read, then as before."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flukso_cloud.claim import claim_code
from tests.cloud.fluksometer import Fluksometer
from tests.cloud.process import Server, run
from tests.cloud.small_disk import SmallDisk
from tests.cloud.uploaders import START, Uploader, assert_all_is_there_once

UPLOADERS = 4


@pytest.fixture
def disk(tmp_path: Path, folder_made: Path) -> Iterator[SmallDisk]:
    """A small disk with a cloud's folder on it."""
    with SmallDisk(tmp_path / "disk", 16) as disk:
        shutil.copytree(folder_made, disk.path / "home")
        yield disk


def until(condition: Callable[[], bool], server: Server) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, server.log
        time.sleep(0.02)


def claimed(disk: SmallDisk, device: Fluksometer) -> str:
    """Give a device to kees; return a token that reads it."""
    home = str(disk.path / "home")
    code = claim_code(device.key.encode(), device.id)
    assert run("claim", code, "--account", "kees", "--dir", home, within=disk.within).returncode == 0
    return run("token", "--account", "kees", "--dir", home, within=disk.within).stdout.strip()


def fill_until_refused(disk: SmallDisk, uploaders: list[Uploader], server: Server) -> None:
    """Fill the disk, and what the database gives free, until each device has been refused several times."""
    before = [one.statuses[503] for one in uploaders]

    def are_refused() -> bool:
        disk.fill()
        return all(one.statuses[503] >= was + 3 for one, was in zip(uploaders, before, strict=True))

    until(are_refused, server)


def assert_all_is_there(disk: SmallDisk, uploaders: list[Uploader], tmp_path: Path) -> None:
    """What was acknowledged is on the disk, once, and nothing else."""
    assert run("check", "--dir", str(disk.path / "home"), within=disk.within).returncode == 0
    shutil.copytree(disk.path / "home" / "private", tmp_path / "copied")
    assert_all_is_there_once(tmp_path / "copied" / "cloud.db", uploaders)


def test_a_disk_that_fills_up_under_load_and_has_room_again(disk: SmallDisk, tmp_path: Path) -> None:
    with Server(disk.path / "home", within=disk.within) as server:
        uploaders = [Uploader(server) for _ in range(UPLOADERS)]
        for one in uploaders:
            one.register()
        token = claimed(disk, uploaders[0].device)
        for one in uploaders:
            one.start()
        until(lambda: min(len(one.acknowledged) for one in uploaders) >= 100, server)
        path = f"/sensor/{uploaders[0].device.sensor}?version=1.0&unit=watt&start={START}&end={START + 600}"
        shown = server.get_json(path, token)
        assert [value for _, value in shown[1:9]] == [60] * 8
        for _ in range(2):
            fill_until_refused(disk, uploaders, server)
            for _ in range(3):
                wire = server.connect()
                assert wire.request("GET", "/healthz").status == 200
                ready = wire.request("GET", "/readyz")
                assert (ready.status, ready.headers["Retry-After"]) == (503, " 5")
                assert b"full" in ready.body
                wire.close()
            assert server.get_json(path, token) == shown, "history is read all the same"
            assert server.get_json("/api/v2/devices", token)["devices"]
            sensor = uploaders[0].device.sensor
            assert server.get_json(f"/api/v2/latest?sensor={sensor}", token)
            exported = server.connect().request(
                "GET", f"/api/v2/sensors/{sensor}/samples.csv?start={START}&end={START + 600}", {"X-Token": token}
            )
            assert exported.status == 200
            disk.free()
            before = [len(one.acknowledged) for one in uploaders]
            until(
                lambda before=before: all(
                    len(one.acknowledged) > was + 50 for one, was in zip(uploaders, before, strict=True)
                ),
                server,
            )
        until(lambda: server.connect().request("GET", "/readyz").status == 200, server)
        for one in uploaders:
            one.finish()
        assert server.stop() == -signal.SIGTERM
    assert "Traceback" not in server.log
    assert_all_is_there(disk, uploaders, tmp_path)


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_a_server_that_ends_while_the_disk_is_full(disk: SmallDisk, tmp_path: Path, how: str) -> None:
    with Server(disk.path / "home", within=disk.within) as server:
        uploaders = [Uploader(server) for _ in range(UPLOADERS)]
        for one in uploaders:
            one.register()
            one.start()
        until(lambda: min(len(one.acknowledged) for one in uploaders) >= 100, server)
        fill_until_refused(disk, uploaders, server)
        if how == "stopped":
            assert server.stop() == -signal.SIGTERM
        else:
            server.kill()
        for one in uploaders:
            one.join()
    disk.fill()
    started = run("serve", "--dir", str(disk.path / "home"), "--port", "0", within=[*disk.within, "timeout", "2"])
    assert "Traceback" not in started.stderr, "with no room at all it serves, or says why not"
    disk.free()
    with Server(disk.path / "home", within=disk.within) as server:
        later = [Uploader(server, one.device, one.sent) for one in uploaders]
        for one in later:
            one.start()
        until(lambda: min(len(one.acknowledged) for one in later) >= 50, server)
        for one, before in zip(later, uploaders, strict=True):
            one.finish()
            one.acknowledged.extend(before.acknowledged)
            one.strange.extend(before.strange)
        server.stop()
    assert_all_is_there(disk, later, tmp_path)
