"""The commands of README.md."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.documented import ROOT, Page
from tests.walkthrough import ByTest, NotHere, Run, Serve, walk

PAGE = Page("README.md")


@pytest.fixture
def serial_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The serial port of a board: the firmware in the simulator, with counters that have moved before."""
    folder = tmp_path_factory.mktemp("b")
    port = folder / "port"
    counters = '{"0": 4521337, "1": 1200450, "2": 731250, "3": 1843200}'
    simulator = [sys.executable, "-m", "fluksosim", "--state", str(folder / "state"), "--pty", str(port)]
    process = subprocess.Popen(
        [*simulator, "--epoch-counters", counters], env={**os.environ, "PYTHONPATH": str(ROOT / "avr" / "sim")}
    )
    deadline = time.monotonic() + 60
    while not port.exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    yield port
    process.terminate()
    assert process.wait(20) == 0


def test_the_readme(serial_port: Path) -> None:
    demo = "tests/e2e/test_demo_command.py"
    walk(
        PAGE,
        {
            "scripts/demo": ByTest(
                "tests/e2e/test_cloud_page.py::test_chart_follows_the_kettle",
                "The demo that these tests look at is started so, with `--isolated` to keep off the machine's ports.",
            ),
            "scripts/test": ByTest(".ci/run", "It runs this test too."),
            "scripts/demo --check": ByTest(f"{demo}::test_nothing_leaves_the_machine", "It is run there."),
            "scripts/demo --isolated": ByTest(
                f"{demo}::test_check_follows_a_kettle_through_every_hop", "It is run there, with `--check`."
            ),
            "scripts/demo --board /dev/ttyUSB0": Serve(
                "The stream is up after",
                instead=f"env -u FLUKSO_NAMESPACE scripts/demo --isolated --board {serial_port}",
                because="This board's port is one of the simulator's, and the network is the demo's own.",
                stop=signal.SIGINT,
            ),
            "scripts/test lint avr device cloud integration e2e": Run(
                "The suites: lint avr device cloud integration e2e$",
                instead="scripts/test none",
                because="The suites are running, this is one of them: it only tells their names here.",
                status=2,
            ),
            "scripts/lint --fix": NotHere(
                "It rewrites the sources under the other tests; `scripts/test lint` runs it without `--fix`."
            ),
            "scripts/setup": Run(
                instead="scripts/setup python home-assistant board pages browser network",
                because="There is no network here to install with: these parts are there, and it sees that.",
            ),
        },
        ROOT,
    )
