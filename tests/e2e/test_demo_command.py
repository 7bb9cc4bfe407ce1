"""scripts/demo as a user runs it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from .conftest import REPOSITORY


def _demo(*arguments: str, timeout: float = 110, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [REPOSITORY / "scripts" / "demo", *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, **environment},
    )


def test_check_follows_a_kettle_through_every_hop() -> None:
    """`--check` in a namespace of its own: every hop works, the counters agree to the Wh, and it is quick enough."""
    environment = {name: value for name, value in os.environ.items() if name != "FLUKSO_NAMESPACE"}
    result = subprocess.run(
        [REPOSITORY / "scripts" / "demo", "--check", "--isolated"],
        cwd=REPOSITORY, capture_output=True, text=True, timeout=115, env=environment,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr + result.stdout
    report = json.loads(result.stdout.strip().splitlines()[-1])
    assert report["ok"] is True
    assert report["counters_agree"] is True
    assert set(report["hops"]) == {"board", "lan", "cloud", "home_assistant"}
    for hop, facts in report["hops"].items():
        assert facts["ok"], (hop, facts)
        assert facts["kettle_seen"], (hop, facts)
    counters = report["hops"]["board"]["counters"]
    assert set(counters) == {"Main", "Kitchen", "Heat pump", "Gas"}
    assert all(isinstance(counter, int) and counter > 0 for counter in counters.values())
    # The promise of the README: a change in the house is in Home Assistant within two seconds.
    assert report["delay_s"]["board_to_home_assistant"] < 2


def test_nothing_leaves_the_machine(tmp_path: Path) -> None:
    """Without `--isolated` the demo keeps to loopback: the namespace's other interface carries not a single packet."""
    watched = tmp_path / "watched.sh"
    watched.write_text(
        """
        echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6  # the kernel's own neighbour discovery is not the demo's
        before=$(grep house: /proc/net/dev)
        scripts/demo --check || exit
        after=$(grep house: /proc/net/dev)
        [ "$before" = "$after" ] || { echo "before: $before, after: $after"; exit 1; }
        """
    )
    result = subprocess.run(
        [sys.executable, "-m", "demo.namespace", "sh", watched],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=115,
    )
    assert result.returncode == 0, result.stderr + result.stdout
    assert json.loads(result.stdout.strip().splitlines()[-1])["ok"] is True


def test_a_port_in_use_is_named() -> None:
    """Somebody else's program on port 8123: the demo says which port, who needs it, and how to go on."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 8123 + 700))
        other.listen()
        result = _demo("--check", "--port-offset", "700")
    assert result.returncode == 1
    assert "Port 8823 is needed by Home Assistant but is not free" in result.stderr
    assert "--port-offset" in result.stderr
    assert result.stdout == ""


def test_check_follows_a_board_on_a_serial_port(tmp_path: Path) -> None:
    """`--board PORT --check`: nothing can be switched there, so it follows what the board sends by itself."""
    port = tmp_path / "tty"
    simulator = [sys.executable, "-m", "fluksosim", "--state", tmp_path / "board", "--pty", port]
    with subprocess.Popen([*simulator, "--control", tmp_path / "control"], cwd=REPOSITORY) as board:
        try:
            deadline = time.monotonic() + 30
            while not (tmp_path / "control").exists():
                assert time.monotonic() < deadline, "the simulated board did not start"
                time.sleep(0.1)
            # A busy house, so that its counters move while they are watched.
            with socket.socket(socket.AF_UNIX) as control:
                control.connect(str(tmp_path / "control"))
                control.sendall(b'{"do": "set", "load": "kettle", "on": true}\n')
                assert json.loads(control.makefile().readline())["ok"]
            result = _demo("--check", "--port-offset", "900", "--board", str(port))
        finally:
            board.terminate()
    assert result.returncode == 0, result.stderr + result.stdout
    report = json.loads(result.stdout.strip().splitlines()[-1])
    assert report["ok"] is True
    assert report["counters_agree"] is True
    assert "counters" not in report["hops"]["board"], "a real board can only be asked through the daemon"
    assert "Clamp 1" in report["hops"]["home_assistant"]["counters"]


def test_a_missing_serial_port_is_named() -> None:
    """A board that is not there: the demo says so instead of simulating one."""
    result = _demo("--check", "--port-offset", "800", "--board", "/dev/ttyNONE")
    assert result.returncode == 1
    assert "There is no serial port /dev/ttyNONE" in result.stderr
