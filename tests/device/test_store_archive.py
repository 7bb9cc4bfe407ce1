"""The archive: what was taken is told again at any resolution, also after kill -9, and whatever the clock does."""

from __future__ import annotations

import os
import shutil
import sqlite3
from itertools import pairwise
from pathlib import Path

import pytest

from fluksod.config import StoreConfig
from fluksod.store.buckets import Columns
from fluksod.store.record import Cursor, Position
from tests.device.archived import NOON, Archived, mark
from tests.device.board import CLAMP, GAS, PULSE

MINUTE, HOUR, DAY = 60, 3600, 86400


def energy(columns: Columns) -> float:
    """What the buckets hold together."""
    return sum(end - start for start, end in edges(columns) if start is not None and end is not None)


async def test_a_minute_of_seconds(tmp_path: Path) -> None:
    house = Archived(tmp_path)
    for second in range(60):
        house.show(1000 + second, 100 + second)
    columns = await house.history(0, 60, 60)
    assert columns.time == [NOON]
    assert (columns.min, columns.max, columns.mean, columns.last) == ([100], [159], [129.5], [159])
    assert (columns.counter_start, columns.counter_end) == ([1000], [1059])
    assert columns.coverage == [1]
    by_second = await house.history(0, 60, 1)
    assert by_second.last == [100 + second for second in range(60)]
    assert by_second.counter_end[1:] == [1000 + second for second in range(1, 60)]


async def test_the_same_from_seconds_and_from_minutes(tmp_path: Path) -> None:
    """Before and after the seconds are folded into minutes; and after a restart, from the journal and the history."""
    house = Archived(tmp_path)
    counter = await house.run_for(2 * HOUR)
    shown = [await house.history(HOUR, 2 * HOUR, resolution) for resolution in (60, 900, 3600)]
    again = house.again()
    assert [await again.history(HOUR, 2 * HOUR, resolution) for resolution in (60, 900, 3600)] == shown
    await again.run_for(2 * HOUR, counter=counter)
    assert [await again.history(HOUR, 2 * HOUR, resolution) for resolution in (60, 900, 3600)] == shown
    assert shown[0].coverage == [1] * 60


async def test_the_first_seconds_of_all_are_told_by_the_second_after_a_fold_and_a_restart(tmp_path: Path) -> None:
    house = Archived(tmp_path, now=NOON + HOUR - 73)
    await house.run_for(100)
    shown = await house.history(HOUR - 80, HOUR + 30, 1)
    assert shown.coverage[:80] == [0] * 7 + [1] * 73
    assert await house.again().history(HOUR - 80, HOUR + 30, 1) == shown


@pytest.mark.parametrize("resolution", [1, 7, 60, 61, 900, 1000, 3600, 7200, DAY])
async def test_sums_agree_at_every_resolution(tmp_path: Path, resolution: int) -> None:
    """Over hours, minutes and seconds, with a gap of an hour and more in it, and edges within minutes."""
    house = Archived(tmp_path)
    counter = await house.run_for(HOUR + 1234)
    house.wait(HOUR + 500)
    await house.archive.fold()
    counter = await house.run_for(2 * HOUR, counter=counter + 5000)
    columns = await house.history(-HOUR, 6 * HOUR, resolution)
    assert energy(columns) == pytest.approx(counter - 1001)
    known = [(start, end) for start, end in edges(columns) if start is not None]
    assert [end for _, end in known[:-1]] == [start for start, _ in known[1:]], "each goes on where the last one ended"


def edges(columns: Columns) -> list[tuple[float | None, float | None]]:
    return list(zip(columns.counter_start, columns.counter_end, strict=True))


async def test_a_gap_stays_a_gap(tmp_path: Path) -> None:
    house = Archived(tmp_path)
    await house.run_for(10 * MINUTE)
    house.wait(20 * MINUTE)
    await house.run_for(10 * MINUTE, counter=3000)
    for taken_up in (house, house.again()):
        columns = await taken_up.history(0, 40 * MINUTE, 10 * MINUTE)
        assert columns.coverage == [1, 0, 0, 1]
        assert [value is None for value in columns.mean] == [False, True, True, False]
        assert energy(columns) == 3600 - 1001


