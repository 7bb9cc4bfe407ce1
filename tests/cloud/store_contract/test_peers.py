"""Shares and subscriptions: nobody hears what its owner has not granted, or not any more."""

from __future__ import annotations

import asyncio

import pytest

from flukso_cloud.access import Grant
from flukso_cloud.store import (
    GoneError,
    Heartbeat,
    Ownership,
    Plan,
    SensorGoneError,
    SensorPlan,
    Share,
    Store,
    Subscription,
)
from flukso_cloud.store.limits import MOST_OFFERS
from tests.cloud.store_contract.conftest import Reopen
from tests.cloud.store_contract.homes import NOW, add_account, add_device, add_sensor, fresh_id

EVERYONE = Plan(None, None, 3600)


async def test_a_sensor_is_shared_with_these_and_nobody_else(store: Store, reopen: Reopen) -> None:
    kees, alice, bob = [await add_account(store, name) for name in ("kees", "alice", "Bob")]
    sensor, other = await add_sensor(store, owner=kees), await add_sensor(store, owner=kees)
    group = await store.add_group("g1", "Street", kees.number, NOW)
    assert await store.shares(sensor.number) == []
    plans = [
        Plan(None, group.number, 900),
        Plan(bob.number, None, 60),
        EVERYONE,
        Plan(alice.number, None, 0, past=True),
    ]
    await store.replace_shares(sensor.number, plans, NOW)
    store = await reopen()
    assert await store.shares(sensor.number) == [
        Share(None, None, 3600, NOW),
        Share("alice", None, 0, 0),
        Share("Bob", None, 60, NOW),
        Share(None, "g1", 900, NOW),
    ]
    assert await store.shares(other.number) == []
    await store.replace_shares(sensor.number, plans[1:2], NOW + 60)
    assert await store.shares(sensor.number) == [Share("Bob", None, 60, NOW)]
    await store.replace_shares(sensor.number, [], NOW + 60)
    store = await reopen()
    assert await store.shares(sensor.number) == []


@pytest.mark.parametrize(
    ("before", "after", "since"),
    [
        ((900, False), (900, False), NOW),  # who could already keeps what came since then
        ((900, False), (3600, False), NOW),  # also more coarsely
        ((900, False), (60, False), NOW + 60),  # what was shared coarsely stays so
        ((900, True), (900, False), NOW + 60),
        ((900, False), (900, True), 0),
        ((900, True), (60, True), 0),
    ],
)
async def test_from_when_on_it_may_be_heard(
    store: Store, before: tuple[int, bool], after: tuple[int, bool], since: int
) -> None:
    kees, alice = await add_account(store), await add_account(store, "alice")
    sensor = (await add_sensor(store, owner=kees)).number
    for (resolution, past), now in ((before, NOW), (after, NOW + 60)):
        await store.replace_shares(sensor, [Plan(alice.number, None, resolution, past)], now)
    assert await store.shares(sensor) == [Share("alice", None, after[0], since)]


async def test_a_share_that_ended_does_not_count_when_it_begins_again(store: Store) -> None:
    kees, alice = await add_account(store), await add_account(store, "alice")
    sensor = (await add_sensor(store, owner=kees)).number
    for plans, now in (
        ([Plan(alice.number, None, 900)], NOW),
        ([], NOW + 60),
        ([Plan(alice.number, None, 900)], NOW + 99),
    ):
        await store.replace_shares(sensor, plans, now)
    assert await store.shares(sensor) == [Share("alice", None, 900, NOW + 99)]


async def test_who_is_granted_a_sensor_may_subscribe(store: Store, reopen: Reopen) -> None:
    kees, alice, bob = [await add_account(store, name) for name in ("kees", "alice", "bob")]
    sensor = await add_sensor(store, owner=kees)
    assert not await store.subscribe(alice.number, sensor.number, NOW)
    await store.replace_shares(sensor.number, [Plan(alice.number, None, 900)], NOW)
    assert await store.ownership(alice.number, sensor.number) == Ownership(kees.number, ()), "not before he subscribes"
    assert not await store.subscribe(bob.number, sensor.number, NOW)
    assert not await store.subscribe(kees.number, sensor.number, NOW), "it is his own"
    assert all(await asyncio.gather(*(store.subscribe(alice.number, sensor.number, NOW) for _ in range(3))))
    store = await reopen()
    granted = (Grant(900, NOW),)
    assert await store.ownership(alice.number, sensor.number) == Ownership(kees.number, granted)
    assert await store.ownership(bob.number, sensor.number) == Ownership(kees.number, ())
    assert await store.subscriptions(alice.number) == [Subscription(sensor, "kees", granted)]
    assert await store.subscriptions(bob.number) == await store.subscriptions(kees.number) == []
    assert await store.subscribers([sensor.number, 99]) == {alice.number}
    assert await store.unsubscribe(alice.number, sensor.number)
    assert not await store.unsubscribe(alice.number, sensor.number)
    store = await reopen()
    assert await store.subscriptions(alice.number) == []
    assert await store.subscribers([sensor.number]) == set()
    assert await store.subscribers([]) == set()


