"""The parts of a firmware update: images, avrdude's command line and words, which board is meant. Nothing is run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluksod.config import ConfigError, parse
from fluksod.config.boards import BoardConfig, BoardModel, Programmer
from fluksod.firmware import boards as board_firmware
from fluksod.firmware.avrdude import Progress, arguments, high_fuse, reason
from fluksod.firmware.boards import chosen_board
from fluksod.firmware.images import Image, ImageError, checked, of_file, shipped
from fluksod.firmware.update import UpdateError
from tests.device.programming import BOARD, PORT


def test_images_ship_for_every_board() -> None:
    """As `make -C avr images` has made them; the wheel takes them along."""
    assert len({shipped(model).sha256 for model in BoardModel}) >= 3


def record(address: int, data: bytes, kind: int = 0) -> bytes:
    head = bytes([len(data), address >> 8, address & 0xFF, kind]) + data
    return b":" + (head + bytes([-sum(head) & 0xFF])).hex().upper().encode() + b"\n"


END = b":00000001FF\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no whole image"),
        (b"hello", "no whole image"),
        (END * 9999, "no whole image"),
        (record(0, b"x"), "no whole image"),
        (END, "is empty"),
        (END + END, "record 1 of it is of a kind"),
        (b":10\n" + END, "record 1 of it is damaged"),
        (b":01000000AA56\n" + END, "record 1 of it is damaged"),
        (record(0, b"\x10\x00", 2) + END, "record 1 of it is of a kind"),
        (record(0x3FFF, b"xy") + END, "takes 16385 bytes of flash, a v1_1 has 16384"),
    ],
)
def test_what_is_no_image(content: bytes, said: str) -> None:
    with pytest.raises(ImageError, match=said):
        checked(content, BoardModel.V1_1, "it")


def test_an_image_that_just_fits() -> None:
    checked(record(0x3FFE, b"xy") + END, BoardModel.V1_1, "it")
    checked(record(0x7FFE, b"xy") + END, BoardModel.UNO, "it")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="cannot be read: No such file"):
        of_file(tmp_path / "none.hex", BoardModel.V1_1)


@given(st.data())
def test_a_spoilt_byte_of_an_image_is_found(data: st.DataObject) -> None:
    image = bytearray(shipped(BoardModel.V1_1).content)
    place = data.draw(st.integers(0, len(image) - 14))
    old = image[place]
    new = data.draw(st.sampled_from(b"0123456789ABCDEF:").filter(lambda byte: byte != old))
    image[place] = new
    if chr(old).isalnum() or old == ord(":"):
        with pytest.raises(ImageError):
            checked(bytes(image), BoardModel.V1_1, "it")


def test_the_command_line_of_avrdude() -> None:
    assert arguments(BOARD, "flash:w:x.hex:i") == [
        *("-p", "m168", "-c", "linuxspi", "-P", PORT, "-B", "5", "-U", "flash:w:x.hex:i")
    ]
    uno = replace(BOARD, model=BoardModel.UNO, programmer=Programmer.ARDUINO, programmer_port="/dev/ttyACM0")
    assert arguments(uno, "flash:w:x.hex:i") == [
        *("-p", "m328p", "-c", "arduino", "-P", "/dev/ttyACM0", "-D", "-U", "flash:w:x.hex:i")
    ]
    assert arguments(replace(BOARD, programmer=Programmer.USBASP, programmer_port="usb"), "a", "b") == [
        *("-p", "m168", "-c", "usbasp", "-P", "usb", "-U", "a", "-U", "b")
    ]
    assert high_fuse("avrdude says\n0xd5\n") == 0xD5
    assert high_fuse("nothing") is None


HEAD = """
avrdude: AVR device initialized and ready to accept instructions
avrdude: device signature = 0x1e9406 (probably m168)
"""


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (
            HEAD + "avrdude error: expected signature for ATmega328P is 1E 95 0F\n        double check chip\n",
            (
                "expected signature for ATmega328P is 1E 95 0F; this chip is not on the board that model in "
                "[[board]] names: correct it"
            ),
        ),
        (
            "Device signature = 1E 94 06\nError: expected signature for ATmega328P is 1E 95 0F\n",  # 8.0
            (
                "expected signature for ATmega328P is 1E 95 0F; this chip is not on the board that model in "
                "[[board]] names: correct it"
            ),
        ),
        (
            HEAD + "avrdude warning: verification mismatch\n        device 0x01 != input 0x00 at addr 0x0080 (error)\n"
            "avrdude error: verification mismatch\n\navrdude done.  Thank you.\n",
            "verification mismatch; run it again, and if that does not help, look at supply and wires of the board",
        ),
        (
            "\navrdude error: AVR device not responding\navrdude error: initialization failed, rc=-2\n",
            "AVR device not responding; is the board powered and wired, is programmer_port right?",
        ),
        (
            (
                "avrdude OS error: unable to open the spidev device /dev/spidev0.0: Permission denied\n"
                "avrdude error: unable to open programmer linuxspi on port /dev/spidev0.0:/dev/gpiochip0:25\n"
            ),
            (
                "unable to open the spidev device /dev/spidev0.0: Permission denied; let this user into the group of "
                "that device, often spi and gpio"
            ),
        ),
        (
            "avrdude error: cannot find USB device with vid=0x16c0 pid=0x5dc\n",
            (
                "cannot find USB device with vid=0x16c0 pid=0x5dc; is it switched on and connected, is programmer_port "
                "right?"
            ),
        ),
        ("avrdude error: something new\n", "something new"),
        ("Segmentation fault\n", "it gave no reason"),
    ],
)
def test_what_avrdude_says_of_a_failure(said: str, why: str) -> None:
    """As 7.1 says it, and 8.0 in one case."""
    assert reason(said) == why


@given(st.text(alphabet="Writng Read|# \n", max_size=200))
def test_progress_is_a_percentage_whatever_is_said(text: str) -> None:
    assert 0 <= Progress().take(text) <= 100


def test_progress_is_half_writing_and_half_verifying() -> None:
    full = "Writing | ################################################## | 100% 1.2s\n"
    progress = Progress()
    assert progress.take("Reading | ################################################## | 100% 0.1s\n") == 0
    assert progress.take("Writing | #########################") == 25
    assert Progress().take(full) == 50
    assert Progress().take(full + "Reading | #####") == 55
    assert Progress().take(full + full.replace("Writing", "Reading")) == 100


def test_which_board_is_meant() -> None:
    other = replace(BOARD, name="attic")
    assert chosen_board([BOARD, BoardConfig("bare", "/dev/x")], None) is BOARD
    assert chosen_board([BOARD, other], "attic") is other
    for boards, name, said in (
        ([], None, "no board can be updated"),
        ([BOARD, other], None, "say which board: 'board', 'attic'"),
        ([BOARD, other], "cellar", "there is no board 'cellar'"),
    ):
        with pytest.raises(UpdateError, match=said):
            chosen_board(boards, name)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ('model = "v9"', r'model in \[board\]: give one of "v0_1", "v1_1", "v2_0", "uno"'),
        ('model = "v2_0"', r'line 3: model in \[board\]: a v2_0 has link = "spi"'),
        ('link = "spi"\nmodel = "uno"', 'a uno has link = "uart"'),
        ('programmer = "usbasp"', "line 3: programmer in .*: is for updates of the firmware, which need model too"),
        ('model = "v1_1"\nprogrammer = "arduino"', "programmer in .*: a v1_1 has no boot loader"),
        ('model = "v1_1"\nprogrammer_port = "/dev/spidev0.0"', "programmer_port in .*: give SPI and the line on RESET"),
    ],
)
def test_what_does_not_fit_a_board_is_named(tmp_path: Path, keys: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parse(f'[board]\nport = "x"\n{keys}\n', tmp_path)


def test_without_an_image_nothing_is_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(_model: BoardModel) -> Image:
        raise ImageError("this fluksod came without firmware")

    assert board_firmware._shipped_sha256.__wrapped__(BoardModel.UNO) == shipped(BoardModel.UNO).sha256
    monkeypatch.setattr(board_firmware, "shipped", absent)
    assert board_firmware._shipped_sha256.__wrapped__(BoardModel.UNO) is None
