"""Groups: invited, accepted, left; who founds one, and who is it when he leaves."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from flukso_cloud.store import GoneError, Group, Plan, Share, Store
from flukso_cloud.store.limits import MOST_MEMBERS
from flukso_cloud.store.model import Member
from tests.cloud.store_contract.conftest import Reopen
from tests.cloud.store_contract.homes import NOW, add_account, add_sensor


async def test_a_group_begins_with_its_founder(store: Store, reopen: Reopen) -> None:
    kees = await add_account(store)
    assert await store.groups_of(kees.number) == []
    group = await store.add_group("g1", "Street", kees.number, NOW)
    member = Member(kees.number, "kees", accepted=True)
    assert group == Group(group.number, "g1", "Street", kees.number, [member])
    other = await store.add_group("g0", "Another", kees.number, NOW)
    store = await reopen()
    assert await store.groups_of(kees.number) == [group, other], "oldest first"


async def test_who_is_invited_becomes_a_member_by_accepting(store: Store, reopen: Reopen) -> None:
    kees, alice, bob = [await add_account(store, name) for name in ("kees", "alice", "bob")]
    group = await store.add_group("g1", "Street", kees.number, NOW)
    assert await store.invite(group.number, bob.number, NOW + 1)
    assert await store.invite(group.number, alice.number, NOW + 2)
    assert [member.name for member in (await store.groups_of(bob.number))[0].members] == ["kees", "bob", "alice"]
    await asyncio.gather(*(store.accept(group.number, alice.number, NOW + 3) for _ in range(3)))
    await store.accept(group.number, bob.number, NOW + 4)
    assert await store.invite(group.number, bob.number, NOW + 5), "which changes nothing"
    await store.accept(group.number, bob.number, NOW + 9)
    store = await reopen()
    members = [Member(each.number, each.name, accepted=True) for each in (kees, alice, bob)]
    for account in (kees, alice, bob):
        assert await store.groups_of(account.number) == [replace(group, members=members)], "in the order they came"


async def test_who_is_not_invited_cannot_accept(store: Store) -> None:
    kees, alice = await add_account(store), await add_account(store, "alice")
    group = await store.add_group("g1", "Street", kees.number, NOW)
    await store.accept(group.number, alice.number, NOW)
    assert await store.groups_of(alice.number) == []
    assert await store.groups_of(kees.number) == [group]


async def test_an_invitation_by_somebody_blocked_is_not_seen(store: Store) -> None:
    kees, alice = await add_account(store), await add_account(store, "alice")
    group = await store.add_group("g1", "Street", kees.number, NOW)
    await store.invite(group.number, alice.number, NOW)
    await store.block_account(alice.number, kees.number)
    assert await store.groups_of(alice.number) == []
    await store.unblock_account(alice.number, kees.number)
    assert [each.id for each in await store.groups_of(alice.number)] == ["g1"]


async def test_a_group_that_is_full_invites_nobody(store: Store) -> None:
    kees = await add_account(store)
    group = await store.add_group("g1", "Street", kees.number, NOW)
    people = await asyncio.gather(*(add_account(store, f"n{number}") for number in range(MOST_MEMBERS + 1)))
    invited = await asyncio.gather(*(store.invite(group.number, each.number, NOW) for each in people))
    assert sum(invited) == MOST_MEMBERS - 1
    there, outside = people[invited.index(True)], people[invited.index(False)]
    assert await store.invite(group.number, there.number, NOW), "he is invited already"
    await store.leave_group(group.number, there.number)
    assert await store.invite(group.number, outside.number, NOW)


async def test_a_group_is_renamed(store: Store, reopen: Reopen) -> None:
    kees = await add_account(store)
    group = await store.add_group("g1", "Street", kees.number, NOW)
    await store.rename_group(group.number, "Lane")
    store = await reopen()
    assert await store.groups_of(kees.number) == [replace(group, name="Lane")]


async def test_who_leaves_takes_his_shares_along(store: Store, reopen: Reopen) -> None:
    kees, alice = await add_account(store), await add_account(store, "alice")
    mine, hers = await add_sensor(store, owner=kees), await add_sensor(store, owner=alice)
    group = await store.add_group("g1", "Street", kees.number, NOW)
    other = await store.add_group("g2", "Choir", kees.number, NOW)
    for each in (group, other):
        await store.invite(each.number, alice.number, NOW)
        await store.accept(each.number, alice.number, NOW)
    for sensor in (mine, hers):
        await store.replace_shares(sensor.number, [Plan(None, each.number, 900) for each in (group, other)], NOW)
    await store.leave_group(group.number, alice.number)
    await store.leave_group(group.number, alice.number)
    store = await reopen()
    assert [share.group for share in await store.shares(mine.number)] == ["g1", "g2"]
    assert [share.group for share in await store.shares(hers.number)] == ["g2"]
    assert await store.groups_of(kees.number) == [
        group,
        replace(other, members=[*other.members, Member(alice.number, "alice", accepted=True)]),
    ]


async def test_of_a_founder_who_leaves_the_eldest_member_takes_the_place(store: Store, reopen: Reopen) -> None:
    kees, alice, bob, carol = [await add_account(store, name) for name in ("kees", "alice", "bob", "carol")]
    group = await store.add_group("g1", "Street", kees.number, NOW)
    for account in (alice, bob, carol):
        await store.invite(group.number, account.number, NOW + 1)
    await store.accept(group.number, carol.number, NOW + 2)
    await store.accept(group.number, bob.number, NOW + 3)
    await store.leave_group(group.number, kees.number)
    store = await reopen()
    [found] = await store.groups_of(bob.number)
    assert found.founder == carol.number
    await store.leave_group(group.number, bob.number)
    await store.leave_group(group.number, carol.number)
    store = await reopen()
    assert await store.groups_of(alice.number) == [], "a group without members is deleted"


async def test_a_group_that_is_deleted_takes_all_that_was_shared_with_it_along(store: Store, reopen: Reopen) -> None:
    kees, alice = await add_account(store), await add_account(store, "alice")
    sensor = await add_sensor(store, owner=kees)
    group = await store.add_group("g1", "Street", kees.number, NOW)
    await store.invite(group.number, alice.number, NOW)
    await store.accept(group.number, alice.number, NOW)
    await store.replace_shares(sensor.number, [Plan(None, group.number, 900), Plan(alice.number, None, 60)], NOW)
    await store.keep_compared(group.number, "electricity", "day", NOW, NOW + 86400, 5, [1.0] * 5)
    await store.delete_group(group.number)
    await store.delete_group(group.number)
    store = await reopen()
    assert await store.shares(sensor.number) == [Share("alice", None, 60, NOW)]
    assert await store.groups_of(kees.number) == await store.groups_of(alice.number) == []
    assert await store.compared(group.number, "electricity", "day", NOW, NOW + 86400) is None


async def test_a_groups_number_is_never_given_again(store: Store, reopen: Reopen) -> None:
    """What is on its way to a group that has just gone must not reach another one."""
    kees = await add_account(store)
    gone = await store.add_group("g1", "Street", kees.number, NOW)
    await store.delete_group(gone.number)
    left = await store.add_group("g2", "Choir", kees.number, NOW)
    await store.leave_group(left.number, kees.number)
    store = await reopen()
    made = await store.add_group("g3", "Club", kees.number, NOW)
    assert len({gone.number, left.number, made.number}) == 3


async def test_nothing_is_done_in_a_group_that_is_not_there(store: Store) -> None:
    kees = await add_account(store)
    group = await store.add_group("g1", "Street", kees.number, NOW)
    with pytest.raises(GoneError):
        await store.add_group("g2", "Street", 99, NOW)
    with pytest.raises(GoneError):
        await store.rename_group(99, "Lane")
    with pytest.raises(GoneError):
        await store.invite(99, kees.number, NOW)
    with pytest.raises(GoneError):
        await store.invite(group.number, 99, NOW)
    await store.accept(99, kees.number, NOW)
    await store.leave_group(99, kees.number)
    assert await store.groups_of(kees.number) == [group]
