"""Firmware that the cloud offers: taken when the owner has allowed it, with the right signature and digest only."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from fluksod.config.boards import BoardModel
from fluksod.firmware.images import shipped
from fluksod.uplink.offers import OfferError, offered
from fluksosim.board import Board as Chip
from fluksosim.build import build
from fluksosim.isp import IspSocket
from tests.device.board import Board, pls
from tests.device.cloud_stub import CloudStub, sign
from tests.device.daemon_process import running
from tests.device.programming import IDS, configured, ended
from tests.device.uploading import connected
from tests.device.waiting import until


def offer(cloud: CloudStub, content: bytes, **changed: Any) -> Any:
    """A stub's answer that offers an image for our board, signed with its key unless told otherwise."""

    async def answer(request: web.Request, members: dict[str, Any]) -> web.Response | None:
        if not request.path.endswith("/firmware"):
            return None
        digest = hashlib.sha256(content).hexdigest()
        body = json.dumps(
            {
                "time": members["time"],
                "offers": [{"model": "v1_1", "sha256": digest, "image": content.decode(), **changed}],
            }
        ).encode()
        key = cloud.keys[request.path.split("/")[2]]
        signed = sign(changed.get("key", key), body)
        return web.Response(body=body, headers={"X-Digest": signed})

    return answer


def configured_with(cloud: CloudStub, folder: Path, more: str = "") -> Path:
    config = configured(folder)
    cloud.authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    table = f'[cloud]\nurl = "{cloud.url}"\nca = "ca.pem"\ninterval = 1\n{more}'
    config.write_text(config.read_text() + table)
    return config


async def test_what_the_cloud_offers_is_taken_when_the_owner_allows_it(
    tmp_path: Path, board: Board, chip: Chip, isp: IspSocket, cloud: CloudStub
) -> None:
    other = build("v1_1", power_up_silence_s=20).firmware_hex.read_bytes()
    cloud.answers["device"] = offer(cloud, other)
    config = configured_with(cloud, tmp_path, "firmware = true\n")
    async with running(config, isp.environment) as fluksod:
        told = await ended(fluksod)
        assert (told["state"], told["sha256"]) == ("done", hashlib.sha256(other).hexdigest())
        # Its owner is not offered the older one that ships with fluksod.
        assert told["boards"] == [{"name": "board", "model": "v1_1", "written": told["sha256"], "offered": None}]
        asked = next(request for request in cloud.requests if request.path.endswith("/firmware"))
        assert asked.members["boards"] == [{"model": "v1_1", "sha256": None}]
        assert asked.headers["X-Digest"] == sign(next(iter(cloud.keys.values())), asked.body)
    isp.wait()
    assert [line.text for line in chip.run_for(4) if line.text] == [], "it is the other one: silent for 20 s"


async def test_it_does_not_even_ask_unless_the_owner_allows_it(tmp_path: Path, board: Board, cloud: CloudStub) -> None:
    async with running(configured_with(cloud, tmp_path)) as fluksod:
        await connected(fluksod)
        board.send(pls(IDS[0], 1), pls(IDS[0], 2))
        await until(lambda: cloud.stored.get(IDS[0]))
        assert not [request for request in cloud.requests if request.path.endswith("/firmware")]


async def test_an_offer_with_a_wrong_signature_is_discarded_and_uploads_go_on(
    tmp_path: Path, board: Board, cloud: CloudStub
) -> None:
    cloud.answers["device"] = offer(cloud, IMAGE.content, key="1" * 32)
    async with running(configured_with(cloud, tmp_path, "firmware = true\n")) as fluksod:
        await until(lambda: fluksod.said("the offer of firmware is not signed with our key; it is discarded"))
        board.send(pls(IDS[0], 1), pls(IDS[0], 2))
        await until(lambda: cloud.stored.get(IDS[0]))
        assert (await fluksod.get("/api/v2/firmware"))["state"] == "idle"


IMAGE = shipped(BoardModel.V1_1)
KEY = "00112233445566778899aabbccddeeff"
NOW = 1795401443
NONE_YET: dict[BoardModel, str | None] = {BoardModel.V1_1: None}
RIGHT: dict[str, Any] = {"model": "v1_1", "sha256": IMAGE.sha256, "image": IMAGE.content.decode()}


def answered(*offers: Any, time: Any = NOW) -> bytes:
    return json.dumps({"time": time, "offers": list(offers)}).encode()


def test_an_offer_for_a_board_that_has_another_firmware_is_taken() -> None:
    body = answered(RIGHT)
    digest = sign(KEY, body)
    assert offered(KEY, body, digest, NOW, NONE_YET, "c")[BoardModel.V1_1].content == IMAGE.content
    assert offered(KEY, body, digest, NOW, {BoardModel.V1_1: "0" * 64}, "c").keys() == NONE_YET.keys()
    assert offered(KEY, body, digest, NOW, {BoardModel.V1_1: IMAGE.sha256}, "c") == {}
    assert offered(KEY, body, digest, NOW, {BoardModel.UNO: None}, "c") == {}


def test_an_offer_that_is_not_signed_for_us_is_discarded() -> None:
    body = answered(RIGHT)
    for digest in (None, "", sign("1" * 32, body), sign(KEY, body).upper(), sign(KEY, body + b" ")):
        with pytest.raises(OfferError, match="not signed with our key"):
            offered(KEY, body, digest, NOW, NONE_YET, "c")


def test_an_old_offer_cannot_be_played_again() -> None:
    for time in (NOW - 1, None, str(NOW)):
        body = answered(RIGHT, time=time)
        with pytest.raises(OfferError, match="the answer to another question"):
            offered(KEY, body, sign(KEY, body), NOW, NONE_YET, "c")


@pytest.mark.parametrize(
    "wrong",
    [
        {**RIGHT, "sha256": "0" * 64},
        {**RIGHT, "image": IMAGE.content.decode()[:-40]},
        {**RIGHT, "image": "\u00fc"},
        {**RIGHT, "image": 5},
        {"model": "v1_1"},
        5,
    ],
)
def test_an_offer_whose_image_is_wrong_is_discarded(wrong: Any) -> None:
    body = answered(wrong)
    with pytest.raises(OfferError):
        offered(KEY, body, sign(KEY, body), NOW, NONE_YET, "c")


@pytest.mark.parametrize("body", [b"", b"[]", b"5", b"{}", b'{"time": 1795401443}'])
def test_what_is_no_offer_is_discarded(body: bytes) -> None:
    with pytest.raises(OfferError, match="cannot be read"):
        offered(KEY, body, sign(KEY, body), NOW, NONE_YET, "c")
