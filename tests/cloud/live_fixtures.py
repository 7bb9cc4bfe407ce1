"""Fixtures of those who listen to a real server: a plugin, as a test names it in `pytest_plugins`."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cloud.fluksometer import Fluksometer
from tests.cloud.listening import claimed_by
from tests.cloud.live_world import NEVER, Person, World
from tests.cloud.owner import PASSWORD
from tests.cloud.process import Server


@pytest.fixture(scope="module")
def world(folder_made: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The server looks at nobody's rights again by the clock, but where a token is about to expire."""
    home = Path(shutil.copytree(folder_made, tmp_path_factory.mktemp("served") / "home"))
    with pytest.MonkeyPatch.context() as patch, Server(home, LOOK_SECONDS=NEVER) as server:
        patch.setenv("FLUKSO_CLOUD_PASSWORD", PASSWORD)
        wire = server.connect()
        yield World(server, wire, Person(wire, "kees"), Person(wire, "mallory"))
        wire.close()


@pytest.fixture
def owned(world: World) -> Fluksometer:
    """A device of kees."""
    return claimed_by(world.server, world.wire, "kees")
