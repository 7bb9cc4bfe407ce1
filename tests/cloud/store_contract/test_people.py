"""Accounts and sessions."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from flukso_cloud.store import Account, AccountExistsError, GoneError, Store
from tests.cloud.store_contract.conftest import Reopen
from tests.cloud.store_contract.homes import NOW, add_account, add_device


async def test_an_account_is_found_by_its_name_in_whatever_case(store: Store, reopen: Reopen) -> None:
    assert await store.account("kees") is None
    kees = await store.add_account("Kees", "hash", "Europe/Brussels", NOW)
    assert kees == Account(kees.number, "Kees", "hash", "Europe/Brussels")
    store = await reopen()
    for name in ("Kees", "kees", "KEES"):
        assert await store.account(name) == kees
    assert await store.account("kee") is None
    assert await store.account_number(kees.number) == kees
    with pytest.raises(LookupError):
        await store.account_number(kees.number + 1)


async def test_a_name_is_given_once(store: Store) -> None:
    outcomes = await asyncio.gather(
        *(store.add_account(name, name, "UTC", NOW) for name in ("kees", "KEES", "Kees", "jan")), return_exceptions=True
    )
    made = [each for each in outcomes if isinstance(each, Account)]
    assert len(made) == 2
    assert sum(isinstance(each, AccountExistsError) for each in outcomes) == 2
    assert [account for account, _, _ in await store.accounts()] == sorted(made, key=lambda each: each.name.lower())


async def test_accounts_are_listed_by_name(store: Store, reopen: Reopen) -> None:
    assert await store.accounts() == []
    for number, name in enumerate(("mallory", "Kees", "alice")):
        await store.add_account(name, "hash", "UTC", NOW + number)
    kees = await store.account("kees")
    assert kees is not None
    for _ in range(2):
        await add_device(store, kees)
    await add_device(store)
    store = await reopen()
    assert [(account.name, made, devices) for account, made, devices in await store.accounts()] == [
        ("alice", NOW + 2, 0),
        ("Kees", NOW + 1, 2),
        ("mallory", NOW, 0),
    ]


async def test_an_account_is_renamed_unless_another_has_the_name(store: Store, reopen: Reopen) -> None:
    kees, mallory = await add_account(store), await add_account(store, "mallory")
    with pytest.raises(AccountExistsError):
        await store.rename_account(kees.number, "MALLORY")
    await store.rename_account(kees.number, "KEES")
    await store.rename_account(mallory.number, "eve")
    await store.rename_account(kees.number, "mallory")
    store = await reopen()
    assert await store.account("mallory") == replace(kees, name="mallory")
    assert await store.account("kees") is None
    assert await store.account("eve") == replace(mallory, name="eve")


async def test_an_account_is_described_and_its_password_replaced(store: Store, reopen: Reopen) -> None:
    kees, mallory = await add_account(store), await add_account(store, "mallory")
    await store.replace_password(kees.number, "another")
    await store.describe_account(kees.number, "Europe/Amsterdam", 2.5, 120.0)
    store = await reopen()
    told = replace(kees, password_hash="another", time_zone="Europe/Amsterdam")
    assert await store.account_number(kees.number) == replace(told, persons=2.5, area=120.0)
    assert await store.account_number(mallory.number) == mallory
    await store.describe_account(kees.number, "Europe/Amsterdam", None, None)
    assert await store.account_number(kees.number) == told


async def test_a_session_is_good_until_it_expires(store: Store, reopen: Reopen) -> None:
    kees = await add_account(store)
    assert await store.session(b"one", NOW) is None
    await store.open_session(b"one", kees.number, NOW, NOW + 60)
    await store.open_session(b"two", kees.number, NOW, NOW + 99)
    store = await reopen()
    assert await store.session(b"one", NOW + 59) == kees
    assert await store.session(b"one", NOW + 60) is None
    await store.open_session(b"three", kees.number, NOW + 60, NOW + 99)
    assert await store.session(b"one", NOW) is None, "it was forgotten when it had expired"
    assert await store.session(b"two", NOW + 60) == kees


async def test_sessions_are_closed_one_by_one_or_all_of_an_account(store: Store, reopen: Reopen) -> None:
    kees, mallory = await add_account(store), await add_account(store, "mallory")
    for session, account in ((b"1", kees), (b"2", kees), (b"3", kees), (b"4", mallory)):
        await store.open_session(session, account.number, NOW, NOW + 60)
    await store.close_session(b"1")
    await store.close_session(b"1")
    assert [await store.session(session, NOW) for session in (b"1", b"2", b"4")] == [None, kees, mallory]
    await store.close_sessions(kees.number)
    store = await reopen()
    assert [await store.session(session, NOW) for session in (b"2", b"3", b"4")] == [None, None, mallory]


async def test_nothing_is_written_of_an_account_that_is_not_there(store: Store) -> None:
    with pytest.raises(GoneError):
        await store.replace_password(99, "hash")
    with pytest.raises(GoneError):
        await store.rename_account(99, "kees")
    with pytest.raises(GoneError):
        await store.describe_account(99, "UTC", None, None)
    with pytest.raises(GoneError):
        await store.open_session(b"one", 99, NOW, NOW + 60)
    assert await store.session(b"one", NOW) is None
    await store.close_sessions(99)
