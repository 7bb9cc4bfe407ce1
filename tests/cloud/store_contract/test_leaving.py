"""Devices that are released or forgotten, accounts that close: what was theirs goes, and nothing comes back to it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date

import pytest

from flukso_cloud.meter import Sample
from flukso_cloud.store import (
    FORGET,
    RELEASE,
    Account,
    Appended,
    Asked,
    Device,
    GoneError,
    NamedToken,
    Ownership,
    Plan,
    Sensor,
    SensorConfig,
    Store,
)
from flukso_cloud.tariffs import Flat, Tariff
from flukso_cloud.tmpo import Place
from tests.cloud.store_contract.conftest import Reopen
from tests.cloud.store_contract.folding import DAY, fold_from
from tests.cloud.store_contract.homes import NOW, add_account, add_device, add_sensor, add_sensor_to, fresh_id

PLACE = Place(0, 8, NOW // 256 * 256)
NAMED = NamedToken("t1", "Phone", None, writes=True, resolution=0, expires=None, created=NOW)
TARIFF = Tariff("electricity", "EUR", date(2026, 1, 1), Flat(0.3))


class Home:
    """A device that its owner, kees, shares with alice, who listens; with all that may be kept of it."""

    def __init__(self, kees: Account, alice: Account, device: Device, sensor: Sensor, code: bytes) -> None:
        self.kees = kees
        self.alice = alice
        self.device = device
        self.sensor = sensor
        self.code = code


async def settle(store: Store) -> Home:
    kees, alice = await add_account(store), await add_account(store, "alice")
    code = fresh_id().encode()
    device = await store.register(fresh_id(), b"sealed", code, NOW)
    assert (await store.claim(code, kees.number)).outcome == "ok"
    sensor = await add_sensor_to(store, device)
    await store.configure(sensor.number, SensorConfig(port=1, time=NOW))
    await store.append(sensor, [Sample(NOW + 60 * number, 5000 - number) for number in range(2000)], NOW)
    await fold_from(store, sensor, NOW + 9 * DAY)
    await store.append(sensor, [Sample(NOW + 3 * DAY, 0)], NOW)
    assert await store.keep_block(sensor.number, PLACE, b"block")
    await store.replace_shares(sensor.number, [Plan(alice.number, None, 0), Plan(None, None, 900)], NOW)
    assert await store.subscribe(alice.number, sensor.number, NOW)
    await store.replace_token(b"sensor", kees.number, sensor.number, NOW)
    await store.replace_token(b"device", kees.number, None, NOW, device.number)
    await store.replace_token(b"account", kees.number, None, NOW)
    narrow = NamedToken("t2", "Panel", [sensor.id], writes=False, resolution=0, expires=None, created=NOW)
    assert await store.add_token(b"narrow", kees.number, narrow)
    return Home(kees, alice, await store.device_number(device.number), sensor, code)


async def check_unseen(store: Store, home: Home) -> None:
    """Nobody has it, hears it or can open it."""
    assert await store.streams(home.kees.number) == []
    assert await store.ownership(home.alice.number, home.sensor.number) == Ownership(None, ())
    assert await store.subscriptions(home.alice.number) == await store.offers(home.alice.number) == []
    assert await store.subscribers([home.sensor.number]) == set()
    assert await store.shares(home.sensor.number) == []
    assert await store.token(b"sensor", NOW) is None
    assert await store.token(b"device", NOW) is None


async def check_empty(store: Store, sensor: Sensor) -> None:
    """Nothing is kept of it."""
    assert await store.samples(sensor, 0, 1 << 33, 99) == []
    assert await store.newest([sensor.number]) == {}
    assert await store.breaks(sensor.number, 0, 1 << 33) == []
    assert (await store.columns(sensor, [NOW, NOW + DAY])).flowed == [None]
    assert await store.blocks(sensor.number, 0) == []
    assert await store.wirings([sensor.number]) == {}


@pytest.mark.parametrize("how", [RELEASE, FORGET])
async def test_a_device_that_leaves_is_seen_by_nobody_at_once(store: Store, reopen: Reopen, how: str) -> None:
    home = await settle(store)
    await store.mark_leaving(home.device.number, how, NOW + 60)
    store = await reopen()
    await check_unseen(store, home)
    found = await store.token(b"narrow", NOW)
    assert found is None or found.sensors == frozenset()
    assert await store.token(b"account", NOW) is not None
    assert (await store.claim(home.code, home.alice.number)).outcome == "unknown", "its readings are still there"
    [(device, sensors)] = await store.leaving()
    assert (device.number, device.account, sensors) == (home.device.number, None, [home.sensor])


async def test_a_device_that_is_released_is_empty_and_can_be_claimed(store: Store, reopen: Reopen) -> None:
    home = await settle(store)
    await store.mark_leaving(home.device.number, RELEASE, NOW + 60)
    await store.forget_readings(home.sensor.number)
    await store.forget_readings(home.sensor.number)
    await check_empty(store, home.sensor)
    assert [device.number for device, _ in await store.leaving()] == [home.device.number]
    await store.finish_leaving(home.device.number)
    store = await reopen()
    assert await store.leaving() == []
    await check_unseen(store, home)
    await check_empty(store, home.sensor)
    assert await store.sensor(home.sensor.id) == home.sensor
    assert await store.claim(home.code, home.alice.number) == ("ok", home.device.id)
    assert await store.append(home.sensor, [Sample(NOW, 7)], NOW) == Appended(1, 0)
    assert await store.samples(home.sensor, 0, 1 << 33, 99) == [Sample(NOW, 7)]


async def test_a_device_that_is_forgotten_is_gone_and_its_numbers_with_it(store: Store, reopen: Reopen) -> None:
    home = await settle(store)
    await store.mark_leaving(home.device.number, FORGET, NOW + 60)
    await store.finish_leaving(home.device.number)
    await store.finish_leaving(home.device.number)
    store = await reopen()
    assert await store.leaving() == []
    assert await store.devices() == []
    assert await store.device(home.device.id) is None
    assert await store.sensor(home.sensor.id) is None
    with pytest.raises(LookupError):
        await store.device_number(home.device.number)
    await check_unseen(store, home)
    await check_empty(store, home.sensor)
    assert (await store.claim(home.code, home.alice.number)).outcome == "unknown"
    device = await store.register(home.device.id, b"sealed", home.code, NOW)
    sensor = await add_sensor_to(store, device, home.sensor.id)
    assert device.number > home.device.number
    assert sensor.number > home.sensor.number
    await check_empty(store, sensor)


async def test_only_what_is_about_to_leave_leaves(store: Store) -> None:
    home = await settle(store)
    await store.finish_leaving(home.device.number)
    await store.finish_leaving(99)
    await store.finish_closing(home.kees.number)
    await store.finish_closing(99)
    assert await store.streams(home.kees.number) == [(home.device, [home.sensor])]
    assert await store.account("kees") == home.kees
    assert len(await store.samples(home.sensor, 0, 1 << 33, 9999)) == 2001
    with pytest.raises(GoneError):
        await store.mark_leaving(99, RELEASE, NOW)


async def test_readings_are_forgotten_of_one_sensor_alone(store: Store) -> None:
    home = await settle(store)
    other = await add_sensor_to(store, home.device)
    await store.append(other, [Sample(NOW, 1)], NOW)
    await store.forget_readings(home.sensor.number)
    await check_empty(store, home.sensor)
    assert await store.samples(other, 0, 1 << 33, 99) == [Sample(NOW, 1)]
    assert await store.sensor(home.sensor.id) == home.sensor
    assert await store.append(home.sensor, [Sample(NOW, 1), Sample(NOW + 60, 2)], NOW) == Appended(2, 0)


async def test_what_nobody_has_claimed_expires(store: Store, reopen: Reopen) -> None:
    kees = await add_account(store)
    claimed, unclaimed, released = await add_device(store, kees), await add_device(store), await add_device(store, kees)
    young = await store.register(fresh_id(), b"sealed", b"young", NOW + 60)
    await store.mark_leaving(released.number, RELEASE, NOW + 60)
    await store.finish_leaving(released.number)
    await store.mark_expired(NOW, NOW + 99)
    assert await store.leaving() == []
    await store.mark_expired(NOW + 60, NOW + 99)
    store = await reopen()
    assert [device.number for device, _ in await store.leaving()] == [unclaimed.number]
    await store.finish_leaving(unclaimed.number)
    assert [device.id for device, _ in await store.devices()] == [claimed.id, released.id, young.id]
    await store.mark_expired(NOW + 61, NOW + 99)
    assert {device.number for device, _ in await store.leaving()} == {released.number, young.number}


async def close(store: Store, account: int) -> None:
    """Close an account in all its steps."""
    await store.close_account(account, NOW)
    for device, sensors in await store.leaving():
        for sensor in sensors:
            await store.forget_readings(sensor.number)
        await store.finish_leaving(device.number)
    for number in await store.closing():
        await store.finish_closing(number)


async def give_all_to(store: Store, home: Home) -> None:
    """Let the owner of a home have one of everything that an account may have."""
    kees, alice = home.kees.number, home.alice.number
    await store.open_session(b"session", kees, NOW, NOW + 999)
    assert await store.add_token(b"named", kees, NAMED)
    for group_id, founder, guest in (("g1", kees, alice), ("g2", alice, kees)):
        group = await store.add_group(group_id, group_id, founder, NOW)
        await store.invite(group.number, guest, NOW)
        await store.accept(group.number, guest, NOW)
        await store.replace_shares(home.sensor.number, [Plan(alice, None, 0), Plan(None, group.number, 0)], NOW)
    hers = await add_sensor(store, owner=home.alice)
    await store.replace_shares(hers.number, [Plan(kees, None, 0)], NOW)
    assert await store.subscribe(kees, hers.number, NOW)
    await store.ask(Asked("r1", kees, "kees", alice, "alice", "", NOW))
    await store.ask(Asked("r2", alice, "alice", kees, "kees", "", NOW))
    await store.block_account(kees, alice)
    await store.block_account(alice, kees)
    assert await store.put_tariff(kees, TARIFF)
    await store.replace_prices(kees, "electricity", "EUR", (NOW, NOW + 9999), [(NOW, 0.2)])


async def check_shut(store: Store, home: Home) -> None:
    """Nobody gets in, and nothing of the account is anybody's."""
    kees, alice = home.kees.number, home.alice.number
    assert await store.account("kees") is None
    assert [account.name for account, _, _ in await store.accounts()] == ["alice"]
    assert await store.session(b"session", NOW) is None
    for token in (b"account", b"sensor", b"device", b"narrow", b"named"):
        assert await store.token(token, NOW) is None
    await check_unseen(store, home)
    assert await store.groups_of(kees) == []
    [group] = await store.groups_of(alice)
    assert (group.id, [member.name for member in group.members]) == ("g1", ["alice"])
    assert group.founder == alice
    assert await store.requests(alice) == await store.blocked_accounts(alice) == []
    assert await store.subscriptions(kees) == []
    for _, sensors in await store.streams(alice):
        for sensor in sensors:
            assert await store.shares(sensor.number) == []


