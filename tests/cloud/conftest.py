"""Fixtures: a cloud's folder, the application in this process, and a real server."""

from __future__ import annotations

import fcntl
import functools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from starlette.testclient import TestClient

from flukso_cloud import passwords
from flukso_cloud.app import create_app
from flukso_cloud.cli import main
from flukso_cloud.home import Home
from tests.cloud.fluksometer import Fluksometer
from tests.cloud.owner import PASSWORD, Owner
from tests.cloud.process import Server
from tests.cloud.served import ServedOwner
from tests.cloud.web_cloud import SOURCES, build_pages
from tests.distribution import build_wheel
from tests.unhurried import take_your_time

take_your_time()


@pytest.fixture(scope="session", autouse=True)
def cheap_hashes() -> Iterator[None]:
    """Real argon2, but without the memory and time that make it strong: there are hundreds of log-ins here."""
    cheap = functools.partial(PasswordHasher, time_cost=1, memory_cost=8, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "PasswordHasher", cheap)
        yield


@pytest.fixture(scope="session")
def folder_made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cloud") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLUKSO_CLOUD_PASSWORD", PASSWORD)
        main(["init", "--dir", str(folder), "--account", "kees"])
        main(["user", "add", "mallory", "--dir", str(folder)])
    return folder


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built while nobody else builds the pages."""
    build_pages()
    with (SOURCES / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return build_wheel("cloud", tmp_path_factory.mktemp("wheel"))


@pytest.fixture
def home(folder_made: Path, tmp_path: Path) -> Home:
    """A cloud's folder with the accounts kees and mallory."""
    return Home(Path(shutil.copytree(folder_made, tmp_path / "home")))


@pytest.fixture
def client(home: Home) -> Iterator[TestClient]:
    """The application in this process."""
    with TestClient(create_app(home), base_url="https://cloud.example", follow_redirects=False) as client:
        yield client


@pytest.fixture
def owner(client: TestClient) -> Owner:
    """kees, with a token and no device yet."""
    return Owner(client, "kees")


@pytest.fixture
def device(client: TestClient) -> Fluksometer:
    """A registered device that nobody has claimed."""
    device = Fluksometer()
    body = device.registration()
    assert client.post(f"/device/{device.id}", content=body, headers=device.headers(body)).status_code == 200
    return device


@pytest.fixture
def send(client: TestClient) -> Callable[..., int]:
    """Upload as a device, and return the status."""

    def send(device: Fluksometer, body: bytes, **headers: str) -> int:
        path = f"/sensor/{device.sensor}"
        return client.post(path, content=body, headers=device.headers(body, **headers)).status_code

    return send


@pytest.fixture(scope="session")
def server(folder_made: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real server, shared by the tests of one worker; each brings devices of its own."""
    home = Path(shutil.copytree(folder_made, tmp_path_factory.mktemp("served") / "home"))
    with Server(home) as server:
        yield server


@pytest.fixture(scope="module")
def served(server: Server) -> Iterator[ServedOwner]:
    """kees at the real server, with a token that writes."""
    with ServedOwner(server) as owner:
        yield owner
