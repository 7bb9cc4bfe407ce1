"""Standard load profiles as streams and beside a sensor's use, held against the tables of demandlib."""

from __future__ import annotations

import asyncio
import json
import warnings
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flukso_cloud.periods import edges
from flukso_cloud.profiles import PROFILES, library
from flukso_cloud.profiles.library import Library, Shares, TablesError
from flukso_cloud.profiles.likeness import compare
from flukso_cloud.profiles.stream import columns, years_of
from flukso_cloud.profiles.tables import table
from tests.cloud.fluksometer import Fluksometer
from tests.cloud.served import ServedOwner
from tests.documented import Page

BRUSSELS, UTC_ZONE = ZoneInfo("Europe/Brussels"), ZoneInfo("UTC")
HOUR, DAY = 3600, 86400


def at(text: str, zone: ZoneInfo = BRUSSELS) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp())


START, END = at("2026-03-01"), at("2026-04-01")


@pytest.fixture(scope="module")
def tables() -> dict[int, Shares]:
    """Those of two years, made here."""
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(warnings, "simplefilter", warnings.simplefilter)  # which the table replaces
        return {year: table(year) for year in (2025, 2026, 2027)}


def of(tables: dict[int, Shares], name: str, span: list[int]) -> list[Shares]:
    return [tables[year][list(PROFILES).index(name)] for year in years_of(span)]


@pytest.mark.parametrize("name", PROFILES)
def test_a_calendar_year_is_the_annual_use(tables: dict[int, Shares], name: str) -> None:
    months = edges(at("2026-01-01", UTC_ZONE), at("2027-01-01", UTC_ZONE), "month", UTC_ZONE, 99)
    found = columns(of(tables, name, months), 3_500_000, months, UTC_ZONE)
    flowed = [value or 0 for value in found.flowed]
    assert sum(flowed) == pytest.approx(3_500_000, rel=1e-5)
    assert min(flowed) > 0
    assert found.covered == [end - start for start, end in pairwise(months)]


def test_households_use_most_in_the_evening_and_businesses_at_noon(tables: dict[int, Shares]) -> None:
    hours = edges(at("2026-03-03"), at("2026-03-04"), "hour", BRUSSELS, 99)
    peak = {}
    for name in ("h25", "h0", "g1"):
        flowed = [value or 0 for value in columns(of(tables, name, hours), 1e6, hours, BRUSSELS).flowed]
        peak[name] = flowed.index(max(flowed))
    assert peak["h25"] in range(17, 21)
    assert peak["h0"] in range(17, 21)
    assert peak["g1"] in range(8, 17)


def test_days_of_a_clock_change(tables: dict[int, Shares]) -> None:
    """The clock on the wall counts: what it skips is not used, what it shows twice is used twice."""
    for day, following, hours in (("2026-03-29", "2026-03-30", 23), ("2026-10-25", "2026-10-26", 25)):
        span = list(range(at(day), at(following) + 1, HOUR))
        assert len(span) == hours + 1
        found = columns(of(tables, "l0", span), 1e6, span, BRUSSELS).flowed
        plain_span = [at(day, UTC_ZONE) + HOUR * hour for hour in range(25)]
        plain = columns(of(tables, "l0", plain_span), 1e6, plain_span, UTC_ZONE).flowed
        expected = plain[:2] + plain[3:] if hours == 23 else plain[:3] + plain[2:]
        assert found == pytest.approx(expected)


