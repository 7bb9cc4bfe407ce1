"""Opening, closing, and whether a write can be done."""

from __future__ import annotations

import asyncio
import inspect

import pytest

from flukso_cloud.meter import Sample
from flukso_cloud.store import Appended, GoneError, Store, StoreUnavailableError
from tests.cloud.store_contract.conftest import Reopen
from tests.cloud.store_contract.homes import NOW, add_account, add_sensor


def test_has_every_method_as_it_is_written_down(store: Store) -> None:
    for name, told in inspect.getmembers(Store, inspect.isfunction):
        if not name.startswith("_"):
            expected = list(inspect.signature(told).parameters.values())[1:]
            found = list(inspect.signature(getattr(store, name)).parameters.values())
            assert [(each.default, each.kind) for each in found] == [(each.default, each.kind) for each in expected], (
                name
            )


async def test_is_ready(store: Store, reopen: Reopen) -> None:
    await store.ready()
    store = await reopen()
    await store.ready()


async def test_close_finishes_what_waits(store: Store, reopen: Reopen) -> None:
    sensor = await add_sensor(store)
    waiting = [asyncio.ensure_future(store.append(sensor, [Sample(NOW + i, i)], NOW)) for i in range(50)]
    naming = asyncio.ensure_future(store.add_account("kees", "hash", "UTC", NOW))
    await asyncio.sleep(0)
    store = await reopen()
    assert await asyncio.gather(*waiting) == [Appended(1, 0)] * 50
    assert await store.account("kees") == await naming
    assert await store.samples(sensor, 0, 1 << 33, 99) == [Sample(NOW + i, i) for i in range(50)]


async def test_what_is_closed_keeps_nothing(store: Store, reopen: Reopen) -> None:
    sensor = await add_sensor(store)
    await store.close()
    with pytest.raises(StoreUnavailableError):
        await store.append(sensor, [Sample(NOW, 1)], NOW)
    with pytest.raises(StoreUnavailableError):
        await store.add_account("kees", "hash", "UTC", NOW)
    with pytest.raises(StoreUnavailableError):
        await store.ready()
    store = await reopen()
    assert await store.newest([sensor.number]) == {}
    assert await store.account("kees") is None


async def test_one_callers_error_is_not_the_others(store: Store) -> None:
    sensor = await add_sensor(store)
    await add_account(store)
    outcomes = await asyncio.gather(
        store.append(sensor, [Sample(NOW, 1)], NOW),
        store.replace_password(99, "hash"),
        store.append(sensor, [Sample(NOW + 1, 2)], NOW),
        store.rename_account(99, "nobody"),
        return_exceptions=True,
    )
    assert outcomes[0] == outcomes[2] == Appended(1, 0)
    assert isinstance(outcomes[1], GoneError)
    assert isinstance(outcomes[3], GoneError)
    assert await store.newest([sensor.number]) == {sensor.number: Sample(NOW + 1, 2)}
