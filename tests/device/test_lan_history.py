"""The history of a sensor over the local API: columns at any resolution, wrong queries named."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.device.board import CLAMP, Board, pls, pwr
from tests.device.daemon_process import Fluksod, configuration, running, sensor_table
from tests.device.waiting import until
from tests.documented import Page


@pytest.fixture
async def fluksod(tmp_path: Path, board: Board) -> AsyncIterator[Fluksod]:
    """A daemon whose clamp has counted for two seconds."""
    async with running(configuration(tmp_path, sensors=sensor_table(CLAMP, "Main", "electricity"))) as fluksod:
        for counter in range(1000, 1003):
            board.send(pls(CLAMP, counter), pwr(CLAMP, 400 + counter % 10))
            await asyncio.sleep(1.01)

        async def shown() -> bool:
            reading = await fluksod.reading(CLAMP)
            return bool(reading and reading["counter"] == 1002)

        await until(shown)
        yield fluksod


async def asked(fluksod: Fluksod, query: str, sensor: str = CLAMP) -> tuple[int, Any]:
    async with fluksod.session.get(f"{fluksod.url}/api/v2/sensors/{sensor}/history?{query}") as response:
        return response.status, await response.json()


async def test_columns_have_an_entry_a_bucket_and_energy_adds_up(fluksod: Fluksod) -> None:
    end = int(time.time()) // 60 * 60 + 60
    for resolution in (1, 7, 60, 120):
        status, told = await asked(fluksod, f"start={end - 120}&end={end}&resolution={resolution}")
        assert status == 200
        columns = [name for name in told if name not in ("sensor", "resolution")]
        assert {len(told[name]) for name in columns} == {-(-120 // resolution)}
        counted = [b - a for a, b in zip(told["counter_start"], told["counter_end"], strict=True) if a is not None]
        assert sum(counted) == 2
        gauges = [value for value in told["max"] if value is not None]
        assert max(gauges) == 402
        assert all(0 <= value <= 1 for value in told["coverage"])
        assert told["time"][0] == end - 120


async def test_it_is_as_documented(fluksod: Fluksod) -> None:
    page = Page("docs/protocol.md")
    documented = json.loads(page.block_after("/history?start=1795400000", "json"))
    _, told = await asked(fluksod, f"start={int(time.time()) - 180}")
    assert list(told) == list(documented)


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("", "give start as a whole number of unix seconds"),
        ("start=yesterday", "give start"),
        ("start=-5", "give start"),
        ("start=10&end=1e9", "give end"),
        ("start=10&end=10", "an end after its start"),
        ("start=10&resolution=0", "a resolution of 1 s or more"),
        ("start=10&resolution=1", "ask for a coarser resolution"),
        ("start=1&resolution=99999999999999", "give resolution as a whole number of seconds"),
    ],
)
async def test_a_wrong_query_says_what_to_give(fluksod: Fluksod, query: str, complaint: str) -> None:
    status, told = await asked(fluksod, query)
    assert status == 400
    assert complaint in told["error"]


async def test_an_unknown_sensor(fluksod: Fluksod) -> None:
    assert (await asked(fluksod, "start=1", "0" * 32))[0] == 404
