"""Operating fluksod: status and sensors on the command line, systemd's unit, readiness, watchdog and log."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fluksod.reports import age, sensor_lines
from tests.device.board import CLAMP, PULSE, Board, pls, pwr
from tests.device.cloud_stub import CloudStub
from tests.device.daemon_process import FLUKSOD, configuration, run_to_end, running, sensor_table
from tests.device.uploading import configured, connected
from tests.device.waiting import until


def on_port(config: Path, url: str) -> str:
    """A configuration like `config` that names the port which fluksod has taken."""
    path = config.with_name("asked.toml")
    path.write_text(config.read_text().replace("port = 0", f"port = {url.rsplit(':', 1)[1]}"))
    return str(path)


async def test_status_and_sensors_of_a_running_fluksod(tmp_path: Path, board: Board, cloud: CloudStub) -> None:
    config = configured(tmp_path, cloud)
    async with running(config) as fluksod:
        await connected(fluksod)
        board.send(pls(CLAMP, 4521337), pwr(CLAMP, 463))
        await until(lambda: fluksod.reading(CLAMP))
        asked = on_port(config, fluksod.url)
        status, printed, errors = await run_to_end("sensors", "--config", asked)
        assert (status, errors) == (0, "")
        rows = printed.splitlines()
        assert re.fullmatch(r"ID +NAME +TYPE +CLASS +FROM +COUNTER +NOW +AGE", rows[0])
        assert re.fullmatch(rf"{CLAMP}  Main +electricity  analog +board +4521337 Wh +463 W +\d+ s", rows[1])
        assert re.fullmatch(rf"{PULSE}  Water +water +pulse +- +- +- +-", rows[2])
        status, printed, _ = await run_to_end("status", "--config", asked)
        assert status == 0
        assert re.search(r"(?m)^ok Board +heard \d+ s ago on ", printed)
        assert re.search(r"(?m)^ok Cloud +127\.0\.0\.1:\d+, not claimed yet", printed)
        assert re.search(r"(?m)^Claim it at https://127\.0\.0\.1:\d+ with the code \w{4}-\w{4}$", printed)
        status, printed, _ = await run_to_end("status", "--json", "--config", asked)
        assert json.loads(printed)["id"] == (await fluksod.get("/api/v2/device"))["id"]
        status, printed, _ = await run_to_end("sensors", "--json", "--config", asked)
        assert json.loads(printed)["sensors"][0]["id"] == CLAMP
        board.unplug()

        async def noticed() -> bool:
            return not (await fluksod.get("/api/v2/device"))["board"]["connected"]

        await until(noticed)
        status, printed, _ = await run_to_end("status", "--config", asked)
        assert status == 1
        assert re.search(r"(?m)^!! Board +\S+ (is gone|does not exist)", printed)


async def test_nobody_answers(tmp_path: Path) -> None:
    config = configuration(tmp_path, lan="mdns = false")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        asked = on_port(config, f":{free.getsockname()[1]}")
    for command in ("status", "sensors"):
        status, printed, errors = await run_to_end(command, "--config", asked)
        assert (status, printed) == (1, "")
        assert "is it running? systemctl status fluksod tells" in errors


async def test_with_reading_closed_it_shows_the_token(tmp_path: Path, board: Board) -> None:
    (tmp_path / "token").write_text("0123456789abcdef")
    (tmp_path / "token").chmod(0o600)
    lan = 'mdns = false\ntoken_file = "token"\nopen_reading = false'
    config = configuration(tmp_path, sensors=sensor_table(CLAMP, "Main", "electricity"), lan=lan)
    async with running(config) as fluksod:
        status, printed, errors = await run_to_end("sensors", "--config", on_port(config, fluksod.url))
        assert (status, errors) == (0, "")
        assert "Main" in printed


def test_ages_in_words() -> None:
    assert [age(seconds) for seconds in (-3, 0, 119, 121, 7300, 200000)] == [
        "0 s",
        "0 s",
        "119 s",
        "2 min",
        "2 h",
        "2 d",
    ]
    assert sensor_lines([], 0)[0].startswith("No sensor yet")


@pytest.fixture
async def unit(tmp_path: Path) -> Path:
    """The unit as it is printed for a configuration."""
    config = configuration(tmp_path)
    status, printed, errors = await run_to_end("unit", "--config", str(config))
    assert status == 0, errors
    path = tmp_path / "fluksod.service"
    path.write_text(printed)
    return path


def test_the_unit_is_right_and_closes_what_is_not_needed(unit: Path) -> None:
    verified = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True)
    assert "fluksod.service:" not in verified.stderr, verified.stderr
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=20", unit],
        capture_output=True,
        text=True,
    )
    assert judged.returncode == 0, judged.stdout
    exposure = re.search(r"Overall exposure level for fluksod.service: ([0-9.]+)", judged.stdout)
    assert exposure is not None
    assert float(exposure[1]) <= 2.0


def test_the_unit_starts_this_fluksod(unit: Path) -> None:
    command = re.search(r"(?m)^ExecStart=(.*)$", unit.read_text())
    assert command is not None
    assert command[1].split() == [FLUKSOD, "run", "--config", str(unit.with_name("fluksod.toml"))]


async def test_systemd_hears_that_it_is_ready_alive_and_going(tmp_path: Path, board: Board) -> None:
    """A real socket stands for systemd's; the watchdog wants to hear of us every half second."""
    heard: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.setblocking(False)
        loop = asyncio.get_running_loop()
        loop.add_reader(systemd, lambda: heard.extend(systemd.recv(4096).decode().splitlines()))
        environment = {**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "1000000"}
        async with running(configuration(tmp_path), environment) as fluksod:
            await until(lambda: "READY=1" in heard)
            assert f"STATUS={fluksod.url}" in heard
            await until(lambda: heard.count("WATCHDOG=1") >= 3)
            assert await fluksod.stop() == 0
        await until(lambda: "STOPPING=1" in heard)
        loop.remove_reader(systemd)


