"""The journal: what was written is there after a crash, and a torn or damaged record costs only itself."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluksod.store.journal import Journal
from fluksod.store.record import (
    HEAD_BYTES,
    ClockSet,
    Cursor,
    CursorState,
    Entry,
    Position,
    Reader,
    Record,
    RegisterState,
    Writer,
)
from tests.device.board import CLAMP, GAS, PULSE

T = 1_795_000_000
BOOT = b"\x07" * 16
RECORDS: list[Record] = [
    Entry(CLAMP, T, 4_521_337_000, 463_000),
    RegisterState(CLAMP, 4_521_337, 4_521_337_000, 4_521_337_000, T),
    Entry(PULSE, T, None, None),
    Entry(CLAMP, T + 1, 4_521_337_000, -463_125),
    CursorState(CLAMP, Cursor(Position(T, 4_521_337), T + 5, Position(T + 8, 11))),
    CursorState(PULSE, Cursor(Position(T, 7))),
    Entry(CLAMP, T + 100_000, 4_521_338_250, 0),
    Entry(CLAMP, 17, 4_521_339_000, 1, BOOT),
    ClockSet(BOOT, T - 17),
    Entry(GAS, T - 3600, 0, 20_000),
]


def content(records: list[Record], salt: int = 99) -> list[bytes]:
    """The head of a file and then the bytes of each record."""
    writer = Writer(salt)
    return [writer.head(1), *(writer.bytes_of(record) for record in records)]


def read(data: bytes) -> tuple[list[Record], Reader]:
    reader = Reader(data)
    return list(reader.records()), reader


def test_what_was_written_is_read() -> None:
    records, reader = read(b"".join(content(RECORDS)))
    assert records == RECORDS
    assert reader.damages == []


def test_a_reading_costs_few_bytes() -> None:
    """Six a second have to fit into what a card bears: below 100 bytes a second with their counters."""
    first, again, counted = content(
        [RECORDS[0], Entry(CLAMP, T + 1, 4_521_337_000, 3_000_000), Entry(CLAMP, T + 2, 4_521_338_000, 0)]
    )[1:]
    assert len(first) > len(again)
    assert len(again) <= 12
    assert len(counted) <= 11


def test_an_acknowledgement_costs_few_bytes() -> None:
    """One for each sensor with every upload: every 10 s at least."""
    assert len(content([RECORDS[5], RECORDS[5]])[2]) <= 23


@given(
    st.lists(
        st.tuples(
            st.sampled_from([CLAMP, PULSE]),
            st.none() | st.integers(0, 1 << 44),
            st.none() | st.sampled_from([0, -1, 463_000]) | st.integers(-(1 << 40), 1 << 40),
        )
    )
)
def test_steps_of_counters_and_gauges_that_stay_are_read_as_they_were(
    shown: list[tuple[str, int | None, int | None]],
) -> None:
    records: list[Record] = []
    known: dict[str, int] = {}
    for second, (sensor, counter, gauge) in enumerate(shown):
        if counter is not None:
            known[sensor] = counter
        records.append(Entry(sensor, T + second, known.get(sensor), gauge))  # a counter that was told stays known
    assert read(b"".join(content(records)))[0] == records


def test_cut_at_every_byte() -> None:
    """A power cut may leave any beginning of what was written: its whole records are read, and its end is known."""
    parts = content(RECORDS)
    whole = b"".join(parts)
    ends = [sum(map(len, parts[: count + 1])) for count in range(len(parts))]
    for length in range(HEAD_BYTES, len(whole) + 1):
        records, reader = read(whole[:length])
        assert records == RECORDS[: sum(end <= length for end in ends) - 1]
        assert reader.end <= length
        assert read(whole[: reader.end])[0] == records


@pytest.mark.parametrize("tail", [bytes(5000), b"\xff" * 300, bytes(range(256))])
def test_rubbish_at_the_end(tail: bytes) -> None:
    whole = b"".join(content(RECORDS))
    records, reader = read(whole + tail)
    assert records == RECORDS
    assert reader.end == len(whole)


def test_every_byte_spoilt_in_turn() -> None:
    """What is left of a paragraph is lost at most; nothing is made up."""
    whole = b"".join(content(RECORDS))
    for place in range(HEAD_BYTES, len(whole)):
        spoilt = bytearray(whole)
        spoilt[place] ^= 0x55
        records, _ = read(bytes(spoilt))
        assert set(records) < set(RECORDS)
        assert records[-1] == RECORDS[-1] or place > len(whole) - 100


def test_a_file_of_another_life_is_not_believed() -> None:
    """A disk may give blocks again with what was in them: records of another salt are none."""
    ours, old = content(RECORDS[:2], salt=1), content(RECORDS, salt=2)
    assert read(b"".join(ours) + b"".join(old))[0] == RECORDS[:2]


@given(st.binary(max_size=300))
def test_any_bytes_are_read_without_a_crash(noise: bytes) -> None:
    read(b"".join(content(RECORDS[:1])) + noise)


def taken_up(folder: Path) -> tuple[Journal, list[Record]]:
    journal = Journal(folder)
    return journal, [record for _, record in journal.open(1)]


def test_goes_on_where_the_torn_record_was(tmp_path: Path) -> None:
    journal, records = taken_up(tmp_path / "journal")
    assert records == []
    journal.append(RECORDS[:3])
    journal.close()
    file = journal.files()[0].path
    for length in range(file.stat().st_size, HEAD_BYTES, -1):
        os.truncate(file, length)
        journal, records = taken_up(tmp_path / "journal")
        assert records == RECORDS[: len(records)]
        journal.append(RECORDS[3:])
        journal.close()
        journal, again = taken_up(tmp_path / "journal")
        journal.close()
        assert again == records + RECORDS[3:]


def test_a_file_that_was_just_begun_when_the_power_failed(tmp_path: Path) -> None:
    journal, _ = taken_up(tmp_path / "journal")
    journal.append(RECORDS)
    journal.begin(2, [RECORDS[1]])
    journal.close()
    for length in (HEAD_BYTES + 1, HEAD_BYTES - 1, 0):
        os.truncate(journal.files()[-1].path, length)
        journal, records = taken_up(tmp_path / "journal")
        assert records == RECORDS
        journal.close()


def test_a_file_without_a_head_is_moved_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    journal, _ = taken_up(tmp_path / "journal")
    journal.close()
    file = journal.files()[0].path
    file.write_bytes(b"x" * 1000)
    journal, records = taken_up(tmp_path / "journal")
    assert (records, journal.number) == ([], 2)
    assert file.with_suffix(".damaged").read_bytes() == b"x" * 1000
    assert f"moved to {file.with_suffix('.damaged')}" in caplog.text
    journal.close()


@pytest.fixture
def largest_file() -> Iterator[Callable[[int], None]]:
    """Sets how large a file of this process may grow, as a full disk would."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda most: resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_half_a_record_is_taken_back_when_the_disk_is_full(tmp_path: Path, largest_file: Callable[[int], None]) -> None:
    journal, _ = taken_up(tmp_path / "journal")
    journal.append(RECORDS[:4])
    size = journal.files()[0].path.stat().st_size
    for room in range(1, 40):
        largest_file(size + room)
        with pytest.raises(OSError, match=r"No space left|too large"):
            journal.append([Entry(GAS, T, 1 << 40, 1 << 40), Entry(GAS, T + 1, 1 << 41, 1 << 41)])
        largest_file(resource.RLIM_INFINITY)
        assert journal.files()[0].path.stat().st_size == size
    journal.append(RECORDS[4:])
    journal.close()
    journal, records = taken_up(tmp_path / "journal")
    journal.close()
    assert records == RECORDS
