"""Firmware updates: the real avrdude, our real images and the simulated board that runs them afterwards."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from fluksod.config import ConfigError, parse
from fluksod.config.boards import BoardConfig, BoardModel, Programmer
from fluksod.firmware.avrdude import Progress, arguments, high_fuse
from fluksod.firmware.boards import chosen_board
from fluksod.firmware.images import ImageError, checked, shipped
from fluksod.firmware.update import FirmwareUpdates, UpdateError
from fluksod.uplink.offers import OfferError, offered
from fluksosim.board import Board as Chip
from fluksosim.board_header import BoardHeader
from fluksosim.build import build
from fluksosim.eeprom_image import FactorySensor, fresh_image
from fluksosim.house import HOUSE
from fluksosim.isp import IspSocket
from tests.device.board import Board, pls
from tests.device.cloud_stub import CloudStub, sign
from tests.device.daemon_process import FLUKSOD, Fluksod, configuration, running, sensor_table
from tests.device.uploading import connected
from tests.device.waiting import until

IDS = tuple(digit * 32 for digit in "abcd")
START = (1000, 2000, 3000, 4000)
PORT = "/dev/spidev0.0:/dev/gpiochip0:25"
TOKEN = "0123456789abcdef"
BOARD = BoardConfig("board", "/dev/null", model=BoardModel.V1_1, programmer_port=PORT)


@pytest.fixture
def chip() -> Iterator[Chip]:
    """A provisioned board v1_1 under power, whose EEPROM no fuse saves yet."""
    build("v1_1")
    factory = [FactorySensor(sensor, weight.weight) for sensor, weight in zip(IDS, HOUSE, strict=True)]
    with Chip("v1_1", eeprom=fresh_image(BoardHeader("v1_1"), factory, START)) as chip:
        chip.clamp_watts(0, 9000)
        chip.run_for(3)
        yield chip


@pytest.fixture
def isp(chip: Chip, tmp_path_factory: pytest.TempPathFactory) -> Iterator[IspSocket]:
    with IspSocket(chip, tmp_path_factory.mktemp("i") / "isp") as served:
        yield served


def configured(folder: Path, *, token: bool = True) -> Path:
    (folder / "token").write_text(TOKEN)
    (folder / "token").chmod(0o600)
    sensors = "".join(sensor_table(sensor, sensor[:1], "electricity") for sensor in IDS)
    lan = "mdns = false\n" + ('token_file = "token"' if token else "")
    path = configuration(folder, sensors=sensors, lan=lan)
    board = f'model = "v1_1"\nprogrammer_port = "{PORT}"\n[lan]'
    path.write_text(path.read_text().replace("[lan]", board, 1))
    return path


async def command(environment: dict[str, str], *words: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        FLUKSOD, *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=environment
    )
    out, errors = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return process.returncode, out.decode(), errors.decode()


async def counted(chip: Chip, board: Board, fluksod: Fluksod) -> float:
    """Let the chip run a while and tell the daemon what it says; the counter of the first clamp there."""
    chip.take_bytes()
    chip.run_for(4)
    board.send(chip.take_bytes())

    async def shown() -> Any:
        reading = await fluksod.reading(IDS[0])
        return reading and reading["counter"]

    await asyncio.sleep(0.3)
    return float(await until(shown))


async def test_by_hand_with_fluksod_stopped(tmp_path: Path, board: Board, chip: Chip, isp: IspSocket) -> None:
    config = configured(tmp_path)
    async with running(config, isp.environment) as fluksod:
        before = await counted(chip, board, fluksod)
    assert before >= START[0]
    status, printed, errors = await command(isp.environment, "firmware", "update", "--config", str(config))
    assert (status, errors) == (0, "")
    assert "board: writing fluksod's own for v1_1" in printed
    assert printed.rstrip().endswith("board: 100 % done")
    isp.wait()
    assert chip.fuses[1] & 0x08 == 0, "the fuse that saves the EEPROM was set on the way"
    assert len(list((tmp_path / "state" / "firmware").glob("board-*.eeprom"))) == 1
    assert not (tmp_path / "state" / "firmware" / "writing").exists()
    async with running(config, isp.environment) as fluksod:
        assert await counted(chip, board, fluksod) >= before


async def test_by_the_running_fluksod(tmp_path: Path, board: Board, chip: Chip, isp: IspSocket) -> None:
    config = configured(tmp_path)
    async with running(config, isp.environment) as fluksod:
        before = await counted(chip, board, fluksod)
        assert (await fluksod.get("/api/v2/firmware"))["state"] == "idle"
        asked = tmp_path / "asked.toml"
        asked.write_text(config.read_text().replace("port = 0", f"port = {fluksod.url.rsplit(':', 1)[1]}"))
        status, printed, errors = await command(isp.environment, "firmware", "update", "--config", str(asked))
        assert (status, errors) == (0, "")
        assert printed.rstrip().endswith("board: 100 % done")
        told = await fluksod.get("/api/v2/firmware")
        assert (told["state"], told["percent"], told["error"]) == ("done", 100, None)
        assert told["sha256"] == shipped(BoardModel.V1_1).sha256
        isp.wait()

        async def open_again() -> bool:
            return "no line" in ((await fluksod.get("/api/v2/device"))["board"]["error"] or "")

        await until(open_again)
        assert await counted(chip, board, fluksod) >= before
        assert not fluksod.said("fault of fluksod"), fluksod.log


async def test_nobody_updates_without_the_token(tmp_path: Path, board: Board) -> None:
    config = configured(tmp_path, token=False)
    async with running(config) as fluksod:
        async with fluksod.session.post(fluksod.url + "/api/v2/firmware", json={}) as answer:
            assert answer.status == 403
        asked = tmp_path / "asked.toml"
        asked.write_text(config.read_text().replace("port = 0", f"port = {fluksod.url.rsplit(':', 1)[1]}"))
        status, _, errors = await command(dict(os.environ), "firmware", "update", "--config", str(asked))
        assert (status, "name a token_file in [lan]" in errors) == (1, True)


@pytest.mark.parametrize("content", [b"[]", b"{", b'{"board": 5}', b'{"bord": "x"}', b'{"board": "x"}'])
async def test_a_wrong_request_begins_nothing(tmp_path: Path, board: Board, content: bytes) -> None:
    async with running(configured(tmp_path)) as fluksod:
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        url = fluksod.url + "/api/v2/firmware"
        async with fluksod.session.post(url, data=content, headers=headers) as answer:
            assert answer.status in (400, 409)
            assert (await answer.json())["error"]
        assert (await fluksod.get("/api/v2/firmware"))["state"] == "idle"


async def test_killed_in_the_middle_it_says_so_and_the_next_run_recovers_the_board(
    tmp_path: Path, board: Board, chip: Chip, isp: IspSocket
) -> None:
    config = configured(tmp_path)
    async with running(config, isp.environment) as fluksod:
        before = await counted(chip, board, fluksod)
    words = [FLUKSOD, "firmware", "update", "--config", str(config)]
    process = await asyncio.create_subprocess_exec(
        *words, stdout=asyncio.subprocess.DEVNULL, env=isp.environment, start_new_session=True
    )
    mark = tmp_path / "state" / "firmware" / "writing"
    await until(mark.exists)
    start = isp.instructions
    await until(lambda: isp.instructions > start + 1500)
    os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
    isp.wait()
    async with running(config, isp.environment) as fluksod:
        told = await fluksod.get("/api/v2/firmware")
        assert (told["state"], told["board"]) == ("failed", "board")
        assert "was broken off; run it again" in told["error"]
        assert fluksod.said("was broken off")
    status, _, errors = await command(isp.environment, "firmware", "update", "--config", str(config))
    assert status == 0, errors
    assert "was broken off; run it again" in errors
    isp.wait()
    async with running(config, isp.environment) as fluksod:
        assert (await fluksod.get("/api/v2/firmware"))["state"] == "idle"
        assert await counted(chip, board, fluksod) >= before


async def updated(folder: Path, isp: IspSocket | None, board: BoardConfig, path: str | None = None) -> FirmwareUpdates:
    """Try an update in this process, whose avrdude finds the board of `isp`."""
    updates = FirmwareUpdates(folder / "firmware")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("LD_PRELOAD", "FLUKSOSIM_ISP"):
            if isp is not None:
                patch.setenv(name, isp.environment[name])
        if path is not None:
            patch.setenv("PATH", path)
        await updates.update(board, shipped(board.model))
    return updates


async def test_a_board_of_another_kind_is_refused_and_left_alone(tmp_path: Path, chip: Chip, isp: IspSocket) -> None:
    eeprom = chip.eeprom
    with pytest.raises(UpdateError, match="is model in"):
        await updated(tmp_path, isp, replace(BOARD, model=BoardModel.UNO))
    isp.wait()
    assert chip.eeprom == eeprom
    assert not (tmp_path / "firmware" / "writing").exists()
    assert [line.text for line in chip.run_for(3) if line.text.startswith("pls")]


async def test_without_avrdude_it_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(UpdateError, match="sudo apt-get install avrdude"):
        await updated(tmp_path, None, BOARD, path=str(tmp_path))


async def test_a_programmer_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UpdateError, match="avrdude: "):
        await updated(tmp_path, None, replace(BOARD, programmer_port="/dev/spidev9.9:/dev/gpiochip9:25"))


def test_images_ship_for_every_board() -> None:
    """As `make -C avr images` has made them; the wheel takes them along."""
    for model in BoardModel:
        assert len(shipped(model).sha256) == 64


@pytest.mark.parametrize(
    "content", [b"", b"hello", b":00000001FF\n" * 9999, b":10\n:00000001FF", b":01000000AA56\n:00000001FF"]
)
def test_what_is_no_image(content: bytes) -> None:
    with pytest.raises(ImageError):
        checked(content, "it")


@given(st.data())
def test_a_spoilt_byte_of_an_image_is_found(data: st.DataObject) -> None:
    image = bytearray(shipped(BoardModel.V1_1).content)
    place = data.draw(st.integers(0, len(image) - 14))
    old = image[place]
    new = data.draw(st.sampled_from(b"0123456789ABCDEF:").filter(lambda byte: byte != old))
    image[place] = new
    if chr(old).isalnum() or old == ord(":"):
        with pytest.raises(ImageError):
            checked(bytes(image), "it")


def test_the_command_line_of_avrdude() -> None:
    assert arguments(BOARD, "flash:w:x.hex:i") == [
        *("-p", "m168", "-c", "linuxspi", "-P", PORT, "-B", "5", "-U", "flash:w:x.hex:i")
    ]
    uno = replace(BOARD, model=BoardModel.UNO, programmer=Programmer.ARDUINO, programmer_port="/dev/ttyACM0")
    assert arguments(uno, "flash:w:x.hex:i") == [
        *("-p", "m328p", "-c", "arduino", "-P", "/dev/ttyACM0", "-D", "-U", "flash:w:x.hex:i")
    ]
    assert high_fuse("avrdude says\n0xd5\n") == 0xD5
    assert high_fuse("nothing") is None


@given(st.text(alphabet="Writng Read|# \n", max_size=200))
def test_progress_is_a_percentage_whatever_is_said(text: str) -> None:
    progress = Progress()
    assert 0 <= progress.take(text) <= 100
    full = "Writing | ################################################## | 100% 1.2s\n"
    progress = Progress()
    assert progress.take("Reading | ################################################## | 100% 0.1s\n") == 0
    assert progress.take("Writing | #########################") == 25
    assert Progress().take(full) == 50
    assert Progress().take(full + full.replace("Writing", "Reading")) == 100


def test_which_board_is_meant() -> None:
    other = replace(BOARD, name="attic")
    assert chosen_board([BOARD, BoardConfig("bare", "/dev/x")], None) is BOARD
    assert chosen_board([BOARD, other], "attic") is other
    for boards, name, said in (
        ([], None, "no board can be updated"),
        ([BOARD, other], None, "say which board: 'board', 'attic'"),
        ([BOARD, other], "cellar", "there is no board 'cellar'"),
    ):
        with pytest.raises(UpdateError, match=said):
            chosen_board(boards, name)


def test_a_wrong_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r'model in \[board\]: give one of "v0_1", "v1_1", "v2_0", "uno"'):
        parse('[board]\nport = "x"\nmodel = "v9"\n', tmp_path)


@pytest.fixture(autouse=True)
def avrdude_is_here() -> None:
    assert shutil.which("avrdude"), "avrdude is missing: scripts/setup checks"


def offer(cloud: CloudStub, content: bytes, **changed: Any) -> Any:
    """A stub's answer that offers an image for our board, signed with its key unless told otherwise."""

    async def answer(request: web.Request, members: dict[str, Any]) -> web.Response | None:
        if not request.path.endswith("/firmware"):
            return None
        digest = hashlib.sha256(content).hexdigest()
        body = json.dumps(
            {"offers": [{"model": "v1_1", "sha256": digest, "image": content.decode(), **changed}]}
        ).encode()
        key = cloud.keys[request.path.split("/")[2]]
        signed = sign(changed.get("key", key), body)
        return web.Response(body=body, headers={"X-Digest": signed})

    return answer