async def test_in_the_journal_each_line_has_its_priority(tmp_path: Path) -> None:
    """Standard error is the journal when its device and inode are what systemd says."""
    config = configuration(tmp_path)
    with (tmp_path / "journal").open("wb") as journal:
        stat = os.fstat(journal.fileno())
        environment = {**os.environ, "JOURNAL_STREAM": f"{stat.st_dev}:{stat.st_ino}"}
        command = [FLUKSOD, "run", "--config", str(config)]
        process = await asyncio.create_subprocess_exec(*command, stderr=journal, env=environment)
        await until(lambda: "fluksod ready" in (tmp_path / "journal").read_text())
        process.terminate()
        assert await process.wait() == 0
    lines = (tmp_path / "journal").read_text().splitlines()
    assert all(re.match(r"<[3-6]>\S", line) for line in lines), lines
    assert any(line.startswith("<6>fluksod ready") for line in lines)
    assert any("board not connected" in line and line.startswith(("<4>", "<6>")) for line in lines)


@pytest.mark.parametrize(
    ("module", "needless"),
    [
        ("fluksod.cli", ("aiohttp", "zeroconf", "sqlite3", "aiomqtt", "dsmr_parser", "pymodbus")),
        ("fluksod.daemon", ("aiomqtt", "dsmr_parser", "pymodbus")),
    ],
)
def test_what_is_not_configured_or_asked_for_is_not_imported(module: str, needless: tuple[str, ...]) -> None:
    code = f"import sys, {module}; print([name for name in {needless} if name in sys.modules])"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"


async def test_answers_within_a_second_of_its_start(tmp_path: Path, board: Board) -> None:
    """Not counted is how long other work on the machine keeps it from a core (schedstat of proc(5), in ns)."""
    began = time.monotonic()
    async with running(configuration(tmp_path, lan='mdns_interfaces = ["127.0.0.1"]')) as fluksod:
        assert (await fluksod.get("/api/v2/device"))["model"] == "fluksod"
        took = time.monotonic() - began
        waited = int(Path(f"/proc/{fluksod.process.pid}/schedstat").read_text().split()[1]) / 1e9
    assert took - waited < 1, (took, waited)
