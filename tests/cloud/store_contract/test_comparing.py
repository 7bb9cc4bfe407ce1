"""Homes of a group that may be compared, and what was told of them."""

from __future__ import annotations

import asyncio

import pytest

from flukso_cloud.access import Grant
from flukso_cloud.store import Comparable, Compared, GoneError, Plan, Store
from tests.cloud.store_contract.conftest import Reopen
from tests.cloud.store_contract.homes import NOW, add_account, add_sensor

PERIOD = ("electricity", "day", NOW, NOW + 86400)


async def test_what_members_share_with_a_group_may_be_compared(store: Store, reopen: Reopen) -> None:
    kees, alice, bob = [await add_account(store, name) for name in ("kees", "alice", "bob")]
    mine, hers, his = [await add_sensor(store, owner=owner) for owner in (kees, alice, bob)]
    gas = await add_sensor(store, owner=kees, kind="gas")
    unshared = await add_sensor(store, owner=kees)
    group = await store.add_group("g1", "Street", kees.number, NOW)
    other = await store.add_group("g2", "Choir", kees.number, NOW)
    for account in (alice, bob):
        await store.invite(group.number, account.number, NOW)
    await store.accept(group.number, alice.number, NOW)
    for sensor, resolution in ((mine, 900), (hers, 86400), (his, 0), (gas, 0)):
        await store.replace_shares(sensor.number, [Plan(None, group.number, resolution)], NOW)
    await store.replace_shares(unshared.number, [Plan(None, other.number, 0), Plan(None, None, 0)], NOW)
    await store.describe_account(alice.number, "UTC", 3, 90.5)
    store = await reopen()
    assert await store.comparable(group.number, "electricity") == [
        Comparable(kees.number, mine, None, None, Grant(900, NOW)),
        Comparable(alice.number, hers, 3, 90.5, Grant(86400, NOW)),
    ], "bob is only invited"
    assert [each.sensor for each in await store.comparable(group.number, "gas")] == [gas]
    assert await store.comparable(group.number, "water") == await store.comparable(99, "gas") == []


async def test_what_was_told_first_stays(store: Store, reopen: Reopen) -> None:
    kees = await add_account(store)
    group = (await store.add_group("g1", "Street", kees.number, NOW)).number
    assert await store.compared(group, *PERIOD) is None
    told = await asyncio.gather(*(store.keep_compared(group, *PERIOD, homes, [homes + 0.1] * 5) for homes in (5, 6, 7)))
    assert told == [told[0]] * 3
    assert told[0] in [Compared(homes, [homes + 0.1] * 5) for homes in (5, 6, 7)]
    store = await reopen()
    assert await store.compared(group, *PERIOD) == told[0]
    assert await store.keep_compared(group, *PERIOD, 9, [9.0] * 5) == told[0]


async def test_each_group_kind_and_period_is_told_of_by_itself(store: Store) -> None:
    kees = await add_account(store)
    one, other = [(await store.add_group(name, name, kees.number, NOW)).number for name in ("g1", "g2")]
    periods = [
        (one, "electricity", "day", NOW, NOW + 9),
        (other, "electricity", "day", NOW, NOW + 9),
        (one, "gas", "day", NOW, NOW + 9),
        (one, "electricity", "week", NOW, NOW + 9),
        (one, "electricity", "day", NOW + 1, NOW + 9),
        (one, "electricity", "day", NOW, NOW + 8),
    ]
    for homes, period in enumerate(periods):
        await store.keep_compared(*period, homes, [1.0] * 5)
    assert [await store.compared(*period) for period in periods] == [Compared(homes, [1.0] * 5) for homes in range(6)]


async def test_nothing_is_told_of_a_group_that_is_not_there(store: Store) -> None:
    with pytest.raises(GoneError):
        await store.keep_compared(99, *PERIOD, 5, [1.0] * 5)
    assert await store.compared(99, *PERIOD) is None