async def test_a_pulse_input_speaks_for_the_seconds_between_its_lines(tmp_path: Path) -> None:
    """The board repeats a counter after 10 s without news, so its minute is covered; a longer silence is not."""
    house = Archived(tmp_path)
    for number in range(6):
        house.show(number, 6, GAS, seconds=10)
    house.wait(30)
    house.show(6, 6, GAS, seconds=0)
    columns = await house.history(0, 120, 60, GAS)
    assert columns.coverage[0] == pytest.approx(51 / 60, abs=0.001)
    assert columns.coverage[1] == pytest.approx(1 / 60, abs=0.001)


async def test_an_unknown_sensor_and_a_wrong_interval(tmp_path: Path) -> None:
    house = Archived(tmp_path)
    assert (await house.history(0, 120, 60, PULSE)).coverage == [0, 0]
    for start, end, resolution in ((0, 0, 60), (60, 0, 60), (0, 60, 0), (0, 1_000_000, 1)):
        with pytest.raises(ValueError, match="resolution"):
            await house.history(start, end, resolution)


async def test_kill_9_loses_nothing_and_a_torn_record_only_itself(tmp_path: Path) -> None:
    house = Archived(tmp_path)
    counter = await house.run_for(HOUR + 90)
    file = max((tmp_path / "journal").iterdir())
    for cut in range(1, 41):
        os.truncate(file, file.stat().st_size - 1)
        again = house.again()
        columns = await again.history(0, HOUR + 120, 1)
        last = max(second for second in columns.counter_end if second is not None)
        assert counter - cut <= last < counter
        assert energy(columns) == last - 1001


async def test_registers_are_taken_up_from_the_newest_reading(tmp_path: Path) -> None:
    house = Archived(tmp_path)
    stands = mark(17, 5017)
    house.archive.follow(lambda _sensor: stands)
    house.show(5017, 100)
    stands = mark(20, 5020)
    house.show(5020, 100)
    assert house.again().marks == {CLAMP: mark(20, 5020, NOON + 1)}
    stands = mark(3, 5023)  # the board began anew
    house.show(5023, 100)
    stands = mark(4, 5024)
    house.show(5024, 100)
    assert house.again().marks == {CLAMP: mark(4, 5024, NOON + 3)}
    await house.archive.fold()
    assert house.again().marks == {CLAMP: mark(4, 5024, NOON + 3)}


async def test_a_counter_that_waits_for_the_board_is_not_forgotten(tmp_path: Path) -> None:
    """A line with noise was counted, then taken back: less than was told is never told, not after kill -9 either."""
    house = Archived(tmp_path)
    house.archive.follow(lambda _sensor: mark(20, 5020))
    house.show(5090, 100)
    taken_up = house.again().marks[CLAMP]
    assert (taken_up.raw, taken_up.total, taken_up.told) == (20, 5020, 5_090_000)


async def test_a_clock_set_forth_by_an_hour_and_back(tmp_path: Path) -> None:
    """What lies in the leap is measured when its time comes; energy is told once, and nothing falls."""
    house = Archived(tmp_path)
    counter = await house.run_for(600)
    house.now += HOUR
    counter = await house.run_for(600, counter=counter)
    house.now -= HOUR
    counter = await house.run_for(2 * HOUR, counter=counter)
    columns = await house.history(0, 3 * HOUR, 60)
    assert energy(columns) == counter - 1001
    counters = [counter for pair in edges(columns) for counter in pair if counter is not None]
    assert counters == sorted(counters)
    assert columns.coverage[:140] == [1] * 10 + [0] * 10 + [1] * 120, "the ten minutes an hour ahead are there"