async def test_what_the_cloud_offers_is_taken_when_the_owner_allows_it(
    tmp_path: Path, board: Board, chip: Chip, isp: IspSocket, cloud: CloudStub
) -> None:
    other = build("v1_1", power_up_silence_s=20).firmware_hex.read_bytes()
    cloud.answers["device"] = offer(cloud, other)
    config = configured(tmp_path)
    cloud.authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    table = f'[cloud]\nurl = "{cloud.url}"\nca = "ca.pem"\ninterval = 1\nfirmware = true\n'
    config.write_text(config.read_text() + table)
    async with running(config, isp.environment) as fluksod:

        async def ended() -> Any:
            told = await fluksod.get("/api/v2/firmware")
            return told["state"] in ("done", "failed") and told

        told = await until(ended, 30)
        assert (told["state"], told["sha256"]) == ("done", hashlib.sha256(other).hexdigest())
        asked = next(request for request in cloud.requests if request.path.endswith("/firmware"))
        assert asked.members["boards"] == [{"model": "v1_1", "sha256": None}]
        assert asked.headers["X-Digest"] == sign(next(iter(cloud.keys.values())), asked.body)
    isp.wait()
    assert [line.text for line in chip.run_for(4) if line.text] == [], "it is the other one: silent for 20 s"


