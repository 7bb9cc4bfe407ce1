"""A board that is programmed: the simulated chip, a fluksod that is wired to its programming pins, its commands."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp

from fluksod.config.boards import BoardConfig, BoardModel
from fluksosim.board import Board as Chip
from fluksosim.board_header import BoardHeader
from fluksosim.build import build
from fluksosim.eeprom_image import FactorySensor, fresh_image
from fluksosim.house import HOUSE
from tests.device.board import Board
from tests.device.daemon_process import FLUKSOD, Fluksod, configuration, sensor_table
from tests.device.waiting import until

IDS = tuple(digit * 32 for digit in "abcd")
START = (1000, 2000, 3000, 4000)
PORT = "/dev/spidev0.0:/dev/gpiochip0:25"
TOKEN = "0123456789abcdef"
BOARD = BoardConfig("board", "/dev/null", model=BoardModel.V1_1, programmer_port=PORT)


@contextmanager
def provisioned() -> Iterator[Chip]:
    """A board v1_1 with ids, 9 kW on its first clamp, a few seconds after power-up."""
    build("v1_1")
    factory = [FactorySensor(sensor, weight.weight) for sensor, weight in zip(IDS, HOUSE, strict=True)]
    with Chip("v1_1", eeprom=fresh_image(BoardHeader("v1_1"), factory, START)) as chip:
        chip.clamp_watts(0, 9000)
        chip.run_for(3)
        yield chip


def with_token(folder: Path) -> str:
    """Make a token; its line for `[lan]`."""
    (folder / "token").write_text(TOKEN)
    (folder / "token").chmod(0o600)
    return 'token_file = "token"'


def configured(folder: Path, *, token: bool = True) -> Path:
    """A configuration for the board that is plugged in at `folder`, wired to its programming pins."""
    sensors = "".join(sensor_table(sensor, sensor[:1], "electricity") for sensor in IDS)
    path = configuration(folder, sensors=sensors, lan="mdns = false\n" + (with_token(folder) if token else ""))
    board = f'model = "v1_1"\nprogrammer_port = "{PORT}"\n[lan]'
    path.write_text(path.read_text().replace("[lan]", board, 1))
    return path


def at_its_port(config: Path, fluksod: Fluksod) -> Path:
    """The configuration for commands that ask this fluksod, which has taken a free port."""
    asking = config.with_name("asking.toml")
    asking.write_text(config.read_text().replace("port = 0", f"port = {fluksod.url.rsplit(':', 1)[1]}"))
    return asking


async def update(environment: Mapping[str, str], config: Path, *words: str) -> tuple[int, str, str]:
    """Run `fluksod firmware update`: exit status, output, errors."""
    process = await asyncio.create_subprocess_exec(
        *(FLUKSOD, "firmware", "update", "--config", str(config), *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
    )
    out, errors = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return process.returncode, out.decode(), errors.decode()


def post(fluksod: Fluksod, content: bytes = b"{}") -> Any:
    """Ask a fluksod for an update, with the token."""
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    request: aiohttp.client._RequestContextManager = fluksod.session.post(
        fluksod.url + "/api/v2/firmware", data=content, headers=headers
    )
    return request


async def ended(fluksod: Fluksod) -> Any:
    """Wait for the end of an update; what is told of it."""

    async def told() -> Any:
        firmware = await fluksod.get("/api/v2/firmware")
        return firmware["state"] in ("done", "failed") and firmware

    return await until(told, 30)


async def counted(chip: Chip, board: Board, fluksod: Fluksod) -> int:
    """Let the chip run for a few seconds, hand on what it says, and wait until fluksod shows the chip's own counter."""
    chip.take_bytes()
    chip.run_for(4)
    said = chip.take_bytes()
    counter = int(re.findall(rb"pls %s:(\d{10})" % IDS[0].encode(), said)[-1])
    board.send(said)

    async def shown() -> bool:
        reading = await fluksod.reading(IDS[0])
        return bool(reading and reading["counter"] == counter)

    await until(shown)
    return counter
