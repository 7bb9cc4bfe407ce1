"""What is kept no longer: samples go by the day, their hours stay, then those go too; nothing comes back by halves."""

from __future__ import annotations

import pytest

from flukso_cloud.meter import Sample
from flukso_cloud.store import FORGET, Appended, Retention, Sensor, SensorGoneError, Store
from tests.cloud.store_contract.conftest import Reopen
from tests.cloud.store_contract.folding import DAY, fold_from
from tests.cloud.store_contract.homes import NOW, add_sensor

START = NOW // DAY * DAY
SERIES = [Sample(START + 3600 * number, 100 * number) for number in range(5 * 24)]
THEN = START + 5 * DAY + DAY // 2


async def retire_from(store: Store, sensor: Sensor, now: int, most: Retention) -> int:
    number: int | None = sensor.number
    days = 0
    while number is not None:
        done = await store.retire(now, most, number)
        days, number = days + done.days, done.next_sensor
    return days


async def folded(store: Store) -> Sensor:
    sensor = await add_sensor(store)
    await store.append(sensor, SERIES, NOW)
    await fold_from(store, sensor, THEN)
    return sensor


async def test_nothing_goes_unless_somebody_chooses(store: Store) -> None:
    sensor = await folded(store)
    assert await store.retention(sensor.number) == Retention(0, 0)
    assert await retire_from(store, sensor, THEN + 9999 * DAY, Retention()) == 0
    assert await store.kept_from(sensor.number) == 0
    assert await store.samples(sensor, 0, THEN, 999) == SERIES


@pytest.mark.parametrize(
    ("chosen", "most", "days"),
    [((3, 0), (0, 0), 2), ((0, 0), (3, 0), 2), ((3, 0), (2, 0), 3), ((1, 0), (3, 0), 4), ((0, 2), (0, 0), 3)],
)
async def test_the_shorter_of_what_owner_and_operator_choose_holds(
    store: Store, reopen: Reopen, chosen: tuple[int, int], most: tuple[int, int], days: int
) -> None:
    sensor = await folded(store)
    edges = [START + 3600 * hour for hour in range(5 * 24)]
    before = await store.columns(sensor, edges)
    await store.keep_for(sensor.number, Retention(*chosen))
    assert await retire_from(store, sensor, THEN, Retention(*most)) == days
    store = await reopen()
    assert await store.retention(sensor.number) == Retention(*chosen)
    assert await store.kept_from(sensor.number) == START + days * DAY
    assert await store.samples(sensor, 0, THEN, 999) == SERIES[24 * days :]
    assert await store.columns(sensor, edges) == before, "hours are what they were"
    assert await store.newest([sensor.number]) == {sensor.number: SERIES[-1]}


async def test_a_day_that_is_gone_takes_nothing_back(store: Store) -> None:
    sensor = await folded(store)
    await store.keep_for(sensor.number, Retention(2, 0))
    await retire_from(store, sensor, THEN, Retention())
    assert await store.append(sensor, [SERIES[3], SERIES[-1]], NOW) == Appended(0, 1, 1)
    await store.keep_for(sensor.number, Retention(0, 0))
    assert await store.append(sensor, [SERIES[3]], NOW) == Appended(0, 0, 1)
    assert await store.samples(sensor, 0, START + DAY, 99) == []


async def test_a_sensor_that_is_gone(store: Store) -> None:
    sensor = await folded(store)
    await store.mark_leaving(sensor.device, FORGET, NOW)
    await store.forget_readings(sensor.number)
    await store.finish_leaving(sensor.device)
    with pytest.raises(SensorGoneError):
        await store.keep_for(sensor.number, Retention(2, 0))


async def test_room_is_given_back_until_there_is_no_more(store: Store) -> None:
    sensor = await folded(store)
    steps = 0
    while await store.shrink():
        steps += 1
        assert steps < 10_000
    assert await store.samples(sensor, 0, THEN, 999) == SERIES


async def test_what_is_deleted_goes_with_its_hours(store: Store, reopen: Reopen) -> None:
    sensor = await folded(store)
    await retire_from(store, sensor, THEN, Retention(2, 0))
    assert await store.delete(sensor, START, START + DAY) == 0, "the samples had gone"
    store = await reopen()
    found = await store.columns(sensor, [START, START + DAY - 3600, START + 3 * DAY])
    assert found.covered == [0, 2 * DAY]


async def test_hours_are_not_kept_for_much_longer_than_chosen(store: Store, reopen: Reopen) -> None:
    """They may go a month at a time."""
    sensor = await add_sensor(store)
    long = [Sample(START + 3600 * number, 100 * number) for number in range(70 * 24)]
    await store.append(sensor, long, NOW)
    await fold_from(store, sensor, START + 99 * DAY)
    await store.keep_for(sensor.number, Retention(2, 5))
    await retire_from(store, sensor, START + 70 * DAY, Retention())
    store = await reopen()
    early, late = (await store.columns(sensor, [START, START + 30 * DAY, START + 70 * DAY])).covered
    assert early == 0
    assert late >= 5 * DAY - 3600
