"""Whatever is done to a sensor's samples, in whatever order: what is told of them is what a dictionary tells."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flukso_cloud.meter import WRAP, Sample
from flukso_cloud.series import Neighbours
from flukso_cloud.store import Appended, Sensor, Store
from tests.cloud.store_contract.engines import Database
from tests.cloud.store_contract.folding import DAY, fold_from
from tests.cloud.store_contract.homes import NOW, add_sensor
from tests.cloud.store_contract.plain import Plain

START = NOW // DAY * DAY
OTHER = [Sample(START + 3600 * number, 7 * number) for number in range(72)]
"""Of a sensor that nothing is done to."""

times = st.one_of(
    st.integers(0, 4 * DAY),
    st.integers(0, 96).map(lambda hour: hour * 3600),
    st.integers(0, 4).map(lambda day: day * DAY),
).map(lambda time: START + time)
counters = st.one_of(st.integers(0, 3000), st.integers(WRAP - 3000, WRAP - 1), st.integers(-3000, -1))
ranges = st.tuples(times, times).map(sorted)
batches = st.lists(st.builds(Sample, times, counters), max_size=12)
steps = st.one_of(
    st.tuples(st.just("append"), batches),
    st.tuples(st.just("at once"), batches),
    st.tuples(st.just("go on"), st.integers(1, DAY), st.sampled_from([1, 60, 173, 900]), st.integers(1, 600)),
    st.tuples(st.just("delete"), ranges),
    st.tuples(st.just("replace"), ranges, batches),
)
between = st.one_of(
    st.tuples(st.just("fold"), st.integers(0, 7)),
    st.tuples(st.just("fold"), st.just(40)),
    st.tuples(st.just("reopen")),
    st.tuples(st.just("read")),
)
walks = st.lists(st.tuples(steps, between), max_size=6).map(lambda pairs: [step for pair in pairs for step in pair])


async def do(store: Store, sensor: Sensor, plain: Plain, what: str, *how: object) -> None:
    """Do one step to both, with the same outcome."""
    match [what, *how]:
        case ["append", list(batch)]:
            assert await store.append(sensor, batch, NOW) == plain.append(batch)
        case ["at once", list(batch)]:  # each sample once, by a caller of its own
            once = [Sample(*pair) for pair in dict(batch).items()]
            found = await asyncio.gather(*(store.append(sensor, [sample], NOW) for sample in once))
            assert Appended(sum(each.stored for each in found), sum(each.known for each in found)) == plain.append(once)
        case ["go on", int(gap), int(length), int(count)]:
            first = max(plain.newest() or Sample(START, 0), Sample(START, 0)).time + gap
            run = [Sample(first + length * number, number // 3) for number in range(count)]
            assert await store.append(sensor, run, NOW) == plain.append(run)
        case ["delete", [int(start), int(end)]]:
            assert await store.delete(sensor, start, end) == plain.delete(start, end)
        case ["replace", [int(start), int(end)], list(batch)]:
            inside = [sample for sample in batch if start <= sample.time < end]
            assert await store.replace(sensor, start, end, inside) == plain.replace(start, end, inside)
        case ["fold", int(days)]:
            await fold_from(store, sensor, START + days * DAY)
        case ["read"]:
            assert await store.sensor(sensor.id) == sensor
            newest = plain.newest()
            assert await store.newest([sensor.number]) == ({} if newest is None else {sensor.number: newest})


@given(
    st.sampled_from(["analog", "pulse", "cosem"]),
    walks,
    st.lists(times, min_size=1, max_size=6),
    st.integers(1, 90_000),
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
async def test_is_told_as_a_dictionary_tells_it(
    database: Database, class_: str, done: list[tuple[str, ...]], asked: list[int], length: int
) -> None:
    store = database.store or await database.open()
    sensor, other = await add_sensor(store, class_=class_), await add_sensor(store)
    await store.append(other, OTHER, NOW)
    plain = Plain(sensor.meter)
    prints: dict[bytes, list[Sample]] = {}
    for step in done:
        if step == ("reopen",):
            store = await database.reopen()
        else:
            await do(store, sensor, plain, *step)
        found = await store.fingerprint(sensor, min(asked), max(asked))
        there = plain.between(min(asked), max(asked), 99_999)
        assert prints.setdefault(found, there) == there
    assert await store.samples(sensor, 0, 1 << 33, 99_999) == plain.samples
    start, end = min(asked), max(asked)
    assert await store.samples(sensor, start, end, 3) == plain.between(start, end, 3)
    newest = plain.newest()
    assert await store.newest([sensor.number]) == ({} if newest is None else {sensor.number: newest})
    assert await store.breaks(sensor.number, 0, 1 << 33) == plain.breaks(0, 1 << 33)
    assert await store.breaks(sensor.number, start, end) == plain.breaks(start, end)
    assert await store.neighbours(sensor.number, asked) == {time: plain.neighbours(time) for time in asked}
    for edges in (
        [START - DAY + number * length for number in range(40)],
        [START - DAY + number * 3600 for number in range(6 * 24)],
        sorted(set(asked)),
    ):
        told, expected = await store.columns(sensor, edges), plain.columns(edges)
        for name, column, right in zip(told._fields, told, expected, strict=True):
            assert len(column) == len(edges) - 1
            for one, other_one in zip(column, right, strict=True):
                assert one == (None if other_one is None else pytest.approx(other_one, rel=1e-6, abs=1e-6)), name
    assert await store.samples(other, 0, 1 << 33, 99) == OTHER


async def test_there_is_nothing_around_no_samples(store: Store) -> None:
    sensor = await add_sensor(store)
    assert await store.neighbours(sensor.number, []) == {}
    assert await store.neighbours(sensor.number, [START]) == {START: Neighbours(None, None)}
    assert (await store.columns(sensor, [START, START + 60, START + 120])).flowed == [None, None]
    assert (await store.columns(sensor, [START])).flowed == []