async def test_an_account_that_is_shut_is_nobodys(store: Store, reopen: Reopen) -> None:
    home = await settle(store)
    await give_all_to(store, home)
    await store.leave_group((await store.groups_of(home.alice.number))[-1].number, home.alice.number)
    await store.close_account(home.kees.number, NOW)
    await store.close_account(home.kees.number, NOW)
    store = await reopen()
    assert await store.closing() == [home.kees.number]
    assert [device.number for device, _ in await store.leaving()] == [home.device.number]
    await check_shut(store, home)
    await close(store, home.kees.number)
    store = await reopen()
    assert await store.closing() == await store.leaving() == []
    await check_shut(store, home)
    await check_empty(store, home.sensor)
    with pytest.raises(LookupError):
        await store.account_number(home.kees.number)
    with pytest.raises(GoneError):
        await store.close_account(home.kees.number, NOW)
    again = await add_account(store)
    assert again.number > home.kees.number
    assert await store.tariffs(again.number) == []
    assert await store.claim(home.code, again.number) == ("ok", home.device.id)


LATE: dict[str, Callable[[Store, Home], Awaitable[object]]] = {
    "open_session": lambda store, home: store.open_session(b"late", home.kees.number, NOW, NOW + 9),
    "replace_token": lambda store, home: store.replace_token(b"late", home.kees.number, None, NOW),
    "add_token": lambda store, home: store.add_token(b"late", home.kees.number, NAMED),
    "claim": lambda store, home: store.claim(b"free", home.kees.number),
    "add_group": lambda store, home: store.add_group("late", "", home.kees.number, NOW),
    "invite": lambda store, home: store.invite(1, home.kees.number, NOW),
    "replace_shares": lambda store, home: store.replace_shares(2, [Plan(home.kees.number, None, 0)], NOW),
    "subscribe": lambda store, home: store.subscribe(home.kees.number, 2, NOW),
    "ask": lambda store, home: store.ask(Asked("late", home.kees.number, "", home.alice.number, "", "", NOW)),
    "ask him": lambda store, home: store.ask(Asked("late", home.alice.number, "", home.kees.number, "", "", NOW)),
    "block_account": lambda store, home: store.block_account(home.kees.number, home.alice.number),
    "block him": lambda store, home: store.block_account(home.alice.number, home.kees.number),
    "put_tariff": lambda store, home: store.put_tariff(home.kees.number, TARIFF),
    "replace_prices": lambda store, home: store.replace_prices(
        home.kees.number, "electricity", "EUR", (NOW, NOW + 9), [(NOW, 1.0)]
    ),
    "rename_account": lambda store, home: store.rename_account(home.kees.number, "late"),
    "replace_password": lambda store, home: store.replace_password(home.kees.number, "late"),
    "describe_account": lambda store, home: store.describe_account(home.kees.number, "UTC", 1, 1),
}