async def test_a_clock_set_back_by_an_hour_and_forth(tmp_path: Path) -> None:
    """The hour that was measured already is not spoilt by a second telling of it."""
    house = Archived(tmp_path)
    counter = await house.run_for(HOUR)
    before = await house.history(0, HOUR, 60)
    house.now -= HOUR
    counter = await house.run_for(600, counter=counter)
    house.now += HOUR
    counter = await house.run_for(600, counter=counter)
    assert await house.history(0, HOUR, 60) == before
    columns = await house.history(0, 2 * HOUR, 60)
    assert energy(columns) == counter - 1001
    assert [reading.counter for reading in house.told] == list(range(1001, counter + 1)), "live goes on all the time"
    again = house.again()
    assert await again.history(0, 2 * HOUR, 60) == columns


async def test_readings_before_the_clock_is_set_get_their_time_afterwards(tmp_path: Path) -> None:
    house = Archived(tmp_path, now=17.0)
    counter = await house.run_for(90)
    assert house.told == [], "nobody hears of a reading without a time"
    house = house.again()
    counter = await house.run_for(30, counter=counter)
    assert await house.archive.measurements(CLAMP, Position(0, 0), 1 << 40, 1000) == []
    house.now = NOON + 120
    counter = await house.run_for(60, counter=counter)
    for taken_up in (house, house.again()):
        columns = await taken_up.history(0, 180, 60)
        assert columns.coverage == [1, 1, 1]
        assert energy(columns) == counter - 1001
        rows = await taken_up.archive.measurements(CLAMP, Position(0, 0), NOON + 1000, 1000)
        assert rows == [Position(NOON + second, 1001 + second) for second in range(180)]
    assert [reading.time for reading in house.told] == [NOON + second for second in range(120, 180)]


