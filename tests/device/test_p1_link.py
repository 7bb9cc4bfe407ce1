"""A real fluksod with P1 meters: on a pty as a serial port, and on the RS-485 bus of our real firmware v2_0."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fluksod.config import ConfigError, parse
from fluksosim.board import Board as Chip
from fluksosim.build import build
from fluksosim.spi_socket import SpiSocket
from tests.device.board import Board
from tests.device.daemon_process import Fluksod, run_to_end, running
from tests.device.telegrams import AUTHENTICATION, KEY, Meter, encrypted
from tests.device.waiting import until
from tests.documented import Page

LAN = '[device]\nstate = "state"\n[lan]\nhost = "127.0.0.1"\nport = 0\nmdns = false\n'


def config(folder: Path, *tables: str) -> Path:
    """A configuration with these tables."""
    path = folder / "fluksod.toml"
    path.write_text(LAN + "\n".join(tables) + "\n")
    return path


def p1(folder: Path, more: str = "") -> str:
    """The table of a meter that is plugged in at `folder/board`."""
    return f'[[p1]]\nname = "Grid"\nport = "{folder / "board"}"\n{more}'


async def shown(fluksod: Fluksod) -> dict[str, Any]:
    """The sensors by name."""
    return {sensor["name"]: sensor for sensor in (await fluksod.get("/api/v2/sensors"))["sensors"]}


async def meter_state(fluksod: Fluksod) -> Any:
    """The only meter, as the API has it."""
    return (await fluksod.get("/api/v2/device"))["meters"][0]


def counted(fluksod: Fluksod, counter: float) -> Callable[[], Any]:
    """Whether the import stands at `counter`."""

    async def probe() -> bool:
        sensor = (await shown(fluksod)).get("Grid import")
        return bool(sensor and sensor["reading"] and sensor["reading"]["counter"] == counter)

    return probe


async def test_telegrams_become_sensors_and_bad_ones_never_reach_a_counter(tmp_path: Path, board: Board) -> None:
    meter = Meter()
    async with running(config(tmp_path, p1(tmp_path))) as fluksod:
        state = await meter_state(fluksod)
        assert "no telegram from the P1 meter" in state["error"]
        board.send(meter.belgium()[200:], meter.belgium(), meter.belgium())
        await until(counted(fluksod, 3_016_829))
        sensors = await shown(fluksod)
        assert sensors["Grid import"]["class"] == "cosem"
        assert sensors["Grid import"]["reading"]["gauge"] == 2027
        assert sensors["Grid import"]["phases"] == [{"power": 2027, "voltage": 234.7, "current": 3.26}]
        assert sensors["Grid import"]["demand"]["meter"]["month_peak"] == 5122
        assert sensors["Grid gas"]["demand"] is None
        assert sensors["Grid gas"]["reading"]["counter"] == 981_443
        assert sensors["Grid water"]["counter_unit"] == "L"
        wrong = meter.belgium().replace(b"001581.123", b"001581.923")
        board.send(wrong, replace(meter, in_1=1581.124).belgium())
        await until(counted(fluksod, 3_016_830))
        state = await meter_state(fluksod)
        assert (state["connected"], state["rejected_lines"], state["variant"]) == (True, 1, "Belgium")
        device = await fluksod.get("/api/v2/device")
        assert device["boards"] == []
        assert device["board"]["connected"] is True, "clients that know only a board see the meter in its place"
        assert fluksod.said("wrong CRC")
        ids = {name: sensor["id"] for name, sensor in sensors.items()}
    async with running(config(tmp_path, p1(tmp_path))) as fluksod:
        board.send(meter.belgium(), meter.belgium())
        await until(counted(fluksod, 3_016_830))
        assert {name: sensor["id"] for name, sensor in (await shown(fluksod)).items()} == ids


async def test_it_comes_back_by_itself_after_the_cable_was_pulled(tmp_path: Path, board: Board) -> None:
    meter = Meter()
    async with running(config(tmp_path, p1(tmp_path))) as fluksod:
        board.send(meter.dsmr_5(), meter.dsmr_5())
        await until(counted(fluksod, meter.counter))
        board.unplug()
        await until(lambda: fluksod.said("is gone; waiting for it to come back"))
        plugged = time.monotonic()
        board.plug()
        meter = replace(meter, in_1=meter.in_1 + 0.05)
        while not await counted(fluksod, meter.counter)():
            board.send(meter.dsmr_5())
            await asyncio.sleep(0.1)
        assert time.monotonic() - plugged < 5  # it tries twice a second; a busy machine may be slower
        assert len(fluksod.said("P1 meter connected")) == 2


async def test_dsmr_2_without_crc_is_believed_only_where_it_goes_on(tmp_path: Path, board: Board) -> None:
    meter = Meter()
    async with running(config(tmp_path, p1(tmp_path, 'dsmr = "2.2"\n'))) as fluksod:
        for _ in range(3):
            board.send(meter.dsmr_2_2())
        await until(counted(fluksod, meter.counter))
        board.send(replace(meter, in_1=9581.123).dsmr_2_2(), replace(meter, in_1=1581.125).dsmr_2_2())
        await until(counted(fluksod, meter.counter + 2))
        assert fluksod.said("cannot follow")


async def test_an_encrypted_meter_with_its_key(tmp_path: Path, board: Board) -> None:
    key = tmp_path / "p1.key"
    key.write_text(f"{KEY.hex()}\n{AUTHENTICATION.hex()}\n")
    key.chmod(0o600)
    meter = Meter()
    async with running(config(tmp_path, p1(tmp_path, 'key_file = "p1.key"\n'))) as fluksod:
        board.send(b"\xdbnoise", encrypted(meter.luxembourg(), 1), encrypted(meter.luxembourg(), 2))
        await until(counted(fluksod, meter.counter))
        assert (await meter_state(fluksod))["variant"] == "encrypted"
        assert not fluksod.said(KEY.hex())
    key.write_text("f" * 32)
    async with running(config(tmp_path, p1(tmp_path, 'key_file = "p1.key"\n'))) as fluksod:
        board.send(encrypted(meter.luxembourg(), 3))
        await until(lambda: fluksod.said("cannot be decrypted; is the key this meter's?"))
        assert not (await meter_state(fluksod))["connected"]


async def test_a_port_of_a_meter_is_used_by_one_only(tmp_path: Path, board: Board) -> None:
    async with running(config(tmp_path, p1(tmp_path))) as fluksod:
        other = tmp_path / "other"
        other.mkdir()
        status, _, err = await run_to_end("run", "--config", str(config(other, p1(tmp_path))))
        assert status == 1
        assert f"in use by fluksod (process {fluksod.process.pid})" in err
        assert "[[p1]]" in err


async def test_a_meter_on_the_bus_of_a_board(tmp_path: Path) -> None:
    """Pieces that the board's 64 bytes hold until they are fetched: the telegram of a meter that pauses."""
    build("v2_0")
    meter = Meter()
    tables = (
        '[[board]]\nname = "cellar"\nport = "/dev/spidev0.0"\nlink = "spi"\n[[p1]]\nname = "Grid"\nboard = "cellar"\n'
    )
    with Chip("v2_0") as chip:
        chip.run_for(1)
        with SpiSocket(chip, tmp_path / "spi") as spi:
            async with running(config(tmp_path, tables), spi.environment) as fluksod:

                async def connected() -> bool:
                    return bool((await fluksod.get("/api/v2/device"))["boards"][0]["connected"])

                await until(connected)
                pieces = iter(())
                while not await counted(fluksod, meter.counter)():
                    piece = next(pieces, None)
                    if piece is None:
                        raw = meter.luxembourg()
                        pieces = iter([raw[start : start + 48] for start in range(0, len(raw), 48)])
                        continue
                    with spi.held() as held:
                        held.uart_receive(piece)
                    await asyncio.sleep(0.12)


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ("", "line 7: port in [[p1]] number 1: is missing; add the serial port of the meter, or the board"),
        ('port = "a"\nboard = "b"', "give either port or board, not both"),
        ('board = "cellar"', "line 8: board in [[p1]] number 1: there is no [[board]] of this name"),
        ('port = "a"\ndsmr = "3"', 'line 9: dsmr in [[p1]] number 1: give one of "2.2", "4", "5"'),
        ('port = "a"\nkey_file = "missing"', "cannot be read: No such file"),
        ('port = "a"\nkey_file = "open.key"', "can be read by others; close it to them: chmod 600"),
        ('port = "a"\nkey_file = "short.key"', "has to hold the key as 32 hexadecimal digits"),
        ('port = "a"\n[[p1]]\nport = "b"', "line 9: name in [[p1]] number 2: another [[p1]] has this name"),
    ],
)
def test_what_is_wrong_with_a_meter_is_named_with_its_place(tmp_path: Path, table: str, complaint: str) -> None:
    (tmp_path / "open.key").write_text("0" * 32)
    os.chmod(tmp_path / "open.key", 0o644)  # noqa: PTH101
    (tmp_path / "short.key").write_text("00")
    with pytest.raises(ConfigError) as refused:
        parse(f"{LAN}[[p1]]\n{table}\n", tmp_path)
    assert complaint in str(refused.value)


def test_the_documented_meter(tmp_path: Path) -> None:
    (tmp_path / "p1.key").write_text("0" * 32)
    (tmp_path / "p1.key").chmod(0o600)
    text = Page("docs/device.md").block_after("### Smart meters with a P1 port", "toml")
    assert parse(text, tmp_path).p1[0].key_file == tmp_path / "p1.key"
