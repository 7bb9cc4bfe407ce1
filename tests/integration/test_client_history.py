"""The history of version 2: typed, in pages, and nothing taken that is not what was asked for."""

from copy import deepcopy
from itertools import pairwise
from json import loads
from typing import Any

import pytest
from aiohttp import ClientSession, web

from custom_components.flukso.client import (
    Address,
    Bucket,
    FluksoConnectionError,
    FluksometerV2,
    FluksoNotFoundError,
    FluksoPayloadError,
)
from custom_components.flukso.client.history import MOST_BUCKETS, parse_history
from tests.documented import Page
from tests.integration.fluksometer import MAIN, SOLAR, LoopbackFluksometer
from tests.integration.kept_history import KeptHistory

HOUR = 3600
BEGIN = 1_795_003_200


def client(session: ClientSession, fluksometer: LoopbackFluksometer) -> FluksometerV2:
    return FluksometerV2(session, Address("127.0.0.1", fluksometer.port))


async def told(client: FluksometerV2, start: int, end: int, resolution: int = HOUR) -> list[Bucket]:
    return [bucket async for page in client.history(MAIN, start, end, resolution) for bucket in page]


def answer(**changes: Any) -> dict[str, Any]:
    documented: dict[str, Any] = {
        "sensor": MAIN,
        "resolution": 60,
        "time": [60, 120, 180],
        "min": [458, None, 460],
        "max": [471, None, 466],
        "mean": [463.2, None, 462],
        "last": [463, None, 461],
        "counter_start": [None, 4521308.0, 4521316],
        "counter_end": [4521308, 4521316, 4521323],
        "coverage": [1, 0, 0.9667],
    }
    return {**deepcopy(documented), **changes}


def test_buckets() -> None:
    first, second, third = parse_history(answer(), MAIN, 60, 240, 60)
    assert first == Bucket(60, None, 4521308, 458, 471, 463.2, 463, 1)
    assert second == Bucket(120, 4521308, 4521316, None, None, None, None, 0)
    assert (third.counter_end, third.coverage) == (4521323, 0.9667)


def test_the_documented_answer_is_read() -> None:
    text = Page("docs/protocol.md").block_after("/history?start=1795400000", "json").replace("<32 hex>", MAIN)
    assert len(parse_history(loads(text), MAIN, 1795400000, 1795400180, 60)) == 3


@pytest.mark.parametrize(
    "changes",
    [
        {"sensor": SOLAR},
        {"sensor": "main"},
        {"resolution": 61},
        {"resolution": "60"},
        {"time": [60, 120]},
        {"time": [60, 120, 240]},
        {"time": "60"},
        {"min": [458, None]},
        {"mean": [463.2, "nan", 462]},
        {"mean": [463.2, True, 462]},
        {"mean": [463.2, 2**60, 462]},
        {"counter_end": [4521308, -1, 4521323]},
        {"counter_end": [4521308, 4521316, 4521300]},
        {"coverage": [1, None, 0.9]},
        {"coverage": [1, 1.1, 0.9]},
        {"coverage": [1, -0.1, 0.9]},
    ],
)
def test_anything_else_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(FluksoPayloadError):
        parse_history(answer(**changes), MAIN, 60, 240, 60)


async def test_pages(session: ClientSession, fluksometer: LoopbackFluksometer) -> None:
    """A long history comes in parts that join without a seam."""
    fluksometer.kept[MAIN] = KeptHistory(lambda time: (time - BEGIN) / 3.6, BEGIN + 1000)
    hours = 2 * MOST_BUCKETS + 7
    pages = [page async for page in client(session, fluksometer).history(MAIN, BEGIN, BEGIN + hours * HOUR, HOUR)]
    assert [len(page) for page in pages] == [MOST_BUCKETS, MOST_BUCKETS, 7]
    buckets = [bucket for page in pages for bucket in page]
    assert [bucket.time for bucket in buckets] == list(range(BEGIN, BEGIN + hours * HOUR, HOUR))
    assert all(first.counter_end == second.counter_start for first, second in pairwise(buckets))
    assert buckets[0].counter_start == round(1000 / 3.6, 3)
    assert len(fluksometer.requests) == 3


async def test_nothing_is_asked_for_no_time(session: ClientSession, fluksometer: LoopbackFluksometer) -> None:
    assert await told(client(session, fluksometer), BEGIN, BEGIN) == []
    assert fluksometer.requests == []


async def test_the_last_bucket_may_be_short(session: ClientSession, fluksometer: LoopbackFluksometer) -> None:
    fluksometer.kept[MAIN] = KeptHistory(lambda time: time - BEGIN, BEGIN)
    buckets = await told(client(session, fluksometer), BEGIN, BEGIN + HOUR + 10)
    assert [bucket.time for bucket in buckets] == [BEGIN, BEGIN + HOUR]


async def test_no_history(session: ClientSession, fluksometer: LoopbackFluksometer) -> None:
    with pytest.raises(FluksoNotFoundError):
        await told(client(session, fluksometer), BEGIN, BEGIN + HOUR)
    path = f"/api/v2/sensors/{MAIN}/history"
    fluksometer.replies[path] = web.Response(text="moon")
    with pytest.raises(FluksoPayloadError):
        await told(client(session, fluksometer), BEGIN, BEGIN + HOUR)
    await fluksometer.stop()
    with pytest.raises(FluksoConnectionError):
        await told(client(session, fluksometer), BEGIN, BEGIN + HOUR)
