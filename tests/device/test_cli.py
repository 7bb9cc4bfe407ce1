"""The command line, run as a user or systemd would."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import time
from pathlib import Path

import aiohttp
import pytest

from tests.device.board import CLAMP, Board, pwr
from tests.device.daemon_process import configuration, run_to_end, running, sensor_table
from tests.device.waiting import until

MDNS = 'mdns_interfaces = ["127.0.0.1"]'


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_stops_within_a_second_with_listeners_and_all(tmp_path: Path, board: Board, number: int) -> None:
    took: list[float] = []
    while not took or (took[-1] >= 1 and len(took) < 3):  # other work on the machine may delay one of them
        async with running(configuration(tmp_path, lan=MDNS)) as fluksod:
            await until(lambda: fluksod.said("announced by mDNS"))
            async with aiohttp.ClientSession() as session, session.get(fluksod.url + "/api/v2/events"):
                board.send(pwr(CLAMP, 1))
                asked = time.monotonic()
                fluksod.process.send_signal(number)
                assert await fluksod.process.wait() == 0
                took.append(time.monotonic() - asked)
            assert not fluksod.said("Traceback")
    assert min(took) < 1


async def test_says_when_it_is_ready_and_then_answers(tmp_path: Path, board: Board) -> None:
    async with running(configuration(tmp_path)) as fluksod:
        assert (await fluksod.get("/api/v2/device"))["model"] == "fluksod"


async def test_a_missing_serial_port_is_waited_for(tmp_path: Path) -> None:
    async with running(configuration(tmp_path, sensors=sensor_table(CLAMP, "Main", "electricity"))) as fluksod:
        error = (await fluksod.get("/api/v2/device"))["board"]["error"]
        assert error == f"{tmp_path / 'board'} does not exist; waiting for it (is the board plugged in?)"
        board = Board(tmp_path / "board")

        async def heard() -> bool:
            board.send(pwr(CLAMP, 463))
            return await fluksod.reading(CLAMP) is not None

        await until(heard)
        board.close()


async def test_a_second_fluksod_on_the_same_port_is_refused_by_name(tmp_path: Path, board: Board) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "board").symlink_to(board.path)
    async with running(configuration(tmp_path)) as fluksod:
        status, _, err = await run_to_end("run", "--config", str(configuration(tmp_path / "other")))
        assert status == 1
        assert f"is in use by fluksod (process {fluksod.process.pid})" in err
        status, _, err = await run_to_end("run", "--config", str(tmp_path / "fluksod.toml"))
        assert status == 1
        assert "another fluksod is running with the state directory" in err


async def test_a_port_of_the_network_in_use_is_said_so(tmp_path: Path, board: Board) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config = configuration(tmp_path)
        config.write_text(config.read_text().replace("port = 0", f"port = {port}"))
        status, _, err = await run_to_end("run", "--config", str(config))
    assert status == 1
    assert f"127.0.0.1:{port} is in use by another program; stop it, or choose another port in [lan]" in err
    assert "Traceback" not in err


async def test_an_address_of_another_machine_is_said_so(tmp_path: Path, board: Board) -> None:
    config = configuration(tmp_path)
    config.write_text(config.read_text().replace("127.0.0.1", "192.0.2.1"))
    status, _, err = await run_to_end("run", "--config", str(config))
    assert status == 1
    assert "192.0.2.1:0 cannot be used for the local API" in err


async def test_check_says_what_it_would_do(tmp_path: Path) -> None:
    sensors = sensor_table(CLAMP, "Main", "electricity")
    status, out, err = await run_to_end("check", "--config", str(configuration(tmp_path, sensors=sensors, lan=MDNS)))
    assert (status, err) == (0, "")
    assert f"{tmp_path / 'board'} (not there now; it is waited for)" in out
    assert f"{CLAMP} as 'Main', electricity, analog" in out
    assert "mDNS on 127.0.0.1" in out
    assert "send nothing to any cloud" in out
    assert not (tmp_path / "state").exists(), "it only checks"


async def test_check_names_what_is_wrong(tmp_path: Path) -> None:
    config = configuration(tmp_path, sensors='[[sensor]]\nid = "short"\nname = "Main"\ntype = "electricity"\n')
    status, out, err = await run_to_end("check", "--config", str(config))
    assert (status, out) == (1, "")
    assert re.search(r"fluksod\.toml: line \d+: id in \[\[sensor\]\] number 1: give the sensor's id", err)


async def test_check_opens_the_file_of_the_authority(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    config = configuration(tmp_path, cloud='[cloud]\nurl = "https://127.0.0.1:1"\nca = "ca.pem"\n')
    status, _, err = await run_to_end("check", "--config", str(config))
    assert status == 1
    assert "holds no certificate that can be read" in err
    assert (await run_to_end("run", "--config", str(config)))[0] == 1


async def test_identity_prints_the_device_and_its_code_but_never_the_key(tmp_path: Path) -> None:
    config = str(configuration(tmp_path))
    first, second = await asyncio.gather(
        run_to_end("identity", "--config", config), run_to_end("identity", "--config", config)
    )
    assert first == second
    status, out, err = first
    assert (status, err) == (0, "")
    assert re.fullmatch(r"device     [0-9a-f]{32}\nclaim code [0-9A-Z]{4}-[0-9A-Z]{4}\n", out)
    assert (tmp_path / "state" / "device").read_text().strip() in out
    assert (tmp_path / "state" / "key").read_text().strip() not in out


@pytest.mark.parametrize("arguments", [[], ["rnu"], ["run", "--confg", "x"]])
async def test_wrong_usage(arguments: list[str]) -> None:
    status, _, err = await run_to_end(*arguments)
    assert status == 2
    assert "usage: fluksod" in err
