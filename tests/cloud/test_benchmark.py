"""My use beside a group's: percentiles of five homes or more, told once for each period."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from flukso_cloud.benchmark import FEWEST_HOMES, PERIODS, last_period, place, told
from flukso_cloud.comparison import compare
from flukso_cloud.meter import Sample
from flukso_cloud.resolutions import RESOLUTIONS
from flukso_cloud.store import Group, Heartbeat, Plan, Sensor, SensorPlan
from flukso_cloud.store.sqlite import SqliteStore
from tests.cloud.fluksometer import Fluksometer
from tests.cloud.test_peers import Person

NOW = int(datetime(2026, 11, 26, 10, tzinfo=UTC).timestamp())
DAY = last_period("day", NOW)
VALUES = st.lists(st.floats(0, 1e6), min_size=FEWEST_HOMES, max_size=40)


def test_the_periods_are_calendar_ones_that_are_over() -> None:
    def days(name: str, now: int) -> list[str]:
        return [datetime.fromtimestamp(edge, UTC).strftime("%Y-%m-%d %H") for edge in last_period(name, now)]

    assert days("day", NOW) == ["2026-11-25 00", "2026-11-26 00"]
    assert days("day", NOW - 5 * 3600) == ["2026-11-24 00", "2026-11-25 00"], "it has to settle"
    assert days("week", NOW) == ["2026-11-16 00", "2026-11-23 00"]
    assert days("month", NOW) == ["2026-10-01 00", "2026-11-01 00"]
    assert days("year", NOW) == ["2025-01-01 00", "2026-01-01 00"]
    with pytest.raises(ValueError, match="one of day, week"):
        last_period("decade", NOW)


@given(st.lists(st.floats(0, 1e6), max_size=FEWEST_HOMES - 1))
def test_nothing_is_told_of_fewer_than_five(values: list[float]) -> None:
    assert told(values) is None


@given(VALUES)
def test_what_is_told_has_two_digits_and_is_in_order(values: list[float]) -> None:
    found = told(values)
    assert found is not None
    assert found == sorted(found) == [float(f"{value:.2g}") for value in found]


@given(VALUES, st.floats(0, 1e6), st.floats(0, 1e6))
def test_ones_place_grows_with_the_use(values: list[float], one: float, other: float) -> None:
    found = told(values)
    assert found is not None
    less, more = sorted((one, other))
    assert 10 <= place(less, found) <= place(more, found) <= 90


def test_places() -> None:
    percentiles = [10.0, 20.0, 30.0, 40.0, 50.0]
    assert [place(value, percentiles) for value in (0, 10, 15, 30, 45, 50, 99)] == [10, 10, 17.5, 50, 82.5, 90, 90]
    assert place(20, [20.0] * 5) == 90


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore.open(tmp_path / "cloud.db")
    yield store
    await store.close()


class Street:
    """A group of homes that each use so many Wh a day, more with each home."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.homes: list[tuple[int, Sensor]] = []

    async def add(self, use: int, *, resolution: str = "day", past: bool = True, persons: float | None = None) -> None:
        """Let another home join, which shares with the group and has measured since long ago."""
        number = len(self.homes) + 1
        account = await self.store.add_account(f"home{number}", "hash", "UTC", 1)
        await self.store.describe_account(account.number, "UTC", persons, None)
        if number == 1:
            await self.store.add_group("ab" * 16, "Street", account.number, 1)
        [group] = await self.store.groups_of(self.founder if self.homes else account.number)
        await self.store.invite(group.number, account.number, 2)
        await self.store.accept(group.number, account.number, 2)
        sensor = await self.sensor(account.number, f"{number:032x}", use)
        plan = Plan(None, group.number, RESOLUTIONS[resolution], past)
        await self.store.replace_shares(sensor.number, [plan], DAY.start + 3600)
        self.homes.append((account.number, sensor))

    async def sensor(self, account: int, name: str, use: int) -> Sensor:
        """A sensor of a device of its own that has measured `use` Wh in each of three days."""
        device = await self.store.register(name, b"", name.encode(), 1)
        await self.store.heartbeat(device.number, Heartbeat(1), [SensorPlan(name, "electricity", "analog", "Main")])
        await self.store.claim(name.encode(), account)
        sensor = await self.store.sensor(name)
        assert sensor is not None
        samples = [Sample(DAY.start - 86400 + 3600 * i, use * i // 24) for i in range(73)]
        await self.store.append(sensor, samples, NOW)
        return sensor

    @property
    def founder(self) -> int:
        """The first home's account."""
        return self.homes[0][0]

    @property
    async def group(self) -> Group:
        """The group with all its members."""
        [group] = await self.store.groups_of(self.founder)
        return group

    async def compared(self, per: str = "home") -> Any:
        """How many homes were compared, and the median."""
        found = await compare(self.store, await self.group, "electricity", per, DAY)
        return None if found is None else (found.homes, found.percentiles[2])


async def test_five_homes(store: SqliteStore) -> None:
    street = Street(store)
    for use in (2400, 4800, 7200, 9600):
        await street.add(use)
    assert await street.compared() is None
    await street.add(12000)
    assert await street.compared() == (5, 7200)


async def test_one_account_with_five_sensors_is_one_home(store: SqliteStore) -> None:
    street = Street(store)
    for use in (2400, 4800, 7200, 9600):
        await street.add(use)
    group = await street.group
    for number in range(5):
        more = await street.sensor(street.founder, f"{100 + number:032x}", 1200)
        await store.replace_shares(more.number, [Plan(None, group.number, 0, past=True)], 3)
    assert await street.compared() is None


async def test_what_was_told_stays_when_somebody_comes_or_goes(store: SqliteStore) -> None:
    """Else the difference would tell of the one."""
    street = Street(store)
    for use in (2400, 4800, 7200, 9600, 12000):
        await street.add(use)
    told_first = await street.compared()
    await street.add(120_000)
    assert await street.compared() == told_first
    for account, _ in street.homes[1:]:
        await store.leave_group((await street.group).number, account)
    assert await street.compared() == told_first
    before = last_period("day", DAY.end)
    assert await compare(store, await street.group, "electricity", "home", before) is None


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"resolution": "month"}, "he shares no days"),
        ({"past": False}, "he shares from the middle of the day on"),
    ],
)
async def test_a_home_that_does_not_share_these_days(store: SqliteStore, wrong: Any, why: str) -> None:
    street = Street(store)
    for use in (2400, 4800, 7200, 9600):
        await street.add(use)
    await street.add(12000, **wrong)
    assert await street.compared() is None, why


