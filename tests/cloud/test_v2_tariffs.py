"""Tariffs and prices by API v2, and what a sensor's series costs by them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cloud.fluksometer import Fluksometer
from tests.cloud.owner import Owner
from tests.cloud.test_v2_series import APRIL, MARCH, ask, fed, store

__all__ = ["fed", "store"]

EUR = {"type": "electricity", "currency": "EUR"}
FLAT = {"kind": "flat", "price": 0.25}


def put(owner: Owner, begin: str, rate: dict[str, Any], status: int = 200, **key: str) -> Any:
    owner.log_in()
    answer = owner.client.put("/api/v2/tariffs", json=EUR | key | {"from": begin, "rate": rate})
    assert answer.status_code == status, answer.text
    owner.client.cookies.clear()
    return answer.json()


def cost(owner: Owner, sensor: str, unit: str = "eurperyear", **query: Any) -> list[float | None]:
    [series] = ask(owner, sensor, unit=unit, zone="Europe/Brussels", **query)["series"]
    found: list[float | None] = series["flowed"]
    return found


def test_a_series_in_money(fed: Fluksometer, owner: Owner) -> None:
    assert put(owner, "2026-01-01", FLAT) == EUR | {"from": "2026-01-01", "rate": FLAT}
    [series] = ask(owner, fed.sensor, unit="eurperyear", zone="Europe/Brussels")["series"]
    assert (series["unit"], series["flowed_unit"]) == ("EUR/year", "EUR")
    assert series["flowed"][0] == pytest.approx(0.6 * 24 * 0.25)
    assert series["mean"] == series["min"] == series["max"] == [0.6 * 8760 * 0.25] * 31
    put(owner, "2026-01-01", {"kind": "flat", "price": 0.18}, currency="kgCO2")
    [series] = ask(owner, fed.sensor, unit="kgco2peryear", zone="Europe/Brussels")["series"]
    assert (series["unit"], series["flowed_unit"]) == ("kgCO2/year", "kgCO2")
    assert series["flowed"][0] == pytest.approx(0.6 * 24 * 0.18)


def test_without_a_tariff_nothing_is_known(fed: Fluksometer, owner: Owner) -> None:
    put(owner, "2026-01-01", FLAT)
    [series] = ask(owner, fed.sensor, unit="usdperyear")["series"]
    assert set(series["flowed"]) == {None}
    assert set(series["coverage"]) == {0}


def test_a_change_keeps_old_costs_and_a_year_costs_what_its_days_cost(fed: Fluksometer, owner: Owner) -> None:
    owner.store(owner.cloud.store.describe_account, owner.account, "Europe/Brussels", None, None)
    put(owner, "2026-01-01", FLAT)
    before = cost(owner, fed.sensor)
    put(owner, "2026-03-16", {"kind": "day-night", "day": 0.4, "night": 0.2})
    after = cost(owner, fed.sensor)
    assert after[:15] == before[:15]
    assert after[15] == pytest.approx(0.6 * (15 * 0.4 + 9 * 0.2))
    for coarse in ("week", "month", "quarter", "year"):
        [whole] = [sum(value or 0 for value in cost(owner, fed.sensor, resolution=coarse))]
        assert whole == pytest.approx(sum(value or 0 for value in after), abs=1e-5 * 31)


def test_hourly_prices(fed: Fluksometer, owner: Owner) -> None:
    put(owner, "2026-01-01", {"kind": "hourly"})
    owner.log_in()
    series = EUR | {"start": MARCH, "prices": [0.1, -0.05, 0.3]}
    assert owner.client.put("/api/v2/prices", json=series).status_code == 204
    read = owner.client.get("/api/v2/prices", params=EUR | {"start": MARCH, "end": APRIL}).json()
    assert read == {"time": [MARCH, MARCH + 3600, MARCH + 7200], "price": [0.1, -0.05, 0.3]}
    assert owner.client.put("/api/v2/prices", json=series | {"prices": [0.2]}).status_code == 204
    owner.client.cookies.clear()
    assert cost(owner, fed.sensor, resolution="hour", end=MARCH + 4 * 3600) == [0.12, -0.03, 0.18, None]


def test_a_tariff_is_forgotten_and_the_one_before_goes_on(fed: Fluksometer, owner: Owner) -> None:
    put(owner, "2026-01-01", FLAT)
    before = cost(owner, fed.sensor)
    put(owner, "2026-03-16", {"kind": "flat", "price": 1})
    owner.log_in()
    day = EUR | {"from": "2026-03-16"}
    assert owner.client.delete("/api/v2/tariffs", params=day).status_code == 204
    assert owner.client.delete("/api/v2/tariffs", params=day).status_code == 404
    assert [one["from"] for one in owner.client.get("/api/v2/tariffs").json()["tariffs"]] == ["2026-01-01"]
    owner.client.cookies.clear()
    assert cost(owner, fed.sensor) == before


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"type": "oil"}, "type"),
        ({"currency": "eur"}, "currency"),
        ({"from": "1. 1. 2026"}, "from"),
        ({"from": "1969-12-31"}, "from"),
        ({"rate": {"kind": "flat", "price": "much"}}, "rate"),
        ({"rate": {"kind": "flat", "price": 1e9}}, "rate"),
        ({"rate": {"kind": "day-night", "day": 1, "night": 1, "night_from": "25:00"}}, "rate"),
        ({"rate": {"kind": "free"}}, "rate"),
    ],
)
def test_a_tariff_that_is_wrong_changes_nothing(owner: Owner, change: dict[str, Any], field: str) -> None:
    owner.log_in()
    answer = owner.client.put("/api/v2/tariffs", json=EUR | {"from": "2026-01-01", "rate": FLAT} | change)
    assert (answer.status_code, answer.json()["field"]) == (400, field)
    assert owner.client.get("/api/v2/tariffs").json() == {"tariffs": []}


def test_a_closed_account_leaves_no_tariff(owner: Owner) -> None:
    put(owner, "2026-01-01", FLAT)
    owner.store(owner.cloud.departures.close_account, owner.account, 1)
    assert owner.store(owner.cloud.store.tariffs, owner.account) == []
