"""The page in Chromium, against a real fluksod with a day of history: what it shows, and that it moves."""

from __future__ import annotations

import asyncio
import math
import os
import re
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright, expect

from tests.device.archived import Archived
from tests.device.board import CLAMP, PULSE, Board, pls, pwr
from tests.device.cloud_stub import CloudStub
from tests.device.daemon_process import Fluksod, configuration, running, sensor_table

SOLAR = "0123456789abcdef0123456789abcde1"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SCREENSHOTS = os.environ.get("FLUKSO_SCREENSHOTS")
"""A folder to leave pictures in, for whoever wants to look."""


def household(hour: float) -> float:
    """W that a house draws at that hour of the day."""
    base = 180 + 60 * math.sin(hour * 1.7)
    morning, evening = math.exp(-((hour - 7.5) ** 2)), math.exp(-((hour - 19) ** 2) / 3)
    return base + 1400 * morning + 2300 * evening + (1900 if 12 < hour < 12.6 else 0)


def fill(state: Path, now: int) -> tuple[int, int, int]:
    """A day of history; the counters at its end: Wh, Wh and L."""
    state.mkdir(mode=0o700)
    kept = Archived(state, now=now - 86400)
    drawn, sun, water = 4_521_000.0, 1_200_000.0, 88_000.0
    while kept.now < now - 2:
        hour = kept.now % 86400 / 3600
        watts, solar = household(hour), max(0.0, 2600 * math.sin((hour - 7) / 10 * math.pi)) if 7 < hour < 17 else 0.0
        litres = 8.0 if int(kept.now) % 10800 < 300 else 0.0
        drawn, sun, water = drawn + watts / 360, sun + solar / 360, water + litres / 6
        kept.show(int(drawn), watts, seconds=0)
        kept.show(int(sun), solar, SOLAR, seconds=0)
        kept.show(int(water), litres, PULSE, seconds=10)
    kept.archive.close()
    return int(drawn), int(sun), int(water)