async def test_per_person_where_it_is_told(store: SqliteStore) -> None:
    street = Street(store)
    for use in (2400, 4800, 7200, 9600, 12000):
        await street.add(use, persons=2)
    await street.add(99999)
    assert await street.compared("person") == (5, 3600)
    assert await street.compared("m2") is None


def test_by_http(client: TestClient, device: Fluksometer) -> None:
    """Of a group of one nothing is told; of homes that are there, with one's own place."""
    kees, mallory = Person(client, "kees"), Person(client, "mallory")
    kees.claim(device)
    group = kees.ask("POST", "/api/v2/groups", {"name": "Street"}).json()["id"]
    path = f"/api/v2/groups/{group}/benchmark"
    assert kees.ask("GET", path).status_code == 409
    assert mallory.ask("GET", path).status_code == 401
    kees.ask("POST", f"/api/v2/groups/{group}/invitations", {"account": "mallory"})
    assert mallory.ask("GET", path).status_code == 403, "invited only"
    for query in ("period=decade", "per=roof", "type=wind"):
        assert kees.ask("GET", f"{path}?{query}").status_code == 400
    assert kees.ask("GET", f"{path}?sensor={device.sensor}&per=m2").status_code == 400, "the area is not told"
    assert kees.ask("GET", f"{path}?sensor={'0' * 32}").status_code == 401

    async def seven() -> None:
        [found] = await kees.cloud.store.groups_of(kees.account)
        for name in PERIODS:
            period = last_period(name, int(datetime.now(UTC).timestamp()))
            await kees.cloud.store.keep_compared(found.number, "electricity", "home", *period, 7, [1, 2, 3, 4, 5])

    kees.store(seven)
    answer = kees.ask("GET", f"{path}?period=week&sensor={device.sensor}").json()
    assert (answer["homes"], answer["unit"], answer["own"]) == (7, "Wh", None)
    assert answer["percentiles"] == {"10": 1, "25": 2, "50": 3, "75": 4, "90": 5}
    assert answer["end"] - answer["start"] == 7 * 86400
