"""A sensor's measurements by API v2: pages, CSV, and what its owner deletes and replaces."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from flukso_cloud.folding import fold_all
from flukso_cloud.meter import Sample
from tests.cloud.fluksometer import Fluksometer, compact
from tests.cloud.owner import Owner

START = 1_790_035_200
DAY = 86400
SERIES = [Sample(START + 600 * number, 100 * number) for number in range(3 * 144)]


@pytest.fixture
def path(client: TestClient, owner: Owner) -> str:
    """The path of a sensor with three days, which its owner is logged in for; the first two are in chunks."""
    device = Fluksometer()
    body = device.registration()
    assert client.post(f"/device/{device.id}", content=body, headers=device.headers(body)).status_code == 200
    body = compact({"measurements": [list(sample) for sample in SERIES]})
    assert client.post(f"/sensor/{device.sensor}", content=body, headers=device.headers(body)).status_code == 200
    owner.claim(device)
    owner.store(owner.cloud.store.newest, [1])
    assert owner.store(fold_all, owner.cloud.store, START + 2 * DAY + DAY // 2) == 2 * 144
    owner.log_in()
    return f"/api/v2/sensors/{device.sensor}/samples"


def read(client: TestClient, path: str, **query: Any) -> list[Sample]:
    """All pages of a range."""
    found: list[Sample] = []
    while True:
        answer = client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += map(Sample, page["time"], page["counter"])
        if page["next"] is None:
            return found
        query["start"] = page["next"]


@pytest.mark.parametrize("most", [7, 144, 432, 1000])
def test_pages_are_all_of_it_once(client: TestClient, path: str, most: int) -> None:
    assert read(client, path, most=most) == SERIES
    middle = {"start": START + DAY - 600, "end": START + DAY + 1200}
    assert read(client, path, most=most, **middle) == SERIES[143:146]


def test_csv(client: TestClient, path: str) -> None:
    answer = client.get(f"{path}.csv", params={"start": 0, "end": START + 2 * DAY + 600})
    assert answer.headers["Content-Type"].startswith("text/csv")
    title, *lines = answer.text.split("\r\n")
    assert title == "time,Wh"
    assert lines == [*(f"{time},{counter}" for time, counter in SERIES[:289]), ""]


def test_what_is_deleted_is_gone_from_every_sum(client: TestClient, path: str) -> None:
    day = {"start": START + DAY - 1200, "end": START + 2 * DAY}
    assert client.delete(path, params=day).json() == {"deleted": 146}
    assert client.delete(path, params=day).json() == {"deleted": 0}
    assert read(client, path) == SERIES[:142] + SERIES[288:]
    series = {"sensor": path.split("/")[4], "start": START, "end": START + 3 * DAY, "resolution": "day", "zone": "UTC"}
    found = client.get("/api/v2/series", params=series).json()["series"][0]
    assert found["coverage"] == pytest.approx([0.9792, 0, 0.9931], abs=1e-4)
    assert client.delete(path, params={"start": 0, "end": 2**32 - 1}).json() == {"deleted": 286}
    assert read(client, path) == []


def test_a_range_is_replaced(client: TestClient, path: str) -> None:
    times = [START + DAY - 60, START + DAY, START + DAY + 60]
    sent = {"start": START + DAY - 600, "end": START + DAY + 1200, "time": times, "counter": [14_290, 14_400, 14_410]}
    assert client.put(path, json=sent).json() == {"deleted": 3, "stored": 3}
    right = [Sample(*pair) for pair in zip(times, sent["counter"], strict=True)]  # type: ignore[arg-type]  # a list
    assert read(client, path) == SERIES[:143] + right + SERIES[146:]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"end": START}, "end"),
        ({"end": START + 33 * DAY}, "end"),
        ({"counter": [1]}, "counter"),
        ({"time": [START + 120, START + 60]}, "time"),
        ({"time": [START - 60, START + 60]}, "time"),
        ({"start": 4_000_000_000, "end": 4_000_000_900, "time": [4_000_000_000, 4_000_000_060]}, "time"),
        ({"counter": [1, 2**33]}, "counter"),
        ({"counters": []}, None),
    ],
)
def test_what_is_wrong_is_told_and_changes_nothing(
    client: TestClient, path: str, change: dict[str, Any], field: str | None
) -> None:
    sent = {"start": START, "end": START + 600, "time": [START + 60, START + 120], "counter": [1, 2]} | change
    answer = client.put(path, json=sent)
    assert answer.status_code == 400
    assert answer.json().get("field") == field
    assert read(client, path) == SERIES
