"""Server-sent events as our client reads them, in any pieces."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluksod.uplink.server_sent import LONGEST_LINE, EventReader

STREAM = (
    b': ping\r\n\r\nevent: reading\nid: 4\ndata: {"a": 1}\n\nevent: other\ndata: x\n\ndata: y\n\n'
    b"event:reading\r\ndata:two\r\n\r\nevent: reading\n\nevent: reading\ndata: cut off"
)


@given(st.lists(st.integers(0, len(STREAM)), max_size=30))
def test_the_pieces_do_not_matter(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(STREAM)]
    reader = EventReader("reading")
    found = [data for start, end in itertools.pairwise(edges) for data in reader.feed(STREAM[start:end])]
    assert found == ['{"a": 1}', "two"]


@given(st.binary(max_size=300))
def test_noise_does_not_hurt(noise: bytes) -> None:
    reader = EventReader("reading")
    reader.feed(noise)
    assert reader.feed(b"\n\nevent: reading\ndata: z\n\n")[-1:] == ["z"]


def test_a_line_without_an_end_is_not_collected() -> None:
    reader = EventReader("reading")
    with pytest.raises(ValueError, match="4096 bytes"):
        reader.feed(b"x" * (LONGEST_LINE + 1))
