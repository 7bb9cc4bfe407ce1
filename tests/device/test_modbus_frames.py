"""Questions and answers of Modbus RTU: what is an answer, and that nothing else ever is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluksod.link.modbus_frames import Question, RefusedError
from tests.device.rs485 import with_crc

VOLTS = Question(1, 4, 0, 2)
QUESTION = bytes.fromhex("01 04 00 00 00 02 71 CB")
ANSWER = bytes.fromhex("01 04 04 43 66 33 34 1B 38")
"""Question and answer as the example in Eastron's protocol documents: 230.2 V."""
VALUE = [0x4366, 0x3334]
FOREIGN = with_crc(bytes.fromhex("02 04 04 00 00 00 00"))
OTHER_SIZE = with_crc(bytes.fromhex("01 04 02 43 66"))
OTHER_FUNCTION = with_crc(bytes.fromhex("01 03 04 43 66 33 34"))


def test_the_example_of_the_maker() -> None:
    assert VOLTS.frame == QUESTION
    assert VOLTS.answer_size == len(ANSWER)
    assert VOLTS.registers(ANSWER) == VALUE
    assert Question(1, 3, 0, 2).registers(OTHER_FUNCTION) == VALUE


@pytest.mark.parametrize(
    "before",
    [
        pytest.param(b"\x00", id="the bus changes its direction"),
        pytest.param(b"\xff\x01", id="noise that looks like the address"),
        pytest.param(QUESTION, id="the adapter repeats the question"),
        pytest.param(FOREIGN, id="the meter that was asked before is late"),
        pytest.param(OTHER_SIZE, id="a late answer to another question"),
        pytest.param(ANSWER[:-1] + b"\x39", id="an answer with a wrong CRC"),
        pytest.param(ANSWER[:5], id="half an answer"),
    ],
)
def test_what_stands_before_an_answer_does_no_harm(before: bytes) -> None:
    assert VOLTS.registers(before) is None
    for end in range(len(ANSWER)):
        assert VOLTS.registers(before + ANSWER[:end]) is None
    assert VOLTS.registers(before + ANSWER) == VALUE
    assert VOLTS.registers(before + ANSWER + b"\x00") == VALUE


@pytest.mark.parametrize(
    ("received", "complaint"),
    [
        (b"", "no answer"),
        (FOREIGN, "an answer from 2 instead of 1"),
        (OTHER_SIZE, "an answer to another question"),
        (OTHER_FUNCTION, "an answer to another question"),
        (ANSWER[:4], "half an answer: 01040443"),
        (ANSWER[:-1] + b"\x39", "an answer with a wrong CRC"),
    ],
)
def test_what_is_no_answer_is_named(received: bytes, complaint: str) -> None:
    assert VOLTS.registers(received) is None
    assert VOLTS.complaint(received) == complaint


def test_an_exception_is_one_only_from_the_meter_that_was_asked() -> None:
    with pytest.raises(RefusedError, match="exception 2"):
        VOLTS.registers(b"\x00" + with_crc(bytes.fromhex("01 84 02")))
    assert VOLTS.registers(with_crc(bytes.fromhex("02 84 02"))) is None
    assert VOLTS.registers(with_crc(bytes.fromhex("01 83 02"))) is None
    assert VOLTS.registers(bytes.fromhex("01 84 02 00 00")) is None


@given(st.integers(0, 8 * len(ANSWER) - 1), st.integers(0, 8 * len(ANSWER) - 1))
def test_one_or_two_wrong_bits_are_always_seen(first: int, second: int) -> None:
    number = int.from_bytes(ANSWER, "big") ^ (1 << first)
    if second != first:
        number ^= 1 << second
    assert VOLTS.registers(number.to_bytes(len(ANSWER), "big")) is None


@given(
    st.integers(1, 247),
    st.sampled_from([3, 4]),
    st.integers(0, 0xFFFF),
    st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=60),
    st.binary(max_size=40),
)
def test_any_registers_are_read_wherever_the_answer_stands(
    address: int, function: int, first: int, registers: list[int], noise: bytes
) -> None:
    question = Question(address, function, first, len(registers))
    packed = b"".join(word.to_bytes(2, "big") for word in registers)
    answer = with_crc(bytes([address, function, len(packed)]) + packed)
    assert question.registers(noise + answer) == registers


@given(st.binary(max_size=300), st.sampled_from([VOLTS, Question(0x43, 3, 0x5B00, 28)]))
def test_any_bytes_are_borne(received: bytes, question: Question) -> None:
    assert question.registers(received) is None
    assert question.complaint(received)
