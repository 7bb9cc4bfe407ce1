"""The JSON of docs/protocol.md that fluksod says: its members are the documented ones, no more and no fewer."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from fluksod.siblings import Sibling
from tests.device.board import CLAMP, Board, pls, pwr
from tests.device.cloud_stub import CloudStub
from tests.device.daemon_process import Fluksod, configuration, running, sensor_table
from tests.device.waiting import until
from tests.documented import Page, members

PAGE = Page("docs/protocol.md")
OF_THE_OLD_FORMAT = {"memtotal", "memfree", "memcached", "membuffers"}
"""What the original's heartbeat has besides; the page describes only what is added to that."""


@pytest.fixture
async def cloud() -> AsyncIterator[CloudStub]:
    stub = CloudStub(trustme.CA())
    await stub.start()
    yield stub
    await stub.stop()


@pytest.fixture
async def fluksod(tmp_path: Path, board: Board, cloud: CloudStub) -> AsyncIterator[Fluksod]:
    """A fluksod with a clamp, a P1 meter that is not there and a cloud, which it has uploaded to."""
    cloud.authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    table = f'[cloud]\nurl = "{cloud.url}"\nca = "ca.pem"\ninterval = 1\n'
    sensor = sensor_table(CLAMP, "Main", "electricity") + f'[[p1]]\nname = "Grid"\nport = "{tmp_path / "absent"}"\n'
    nobody = '[mqtt]\nhost = "127.0.0.1"\nport = 9\n'
    async with running(configuration(tmp_path, sensors=sensor, cloud=table, mqtt=nobody)) as fluksod:
        await until(lambda: len(cloud.heartbeats()) > 0)
        board.send(pls(CLAMP, 100), pls(CLAMP, 101), pwr(CLAMP, 463))
        await until(lambda: cloud.stored.get(CLAMP) and cloud.gauges.get(CLAMP))
        yield fluksod


def documented(words: str) -> Any:
    """The JSON block after `words`."""
    return json.loads(PAGE.block_after(words, "json"))


async def test_the_local_api(fluksod: Fluksod) -> None:
    device = documented("`GET /api/v2/device`")
    siblings = device.pop("siblings")
    shown_device = await fluksod.get("/api/v2/device")
    assert shown_device.pop("siblings") == []
    assert members(shown_device) == members(device)
    assert set(siblings[0]) == set(Sibling.__dataclass_fields__)
    sensors = documented("`GET /api/v2/sensors`")
    shown = await fluksod.get("/api/v2/sensors")
    assert members(shown) == members(sensors)
    constant = ("name", "type", "class", "counter_unit", "gauge_unit")
    assert [shown["sensors"][0][name] for name in constant] == [sensors["sensors"][0][name] for name in constant]


async def test_an_event(fluksod: Fluksod) -> None:
    async with fluksod.session.get(fluksod.url + "/api/v2/events") as stream:
        told = [(await stream.content.readline()).decode().strip() for _ in range(5)][2:]
    lines = PAGE.block_after("`GET /api/v2/events`", "text").splitlines()
    assert [line.split(": ")[0] for line in told] == [line.split(": ")[0] for line in lines]
    assert told[0] == lines[0]
    told_data, data = (json.loads(line.removeprefix("data: ")) for line in (told[2], lines[2]))
    assert members(told_data) == members(data)


async def test_what_it_sends_to_a_cloud(fluksod: Fluksod, cloud: CloudStub) -> None:
    """The first heartbeat registers; later ones omit the key; an upload has counters and gauges."""
    first = cloud.heartbeats()[0].members
    registration = documented("### Autoregistration")
    assert set(first) == set(registration) | OF_THE_OLD_FORMAT
    assert members(list(first["sensors"].values())) == members(list(registration["sensors"].values()))
    upload = documented("### Live gauges")
    sent = [request.members for request in cloud.uploads()]
    assert {name for upload_sent in sent for name in upload_sent} == set(upload)
    for name, pairs in upload.items():
        assert all(len(pair) == len(pairs[0]) for upload_sent in sent for pair in upload_sent.get(name, []))
