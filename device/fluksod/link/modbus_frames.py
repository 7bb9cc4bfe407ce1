"""Questions to meters over Modbus RTU, and their answers found in what comes from the bus. Pure.

Source: "Modbus over serial line", V1.02, 2.5.1, and "Modbus application protocol", V1.1b3, 6.3 and 6.4.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from pymodbus.framer import FramerRTU
from pymodbus.pdu import DecodePDU
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadHoldingRegistersResponse,
    ReadInputRegistersRequest,
)

_FRAMER = FramerRTU(DecodePDU(is_server=False))
_EXCEPTION = 0x80
_REQUESTS = {3: ReadHoldingRegistersRequest, 4: ReadInputRegistersRequest}


class RefusedError(Exception):
    """The meter answered with an exception."""


@dataclass(frozen=True)
class Question:
    """Asks the meter at `address` (1 to 247) for `count` registers from `first` on.

    `function` 3 reads holding registers, 4 input registers.
    """

    address: int
    function: int
    first: int
    count: int

    @cached_property
    def frame(self) -> bytes:
        """What goes onto the bus."""
        return bytes(
            _FRAMER.buildFrame(_REQUESTS[self.function](address=self.first, count=self.count, dev_id=self.address))
        )

    @property
    def answer_size(self) -> int:
        """Bytes of its answer: address, function, number of bytes, the registers, CRC."""
        return 5 + 2 * self.count

    def registers(self, received: bytes) -> list[int] | None:
        """The registers, if the answer is in `received`, None where it is not (all) there. Raises `RefusedError`.

        It counts only with a right CRC, from the meter that was asked and of the length that was asked for, wherever
        it stands: adapters put a byte before it when the bus changes its direction, some repeat the question, and a
        meter that was asked before may answer late.
        """
        head = bytes((self.address, self.function, 2 * self.count))
        for frame in _frames(received, head, self.answer_size):
            answer = _FRAMER.decoder.decode(frame[1:-2])
            if isinstance(answer, ReadHoldingRegistersResponse):  # that of function 4 is one too
                return list(answer.registers)
        for frame in _frames(received, bytes((self.address, self.function | _EXCEPTION)), 5):
            raise RefusedError(f"exception {frame[2]}")
        return None

    def complaint(self, received: bytes) -> str:
        """What is wrong with `received`, which has no answer in it."""
        if not received:
            return "no answer"
        _, sender, _, body = _FRAMER.decode(received)
        if body and sender != self.address:
            return f"an answer from {sender} instead of {self.address}"
        if body:
            return "an answer to another question"
        if len(received) < self.answer_size:
            return f"half an answer: {received.hex()}"
        return "an answer with a wrong CRC"


def _frames(received: bytes, head: bytes, size: int) -> Iterator[bytes]:
    """All pieces of `received` that begin with `head`, have `size` bytes and a right CRC."""
    at = received.find(head)
    while 0 <= at <= len(received) - size:
        frame = received[at : at + size]
        if FramerRTU.check_CRC(frame[:-2], int.from_bytes(frame[-2:], "big")):
            yield frame
        at = received.find(head, at + 1)
