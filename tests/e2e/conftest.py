"""The real demo, running once for all end-to-end tests, inside the network namespace made by scripts/test."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Playwright, sync_playwright

REPOSITORY = Path(__file__).resolve().parents[2]
ARTIFACTS = REPOSITORY / "artifacts"
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_configure(config: pytest.Config) -> None:
    """Refuse to run in the open: these tests start programs that speak to the network."""
    if "FLUKSO_NAMESPACE" not in os.environ:
        pytest.exit("The end-to-end tests need a network namespace of their own. Run: scripts/test e2e", returncode=4)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what needs no demo before it is there: a Home Assistant of a test's own would find its Fluksometer too."""
    items.sort(key=lambda item: isinstance(item, pytest.Function) and "demo" in item.fixturenames)


@dataclass(frozen=True)
class Demo:
    """The running demo: its addresses, log-ins, names and entities as `--ready-file` gives them."""

    facts: dict[str, Any]

    def sensor(self, name: str) -> str:
        """Return the id of the sensor called `name`."""
        return next(sensor for sensor, its_name in self.facts["names"].items() if its_name == name)

    def switch(self, load: str, *, on: bool) -> None:
        """Switch a load of the simulated house."""
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(self.facts["control"])
            control.sendall(json.dumps({"do": "set", "load": load, "on": on}).encode() + b"\n")
            answer = json.loads(control.makefile().readline())
        assert answer["ok"], answer


@pytest.fixture(scope="session")
def demo() -> Iterator[Demo]:
    """Start scripts/demo as a user does, and stop it with Ctrl-C."""
    with tempfile.TemporaryDirectory() as directory:
        ready = Path(directory) / "ready.json"
        log = Path(directory) / "demo.log"
        with log.open("w") as output:
            process = subprocess.Popen(
                [REPOSITORY / "scripts" / "demo", "--isolated", "--ready-file", ready],
                cwd=REPOSITORY,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            deadline = time.monotonic() + 110
            while not ready.exists() or not ready.read_text():
                assert process.poll() is None, f"the demo ended:\n{log.read_text()}"
                assert time.monotonic() < deadline, f"the demo did not come up:\n{log.read_text()}"
                time.sleep(0.2)
            yield Demo(json.loads(ready.read_text()))
        finally:
            process.send_signal(signal.SIGINT)
            status = process.wait(40)
        assert status == 0, log.read_text()


def chromium() -> str:
    """Return the path of the Chromium that is there."""
    executable = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    assert executable, "no Chromium found; run: scripts/setup browser"
    return executable


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """Playwright, for tests that start a browser of their own."""
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture
def screenshot() -> Any:
    """Return a function that keeps a picture of a page under artifacts/, and in the docs when asked to.

    FLUKSO_UPDATE_SCREENSHOTS=1 scripts/test e2e renews the pictures of the README.
    """

    def keep(page: Any, name: str) -> Path:
        ARTIFACTS.mkdir(exist_ok=True)
        path = ARTIFACTS / f"{name}.png"
        page.screenshot(path=path)
        if os.environ.get("FLUKSO_UPDATE_SCREENSHOTS"):
            images = REPOSITORY / "docs" / "images"
            images.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, images / path.name)
        return path

    return keep
