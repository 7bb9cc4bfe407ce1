"""docs/board: every board has a page and a drawing; both agree with its header, the data sheet and the arithmetic."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from playwright.sync_api import Page as Browser
from playwright.sync_api import sync_playwright

from docs.board.wiring import values
from docs.board.wiring.boards import Wiring, wiring
from docs.board.wiring.drawings import DRAWINGS
from docs.board.wiring.pins import NUMBER, arduino_name, full_name
from fluksosim.board_header import AVR_FOLDER, BoardHeader
from fluksosim.eeprom_image import read_factory
from tests.documented import ROOT, Page
from tests.walkthrough import NotHere, Run, Step, walk

FOLDER = ROOT / "docs" / "board"
BOARDS = sorted(path.stem for path in (AVR_FOLDER / "boards").glob("*.h"))
PAGES = {
    "uno": Page("docs/board/uno.md"),
    "v0_1": Page("docs/board/v0_1.md"),
    "v1_1": Page("docs/board/v1_1.md"),
    "v2_0": Page("docs/board/v2_0.md"),
}
INPUTS = Page("docs/board/inputs.md")
FLASHING = Page("docs/board/flashing.md")


def section(text: str, title: str) -> str:
    """Return what stands under a heading, up to the next one of the same or a higher level."""
    found = re.search(rf"^(#+) {re.escape(title)}\n(.*?)(?=^\1 |^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"there is no section {title!r}"
    return found[2]


def rows(text: str) -> list[list[str]]:
    """Return the cells of the tables in `text`, without heads."""
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")
    ]
    return [
        row
        for i, row in enumerate(cells)
        if not row[0].startswith("---") and cells[i + 1 : i + 2] != [["---"] * len(row)]
    ]


def pins_by_header(board: Wiring) -> dict[str, str]:
    """Return what the board's header says: the pin, and the words that its use begins with."""
    uses = {pin: f"clamp {i + 1}" for i, pin in enumerate(board.clamps)}
    uses |= {pin: f"pulse input {i + 1}" for i, pin in enumerate(board.pulses)}
    uses[board.led] = "LED"
    if board.drive:
        uses[board.drive] = "RS-485 driver enable"
    return uses


def test_each_header_has_a_page_and_a_drawing() -> None:
    assert sorted(DRAWINGS) == sorted(PAGES) == BOARDS
    index = Page("docs/board.md").text
    for board in BOARDS:
        assert f"({board}.svg)" in PAGES[board].text
        assert (FOLDER / f"{board}.svg").is_file()
        assert f"(board/{board}.md)" in index
        assert "No real board was built" in PAGES[board].text
        assert "(safety.md)" in PAGES[board].text


@pytest.mark.parametrize("name", BOARDS)
def test_the_pins_on_the_page_are_those_of_the_header(name: str) -> None:
    board = wiring(name)
    table = {row[0].split()[0]: row for row in rows(section(PAGES[name].text, "Pins"))}
    expected = pins_by_header(board)
    assert {pin: table[pin][3][: len(use)] for pin, use in expected.items()} == expected
    inputs = [pin for pin, row in table.items() if re.match(r"(clamp|pulse input) \d|LED|RS-485 driver", row[3])]
    assert sorted(inputs) == sorted(expected), "the page has a pin that the header does not have"
    for pin, row in table.items():
        assert row[0] == full_name(pin)
        assert row[1] == (arduino_name(pin) if name == "uno" else str(NUMBER[pin]))
    baud = f"{board.header.number('BAUD')} Bd"
    assert baud in section(PAGES[name].text, "Pins")
    # What the firmware takes from the chip and no header says: AIN1 of the comparator, and the SPI.
    assert table["PD7"][3].startswith(("supply divided by 4.4", "VIN divided by 6.36"))
    spi = {pin for pin in ("PB2", "PB3", "PB4", "PB5") if "SPI" in table.get(pin, [""] * 4)[3]}
    assert bool(spi) == (board.header.text("LINK_SPI") == "1")


@pytest.mark.parametrize("name", BOARDS)
def test_the_terminals_on_the_page_are_those_of_the_drawing(name: str) -> None:
    board = wiring(name)
    terminals = {row[0]: row[-1] for row in rows(section(PAGES[name].text, "Screw terminal"))}
    for i, pair in enumerate(board.clamp_terminals):
        assert terminals[f"{pair[0]}, {pair[1]}"] == f"clamp {i + 1}"
    for i, pair in enumerate(board.pulse_terminals):
        assert terminals[f"{pair[0]}, {pair[1]}"] == f"pulse input {i + 1}: S0+, S0-"
    assert len(terminals) == len(board.clamp_terminals) + len(board.pulse_terminals) + bool(board.drive)


