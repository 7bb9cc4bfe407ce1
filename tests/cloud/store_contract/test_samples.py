"""Samples: in any order, once each, corrected, deleted, replaced, folded; and of a sensor that is gone."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from flukso_cloud.meter import HIGHEST, LOWEST, Sample
from flukso_cloud.series import Break
from flukso_cloud.store import (
    FORGET,
    Appended,
    Folded,
    Heartbeat,
    Sensor,
    SensorConfig,
    SensorGoneError,
    SensorPlan,
    Store,
)
from flukso_cloud.tmpo import Place
from tests.cloud.store_contract.conftest import Reopen
from tests.cloud.store_contract.folding import DAY, fold_from
from tests.cloud.store_contract.homes import NOW, add_sensor

START = NOW // DAY * DAY


async def all_of(store: Store, sensor: Sensor) -> list[Sample]:
    return await store.samples(sensor, 0, 1 << 33, 1_000_000)


async def test_the_same_again_changes_nothing_and_a_corrected_one_replaces(store: Store, reopen: Reopen) -> None:
    sensor = await add_sensor(store)
    series = [Sample(START + 60 * i, 10 * i) for i in range(10)]
    assert await store.append(sensor, series, NOW) == Appended(10, 0)
    assert await store.append(sensor, series, NOW) == Appended(0, 10)
    assert await store.append(sensor, [Sample(START + 60, 11)], NOW) == Appended(1, 0)
    assert await store.append(sensor, [], NOW) == Appended(0, 0)
    store = await reopen()
    assert await all_of(store, sensor) == [series[0], Sample(START + 60, 11), *series[2:]]
    assert await store.append(sensor, series, NOW) == Appended(1, 9)


async def test_of_two_at_one_time_the_later_counts(store: Store, reopen: Reopen) -> None:
    sensor = await add_sensor(store)
    assert await store.append(sensor, iter([Sample(START, 1), Sample(START, 2)]), NOW) == Appended(1, 0)
    store = await reopen()
    assert await store.newest([sensor.number]) == {sensor.number: Sample(START, 2)}


async def test_the_newest_of_those_that_have_one(store: Store, reopen: Reopen) -> None:
    one, other, silent = [await add_sensor(store) for _ in range(3)]
    await store.append(one, [Sample(START + 60, 5), Sample(START, 4)], NOW)
    await store.append(other, [Sample(START, 9)], NOW)
    await store.append(other, [Sample(START - 999 * DAY, 1)], NOW)
    assert await store.newest([]) == {}
    store = await reopen()
    assert await store.newest([one.number, silent.number, other.number, 99]) == {
        one.number: Sample(START + 60, 5),
        other.number: Sample(START, 9),
    }


async def test_any_counter_and_any_time(store: Store, reopen: Reopen) -> None:
    sensor = await add_sensor(store, class_="cosem")
    series = [Sample(0, LOWEST), Sample(1, 0), Sample(START, HIGHEST), Sample(2**32 + 5, LOWEST)]
    assert await store.append(sensor, series[::-1], NOW) == Appended(4, 0)
    store = await reopen()
    assert await all_of(store, sensor) == series
    await fold_from(store, sensor, 2**32 + 9 * DAY)
    assert await all_of(store, sensor) == series


async def test_a_page_of_samples(store: Store) -> None:
    sensor = await add_sensor(store)
    series = [Sample(START + 60 * i, i) for i in range(9)]
    await store.append(sensor, series, NOW)
    assert await store.samples(sensor, START + 60, START + 300, 99) == series[1:5], "up to, but not with, its end"
    assert await store.samples(sensor, START + 61, START + 300, 2) == series[2:4], "the first of them"
    assert await store.samples(sensor, START, START, 99) == await store.samples(sensor, START + 9, START, 99) == []
    assert await store.samples(sensor, START + 541, START + 999, 99) == []


async def test_what_was_told_before_is_seen_by_who_asks_after(store: Store) -> None:
    """Through whichever question, while more comes in."""
    made = await add_sensor(store)
    for number in range(20):
        sensor = await store.sensor(made.id)
        assert sensor is not None
        news = Sample(START + 60 * number, number)
        assert await store.append(sensor, [news], NOW) == Appended(1, 0)
        if number % 2:
            assert await store.newest([sensor.number]) == {sensor.number: news}
        else:
            assert (await store.neighbours(sensor.number, [news.time]))[news.time].before == news
    assert len(await all_of(store, made)) == 20


async def test_many_callers_at_once_lose_nothing(store: Store, reopen: Reopen) -> None:
    sensors = [await add_sensor(store) for _ in range(5)]
    outcomes = await asyncio.gather(
        *(store.append(sensor, [Sample(START + i, i)], NOW) for i in range(60) for sensor in sensors)
    )
    assert outcomes == [Appended(1, 0)] * 300
    store = await reopen()
    for sensor in sensors:
        assert await all_of(store, sensor) == [Sample(START + i, i) for i in range(60)]


async def test_an_upload_that_comes_twice_at_once_is_there_once(store: Store, reopen: Reopen) -> None:
    sensor = await add_sensor(store)
    await store.append(sensor, [Sample(START - 60, 0)], NOW)
    series = [Sample(START + 60 * i, i) for i in range(9)]
    outcomes = await asyncio.gather(*(store.append(sensor, series, NOW) for _ in range(4)))
    assert {outcome.stored + outcome.known for outcome in outcomes} == {9}
    store = await reopen()
    assert await all_of(store, sensor) == [Sample(START - 60, 0), *series]


async def test_an_upload_that_comes_twice_at_once_is_counted_once(store: Store) -> None:
    sensor = await add_sensor(store)
    await store.append(sensor, [Sample(START - 60, 0)], NOW)
    series = [Sample(START + 60 * i, i) for i in range(9)]
    outcomes = await asyncio.gather(*(store.append(sensor, series, NOW) for _ in range(4)))
    assert sum(outcome.stored for outcome in outcomes) == 9


async def test_breaks_are_where_the_counter_does_not_simply_rise(store: Store, reopen: Reopen) -> None:
    sensor = await add_sensor(store)
    counters = [100, 0, 10, HIGHEST - 4, 5, 10_000_000]
    series = [Sample(START + 60 * i, counter) for i, counter in enumerate(counters)]
    await store.append(sensor, series, NOW)
    found = [Break(*pair) for place, pair in enumerate(pairwise(series)) if place != 1]
    store = await reopen()
    assert await store.breaks(sensor.number, START, START + 999) == found
    assert await store.breaks(sensor.number, START + 60, START + 180) == found[1:2], "those that end in (start, end]"
    assert await store.breaks(sensor.number, START + 999, START) == []


async def test_a_corrected_counter_takes_its_breaks_along(store: Store) -> None:
    sensor = await add_sensor(store)
    await store.append(sensor, [Sample(START, 100), Sample(START + 60, 0), Sample(START + 120, 120)], NOW)
    assert len(await store.breaks(sensor.number, START, START + 999)) == 1
    await store.append(sensor, [Sample(START + 60, 110)], NOW)
    assert await store.breaks(sensor.number, START, START + 999) == []


async def test_a_net_meter_may_go_back_without_breaks(store: Store) -> None:
    sensor = await add_sensor(store, class_="cosem")
    await store.append(sensor, [Sample(START, 100), Sample(START + 60, 90), Sample(START + 120, 95)], NOW)
    assert await store.breaks(sensor.number, START, START + 999) == []
    assert (await store.columns(sensor, [START, START + 120])).flowed == [-5]


async def test_what_is_deleted_leaves_no_break_and_no_energy(store: Store, reopen: Reopen) -> None:
    sensor = await add_sensor(store)
    series = [Sample(START + 60 * i, counter) for i, counter in enumerate([0, 10, 20, 5, 15, 25])]
    await store.append(sensor, series, NOW)
    assert len(await store.breaks(sensor.number, START, START + 999)) == 1
    assert await store.delete(sensor, START + 180, START + 180) == 0
    assert await store.delete(sensor, START + 300, START + 180) == 0
    assert await store.delete(sensor, START + 180, START + 300) == 2
    assert await store.delete(sensor, START + 180, START + 300) == 0
    store = await reopen()
    assert await all_of(store, sensor) == [*series[:3], series[5]]
    assert await store.breaks(sensor.number, START, START + 999) == []
    assert (await store.columns(sensor, [START, START + 300])).flowed == [25]


async def test_what_is_deleted_may_come_again(store: Store) -> None:
    sensor = await add_sensor(store)
    series = [Sample(START + 60 * i, i) for i in range(5)]
    await store.append(sensor, series, NOW)
    await fold_from(store, sensor, NOW + 9 * DAY)
    assert await store.delete(sensor, 0, 1 << 33) == 5
    assert await store.newest([sensor.number]) == {}
    assert await store.append(sensor, series, NOW) == Appended(5, 0)
    assert await all_of(store, sensor) == series


async def test_a_range_is_replaced_whole(store: Store, reopen: Reopen) -> None:
    sensor = await add_sensor(store)
    series = [Sample(START + 60 * i, 10 * i) for i in range(6)]
    await store.append(sensor, series, NOW)
    right = [Sample(START + 90, 15), Sample(START + 150, 12)]
    assert await store.replace(sensor, START + 60, START + 240, right) == 3
    store = await reopen()
    assert await all_of(store, sensor) == [series[0], *right, *series[4:]]
    assert await store.breaks(sensor.number, START, START + 999) == [Break(*right)]


async def test_what_replaced_nothing_is_known_afterwards(store: Store) -> None:
    """Also behind all that there was."""
    sensor = await add_sensor(store)
    await store.append(sensor, [Sample(START, 1)], NOW)
    right = [Sample(START + 150, 2)]
    assert await store.replace(sensor, START + 100, START + 200, right) == 0
    assert await store.append(sensor, right, NOW) == Appended(0, 1)


async def test_while_a_fingerprint_is_the_same_so_are_the_samples(store: Store, reopen: Reopen) -> None:
    sensor, other = await add_sensor(store), await add_sensor(store)
    series = [Sample(START + 3600 * i, i) for i in range(60)]
    day = (START + DAY, START + 2 * DAY)
    empty = await store.fingerprint(sensor, *day)
    await store.append(sensor, series, NOW)
    found = await store.fingerprint(sensor, *day)
    assert found != empty
    await store.append(sensor, series, NOW)
    await store.append(sensor, [Sample(START + 9 * DAY, 99)], NOW)
    await store.append(other, series[:1], NOW)
    assert await store.fingerprint(sensor, *day) == found, "nothing in it has changed"
    store = await reopen()
    seen = {empty, found}
    await store.append(sensor, [Sample(START + DAY + 5, 24)], NOW)
    seen.add(await store.fingerprint(sensor, *day))
    await store.append(sensor, [Sample(START + DAY + 5, 25)], NOW)
    seen.add(await store.fingerprint(sensor, *day))
    await store.delete(sensor, START + DAY + 3600, START + DAY + 3601)
    seen.add(await store.fingerprint(sensor, *day))
    assert len(seen) == 5


@pytest.mark.parametrize("replaces", [False, True])
async def test_what_is_deleted_takes_the_blocks_along_that_reach_into_it(
    store: Store, reopen: Reopen, replaces: bool
) -> None:
    begin = NOW // 256 * 256
    sensor, other = await add_sensor(store), await add_sensor(store)
    places = [Place(0, 8, begin + 256 * i) for i in range(4)]
    for each in (sensor, other):
        for place in places:
            assert await store.keep_block(each.number, place, b"x")
    for start, end in ((begin + 300, begin + 300), (begin + 700, begin + 300)):
        assert await store.delete(sensor, start, end) == await store.replace(sensor, start, end, []) == 0
    assert await store.blocks(sensor.number, 0) == places, "in no time there is nothing"
    if replaces:
        await store.replace(sensor, begin + 300, begin + 512, [Sample(begin + 310, 1)])
    else:
        await store.delete(sensor, begin + 300, begin + 512)
    store = await reopen()
    assert await store.blocks(sensor.number, 0) == [places[0], *places[2:]]
    assert await store.blocks(other.number, 0) == places


async def test_what_samples_mean_is_told_anew_for_a_sensor_of_another_class(store: Store, reopen: Reopen) -> None:
    sensor = await add_sensor(store)
    series = [Sample(START + 900 * i, 5000 - i) for i in range(40 * 96)]
    await store.append(sensor, series, NOW)
    await fold_from(store, sensor, START + 20 * DAY)
    assert len(await store.breaks(sensor.number, 0, 1 << 33)) == len(series) - 1
    plan = SensorPlan(sensor.id, sensor.type, "cosem", sensor.function)
    await store.heartbeat(sensor.device, Heartbeat(NOW), [plan])
    net = await store.sensor(sensor.id)
    assert net is not None
    store = await reopen()
    await fold_from(store, net, START + 99 * DAY)
    assert await store.breaks(net.number, 0, 1 << 33) == []
    found = await store.columns(net, [START, START + 10 * DAY, START + 20 * DAY, START + 39 * DAY])
    assert found.flowed == [-960, -960, -19 * 96]
    await store.configure(net.number, SensorConfig(class_="analog", time=NOW))
    await fold_from(store, sensor, START + 99 * DAY)
    assert len(await store.breaks(sensor.number, 0, 1 << 33)) == len(series) - 1


async def test_a_reader_sees_a_range_before_or_after_it_is_replaced(store: Store) -> None:
    sensor = await add_sensor(store)
    before = [Sample(START + 60 * i, 0) for i in range(50)]
    after = [Sample(START + 60 * i + 7, 1) for i in range(30)]
    await store.append(sensor, before, NOW)
    replacing = asyncio.ensure_future(store.replace(sensor, START, START + DAY, after))
    seen = [await all_of(store, sensor) for _ in range(10)]
    assert await replacing == 50
    seen.append(await all_of(store, sensor))
    assert all(found in (before, after) for found in seen)
    assert seen[-1] == after


async def test_where_nothing_is_there_is_nothing_to_fold(store: Store) -> None:
    assert await store.fold(NOW, 0) == Folded(0, None)
    sensor = await add_sensor(store)
    assert await store.fold(NOW, sensor.number) == Folded(0, None)


async def test_folding_comes_to_an_end_and_finds_nothing_again(store: Store, reopen: Reopen) -> None:
    sensors = [await add_sensor(store) for _ in range(3)]
    series = [Sample(START + 300 * i, i) for i in range(3 * 288)]
    for sensor in sensors:
        await store.append(sensor, series, NOW)
    assert len(await store.newest([sensor.number for sensor in sensors])) == 3
    assert await fold_from(store, sensors[0], START) == 0, "no day is over"
    assert 0 <= await fold_from(store, sensors[1], START + 9 * DAY) <= 2 * len(series), (
        "of this sensor and younger ones"
    )
    assert 0 <= await fold_from(store, sensors[0], START + 9 * DAY) <= len(series)
    store = await reopen()
    assert await fold_from(store, sensors[0], START + 9 * DAY) == 0
    for sensor in sensors:
        assert await all_of(store, sensor) == series


async def test_folding_and_appending_at_once_loses_nothing(store: Store, reopen: Reopen) -> None:
    sensor = await add_sensor(store)
    series = [Sample(START + 300 * i, 10 * i) for i in range(5 * 288)]
    await store.append(sensor, series, NOW)
    folding = asyncio.ensure_future(fold_from(store, sensor, START + 9 * DAY))
    late = [Sample(START + 864 * 4 * i + 31, 120 * i) for i in range(60)]
    for sample in late:
        assert await store.append(sensor, [sample], NOW) == Appended(1, 0)
    await folding
    store = await reopen()
    await fold_from(store, sensor, START + 9 * DAY)
    assert await all_of(store, sensor) == sorted([*series, *late])


async def test_a_sensor_that_is_gone_takes_nothing(store: Store, reopen: Reopen) -> None:
    sensor = await add_sensor(store)
    await store.append(sensor, [Sample(START, 1)], NOW)
    await store.mark_leaving(sensor.device, FORGET, NOW)
    await store.finish_leaving(sensor.device)
    for _ in range(2):
        with pytest.raises(SensorGoneError):
            await store.append(sensor, [Sample(START + 60, 2)], NOW)
        with pytest.raises(SensorGoneError):
            await store.replace(sensor, START, START + 99, [Sample(START + 60, 2)])
        assert await store.delete(sensor, 0, 1 << 33) == 0
        assert await store.newest([sensor.number]) == {}
        assert await all_of(store, sensor) == []
        store = await reopen()
