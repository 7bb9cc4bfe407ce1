"""All of a sensor's measurements as a file: whole, in parts, and in little memory however much there is."""

from __future__ import annotations

import asyncio
import io
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from flukso_cloud.exports import Csv, Parquet
from flukso_cloud.folding import fold_all
from flukso_cloud.home import Home
from flukso_cloud.meter import Sample
from flukso_cloud.store.sqlite import SqliteStore
from tests.cloud.fluksometer import Fluksometer
from tests.cloud.process import Server
from tests.cloud.served import ServedOwner

T = 1_790_035_200
DAY = 86400
SERIES = [Sample(T + 60 * at, 7 * at) for at in range(3 * 1440)]
MANY = 1_000_000
MEGABYTES = 40
"""More than a part takes, in whatever form; a million measurements take 150 of them at once."""


@pytest.fixture(scope="module")
def device(served: ServedOwner) -> Fluksometer:
    """A device with three days, two of them folded."""
    device = served.device()
    served.upload(device, [list(sample) for sample in SERIES])
    assert served.fold(device, T + 2 * DAY + DAY // 2) == 2
    return device


def exported(served: ServedOwner, sensor: str, kind: str, **query: int) -> bytes:
    """The bytes of an export."""
    answer = served.http.get(f"/api/v2/sensors/{sensor}/samples.{kind}", params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{sensor}.{kind}"'
    return answer.content


def of_csv(content: bytes) -> list[Sample]:
    title, *lines = content.decode().split("\r\n")
    assert (title, lines.pop()) == ("time,Wh", "")
    return [Sample(*map(int, line.split(","))) for line in lines]


def of_parquet(content: bytes) -> list[Sample]:
    table = parquet.read_table(io.BytesIO(content))
    assert table.schema.field("time").type == pa.timestamp("ms", tz="UTC")
    times = table["time"].cast(pa.int64()).to_pylist()
    return [Sample(time // 1000, counter) for time, counter in zip(times, table["counter"].to_pylist(), strict=True)]


@pytest.mark.parametrize(("kind", "read"), [("csv", of_csv), ("parquet", of_parquet)])
@pytest.mark.parametrize(
    ("start", "end"),
    [(0, 2**32 - 1), (T, T + 3 * DAY), (T + 30, T + DAY + 61), (T + DAY, T + DAY + 1), (T + 1, T + 2), (9, 9)],
)
def test_it_is_the_range(served: ServedOwner, device: Fluksometer, kind: str, read: Any, start: int, end: int) -> None:
    found = read(exported(served, device.sensor, kind, start=start, end=end))
    assert found == [sample for sample in SERIES if start <= sample.time < end]


def test_parquet_says_whose_it_is(served: ServedOwner, device: Fluksometer) -> None:
    content = exported(served, device.sensor, "parquet", start=0, end=2**32 - 1)
    metadata = parquet.read_schema(io.BytesIO(content)).metadata
    assert metadata == {b"sensor": device.sensor.encode(), b"unit": b"Wh"}


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_who_has_it_gets_nothing(served: ServedOwner, device: Fluksometer, kind: str) -> None:
    path = f"/api/v2/sensors/{device.sensor}/samples.{kind}?start=0&end={T + DAY}"
    first = served.http.get(path)
    again = served.http.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    assert "Content-Encoding" not in first.headers or kind == "csv"  # Parquet is packed within
    served.http.put(
        f"/api/v2/sensors/{device.sensor}/samples",
        json={"start": T, "end": T + 60, "time": [T], "counter": [1 if kind == "csv" else 0]},
    )
    changed = served.http.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert changed.status_code == 200


@pytest.mark.parametrize("sizes", [[], [1], [3, 1, 2]])
def test_files_in_parts(sizes: list[int]) -> None:
    samples = [Sample(T + at, at) for at in range(sum(sizes))]
    ends = [sum(sizes[: at + 1]) for at in range(len(sizes))]
    parts = [samples[end - size : end] for size, end in zip(sizes, ends, strict=True)]
    csv, columns = Csv("0" * 32, "Wh"), Parquet("0" * 32, "Wh")
    assert of_csv(b"".join([*map(csv.rows, parts), csv.end()])) == samples
    assert of_parquet(b"".join([*map(columns.rows, parts), columns.end()])) == samples


@pytest.fixture(scope="module")
def million(folder_made: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServedOwner, str]]:
    """A server of its own whose one sensor has a million measurements, a part of them folded."""
    home = Path(shutil.copytree(folder_made, tmp_path_factory.mktemp("million") / "home"))
    with Server(home) as server, ServedOwner(server) as owner:
        sensor_id = owner.device().sensor
    first = T - 10 * MANY

    async def fill() -> None:
        store = SqliteStore.open(Home(home).database)
        sensor = await store.sensor(sensor_id)
        assert sensor is not None
        for begin in range(0, MANY, 100_000):
            part = [Sample(first + 10 * at, at) for at in range(begin, begin + 100_000)]
            await store.append(sensor, part, T)
        await fold_all(store, T - 3 * MANY)
        await store.close()

    asyncio.run(fill())
    with Server(home) as server, ServedOwner(server) as owner:
        yield owner, sensor_id


def most_memory(process: int) -> int:
    """The highest memory of a process in MB since it was forgotten."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    assert found is not None
    return int(found[1]) // 1024


@pytest.mark.parametrize(("kind", "accepted"), [("csv", "identity"), ("csv", "gzip"), ("parquet", "identity")])
def test_a_million_take_no_more_memory_than_a_part(million: tuple[ServedOwner, str], kind: str, accepted: str) -> None:
    owner, sensor = million
    process, headers = owner.server.process.pid, {"Accept-Encoding": accepted}
    path = f"/api/v2/sensors/{sensor}/samples.{kind}"
    few = owner.http.get(path, params={"start": T - 1000, "end": T}, headers=headers)  # what is loaded once
    assert few.status_code == 200
    Path(f"/proc/{process}/clear_refs").write_text("5")
    before, length = most_memory(process), 0
    with owner.http.stream("GET", path, params={"start": 0, "end": T}, headers=headers) as answer:
        for part in answer.iter_bytes():
            length += part.count(b"\n") if kind == "csv" else len(part)
    assert length == MANY + 1 if kind == "csv" else length > 100_000
    assert most_memory(process) - before < MEGABYTES
