"""Tariffs and series of prices."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flukso_cloud.store import GoneError, Store
from flukso_cloud.store.limits import MOST_TARIFFS
from flukso_cloud.tariffs import HELD, DayNight, Flat, Hourly, Tariff
from tests.cloud.store_contract.conftest import Reopen
from tests.cloud.store_contract.engines import Database
from tests.cloud.store_contract.homes import NOW, add_account, fresh_id

FIRST = date(2024, 1, 1)
FLAT = Tariff("electricity", "EUR", FIRST, Flat(0.25))
SERIES = ("electricity", "EUR")


async def test_tariffs_are_listed_by_kind_currency_and_day(store: Store, reopen: Reopen) -> None:
    kees, alice = await add_account(store), await add_account(store, "alice")
    listed = [
        FLAT,
        Tariff("electricity", "EUR", date(2025, 7, 1), DayNight(0.3, 0.2, "23:00", "06:30", weekend=False)),
        Tariff("electricity", "EUR", date(2026, 1, 1), Hourly()),
        Tariff("electricity", "kgCO2", FIRST, Flat(-0.125)),
        Tariff("gas", "CHF", FIRST, Flat(1.5)),
    ]
    assert await store.tariffs(kees.number) == []
    for tariff in reversed(listed):
        assert await store.put_tariff(kees.number, tariff)
    assert await store.put_tariff(alice.number, FLAT)
    store = await reopen()
    assert await store.tariffs(kees.number) == listed
    assert await store.tariffs(alice.number) == [FLAT]


async def test_a_tariff_takes_the_place_of_one_from_the_same_day(store: Store, reopen: Reopen) -> None:
    kees = await add_account(store)
    await store.put_tariff(kees.number, FLAT)
    other = Tariff("electricity", "EUR", FIRST, Hourly())
    assert all(await asyncio.gather(*(store.put_tariff(kees.number, other) for _ in range(3))))
    store = await reopen()
    assert await store.tariffs(kees.number) == [other]


async def test_a_tariff_is_dropped_by_its_day(store: Store, reopen: Reopen) -> None:
    kees, alice = await add_account(store), await add_account(store, "alice")
    for account in (kees, alice):
        await store.put_tariff(account.number, FLAT)
    for kind, currency, day in (("gas", "EUR", FIRST), ("electricity", "CHF", FIRST), ("electricity", "EUR", date.max)):
        assert not await store.drop_tariff(kees.number, kind, currency, day)
    assert await store.drop_tariff(kees.number, *SERIES, FIRST)
    assert not await store.drop_tariff(kees.number, *SERIES, FIRST)
    store = await reopen()
    assert await store.tariffs(kees.number) == []
    assert await store.tariffs(alice.number) == [FLAT]


async def test_tariffs_that_are_too_many_are_refused(store: Store) -> None:
    kees = await add_account(store)
    wanted = [Tariff("gas", "EUR", FIRST + timedelta(days=day), Flat(1)) for day in range(MOST_TARIFFS + 1)]
    kept = await asyncio.gather(*(store.put_tariff(kees.number, tariff) for tariff in wanted))
    assert sum(kept) == MOST_TARIFFS
    place = kept.index(True)
    right = Tariff("gas", "EUR", wanted[place].valid_from, Flat(2))
    assert await store.put_tariff(kees.number, right), "in the place of one that is there"
    assert right in await store.tariffs(kees.number)
    assert not await store.put_tariff(kees.number, wanted[kept.index(False)])


prices = st.dictionaries(st.integers(NOW, NOW + 20 * 900).map(lambda time: time // 300 * 300), st.floats(-1, 1)).map(
    lambda found: sorted(found.items())
)
begins = st.one_of(st.integers(NOW - 900, NOW + 20 * 900), st.integers(-3, 60).map(lambda n: (NOW // 300 + n) * 300))
spans = st.tuples(begins, st.integers(1, 20 * 900)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@given(st.lists(st.tuples(spans, prices), max_size=4), spans)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_prices_are_those_that_hold(
    database: Database, done: list[tuple[tuple[int, int], list[tuple[int, float]]]], asked: tuple[int, int]
) -> None:
    """Each until the next one, for an hour at most."""
    store = database.store or await database.open()
    account = (await add_account(store, fresh_id())).number
    kept: dict[int, float] = {}
    for (start, end), series in done:
        inside = [pair for pair in series if start <= pair[0] < end]
        await store.replace_prices(account, *SERIES, (start, end), inside)
        kept = {time: price for time, price in kept.items() if not start <= time < end} | dict(inside)
    times = sorted(kept)
    ends = [min(time + HELD, after) for time, after in zip(times, [*times[1:], 1 << 40], strict=True)] if times else []
    expected = [(time, kept[time]) for time, end in zip(times, ends, strict=True) if time < asked[1] and end > asked[0]]
    assert await store.prices(account, *SERIES, *asked) == expected


async def test_a_price_ends_where_the_next_begins_or_after_an_hour(store: Store, reopen: Reopen) -> None:
    kees = (await add_account(store)).number
    first, second = (NOW, 0.1), (NOW + 900, 0.2)
    await store.replace_prices(kees, *SERIES, (NOW, NOW + 999), [first, second])
    store = await reopen()
    assert await store.prices(kees, *SERIES, NOW - 9, NOW) == []
    assert await store.prices(kees, *SERIES, NOW, NOW + 900) == [first]
    assert await store.prices(kees, *SERIES, NOW + 899, NOW + 901) == [first, second]
    assert await store.prices(kees, *SERIES, NOW + 900, NOW + 901) == [second]
    assert await store.prices(kees, *SERIES, second[0] + HELD - 1, NOW + 9999) == [second]
    assert await store.prices(kees, *SERIES, second[0] + HELD, NOW + 9999) == []


async def test_prices_of_others_kinds_and_currencies_are_left_alone(store: Store) -> None:
    kees, alice = (await add_account(store)).number, (await add_account(store, "alice")).number
    keys = [(kees, "electricity", "EUR"), (kees, "gas", "EUR"), (kees, "electricity", "CHF"), (alice, "gas", "EUR")]
    for place, key in enumerate(keys):
        await store.replace_prices(*key, (NOW, NOW + 9), [(NOW, place)])
    await store.replace_prices(*keys[0], (NOW, NOW + 9), iter([]))
    found = [await store.prices(*key, NOW, NOW + 9) for key in keys]
    assert found == [[], *([(NOW, place)] for place in (1, 2, 3))]


async def test_nothing_is_priced_for_an_account_that_is_not_there(store: Store) -> None:
    with pytest.raises(GoneError):
        await store.put_tariff(99, FLAT)
    with pytest.raises(GoneError):
        await store.replace_prices(99, *SERIES, (NOW, NOW + 9), [(NOW, 1.0)])
    assert not await store.drop_tariff(99, *SERIES, FIRST)
    assert await store.tariffs(99) == await store.prices(99, *SERIES, NOW, NOW + 9) == []
