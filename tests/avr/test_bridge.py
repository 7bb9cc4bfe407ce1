"""The serial port of the simulated board: a pty whose reader may come, go and come back."""

from __future__ import annotations

import os
import select
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest
import serial

from fluksosim.bridge import BridgeError, PtyBridge


@pytest.fixture
def bridge(tmp_path: Path) -> Iterator[PtyBridge]:
    """A serial port published as `tmp_path/port`."""
    bridge = PtyBridge(tmp_path / "port")
    yield bridge
    bridge.close()


def _open(bridge: PtyBridge) -> int:
    return os.open(bridge.link, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)


def _read(file: int) -> bytes:
    data = b""
    while select.select([file], [], [], 0.2)[0]:
        try:
            chunk = os.read(file, 4096)
        except OSError:
            break
        if not chunk:
            break
        data += chunk
    return data


def test_the_link_leads_to_a_raw_serial_port(bridge: PtyBridge) -> None:
    assert bridge.link.is_symlink()
    reader = _open(bridge)
    every_byte = bytes(range(256))
    bridge.send(every_byte)
    assert _read(reader) == every_byte  # nothing is translated, no signal, no echo
    assert not termios.tcgetattr(reader)[3] & (termios.ECHO | termios.ICANON | termios.ISIG)
    os.close(reader)


def test_pyserial_reads_it_at_4800_baud(bridge: PtyBridge) -> None:
    with serial.Serial(str(bridge.link), 4800, timeout=2) as port:
        bridge.send(b"pwr line\n")
        assert port.readline() == b"pwr line\n"


def test_what_is_sent_while_nobody_reads_is_lost_and_stops_nobody(bridge: PtyBridge) -> None:
    for _ in range(1000):
        bridge.send(b"x" * 100)
    reader = _open(bridge)
    assert bridge.reader
    bridge.send(b"now\n")
    assert _read(reader) == b"now\n"
    os.close(reader)


def test_a_reader_may_go_and_come_back_and_gets_nothing_old(bridge: PtyBridge) -> None:
    for round_number in range(5):
        reader = _open(bridge)
        bridge.send(b"read\n")
        assert _read(reader) == b"read\n"
        bridge.send(b"left unread\n")
        os.close(reader)
        assert not bridge.reader
        bridge.send(b"nobody is there\n")
        reader = _open(bridge)
        bridge.send(b"again %d\n" % round_number)
        assert _read(reader) == b"again %d\n" % round_number
        os.close(reader)


def test_a_reader_that_does_not_read_stops_nobody(bridge: PtyBridge) -> None:
    reader = _open(bridge)
    for _ in range(1000):
        bridge.send(b"y" * 100)
    assert 0 < len(_read(reader)) < 100_000
    bridge.send(b"fresh\n")
    assert _read(reader).endswith(b"fresh\n")
    os.close(reader)


def test_what_a_reader_sends_is_ignored(bridge: PtyBridge) -> None:
    with serial.Serial(str(bridge.link), 4800, timeout=2, write_timeout=2) as port:
        for _ in range(50):
            port.write(b"noise" * 100)
            bridge.send(b"z")
        bridge.send(b"\n")
        assert port.readline().strip(b"z") == b"\n"


def test_unplugged_it_hangs_up_and_the_link_is_gone_until_it_is_back(bridge: PtyBridge) -> None:
    reader = _open(bridge)
    bridge.unplug()
    bridge.unplug()
    assert not os.path.lexists(bridge.link)
    poll = select.poll()
    poll.register(reader, select.POLLIN)
    assert poll.poll(2000)[0][1] & select.POLLHUP
    os.close(reader)
    bridge.send(b"into the void")
    bridge.plug_in()
    reader = _open(bridge)
    bridge.send(b"back\n")
    assert _read(reader) == b"back\n"
    os.close(reader)


def test_a_link_left_behind_is_replaced_but_nothing_else(tmp_path: Path) -> None:
    link = tmp_path / "port"
    link.symlink_to("/nowhere/at/all")
    bridge = PtyBridge(link)
    assert link.readlink() != Path("/nowhere/at/all")
    bridge.close()
    assert not os.path.lexists(link)
    link.write_text("mine")
    with pytest.raises(BridgeError, match="not a symbolic link"):
        PtyBridge(link)
    assert link.read_text() == "mine"
    with pytest.raises(BridgeError, match="cannot make the link"):
        PtyBridge(tmp_path / "no such folder" / "port")


def test_close_leaves_a_link_that_somebody_else_has_taken_over(tmp_path: Path) -> None:
    first = PtyBridge(tmp_path / "port")
    second = PtyBridge(tmp_path / "port")
    first.close()
    assert (tmp_path / "port").is_symlink()
    second.close()
    assert not os.path.lexists(tmp_path / "port")
