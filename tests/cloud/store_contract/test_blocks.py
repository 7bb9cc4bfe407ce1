"""tmpo blocks: as they came, none overwritten, none beside one that spans it."""

from __future__ import annotations

import asyncio

import pytest

from flukso_cloud.store import SensorGoneError, Store
from flukso_cloud.tmpo import Place
from tests.cloud.store_contract.conftest import Reopen
from tests.cloud.store_contract.homes import NOW, add_sensor

BEGIN = NOW // (1 << 20) * (1 << 20)


async def test_a_block_is_kept_as_it_came(store: Store, reopen: Reopen) -> None:
    sensor = (await add_sensor(store)).number
    place, data = Place(0, 8, BEGIN), bytes(range(256))
    assert await store.block(sensor, place) is None
    assert not await store.has_block(sensor, place)
    assert await store.last_block(sensor) is None
    assert await store.keep_block(sensor, place, data)
    store = await reopen()
    assert await store.block(sensor, place) == data
    assert await store.has_block(sensor, place)
    assert not await store.keep_block(sensor, place, b"other"), "none is overwritten"
    assert await store.block(sensor, place) == data


async def test_of_two_at_once_one_is_kept(store: Store) -> None:
    sensor = (await add_sensor(store)).number
    place = Place(0, 8, BEGIN)
    kept = await asyncio.gather(*(store.keep_block(sensor, place, bytes([number])) for number in range(5)))
    assert sum(kept) == 1
    assert await store.block(sensor, place) == bytes([kept.index(True)])


async def test_a_block_takes_the_place_of_those_within_its_span(store: Store, reopen: Reopen) -> None:
    sensor, other = (await add_sensor(store)).number, (await add_sensor(store)).number
    small = [Place(0, 8, BEGIN + 256 * number) for number in range(18)]
    elsewhere = Place(1, 8, BEGIN)
    for place in (*small, elsewhere):
        assert await store.keep_block(sensor, place, b"small")
    assert await store.keep_block(other, small[0], b"theirs")
    large = Place(0, 12, BEGIN)
    assert not await store.has_block(sensor, large), "parts of it are not it"
    assert await store.keep_block(sensor, large, b"large")
    assert not await store.keep_block(sensor, small[3], b"again")
    store = await reopen()
    assert await store.has_block(sensor, small[3]), "what spans it is there"
    assert await store.block(sensor, small[3]) is None
    assert await store.blocks(sensor, 0) == [large, *small[16:], elsewhere]
    assert await store.blocks(other, 0) == small[:1]


async def test_blocks_are_listed_by_recycle_id_size_and_time(store: Store, reopen: Reopen) -> None:
    sensor = (await add_sensor(store)).number
    listed = [
        Place(0, 12, BEGIN + 4096),
        Place(0, 8, BEGIN),
        Place(0, 8, BEGIN + 256),
        Place(2, 16, BEGIN + (1 << 16)),
        Place(2, 8, BEGIN),
        Place(3, 8, BEGIN - 512),
    ]
    for place in reversed(listed):
        assert await store.keep_block(sensor, place, b"x")
    store = await reopen()
    assert await store.blocks(sensor, 0) == listed
    assert await store.blocks(sensor, 2) == listed[3:]
    assert await store.blocks(sensor, 4) == []
    assert await store.last_block(sensor) == listed[-1], "the highest recycle id is the latest"


async def test_the_last_block_reaches_furthest(store: Store) -> None:
    sensor = (await add_sensor(store)).number
    far = Place(0, 12, BEGIN)
    for place in (Place(0, 8, BEGIN + 256 * 20), far._replace(bid=BEGIN + 4096), far):
        assert await store.keep_block(sensor, place, b"x")
    assert await store.last_block(sensor) == far._replace(bid=BEGIN + 4096)


async def test_a_sensor_that_is_gone_keeps_no_block(store: Store) -> None:
    with pytest.raises(SensorGoneError):
        await store.keep_block(99, Place(0, 8, BEGIN), b"x")
    assert await store.blocks(99, 0) == []
    assert await store.block(99, Place(0, 8, BEGIN)) is None