@pytest.mark.parametrize("late", LATE)
async def test_who_is_late_gives_nothing_to_an_account_that_is_shut(store: Store, late: str) -> None:
    """A log-in takes as long as its hash. What came now would stay, or hold the account for ever."""
    home = await settle(store)
    hers = await add_sensor(store, owner=home.alice)
    assert hers.number == 2
    assert (await store.add_group("g1", "", home.alice.number, NOW)).number == 1
    await store.replace_shares(hers.number, [Plan(None, None, 0)], NOW)
    await store.register(fresh_id(), b"sealed", b"free", NOW)
    await store.close_account(home.kees.number, NOW)
    with pytest.raises(GoneError):
        await LATE[late](store, home)
    await close(store, home.kees.number)
    assert await store.closing() == []
    with pytest.raises(LookupError):
        await store.account_number(home.kees.number)


async def test_who_is_late_gives_nothing_to_a_device_that_leaves(store: Store) -> None:
    home = await settle(store)
    await store.mark_leaving(home.device.number, FORGET, NOW)
    with pytest.raises(GoneError):
        await store.replace_token(b"late", home.kees.number, None, NOW, home.device.number)
    await store.replace_token(b"for a sensor", home.kees.number, home.sensor.number, NOW)
    await store.replace_shares(home.sensor.number, [Plan(home.alice.number, None, 0)], NOW)
    assert not await store.subscribe(home.alice.number, home.sensor.number, NOW)
    await store.finish_leaving(home.device.number)
    assert await store.leaving() == []
    assert await store.devices() == []
    assert await store.token(b"for a sensor", NOW) is None
