"""The commands of docs/board.md and avr/sim/README.md, run in a folder that is as a fresh clone has it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import time
from pathlib import Path

import pytest

from fluksosim.board_header import AVR_FOLDER, BoardHeader
from tests.documented import Page, all_pages
from tests.walkthrough import ByTest, NotHere, Run, Serve, walk

BOARD = Page("docs/board.md")
SIMULATOR = Page("avr/sim/README.md")

DESCRIBE = "PYTHONPATH=avr/sim python3 -m fluksosim --state my-board.eeprom --describe"
SIMULATE = "PYTHONPATH=avr/sim python3 -m fluksosim --state my-board.eeprom --pty port"
FLASH = (
    "avrdude -p m168 -c usbasp -U lfuse:w:0xE2:m -U hfuse:w:0xD5:m"
    " -U flash:w:avr/build/v1_1/firmware.hex:i -U eeprom:w:my-board.eeprom:r"
)
WATT_LINE = r"^pwr [0-9a-f]{32}:\d{10}$"


@pytest.fixture
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a copy of avr/ in which nothing is built yet, under a path short enough for a unix socket."""
    folder = tmp_path_factory.mktemp("c")
    shutil.copytree(AVR_FOLDER, folder / "avr", ignore=shutil.ignore_patterns("build", "__pycache__"))
    return folder


def fresh_ids(folder: Path, output: str) -> None:
    """As the page says: new ids, counters at zero, readable by nobody else."""
    sensors = json.loads(output)["sensors"]
    assert len({sensor["id"] for sensor in sensors}) == 4
    assert [sensor["counter"] for sensor in sensors] == [0, 0, 0, 0]
    image = folder / "my-board.eeprom"
    assert image.stat().st_size == BoardHeader("v1_1").number("EEPROM_BYTES")
    assert stat.S_IMODE(image.stat().st_mode) == 0o600


def firmware(folder: Path, output: str) -> None:
    assert (folder / "avr" / "build" / "v1_1" / "firmware.hex").read_text().endswith(":00000001FF\n")


def silent_firmware(folder: Path, output: str) -> None:
    build = folder / "avr" / "build"
    silent, plain = (build / name / "firmware.hex" for name in ("v1_1-silence20", "v1_1"))
    assert silent.read_bytes() != plain.read_bytes()


def rms_firmware(folder: Path, output: str) -> None:
    assert (folder / "avr" / "build" / "v2_0-rms" / "firmware.hex").is_file()


def images(folder: Path, output: str) -> None:
    for header in (folder / "avr" / "boards").glob("*.h"):
        built = folder / "avr" / "build" / header.stem / "firmware.hex"
        packed = folder / "device" / "fluksod" / "firmware" / "images" / f"{header.stem}.hex"
        assert packed.read_bytes() == built.read_bytes()


def appears(path: Path) -> None:
    """Wait until it is there."""
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline, f"there is no {path.name}"
        time.sleep(0.02)


def serial_port(folder: Path, output: str) -> None:
    appears(folder / "port")


def link_and_socket(folder: Path, output: str) -> None:
    appears(folder / "LINK")
    appears(folder / "SOCKET")
    with socket.socket(socket.AF_UNIX) as control:
        control.settimeout(20)
        control.connect(str(folder / "SOCKET"))
        control.sendall(b'{"do":"state"}\n')
        assert json.loads(control.makefile().readline())["ok"]


def test_the_board_s_page(clone: Path) -> None:
    walk(
        BOARD,
        {
            "make -C avr BOARD=v1_1": Run(proof=firmware),
            "make -C avr BOARD=v1_1 POWER_UP_SILENCE_S=20": Run(proof=silent_firmware),
            "make -C avr BOARD=v2_0 FRONT_END=FRONT_END_RMS": Run(proof=rms_firmware),
            "make -C avr images": Run(proof=images),
            "make -C avr check": ByTest(
                "tests/avr/test_host_checks.py::test_pure_files_pass_their_tests_and_cppcheck",
                "It is run there, in the work tree.",
            ),
            "make gcc gcc-avr avr-libc binutils-avr": NotHere("These are names of packages, not a command."),
            DESCRIBE: Run(proof=fresh_ids),
            FLASH: NotHere("A USBasp programmer and a chip are needed; see the tests of avrdude and of the fuses."),
            SIMULATE: Serve("", proof=serial_port),
            "cat port": Serve(WATT_LINE, status=-signal.SIGTERM, during=SIMULATE),
        },
        clone,
    )