@given(st.lists(st.integers(0, 5 * DAY), min_size=2, max_size=20, unique=True).map(sorted))
def test_any_buckets_add_up_and_have_the_quarters_within_them(tables: dict[int, Shares], offsets: list[int]) -> None:
    span = [START + 27 * DAY + offset for offset in offsets]
    shares = of(tables, "h25", span)
    found = columns(shares, 1e6, span, BRUSSELS)
    [whole] = columns(shares, 1e6, [span[0], span[-1]], BRUSSELS).flowed
    assert sum(value or 0 for value in found.flowed) == pytest.approx(whole)
    quarters = list(range(span[0] // 900 * 900, span[-1] + 900, 900))
    rates = np.array(columns(of(tables, "h25", quarters), 1e6, quarters, BRUSSELS).mean, float)
    for place, (start, end) in enumerate(pairwise(span)):
        within = rates[(start - quarters[0]) // 900 : -(-(end - quarters[0]) // 900)]
        assert found.low[place] == pytest.approx(within.min())
        assert found.high[place] == pytest.approx(within.max())
        assert found.last[place] == pytest.approx(within[-1])
        assert found.mean[place] == pytest.approx((found.flowed[place] or 0) / (end - start))


async def test_the_program_makes_each_calendar_once(tables: dict[int, Shares], monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = Library()
    found = await shelf.shares("g25", [2025, 2026, 2027])
    row = list(PROFILES).index("g25")
    assert all(np.array_equal(mine, tables[year][row]) for mine, year in zip(found, (2025, 2026, 2027), strict=True))
    monkeypatch.setattr(library.sys, "executable", "/nonexistent")
    asked = await asyncio.gather(*(shelf.shares("g25", [year, year + 28]) for year in (2025, 1998)))
    assert np.array_equal(asked[0][0], asked[0][1])
    assert np.array_equal(asked[0][0], found[0]), "1998 and 2026 are alike, and so is what was made before"
    monkeypatch.setattr(library.sys, "executable", "/bin/false")
    with pytest.raises(TablesError):
        await shelf.shares("g25", [2024])


def test_likeness() -> None:
    def told(flowed: list[float | None], profile: list[float], *, scale: bool) -> Any:
        return compare(flowed, [0.4 if value == 77 else 1.0 for value in flowed], profile, scale=scale)

    assert told([1, 3], [2, 6], scale=True) == ([True, True], (4, 4, 0.5, 0))
    assert told([1, 3], [2, 6], scale=False) == ([True, True], (4, 8, 1, 0))
    assert told([4, 0], [0, 2], scale=True)[1].elsewhere == 1
    assert told([3, 1], [2, 2], scale=True)[1].elsewhere == 0.25
    assert told([None, 2, 77], [5, 2, 9], scale=True) == ([False, True, False], (2, 2, 1, 0)), "what is not known"
    assert told([None], [5], scale=True) == ([False], None)
    assert told([0], [5], scale=True)[1].elsewhere is None


@pytest.fixture(scope="module")
def device(served: ServedOwner) -> Fluksometer:
    """A device with March 2026 at 600 W, but for two days that nobody measured."""
    device = served.device()
    gap = range(START + 9 * DAY, START + 11 * DAY)
    served.upload(device, [[time, (time - START) // 6] for time in range(START, END + 1, 900) if time not in gap])
    return device


def ask(served: ServedOwner, path: str, status: int = 200, **query: Any) -> Any:
    answer = served.http.get(path, params={"start": START, "end": END, "zone": "Europe/Brussels", **query})
    assert answer.status_code == status, answer.text
    return answer.json()


def test_they_are_listed_for_everybody(served: ServedOwner) -> None:
    answer = served.http.get("/api/v2/profiles", headers={"X-Token": ""})
    assert answer.json() == {"profiles": [{"profile": name, "of": of} for name, of in PROFILES.items()]}


def test_series_of_profiles(served: ServedOwner, tables: dict[int, Shares]) -> None:
    found = ask(served, "/api/v2/profiles/series", profile=["h25", "g25"], annual=3500, unit="kwhperday")
    assert [one["sensor"] for one in found["series"]] == ["h25", "g25"]
    days = edges(START, END, "day", BRUSSELS, 99)
    assert [*found["time"], found["end"]] == days
    expected = columns(of(tables, "h25", days), 3_500_000, days, BRUSSELS)
    series = found["series"][0]
    assert series["flowed"] == pytest.approx(expected.flowed, abs=1e-3)
    assert series["coverage"] == [1.0] * 31
    assert (series["type"], series["unit"], series["flowed_unit"]) == ("electricity", "kWh/day", "Wh")
    assert series["mean"] == pytest.approx([(value or 0) * 86.4 for value in expected.mean], abs=1e-3)


def test_what_a_standard_home_pays(served: ServedOwner) -> None:
    tariff = {"type": "electricity", "currency": "SEK", "from": "2020-01-01", "rate": {"kind": "flat", "price": 2.5}}
    assert served.http.put("/api/v2/tariffs", json=tariff).status_code == 200
    [money] = ask(served, "/api/v2/profiles/series", profile="h0", resolution="month", unit="sekperyear")["series"]
    [energy] = ask(served, "/api/v2/profiles/series", profile="h0", resolution="month")["series"]
    assert money["flowed_unit"] == "SEK"
    assert money["flowed"][0] == pytest.approx(energy["flowed"][0] / 1000 * 2.5, rel=1e-5)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"profile": "x1"}, "profile"),
        ({"profile": []}, "profile"),
        ({"profile": "h0", "annual": 0}, "annual"),
        ({"profile": "h0", "annual": "nan"}, "annual"),
        ({"profile": "h0", "unit": "lpermin"}, "unit"),
        ({"profile": "h0", "start": 0}, "start"),
        ({"profile": "h0", "zone": "Mars/Olympus"}, "zone"),
        ({"profile": "h0", "resolution": "1", "start": END - DAY * 20}, "resolution"),
    ],
)
def test_what_is_wrong_is_named(served: ServedOwner, query: dict[str, Any], field: str) -> None:
    assert ask(served, "/api/v2/profiles/series", 400, **query)["field"] == field


def test_a_sensor_beside_a_profile_of_a_use(
    served: ServedOwner, device: Fluksometer, tables: dict[int, Shares]
) -> None:
    """What nobody measured is left out of both."""
    path = f"/api/v2/sensors/{device.sensor}/benchmark"
    found = ask(served, path, profile="h25", annual=3500)
    assert found.keys() == json.loads(Page("docs/protocol.md").block_after("/benchmark?profile", "json")).keys()
    days = edges(START, END, "day", BRUSSELS, 99)
    expected = columns(of(tables, "h25", days), 3_500_000, days, BRUSSELS).flowed
    left_out = [place for place, value in enumerate(found["flowed"]) if value is None]
    assert left_out == [9, 10]
    assert [found["profile_flowed"][place] for place in left_out] == [None, None]
    kept = [place for place in range(31) if place not in left_out]
    assert [found["profile_flowed"][place] for place in kept] == pytest.approx([expected[i] for i in kept], abs=1e-3)
    assert found["used"] == pytest.approx(sum(found["flowed"][place] for place in kept))
    assert found["expected"] == pytest.approx(sum(expected[place] or 0 for place in kept))
    assert found["ratio"] == pytest.approx(found["used"] / found["expected"], abs=1e-4)
    assert found["annual"] == 3500


def test_the_shape_of_a_sensor_beside_that_of_a_profile(served: ServedOwner, device: Fluksometer) -> None:
    path = f"/api/v2/sensors/{device.sensor}/benchmark"
    hours = ask(served, path, profile="h25", resolution="hour")
    assert hours["ratio"] == 1
    assert hours["expected"] == pytest.approx(hours["used"])
    assert 0.1 < hours["elsewhere"] < 0.3, "who uses as much at night as in the evening"
    days = ask(served, path, profile="h25")
    assert days["elsewhere"] < 0.05, "each day is much like another"
    as_large = ask(served, path, profile="h25", annual=hours["annual"], resolution="hour")
    assert as_large["ratio"] == pytest.approx(1, abs=1e-3)
    empty = ask(served, path, profile="h25", start=START - 9 * DAY, end=START - DAY)
    assert [empty[name] for name in ("annual", "used", "expected", "ratio", "elsewhere")] == [None] * 5


def test_profiles_are_of_electricity(served: ServedOwner) -> None:
    water = served.device(type="water", class_="pulse")
    assert ask(served, f"/api/v2/sensors/{water.sensor}/benchmark", 400, profile="h0")["field"] == "profile"


def test_who_sees_a_sensor_coarsely_compares_it_coarsely(served: ServedOwner, device: Fluksometer) -> None:
    with ServedOwner(served.server) as person:
        person.http.headers.pop("X-Token")
        person.http.post("/login", data={"name": "kees", "password": "correct horse battery", "next": "/"})
        token = person.made(resolution="day")
    query = {"profile": "h25", "start": START, "end": END, "zone": "UTC"}
    path = f"/api/v2/sensors/{device.sensor}/benchmark"
    coarse = {"X-Token": token}
    assert served.http.get(path, params={**query, "resolution": "hour"}, headers=coarse).status_code == 403
    assert served.http.get(path, params=query, headers=coarse).status_code == 200


def test_years_before_and_after(tables: dict[int, Shares]) -> None:
    """The first and last second of a year belong to another one in most time zones."""
    new_year = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
    for zone in (ZoneInfo("Pacific/Kiritimati"), ZoneInfo("Pacific/Niue"), ZoneInfo("Asia/Kathmandu")):
        span = [new_year - HOUR, new_year, new_year + HOUR]
        assert all(value and value > 0 for value in columns(of(tables, "h0", span), 1e6, span, zone).flowed)