async def test_readings_of_a_boot_whose_clock_was_never_set(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """They have no time; what they counted comes with the next reading that has one."""
    house = Archived(tmp_path)
    house.archive.follow(lambda _sensor: mark(house_counter, house_counter))
    house_counter = 1000
    house.show(house_counter, 100)
    house = Archived(tmp_path, now=5.0, of_boot=5.0, boot=b"\x02" * 16)
    house.archive.follow(lambda _sensor: mark(house_counter, house_counter))
    house_counter = 1400
    house.show(house_counter, 100)
    house = Archived(tmp_path, now=NOON + 600, of_boot=9.0, boot=b"\x03" * 16)
    assert "1 readings have no time" in caplog.text
    assert (house.marks[CLAMP].raw, house.marks[CLAMP].total) == (1400, 1400)
    house.show(1500, 100)
    assert energy(await house.history(0, 1200, 600)) == 500


async def test_measurements_are_seconds_as_long_as_they_are_kept_and_then_minutes(tmp_path: Path) -> None:
    house = Archived(tmp_path)
    await house.run_for(3 * HOUR)
    rows = await house.archive.measurements(CLAMP, Position(NOON, 1001), NOON + 3 * HOUR, 1 << 20)
    assert rows[:3] == [Position(NOON + 59 + 60 * number, 1060 + 60 * number) for number in range(3)]
    assert rows[-3:] == [Position(NOON + 3 * HOUR - back, 1001 + 3 * HOUR - back) for back in (3, 2, 1)]
    steps = [later.time - earlier.time for earlier, later in pairwise(rows)]
    assert steps == [60] * (2 * 60 - 2) + [1] * (HOUR + 60)
    pages, after = [], Position(NOON, 1001)
    while page := await house.archive.measurements(CLAMP, after, NOON + 3 * HOUR, 1000):
        pages += page
        after = page[-1]
    assert pages == rows


async def test_whatever_is_uploaded_in_between_a_second_tells_all_it_has_counted(tmp_path: Path) -> None:
    """A second uploaded twice is ahead of the clock (trap 17: times ascend): what it counts then is news too."""
    house, done = Archived(tmp_path), Position(NOON - 1, 1000)
    house.show(1000, 1)
    for number, counter in enumerate((1001, 1002, 1004, 1005)):
        house.show(counter, 1, seconds=0)
        rows = await house.archive.measurements(CLAMP, done, 1 << 40, 1000)
        assert rows == house.archive.recent(CLAMP, done) == [Position(NOON + 1 + number, counter)]
        [done] = rows
        house.archive.acknowledge(CLAMP, Cursor(done))
    assert await house.again().archive.measurements(CLAMP, done, 1 << 40, 1000) == []
    house.wait(9)
    house.show(1009, 1)
    assert house.archive.recent(CLAMP, done) == [Position(NOON + 10, 1009)]


async def test_without_its_journal_the_newest_hour_is_told_in_minutes(tmp_path: Path) -> None:
    house = Archived(tmp_path)
    counter = await house.run_for(2 * 3600)
    house.archive.close()
    shutil.rmtree(tmp_path / "journal")
    house = house.again()
    house.show(counter + 1, 3600)
    house.wait(3600)
    house.show(counter + 2, 3600)
    rows = await house.archive.measurements(CLAMP, Position(NOON - 1, 1000), NOON + 86400, 1000)
    assert rows is not None
    assert [row.time - NOON for row in rows[:120]] == list(range(59, 7200, 60))
    assert [row.counter for row in rows[120:]] == [counter + 1, counter + 2]


async def test_what_a_cloud_has_is_remembered(tmp_path: Path) -> None:
    house = Archived(tmp_path)
    house.show(1000, 1)
    assert house.archive.cursor(CLAMP) == Cursor(Position(NOON - 1, 1000)), "the first counter is a guard (trap 30)"
    assert house.archive.cursor(GAS) is None
    cursor = Cursor(Position(NOON + 5, 1003), NOON + 70, Position(NOON + 80, 1011))
    house.archive.acknowledge(CLAMP, cursor)
    assert house.again().archive.cursor(CLAMP) == cursor
    await house.archive.fold()
    for file in (tmp_path / "journal").iterdir():
        file.unlink()
    assert house.again().archive.cursor(CLAMP) == cursor, "the history has it too"
    await house.archive.forget_cursors()
    assert house.again().archive.cursor(CLAMP) == Cursor(Position(NOON - 1, 1000))


async def test_old_minutes_and_old_files_are_dropped(tmp_path: Path) -> None:
    house = Archived(tmp_path, config=StoreConfig(600, 2))
    counter = 1000
    for _ in range(4 * 24):
        counter = await house.run_for(2, counter=counter)
        house.wait(HOUR - 2)
        await house.archive.fold()
    oldest = house.archive.state.oldest_minute
    assert oldest is not None
    assert oldest == house.now // DAY * DAY - 2 * DAY
    assert len(list((tmp_path / "journal").iterdir())) <= 2
    columns = await house.history(0, 4 * DAY, DAY)
    assert energy(columns) == pytest.approx(counter - 1000, abs=2 * 24 + 2), "what is left agrees"
    again = house.again()
    assert await again.history(0, 4 * DAY, DAY) == columns


async def test_a_truncated_database_is_moved_aside_and_counters_go_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    house = Archived(tmp_path)
    await house.run_for(HOUR + 60)
    house.archive.close()
    database = tmp_path / "history.db"
    size = database.stat().st_size
    for length in (size - 1, size // 2, 4096, 100, 1):
        os.truncate(database, length)
        again = house.again()
        assert f"{database} is damaged" in caplog.text, length
        assert (tmp_path / "history.db.damaged").stat().st_size == length
        assert energy(await again.history(0, 2 * HOUR, 60)) == HOUR + 59, "what the journal still has is there"
        again.archive.close()
        caplog.clear()
        (tmp_path / "history.db").replace(database)
        Archived(tmp_path).archive.close()


async def test_a_database_that_turns_out_damaged_later(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    house = Archived(tmp_path)
    counter = await house.run_for(HOUR)
    with sqlite3.connect(tmp_path / "history.db") as database:
        database.execute("UPDATE hour SET minutes = x'00'")
    await house.history(-DAY, HOUR - 60, 60)
    counter = await house.run_for(2 * HOUR, counter=counter)
    assert "is damaged" in caplog.text
    assert energy(await house.history(HOUR, 3 * HOUR, 60)) == pytest.approx(2 * HOUR, abs=60)
    assert house.archive.state.error is None