@pytest.mark.parametrize(
    ("page", "command"),
    [(page.path, command) for page in all_pages() for command in page.commands if command.startswith("avrdude ")],
)
def test_avrdude_knows_what_it_is_told(page: str, command: str) -> None:
    """What can be seen of a documented avrdude command without a programmer: part, programmer, memories."""
    if shutil.which("avrdude") is None:
        pytest.skip("avrdude is not installed: apt-get install avrdude")
    part, programmer = (re.findall(rf"-{option} (\S+)", command)[0] for option in "pc")
    known = subprocess.run(["avrdude", "-p", f"{part}/S"], capture_output=True, text=True)
    described = known.stdout + known.stderr
    chips = re.findall(r'desc += "(\w+)"', described)
    headers = [header.read_text() for header in (AVR_FOLDER / "boards").glob("*.h")]
    assert any(f"#define BOARD_MCU {chips[0].lower()}\n" in header for header in headers), f"{page}: {command}"
    memories = re.findall(r"-U (\w+):w:", command)
    assert memories, f"{page}: {command}"
    assert set(memories) <= set(re.findall(r'memory "(\w+)"', described)), f"{page}: {command}"
    programmers = subprocess.run(["avrdude", "-c", "?"], capture_output=True, text=True)
    assert re.search(rf"^ *{programmer} +=", programmers.stdout + programmers.stderr, re.MULTILINE), (
        f"{page}: {command}"
    )


def test_the_fuses() -> None:
    """Data sheet ATmega48/88/168, tables of the fuse bytes: 0 means programmed."""
    low, high = (int(value, 16) for value in re.findall(r"fuse:w:(0x\w\w):m", FLASH))
    assert low & 0b1000_1111 == 0b1000_0010, "internal oscillator, not divided by 8"
    assert high & 0b0000_1000 == 0, "EESAVE: the EEPROM survives an erase"
    assert high & 0b0000_0111 == 0b101, "brown-out reset at 2.7 V"
    assert high & 0b1010_0000 == 0b1000_0000, "reset pin stays, serial programming stays"


def epoch_counters(folder: Path, output: str) -> None:
    assert [sensor["counter"] for sensor in json.loads(output)["sensors"]] == [4521337, 0, 0, 871020]


def test_the_simulator_s_page(clone: Path) -> None:
    run = "PYTHONPATH=avr/sim python3 -m fluksosim --board v1_1 --state FILE --pty LINK --control SOCKET --seed 1"
    describe = (
        "PYTHONPATH=avr/sim python3 -m fluksosim --state FILE --describe"
        """ --epoch-counters '{"0": 4521337, "3": 871020}'"""
    )
    walk(
        SIMULATOR,
        {
            describe: Run(proof=epoch_counters),
            run: Serve("", proof=link_and_socket),
        },
        clone,
    )


def test_the_simulator_s_example_in_python(image: bytes, tmp_path: Path) -> None:
    """Run as it stands, with an image as its comment tells."""
    (tmp_path / "image").write_bytes(image)
    example = SIMULATOR.block_after("## From Python", "python")
    before = "from pathlib import Path\nimage = Path('image').read_bytes()\n"
    after = "print(*(line.text for line in lines), sep='\\n')\n"
    ended = subprocess.run(
        ["python3", "-c", before + example + after],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(AVR_FOLDER / "sim")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    watts = [int(watt) for watt in re.findall(r"^pwr a{32}:(\d{10})$", ended.stdout, re.MULTILINE)]
    assert watts[-1] == pytest.approx(2300, rel=0.02)
    assert len(watts) in range(55, 62), "one a second"