@asynccontextmanager
async def opened(fluksod: Fluksod, **context: object) -> AsyncIterator[Page]:
    """The page in a browser that reaches nothing but this machine; no error may have been logged at the end."""
    assert CHROMIUM, "no browser: scripts/setup browser"
    arguments = ["--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        made = await browser.new_context(**{"locale": "en-GB", "timezone_id": "Europe/Brussels", **context})  # type: ignore[arg-type]  # a test's own words for Playwright
        page = await made.new_page()
        page.set_default_timeout(10_000)
        problems: list[str] = []
        page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        await page.goto(fluksod.url + "/")
        yield page
        await browser.close()
        assert not problems


@pytest.fixture
async def fluksod(tmp_path: Path, board: Board, cloud: CloudStub) -> AsyncIterator[Fluksod]:
    """A fluksod with a day of history, a board that goes on, and a cloud where nobody has claimed it yet."""
    cloud.authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    drawn, sun, water = fill(tmp_path / "state", int(time.time()))
    table = f'[cloud]\nurl = "{cloud.url}"\nca = "ca.pem"\ninterval = 5\n'
    sensors = (
        sensor_table(CLAMP, "House", "electricity")
        + sensor_table(SOLAR, "Solar panels", "electricity")
        + sensor_table(PULSE, "Water & garden", "water")
    )

    async def measure() -> None:
        number = 0
        while True:
            number += 1
            board.send(pls(CLAMP, drawn + number // 4), pwr(CLAMP, 460 + number % 7 * 20))
            board.send(pls(SOLAR, sun), pwr(SOLAR, 0), pls(PULSE, water + number // 8, 1000 * number))
            await asyncio.sleep(1)

    async with running(configuration(tmp_path, sensors=sensors, cloud=table)) as fluksod:
        measuring = asyncio.create_task(measure())
        yield fluksod
        measuring.cancel()


async def picture(page: Page, name: str) -> None:
    if SCREENSHOTS:
        await page.screenshot(path=Path(SCREENSHOTS, f"{name}.png"), full_page=True)


async def test_it_shows_what_is_measured_and_moves(fluksod: Fluksod) -> None:
    async with opened(fluksod, viewport={"width": 1100, "height": 900}) as page:
        await expect(page).to_have_title("Cellar")
        house = page.locator(".card").filter(has_text="House")
        await expect(house.locator(".now")).to_have_text(re.compile(r"^4[6-9]\d W$|^5[0-9]\d W$"))
        await expect(house).to_contain_text(re.compile(r"[\d,.]+ kWh"))
        await expect(house).to_contain_text("This quarter →")
        await expect(page.locator(".card").filter(has_text="Water & garden")).to_contain_text("m³")
        before = await house.locator(".now").inner_text()
        await expect(house.locator(".now")).not_to_have_text(before)
        curve = page.locator("#chart .curve.c0")
        await expect(curve).to_have_attribute("d", re.compile("^M"))
        drawn = await curve.get_attribute("d")
        assert drawn
        await expect(curve).not_to_have_attribute("d", drawn)
        parts = page.locator("#parts")
        await expect(parts).to_contain_text("connected on")
        await expect(parts).to_contain_text("Claim code")
        code = (await fluksod.get("/api/v2/device"))["cloud"]["claim_code"]
        await expect(parts.locator(".code")).to_have_text(code)
        await expect(page.locator("#health")).to_have_text("Measuring")
        await asyncio.sleep(3 if SCREENSHOTS else 0)
        await picture(page, "live")
        await page.get_by_role("button", name="1 day").click()
        await expect(page.get_by_role("button", name="1 day")).to_have_attribute("aria-pressed", "true")
        await expect(page.locator("#chart svg")).to_have_attribute("aria-label", re.compile("^The last 1 day: House"))
        await page.wait_for_function(
            "document.querySelector('#chart .curve.c1').getAttribute('d').split('V').length > 50"
        )
        await page.locator("#chart svg").hover(position={"x": 500, "y": 100})
        await expect(page.locator("#pointed")).to_contain_text("House")
        await picture(page, "day")
        await page.get_by_role("button", name="Water").click()
        await expect(page.get_by_role("heading", name="Water", exact=True)).to_be_visible()
        await expect(page.locator("#chart .curve")).to_have_count(1)


async def test_on_a_phone_in_the_dark(fluksod: Fluksod) -> None:
    async with opened(fluksod, viewport={"width": 360, "height": 740}, color_scheme="dark") as page:
        await expect(page.locator("#chart .curve").first).to_be_attached()
        await expect(page.locator("#parts")).to_contain_text("Storage")
        width = await page.evaluate("document.documentElement.scrollWidth")
        assert width <= 360, "nothing is wider than the screen"
        await picture(page, "phone")


async def test_what_is_wrong_is_said(fluksod: Fluksod, board: Board, cloud: CloudStub) -> None:
    async with opened(fluksod) as page:
        await expect(page.locator("#health")).to_have_text("Measuring")
        await cloud.stop()
        await expect(page.locator("#health")).to_have_text("One part needs attention, see below", timeout=20_000)
        await expect(page.locator("#parts dd.bad")).to_contain_text("no connection to")
        await picture(page, "wrong")


async def test_it_says_something_without_javascript(fluksod: Fluksod) -> None:
    async with opened(fluksod, java_script_enabled=False) as page:
        await expect(page.locator("h1")).to_have_text("Cellar")
        row = page.locator("#values tr").filter(has_text="House")
        await expect(row).to_contain_text("Wh")
        await expect(page.locator("#values")).to_contain_text("Water & garden")
        await expect(page.locator("noscript")).to_be_visible()


async def test_names_are_no_markup(tmp_path: Path, board: Board) -> None:
    table = sensor_table(CLAMP, "<img src=x onerror=alert(1)>", "electricity")
    async with running(configuration(tmp_path, sensors=table)) as fluksod:
        board.send(pls(CLAMP, 1))
        async with fluksod.session.get(fluksod.url + "/") as answer:
            text = await answer.text()
            assert "<img" not in text
            assert "&lt;img src=x onerror=alert(1)&gt;" in text
            assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
        async with opened(fluksod) as page:
            await expect(page.locator(".card h3")).to_have_text("<img src=x onerror=alert(1)>")