async def test_it_does_not_even_ask_unless_the_owner_allows_it(tmp_path: Path, board: Board, cloud: CloudStub) -> None:
    config = configured(tmp_path)
    cloud.authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    config.write_text(config.read_text() + f'[cloud]\nurl = "{cloud.url}"\nca = "ca.pem"\ninterval = 1\n')
    async with running(config) as fluksod:
        await connected(fluksod)
        board.send(pls(IDS[0], 1), pls(IDS[0], 2))
        await until(lambda: cloud.stored.get(IDS[0]))
        assert not [request for request in cloud.requests if request.path.endswith("/firmware")]


IMAGE = shipped(BoardModel.V1_1)
KEY = "00112233445566778899aabbccddeeff"


def answered(*offers: dict[str, Any]) -> bytes:
    return json.dumps({"offers": list(offers)}).encode()


def test_an_offer_is_taken_only_with_the_right_signature_and_digest() -> None:
    right = {"model": "v1_1", "sha256": IMAGE.sha256, "image": IMAGE.content.decode()}
    body = answered(right)
    assert offered(KEY, body, sign(KEY, body), {BoardModel.V1_1: None}, "c")[BoardModel.V1_1].content == IMAGE.content
    assert offered(KEY, body, sign(KEY, body), {BoardModel.V1_1: IMAGE.sha256}, "c") == {}
    assert offered(KEY, body, sign(KEY, body), {BoardModel.UNO: None}, "c") == {}
    for digest in (None, "", sign("1" * 32, body), sign(KEY, body).upper(), sign(KEY, body + b" ")):
        with pytest.raises(OfferError, match="not signed with our key"):
            offered(KEY, body, digest, {BoardModel.V1_1: None}, "c")
    for wrong in (
        {**right, "sha256": "0" * 64},
        {**right, "image": IMAGE.content.decode()[:-40]},
        {**right, "image": 5},
        {"model": "v1_1"},
    ):
        spoilt = answered(wrong)
        with pytest.raises(OfferError):
            offered(KEY, spoilt, sign(KEY, spoilt), {BoardModel.V1_1: None}, "c")
