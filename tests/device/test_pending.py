"""What waits for the cloud: ascending, once, never lost, the newest first after a long time; thinned where wanted."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluksod.store.record import Cursor, Position
from fluksod.uplink import pending as pending_module
from fluksod.uplink.backoff import LONGEST, Backoff
from fluksod.uplink.pending import Batch, Pending
from fluksod.uplink.thinning import thin, thinned
from tests.device.archived import NOON, Archived
from tests.device.board import CLAMP

HOUR = 3600


async def _upload_all(pending: Pending) -> list[Batch]:
    """Take and acknowledge what is live, then one batch of the backlog, and so on, as the uplink does."""
    batches: list[Batch] = []
    while True:
        batch = await pending.live() or await pending.backlog()
        if batch is None:
            return batches
        batches.append(batch)
        pending.acknowledge(batch)


async def test_the_first_counter_ever_is_only_a_guard(tmp_path: Path) -> None:
    """Trap 30: it may be noise, and it is no energy; what is counted in its second has that second's time."""
    house = Archived(tmp_path)
    pending = Pending(house.archive, CLAMP)
    assert await pending.live() is None
    house.show(1000, None, seconds=0)
    assert await pending.live() is None
    house.show(1001, None)
    batch = await pending.live()
    assert batch is not None
    assert batch.on_the_wire() == [(NOON, 1001)]


async def test_the_wire_wraps_at_32_bit_though_ours_goes_on(tmp_path: Path) -> None:
    """Trap 10."""
    house = Archived(tmp_path)
    for counter in (2**32 - 2, 2**32 - 1, 2**32, 2**32 + 1):
        house.show(counter, None)
    batch = await Pending(house.archive, CLAMP).live()
    assert batch is not None
    assert [counter for _, counter in batch.on_the_wire()] == [2**32 - 1, 0, 1]


async def test_what_was_acknowledged_goes_once_and_what_was_not_goes_again(tmp_path: Path) -> None:
    house = Archived(tmp_path)
    for counter in range(1000, 1005):
        house.show(counter, None)
    first = await Pending(house.archive, CLAMP).live()
    again = Pending(house.again().archive, CLAMP)  # killed before the answer came
    second = await again.live()
    assert first is not None
    assert second is not None
    assert first.rows == second.rows
    again.acknowledge(second)
    assert await again.live() is None
    assert len(again) == 0
    taken_up = Archived(tmp_path, house.now, house.of_boot, house.boot, house.config)
    assert await Pending(taken_up.archive, CLAMP).live() is None, "the acknowledgement lasts"


async def test_after_a_long_time_the_newest_goes_first_and_every_minute_follows_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending_module, "BATCH", 100)
    house = Archived(tmp_path)
    counter = await house.run_for(5 * HOUR)
    pending = Pending(house.archive, CLAMP)
    await pending.count()
    waiting = len(pending)
    live = await pending.live()
    assert live is not None
    assert live.on_the_wire() == [(int(house.now) - 1, counter)]
    pending.acknowledge(live)
    assert pending.has_backlog
    house.show(counter + 1, None)
    batches = await _upload_all(pending)
    assert batches[0].on_the_wire() == [(int(house.now) - 1, counter + 1)], "what is live goes before the backlog"
    backlog = [row for batch in batches[1:] for row in batch.rows]
    assert len(batches) > 10
    assert len(backlog) == waiting - 1
    times = [row.time for row in backlog]
    assert times == sorted(set(times))
    assert [row.counter for row in backlog] == sorted({row.counter for row in backlog})
    assert max(later - earlier for earlier, later in pairwise(times)) <= 60, "every minute"
    assert backlog[-1].time < live.rows[0].time
    assert not pending.has_backlog
    assert house.archive.cursor(CLAMP) == Cursor(batches[0].rows[-1])
    await pending.count()
    assert len(pending) == 0


@pytest.mark.parametrize("thinning", [False, True])
async def test_what_waits_is_counted_on_as_if_it_were_counted_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, thinning: bool
) -> None:
    """Also while minutes become old, and where the cloud turns out to be another one."""
    monkeypatch.setattr(pending_module, "BATCH", 50)
    house = Archived(tmp_path)
    counter = await house.run_for(3 * HOUR)
    pending = Pending(house.archive, CLAMP, thinning=thinning)
    seen = []

    async def counted() -> None:
        await pending.count()
        anew = Pending(house.archive, CLAMP)
        await anew.count()
        assert len(pending) == len(anew)
        seen.append(len(anew))

    while True:
        await counted()
        batch = await pending.live() if len(seen) % 3 else await pending.backlog()
        if batch is not None:
            pending.acknowledge(batch)
            await counted()
        elif not pending.has_backlog and await pending.live() is None:
            break
        if len(seen) < 30:
            counter = await house.run_for(100, counter=counter)
            await counted()
    assert seen[-1] == 0
    await house.archive.forget_cursors()
    await counted()
    assert seen[-1] > 100


async def test_a_backlog_goes_on_where_it_was_after_kill_9(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending_module, "BATCH", 100)
    house = Archived(tmp_path)
    await house.run_for(3 * HOUR)
    arrived: list[Position] = []
    for _ in range(1000):
        pending = Pending(house.archive, CLAMP)
        batch = await pending.live() or await pending.backlog()
        if batch is None:
            break
        arrived += batch.rows
        pending.acknowledge(batch)
        house = house.again()
    assert len({row.time for row in arrived}) == len(arrived), "once"
    ordered = sorted(arrived)
    assert [row.counter for row in ordered] == sorted({row.counter for row in arrived})
    assert max(later.time - earlier.time for earlier, later in pairwise(ordered)) <= 60


def rows_at(*seconds: int) -> list[Position]:
    return [Position(NOON + second, counter) for counter, second in enumerate(seconds)]


def test_thinning_keeps_the_first_and_the_last_of_a_bucket() -> None:
    rows = rows_at(0, 10, 20, 59, 60, 61, 119, 180, 200)
    assert [row.time - NOON for row in thin(rows, 60, NOON + 1000)] == [0, 59, 60, 119, 180, 200]
    assert [row.counter for row in thin(rows, 60, NOON + 60)] == [0, 3, 4, 5, 6, 7, 8], "what is new is not thinned"


@given(st.lists(st.integers(0, 400_000), unique=True, max_size=200).map(sorted))
def test_thinning_keeps_both_ends_and_the_order(seconds: list[int]) -> None:
    rows = rows_at(*seconds)
    kept = thinned(rows, NOON + 400_000)
    assert kept == sorted(kept)
    assert set(kept) <= set(rows)
    assert kept[:1] + kept[-1:] == rows[:1] + rows[-1:]


def test_waits_longer_with_each_failure_and_not_for_ever() -> None:
    backoff = Backoff()
    delays = [backoff.failed(100.0) for _ in range(12)]
    for number, delay in enumerate(delays):
        step = min(2.0**number, LONGEST)
        assert step / 2 <= delay <= step
    assert backoff.until == 100.0 + delays[-1]
    assert backoff.failed(100.0, at_least=900) == 900
    backoff.succeeded()
    assert backoff.failed(100.0) <= 1
    assert len({Backoff().failed(0) for _ in range(10)}) > 1, "jitter"
