"""The main board's side of the v2 link: frames over SPI, as the original daemon clocks them."""

from __future__ import annotations

from dataclasses import dataclass

from .board import Board

READ_MOST = 1024
WAIT_S = 0.005
COMMIT_WAIT_S = 0.5
RECORD_DIGITS = 22


class LinkError(RuntimeError):
    """What the board answered is no answer to what was asked."""


def crc8(data: bytes) -> int:
    """Return the CRC-8 of Dallas/Maxim's 1-Wire (polynomial 0x31 reflected, start 0)."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x8C if crc & 1 else crc >> 1
    return crc


def framed(message: str) -> str:
    """Return a control message with its letter, its CRC and its point."""
    return f"l{message}{crc8(message.encode('ascii')):02x}."


@dataclass(frozen=True)
class Record:
    """One sensor in the reply to `gd`: counter (Wh or L), thousandths of it, and W or the board's ms."""

    sensor: int
    counter: int
    milli: int
    extra: int


def records(reply: str) -> list[Record]:
    """Take a reply to `gd` apart. LinkError when it does not hold whole records."""
    digits = reply[2:]
    if len(digits) % RECORD_DIGITS:
        raise LinkError(f"not records of {RECORD_DIGITS} digits: {digits!r}")
    return [
        Record(int(r[:2], 16), int(r[2:10], 16), int(r[10:14], 16), int(r[14:], 16))
        for r in (digits[i : i + RECORD_DIGITS] for i in range(0, len(digits), RECORD_DIGITS))
    ]


class SpiLink:
    """Asks a simulated board with an SPI link."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.bus = bytearray()
        """What has come from RS-485 so far."""

    def send(self, frame: str) -> bytes:
        """Write a frame and the two zeros that end it; what the board shifted out meanwhile."""
        return self.board.spi(frame.encode("ascii") + b"\0\0")

    def read(self) -> bytes:
        """Read until the board's zero, and clock the dummy byte after it; what came before the zero."""
        heard = bytearray()
        while len(heard) < READ_MOST:
            byte = self.board.spi(b"\0")
            if byte == b"\0":
                self.board.spi(b"\0")
                break
            heard += byte
        return bytes(heard)

    def control(self, message: str) -> str:
        """Send a control message with its CRC, wait as the daemon does, and return the reply without its CRC.

        LinkError when there is none or its CRC is wrong.
        """
        self.send(framed(message))
        self.board.run_for(COMMIT_WAIT_S if message == "ct" else WAIT_S)
        return self.reply(self.read().decode("ascii"))

    def reply(self, heard: str) -> str:
        """Take what was read apart: the control reply without its CRC; RS-485's bytes go to `bus`."""
        if not heard.startswith("l") or "u" not in heard:
            raise LinkError(f"no frame: {heard!r}")
        control, _, bus = heard[1:].rpartition("u")
        self.bus += bytes.fromhex(bus)
        if not control.endswith(".") or f"{crc8(control[:-3].encode()):02x}" != control[-3:-1]:
            raise LinkError(f"no reply, or a wrong one: {heard!r}")
        return control[:-3]

    def poll(self) -> bytes:
        """Ask an idle board for RS-485's bytes: the first read returns nothing, the second one what there is."""
        if first := self.read():
            raise LinkError(f"the board was not idle: {first!r}")
        heard = self.read().decode("ascii")
        bus = bytes.fromhex(heard.rpartition("u")[2])
        self.bus += bus
        return bus

    def send_bus(self, data: bytes) -> None:
        """Send bytes to RS-485."""
        self.send("u" + data.hex())

    def changes(self) -> list[Record]:
        """Ask for what has changed (`gd`)."""
        return records(self.control("gd"))