@pytest.mark.parametrize("name", BOARDS)
def test_the_drawing_names_every_pin_and_is_self_contained(name: str) -> None:
    text = (FOLDER / f"{name}.svg").read_text(encoding="utf-8")
    drawn = {"".join(element.itertext()) for element in ET.fromstring(text).iter("{http://www.w3.org/2000/svg}text")}
    for pin in pins_by_header(wiring(name)):
        if name == "uno":
            assert any(f"{arduino_name(pin)} ({pin})" in words for words in drawn), pin
        else:
            assert {full_name(pin), str(NUMBER[pin])} <= drawn
    for part in re.findall(
        r"\d+ µF|[\d.]+ kΩ|[\d.]+ Ω|MCP6022|MAX485|74AHCT125|2N7000|1N5817", section(PAGES[name].text, "Parts")
    ):
        shown = part.replace("kΩ", "k")
        assert any(shown in words for words in drawn), f"the drawing lacks {part} of the parts list"
    links = text.replace('xmlns="http://www.w3.org/2000/svg"', "").replace(
        'xmlns:xlink="http://www.w3.org/1999/xlink"', ""
    )
    assert not re.search(r"href|https?:|url\(|@font-face|@import|<script|<image|<style", links)


def test_the_drawings_are_up_to_date() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "docs.board.wiring", "--check"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(AVR_FOLDER / "sim")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield running.new_page()
        running.close()


@pytest.mark.parametrize("name", BOARDS)
def test_no_words_of_a_drawing_overlap_or_leave_it(browser: Browser, name: str) -> None:
    browser.set_content((FOLDER / f"{name}.svg").read_text(encoding="utf-8"))
    found = browser.evaluate(
        """() => { const all = document.querySelector("svg").getBoundingClientRect();
          const edges = b => [b.left, b.top, b.right, b.bottom];
          return { all: edges(all), words: [...document.querySelectorAll("text")].map(
            t => [t.textContent, ...edges(t.getBoundingClientRect())]) } }"""
    )
    left, top, right, bottom = found["all"]
    words = found["words"]
    assert len(words) > 30
    for text, *box in words:
        assert box[0] >= left, text
        assert box[1] >= top, text
        assert box[2] <= right, text
        assert box[3] <= bottom, text
    slack = 3.5  # px: a line's box is higher than its letters
    for (one, *a), (other, *b) in combinations(words, 2):
        beside = a[2] <= b[0] + 1 or b[2] <= a[0] + 1
        above = a[3] <= b[1] + slack or b[3] <= a[1] + slack
        assert beside or above, f"{one!r} and {other!r} overlap"


def ohms(cell: str) -> float:
    return float(cell.removesuffix(" Ω"))


def amps(cell: str) -> float:
    return float(cell.removesuffix(" A"))


def test_the_values_of_the_rectifying_clamps() -> None:
    table = rows(section(INPUTS.text, "Rectified mean: v0_1, v1_1, v2_0"))
    assert [row[0] for row in table] == ["50 A", "100 A", "250 A"]
    for rated, turns, computed, chosen, *constants in table:
        burden = values.rectified_burden(amps(rated), float(turns))
        assert ohms(computed) == round(burden, 1)
        assert ohms(chosen) == pytest.approx(values.nearest_e96(burden))
        for constant, board in zip(constants, ("v1_1", "v2_0"), strict=True):
            divisor = BoardHeader(board).number("METERCONST_DIVISOR")
            assert int(constant) == values.meter_constant(230 * amps(rated), divisor)
    assert [int(cell) for cell in table[0][4:]] == [
        BoardHeader(b).number("METERCONST_DEFAULT") for b in ("v1_1", "v2_0")
    ]
    assert BoardHeader("v0_1").number("METERCONST_DEFAULT") == int(table[0][4])


def test_the_values_of_the_biased_clamps() -> None:
    header = BoardHeader("uno")
    divisor = header.number("METERCONST_DIVISOR")
    table = rows(section(INPUTS.text, "True RMS on a bias: uno"))
    for rated, turns, chosen, steps_shown, constant in table:
        steps = amps(rated) / float(turns) * ohms(chosen) / (5 / 1024)
        assert int(steps_shown) == round(steps)
        assert steps * 2**0.5 < 512
        assert abs(int(constant) - values.meter_constant(230 * amps(rated), divisor, steps)) <= 1
        assert int(constant) <= 65535
    assert int(table[0][4]) == header.number("METERCONST_DEFAULT")
    assert values.biased_burden(50, 2000, 340 * 5 / 1024) == pytest.approx(47, rel=0.002)


@pytest.mark.parametrize("name", BOARDS)
def test_each_board_has_the_front_end_that_its_page_wires(name: str) -> None:
    kind = BoardHeader(name).text("FRONT_END")
    drawing = (FOLDER / f"{name}.svg").read_text(encoding="utf-8")
    assert ("rectified mean" in drawing) == (kind == "FRONT_END_MEAN")
    assert ("true RMS" in drawing) == (kind == "FRONT_END_RMS")


