"""What one process takes back and another has to hear of."""

from __future__ import annotations

import asyncio

from flukso_cloud.store import Revoked, Store
from tests.cloud.store_contract.conftest import Reopen
from tests.cloud.store_contract.homes import NOW


async def test_what_was_noted_is_told_to_who_has_not_heard_it(store: Store, reopen: Reopen) -> None:
    assert await store.revoked(0) == Revoked(0, frozenset(), frozenset())
    await store.note_revoked([1, 2], ["aa"], NOW)
    first = await store.revoked(0)
    assert (first.accounts, first.streams) == ({1, 2}, {"aa"})
    await store.note_revoked([3], [], NOW + 60)
    store = await reopen()
    second = await store.revoked(first.number)
    assert (second.accounts, second.streams) == ({3}, frozenset())
    assert await store.revoked(second.number) == Revoked(second.number, frozenset(), frozenset())
    both = await store.revoked(0)
    assert (both.number, both.accounts, both.streams) == (second.number, {1, 2, 3}, {"aa"})


async def test_numbers_go_on_after_an_hour(store: Store, reopen: Reopen) -> None:
    """Who has heard all hears what comes after, also when all that he has heard is forgotten."""
    await store.note_revoked([1, 2, 3], [], NOW)
    heard = await store.revoked(0)
    store = await reopen()
    await store.note_revoked([4], ["bb"], NOW + 3601)
    found = await store.revoked(heard.number)
    assert (found.accounts, found.streams) == ({4}, {"bb"})
    assert (await store.revoked(0)).accounts == {4}, "what is older than an hour is forgotten"


async def test_notes_of_many_at_once_are_all_told(store: Store) -> None:
    await asyncio.gather(*(store.note_revoked([number], [], NOW) for number in range(1, 21)))
    assert (await store.revoked(0)).accounts == set(range(1, 21))