async def test_whose_a_sensor_is(store: Store) -> None:
    kees = await add_account(store)
    assert await store.ownership(kees.number, (await add_sensor(store)).number) == Ownership(None, ())
    assert await store.ownership(kees.number, 99) == Ownership(None, ())
    mine = await add_sensor(store, owner=kees)
    assert await store.ownership(kees.number, mine.number) == Ownership(kees.number, ())


async def test_each_way_it_is_shared_is_a_grant_of_its_own(store: Store, reopen: Reopen) -> None:
    kees, alice = await add_account(store), await add_account(store, "alice")
    sensor = await add_sensor(store, owner=kees)
    group = await store.add_group("g1", "Street", kees.number, NOW)
    plans = [Plan(alice.number, None, 60), Plan(None, group.number, 900, past=True), EVERYONE]
    await store.replace_shares(sensor.number, plans, NOW)
    await store.invite(group.number, alice.number, NOW)
    [offer] = await store.offers(alice.number)
    assert set(offer.grants) == {Grant(60, NOW), Grant(3600, NOW)}, "who is only invited hears nothing of the group"
    await store.accept(group.number, alice.number, NOW)
    await store.subscribe(alice.number, sensor.number, NOW)
    store = await reopen()
    [heard] = await store.subscriptions(alice.number)
    assert set(heard.grants) == {Grant(60, NOW), Grant(3600, NOW), Grant(900, 0)}
    assert heard.resolution == 60
    await store.leave_group(group.number, alice.number)
    [heard] = await store.subscriptions(alice.number)
    assert set(heard.grants) == {Grant(60, NOW), Grant(3600, NOW)}


async def test_what_is_shared_no_more_is_not_heard_but_by_who_is_granted_it_again(store: Store) -> None:
    kees, alice = await add_account(store), await add_account(store, "alice")
    sensor = await add_sensor(store, owner=kees)
    await store.replace_shares(sensor.number, [EVERYONE], NOW)
    await store.subscribe(alice.number, sensor.number, NOW)
    await store.replace_shares(sensor.number, [], NOW + 60)
    assert await store.subscriptions(alice.number) == []
    assert await store.ownership(alice.number, sensor.number) == Ownership(kees.number, ())


async def test_offers_are_what_one_has_not_subscribed_to(store: Store, reopen: Reopen) -> None:
    kees, alice, bob = [await add_account(store, name) for name in ("Kees", "alice", "bob")]
    first, second, theirs = [await add_sensor(store, owner=owner) for owner in (kees, kees, bob)]
    await add_sensor(store, owner=bob)
    for sensor in (first, second, theirs):
        await store.replace_shares(sensor.number, [EVERYONE], NOW)
    grants = (Grant(3600, NOW),)
    store = await reopen()
    assert await store.offers(alice.number) == [
        Subscription(first, "Kees", grants),
        Subscription(second, "Kees", grants),
        Subscription(theirs, "bob", grants),
    ]
    assert await store.offers(alice.number, "KEES") == [
        Subscription(first, "Kees", grants),
        Subscription(second, "Kees", grants),
    ]
    assert await store.offers(alice.number, "nobody") == []
    assert await store.offers(bob.number, "bob") == [], "one's own is no offer"
    await store.subscribe(alice.number, first.number, NOW)
    assert [offer.sensor for offer in await store.offers(alice.number)] == [second, theirs]


async def test_a_list_of_offers_has_an_end(store: Store) -> None:
    kees, alice = await add_account(store), await add_account(store, "alice")
    for _ in range(MOST_OFFERS // 100 + 1):
        device = await add_device(store, kees)
        wanted = [SensorPlan(fresh_id(), "electricity", "analog", "") for _ in range(100)]
        assert await store.heartbeat(device.number, Heartbeat(NOW), wanted) == []
        sensors = await store.sensors_of(device.id)
        await asyncio.gather(*(store.replace_shares(sensor.number, [EVERYONE], NOW) for sensor in sensors))
    assert len(await store.offers(alice.number)) == MOST_OFFERS


async def test_nothing_is_shared_of_or_with_what_is_not_there(store: Store) -> None:
    kees = await add_account(store)
    sensor = (await add_sensor(store, owner=kees)).number
    await store.replace_shares(sensor, [EVERYONE], NOW)
    with pytest.raises(SensorGoneError):
        await store.replace_shares(99, [EVERYONE], NOW)
    for plan in (Plan(99, None, 0), Plan(None, 99, 0)):
        with pytest.raises(GoneError):
            await store.replace_shares(sensor, [plan], NOW)
    assert await store.shares(sensor) == [Share(None, None, 3600, NOW)], "it is as before"
    with pytest.raises(GoneError):
        await store.subscribe(99, sensor, NOW)
    assert not await store.subscribe(kees.number, 99, NOW)
    assert await store.subscriptions(99) == []
