"""Tokens: what each opens, until when, and how they go."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from flukso_cloud.store import GoneError, NamedToken, SensorGoneError, Store, Token
from flukso_cloud.store.limits import MOST_TOKENS
from tests.cloud.store_contract.conftest import Reopen
from tests.cloud.store_contract.homes import NOW, add_account, add_device, add_sensor

MADE = NamedToken("t1", "Phone", None, writes=True, resolution=900, expires=NOW + 60, created=NOW)


async def test_a_token_takes_the_place_of_the_one_before(store: Store, reopen: Reopen) -> None:
    kees, mallory = await add_account(store), await add_account(store, "mallory")
    sensor, device = await add_sensor(store, owner=kees), await add_device(store, kees)
    assert await store.token(b"a1", NOW) is None
    assert await store.add_token(b"named", kees.number, MADE)
    for token in (b"a1", b"a2"):
        await store.replace_token(token, kees.number, None, NOW)
    for token in (b"s1", b"s2"):
        await store.replace_token(token, kees.number, sensor.number, NOW)
    for token in (b"d1", b"d2"):
        await store.replace_token(token, kees.number, None, NOW, device.number)
    await store.replace_token(b"m1", mallory.number, None, NOW)
    store = await reopen()
    assert await store.token(b"a2", NOW) == Token(kees.number, None)
    assert await store.token(b"s2", NOW) == Token(kees.number, frozenset({sensor.number}))
    assert await store.token(b"d2", NOW) == Token(kees.number, None, device.number)
    assert await store.token(b"m1", NOW + 10**9) == Token(mallory.number, None)
    assert [await store.token(token, NOW) for token in (b"a1", b"s1", b"d1")] == [None] * 3
    assert await store.named_tokens(kees.number) == [MADE], "one with a name stays"


async def test_of_two_that_replace_at_once_one_is_left(store: Store) -> None:
    kees = await add_account(store)
    tokens = [bytes([number]) for number in range(6)]
    await asyncio.gather(*(store.replace_token(token, kees.number, None, NOW) for token in tokens))
    assert sum([await store.token(token, NOW) is not None for token in tokens]) == 1


async def test_a_named_token_opens_what_was_chosen_until_it_expires(store: Store, reopen: Reopen) -> None:
    kees = await add_account(store)
    mine = [await add_sensor(store, owner=kees) for _ in range(3)]
    assert await store.add_token(b"whole", kees.number, MADE)
    narrow = NamedToken("t2", "Panel", [mine[2].id, mine[0].id], writes=False, resolution=0, expires=None, created=NOW)
    assert await store.add_token(b"narrow", kees.number, narrow)
    assert await store.add_token(b"none", kees.number, replace(narrow, id="t3", sensors=[]))
    store = await reopen()
    assert await store.token(b"whole", NOW + 59) == Token(kees.number, None, writes=True, resolution=900)
    assert await store.token(b"whole", NOW + 60) is None
    chosen = frozenset({mine[0].number, mine[2].number})
    assert await store.token(b"narrow", NOW + 10**9) == Token(kees.number, chosen)
    assert await store.token(b"none", NOW) == Token(kees.number, frozenset())
    assert await store.named_tokens(kees.number) == [
        MADE,
        replace(narrow, sensors=[mine[0].id, mine[2].id]),
        replace(narrow, id="t3", sensors=[]),
    ]
    assert await store.named_tokens(99) == []


async def test_a_sensor_that_is_named_twice_is_opened(store: Store) -> None:
    kees = await add_account(store)
    sensor = await add_sensor(store, owner=kees)
    assert await store.add_token(b"x", kees.number, replace(MADE, sensors=[sensor.id, sensor.id]))
    assert [each.sensors for each in await store.named_tokens(kees.number)] == [[sensor.id]]


async def test_a_token_is_for_sensors_of_ones_own(store: Store) -> None:
    kees, mallory = await add_account(store), await add_account(store, "mallory")
    mine, theirs = await add_sensor(store, owner=kees), await add_sensor(store, owner=mallory)
    for foreign in (theirs.id, (await add_sensor(store)).id, "00" * 16):
        assert not await store.add_token(b"x", kees.number, replace(MADE, sensors=[mine.id, foreign]))
    assert await store.token(b"x", NOW) is None
    assert await store.named_tokens(kees.number) == []


async def test_tokens_that_are_too_many_are_refused(store: Store) -> None:
    kees, mallory = await add_account(store), await add_account(store, "mallory")
    await store.replace_token(b"without a name", kees.number, None, NOW)
    made = await asyncio.gather(
        *(
            store.add_token(b"%d" % number, kees.number, replace(MADE, id=f"t{number}"))
            for number in range(MOST_TOKENS + 2)
        )
    )
    assert sum(made) == MOST_TOKENS
    assert not await store.add_token(b"one more", kees.number, replace(MADE, id="more"))
    assert await store.add_token(b"theirs", mallory.number, replace(MADE, id="theirs"))
    assert await store.revoke_token(kees.number, "t0")
    assert await store.add_token(b"one more", kees.number, replace(MADE, id="more"))


async def test_a_named_token_is_revoked_by_its_own_account(store: Store, reopen: Reopen) -> None:
    kees, mallory = await add_account(store), await add_account(store, "mallory")
    sensor = await add_sensor(store, owner=kees)
    await store.replace_token(b"without a name", kees.number, None, NOW)
    assert await store.add_token(b"x", kees.number, replace(MADE, sensors=[sensor.id]))
    assert await store.add_token(b"y", kees.number, replace(MADE, id="t2"))
    assert not await store.revoke_token(mallory.number, "t1")
    assert not await store.revoke_token(kees.number, "t9")
    assert sorted(await asyncio.gather(*(store.revoke_token(kees.number, "t1") for _ in range(3)))) == [
        False,
        False,
        True,
    ]
    store = await reopen()
    assert await store.token(b"x", NOW) is None
    assert [made.id for made in await store.named_tokens(kees.number)] == ["t2"]
    assert await store.token(b"without a name", NOW) is not None


async def test_the_day_of_use_is_noted(store: Store, reopen: Reopen) -> None:
    kees = await add_account(store)
    await store.add_token(b"x", kees.number, MADE)
    await store.add_token(b"y", kees.number, replace(MADE, id="t2"))
    await store.note_token_use(b"x", 20_780)
    await store.note_token_use(b"nobody's", 20_780)
    store = await reopen()
    assert [made.used for made in await store.named_tokens(kees.number)] == [20_780, None]
    found = await store.token(b"x", NOW)
    assert found is not None
    assert found.used == 20_780


async def test_nothing_is_opened_of_what_is_not_there(store: Store) -> None:
    kees, mallory = await add_account(store), await add_account(store, "mallory")
    theirs = await add_device(store, mallory)
    with pytest.raises(GoneError):
        await store.replace_token(b"x", 99, None, NOW)
    with pytest.raises(SensorGoneError):
        await store.replace_token(b"x", kees.number, 99, NOW)
    for device in (99, theirs.number, (await add_device(store)).number):
        with pytest.raises(GoneError):
            await store.replace_token(b"x", kees.number, None, NOW, device)
    with pytest.raises(GoneError):
        await store.add_token(b"x", 99, MADE)
    assert await store.token(b"x", NOW) is None
