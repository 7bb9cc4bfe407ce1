"""Requests to hear somebody's sensors, their answers, and blocks between people."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from flukso_cloud.access import Grant
from flukso_cloud.store import Account, Asked, GoneError, Plan, SensorGoneError, Share, Store, Subscription
from flukso_cloud.store.limits import MOST_REQUESTS
from tests.cloud.store_contract.conftest import Reopen
from tests.cloud.store_contract.homes import NOW, add_account, add_sensor


def request(request_id: str, asker: Account, owner: Account, created: int = NOW) -> Asked:
    return Asked(request_id, asker.number, asker.name, owner.number, owner.name, "May I?", created)


async def test_a_request_is_seen_by_both(store: Store, reopen: Reopen) -> None:
    kees, alice, bob = [await add_account(store, name) for name in ("kees", "alice", "bob")]
    asked = [request("r2", alice, kees), request("r1", kees, bob), request("r0", bob, alice)]
    for each in asked:
        assert await store.ask(each)
    store = await reopen()
    assert await store.requests(kees.number) == asked[:2], "oldest first"
    assert await store.requests(alice.number) == [asked[0], asked[2]]
    await store.delete_request("r2")
    await store.delete_request("r2")
    store = await reopen()
    assert await store.requests(alice.number) == asked[2:]


async def test_a_request_takes_the_place_of_one_that_waits(store: Store) -> None:
    kees, alice = await add_account(store), await add_account(store, "alice")
    await store.ask(request("r1", alice, kees))
    again = replace(request("r2", alice, kees, NOW + 60), message="Please?")
    assert await store.ask(again)
    assert await store.ask(back := request("r3", kees, alice)), "the other way is another one"
    assert await store.requests(kees.number) == [again, back]
    assert all(await asyncio.gather(*(store.ask(request(f"s{number}", alice, kees)) for number in range(4))))
    assert len(await store.requests(alice.number)) == 2


async def test_requests_that_are_too_many_are_refused(store: Store) -> None:
    alice = await add_account(store, "alice")
    owners = await asyncio.gather(*(add_account(store, f"n{number}") for number in range(MOST_REQUESTS + 2)))
    asked = await asyncio.gather(*(store.ask(request(f"r{place}", alice, owner)) for place, owner in enumerate(owners)))
    assert sum(asked) == MOST_REQUESTS
    assert len(await store.requests(alice.number)) == MOST_REQUESTS
    assert await store.ask(request("again", alice, owners[asked.index(True)])), "in place of one that waits"
    assert not await store.ask(request("more", alice, owners[asked.index(False)]))


async def test_requests_of_people_one_has_blocked_are_not_seen(store: Store, reopen: Reopen) -> None:
    kees, alice = await add_account(store), await add_account(store, "alice")
    await store.ask(asked := request("r1", alice, kees))
    await store.block_account(kees.number, alice.number)
    store = await reopen()
    assert await store.requests(kees.number) == []
    assert await store.requests(alice.number) == [asked], "she does not learn that she is blocked"
    await store.unblock_account(kees.number, alice.number)
    assert await store.requests(kees.number) == [asked]


async def test_what_is_granted_is_heard_and_the_request_is_answered(store: Store, reopen: Reopen) -> None:
    kees, alice, bob = [await add_account(store, name) for name in ("kees", "alice", "bob")]
    one, other = await add_sensor(store, owner=kees), await add_sensor(store, owner=kees)
    await store.replace_shares(one.number, [Plan(bob.number, None, 60), Plan(alice.number, None, 3600)], NOW)
    await store.ask(request("r1", alice, kees))
    await store.ask(kept := request("r2", bob, kees))
    plans = [(one.number, Plan(alice.number, None, 900)), (other.number, Plan(alice.number, None, 0, past=True))]
    await store.grant("r1", alice.number, plans, NOW + 60)
    store = await reopen()
    assert await store.shares(one.number) == [Share("alice", None, 900, NOW + 60), Share("bob", None, 60, NOW)]
    assert await store.subscriptions(alice.number) == [
        Subscription(one, "kees", (Grant(900, NOW + 60),)),
        Subscription(other, "kees", (Grant(0, 0),)),
    ]
    assert await store.subscriptions(bob.number) == []
    assert await store.requests(kees.number) == [kept]


async def test_a_grant_that_fails_changes_nothing(store: Store) -> None:
    kees, alice = await add_account(store), await add_account(store, "alice")
    sensor = await add_sensor(store, owner=kees)
    await store.ask(asked := request("r1", alice, kees))
    with pytest.raises(SensorGoneError):
        await store.grant(
            "r1", alice.number, [(each, Plan(alice.number, None, 0)) for each in (sensor.number, 99)], NOW
        )
    assert await store.shares(sensor.number) == await store.subscriptions(alice.number) == []
    assert await store.requests(kees.number) == [asked]


@pytest.mark.parametrize("who", ["owner", "listener"])
async def test_nothing_passes_between_two_of_whom_one_has_blocked_the_other(
    store: Store, reopen: Reopen, who: str
) -> None:
    kees, alice, bob = [await add_account(store, name) for name in ("kees", "alice", "bob")]
    mine, hers = await add_sensor(store, owner=kees), await add_sensor(store, owner=alice)
    for sensor in (mine, hers):
        await store.replace_shares(sensor.number, [Plan(None, None, 0)], NOW)
    for account, sensor in ((alice, mine), (bob, mine), (kees, hers)):
        assert await store.subscribe(account.number, sensor.number, NOW)
    one, other = (kees, alice) if who == "owner" else (alice, kees)
    await store.block_account(one.number, other.number)
    await store.block_account(one.number, other.number)
    store = await reopen()
    assert await store.blocked_accounts(one.number) == [other.name]
    assert await store.blocked_accounts(other.number) == []
    assert await store.subscribers([mine.number, hers.number]) == {bob.number}
    for account, sensor in ((alice, mine), (kees, hers)):
        assert await store.offers(account.number) == await store.subscriptions(account.number) == []
        assert not await store.subscribe(account.number, sensor.number, NOW)
    await store.unblock_account(one.number, other.number)
    await store.unblock_account(one.number, other.number)
    store = await reopen()
    assert await store.blocked_accounts(one.number) == []
    assert await store.subscriptions(alice.number) == [], "subscriptions have to be made anew"
    assert [offer.sensor for offer in await store.offers(alice.number)] == [mine]
    assert await store.subscribe(alice.number, mine.number, NOW)


async def test_nothing_is_asked_of_or_by_who_is_not_there(store: Store) -> None:
    kees = await add_account(store)
    nobody = replace(kees, number=99, name="nobody")
    for asked in (request("r1", kees, nobody), request("r1", nobody, kees)):
        with pytest.raises(GoneError):
            await store.ask(asked)
    assert await store.requests(kees.number) == []
    for one, other in ((kees, nobody), (nobody, kees)):
        with pytest.raises(GoneError):
            await store.block_account(one.number, other.number)
        await store.unblock_account(one.number, other.number)
    assert await store.blocked_accounts(kees.number) == []