def test_the_hold_up_capacitors_last_for_a_record() -> None:
    table = {row[0]: row[1:] for row in rows(section(INPUTS.text, "Power loss and hold-up"))}
    assert sorted(table) == BOARDS
    for name, cells in table.items():
        board = wiring(name)
        current, record, start, end, computed, chosen = (float(cell.split()[0]) for cell in cells)
        assert record == 7 + 6 * board.header.number("SENSOR_COUNT"), "see avr/src/counter_log.h"
        needed = values.hold_up_uf(current, int(record), start, end)
        assert computed == round(needed)
        assert chosen == board.hold_up_uf
        assert chosen * 0.8 >= needed


def test_the_alarm_of_the_supply_dividers() -> None:
    rail, vin = ((upper + 10.0) / 10.0 * values.REFERENCE_V for upper in (34.0, 53.6))
    assert rail == pytest.approx(4.84)
    assert vin == pytest.approx(7.0, abs=0.01)


def fuses(command: str) -> dict[str, int]:
    return {name: int(value, 16) for name, value in re.findall(r"(\wfuse):w:(0x\w\w):m", command)}


@pytest.mark.parametrize("name", BOARDS)
def test_the_fuses_fit_the_board(name: str) -> None:
    """Data sheets ATmega48/88/168 and ATmega328P, tables of the fuse bytes: 0 means programmed."""
    header = BoardHeader(name)
    commands = [command for command in PAGES[name].commands if command.startswith("avrdude")]
    part = {"atmega168": "m168", "atmega328p": "m328p"}[header.text("BOARD_MCU")]
    assert all(f"-p {part} " in command for command in commands)
    first = fuses(commands[0])
    if header.number("F_CPU") == 8_000_000:
        assert first["lfuse"] & 0b1000_1111 == 0b1000_0010, "internal oscillator, not divided by 8"
    else:
        assert first["lfuse"] & 0b1000_1110 == 0b1000_1110, "crystal above 8 MHz, not divided by 8"
    for command in commands:
        if (high := fuses(command).get("hfuse")) is not None:
            assert high & 0b0000_1000 == 0, "EESAVE: the EEPROM survives an erase"
            assert high & 0b1011_0000 == 0b1001_0000, (
                "reset pin and serial programming stay, the watchdog is the program's"
            )
            boots = header.text("BOARD_MCU") == "atmega328p" and not high & 1
            assert boots == (high == 0xD6), "only the fuse for the bootloader starts it"
    if part == "m168":
        assert first["hfuse"] & 0b111 == 0b101, "brown-out reset at 2.7 V"
    else:
        assert first["efuse"] & 0b111 == 0b101, "brown-out reset at 2.7 V"


def test_the_arduino_keeps_its_bootloader_over_the_update() -> None:
    over_usb = [command for command in PAGES["uno"].commands if "-c arduino" in command]
    assert len(over_usb) == 1
    assert " -D " in over_usb[0], "the bootloader cannot erase the chip"
    assert "eeprom" not in over_usb[0], "the Uno's bootloader cannot write the EEPROM"


@pytest.mark.parametrize("name", BOARDS)
def test_a_board_s_page(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    clone = tmp_path_factory.mktemp("c")
    shutil.copytree(AVR_FOLDER, clone / "avr", ignore=shutil.ignore_patterns("build", "__pycache__"))

    def built(folder: Path, output: str) -> None:
        assert (folder / "avr" / "build" / name / "firmware.hex").read_text().endswith(":00000001FF\n")

    table: dict[str, Step] = {}
    for command in PAGES[name].commands:
        if command == f"make -C avr BOARD={name}":
            table[command] = Run(proof=built)
        else:
            assert command.split()[0] in {"avrdude", "stty"}
            table[command] = NotHere("A real board is needed.")
    walk(PAGES[name], table, clone)


@pytest.mark.parametrize("name", [board for board in BOARDS if board != "v2_0"])
def test_the_fresh_eeprom_of_the_page(name: str, tmp_path: Path) -> None:
    """The example of docs/board/flashing.md, for each board that it is for."""
    example = FLASHING.block_after("## A fresh EEPROM", "python").replace('"v1_1"', f'"{name}"')
    ended = subprocess.run(
        [sys.executable, "-c", example],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(AVR_FOLDER / "sim")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    header = BoardHeader(name)
    sensors = read_factory((tmp_path / "my-board.eeprom").read_bytes(), header)
    assert sensors is not None
    assert [sensor.id for sensor in sensors] == ended.stdout.split()
    constant = header.number("METERCONST_DEFAULT")
    assert [sensor.weight for sensor in sensors] == [constant, constant, 1, 10]


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_links_inside_the_documentation_work() -> None:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    seen = 0
    for page in pages:
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
            if re.match(r"[a-z]+:", target):
                continue
            path, _, anchor = target.partition("#")
            linked = (page.parent / path).resolve() if path else page
            assert linked.exists(), f"{page.relative_to(ROOT)}: {target} does not exist"
            if anchor:
                assert anchor in anchors(linked), f"{page.relative_to(ROOT)}: there is no heading for {target}"
            seen += 1
    assert seen > 20
