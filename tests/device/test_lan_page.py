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
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, async_playwright, expect

from fluksod.lan import figures
from tests.device.archived import Archived
from tests.device.board import CLAMP, PULSE, Board, pls, pwr
from tests.device.cloud_stub import CloudStub
from tests.device.daemon_process import Fluksod, configuration, running, sensor_table
from tests.device.waiting import until
from tests.documented import ROOT

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
async def opened(fluksod: Fluksod, *, errors: bool = False, **context: Any) -> AsyncIterator[Page]:
    """The page in a browser that reaches nothing but this machine.

    At the end nothing may have been asked of anybody else and, without `errors`, no error been logged.
    """
    assert CHROMIUM, "no browser: scripts/setup browser"
    arguments = ["--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        made = await browser.new_context(**{"locale": "en-GB", "timezone_id": "Europe/Brussels", **context})
        page = await made.new_page()
        page.set_default_timeout(10_000)
        problems: list[str] = []
        page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        foreign: list[str] = []
        page.on("request", lambda asked: None if asked.url.startswith(fluksod.url) else foreign.append(asked.url))
        await page.goto(fluksod.url + "/")
        yield page
        await browser.close()
        assert not foreign
        assert errors or not problems


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
            board.send(pls(SOLAR, sun), pwr(SOLAR, 0), pls(PULSE, water + number // 3, 1000 * number))
            await asyncio.sleep(1)

    async with running(configuration(tmp_path, sensors=sensors, cloud=table)) as fluksod:
        measuring = asyncio.create_task(measure())
        yield fluksod
        measuring.cancel()


async def picture(page: Page, name: str) -> None:
    if SCREENSHOTS:
        await page.screenshot(path=Path(SCREENSHOTS, f"{name}.png"), full_page=True)


async def test_it_shows_what_is_measured_and_moves(fluksod: Fluksod) -> None:
    async with opened(fluksod, viewport={"width": 1100, "height": 1000}) as page:
        await expect(page).to_have_title("Cellar")
        await expect(page.locator("#health")).to_have_text("Measuring")
        house = page.get_by_role("row", name="House").first
        await expect(house).to_contain_text("electricity, clamp")
        await expect(house.locator(".now")).to_have_text(re.compile(r"^4[6-9]\d W$|^5[0-9]\d W$"))
        await expect(house.locator(".counter")).to_have_text(re.compile(r"^\d,\d{3}\.\d{3} kWh$"))
        await expect(house.locator(".today")).to_have_text(re.compile(r"^\d+\.\d\d kWh$"))
        water = page.get_by_role("row", name="Water & garden")
        await expect(water.locator(".now")).to_have_text(re.compile(r"^[\d.]+ L/min$"), timeout=20_000)
        await expect(water.locator(".counter")).to_have_text(re.compile(r"^\d\d\.\d{3} m³$"))
        before = await house.locator(".now").inner_text()
        await expect(house.locator(".now")).not_to_have_text(before)
        quarters = page.locator("#quarters").get_by_role("row", name="House")
        # The day of history has its peak in the evening; on the first of a month that evening was in the last one.
        peak = r"2,\d{3} W .*:\d\d$" if datetime.now().astimezone().day > 1 else r"\d W.*W"
        await expect(quarters).to_contain_text(re.compile(peak))
        code = (await fluksod.get("/api/v2/device"))["cloud"]["claim_code"]
        await expect(page.locator("#claim .code")).to_have_text(code)
        await picture(page, "live")


async def test_the_chart_moves_by_the_second_and_shows_hour_day_and_week(fluksod: Fluksod) -> None:
    async with opened(fluksod, viewport={"width": 1100, "height": 1000}) as page:
        line = page.locator("#chart .c0 .line")
        await expect(line).to_have_attribute("d", re.compile("^M"))
        drawn = await line.get_attribute("d")
        assert drawn
        await expect(line).not_to_have_attribute("d", drawn)
        house = page.locator("#readout .c0 b")
        await expect(house).to_have_text(re.compile(r"^[45]\d\d W$"))
        for span in ("Hour", "Day", "Week"):
            await page.get_by_role("button", name=span).click()
            await expect(page.get_by_role("button", name=span)).to_have_attribute("aria-pressed", "true")
            await expect(page).to_have_url(f"{fluksod.url}/#electricity/{span.lower()}")
            await expect(page.locator("#chart .c1 .line")).to_have_attribute("d", re.compile("(L[^L]*){20}"))
        await page.get_by_role("button", name="Day").click()
        await expect(page.locator("#chart .c1 .line")).to_have_attribute("d", re.compile("(L[^L]*){200}"))
        await page.locator("#chart").hover(position={"x": 500, "y": 100})
        pointed = await page.locator("#readout").inner_text()
        assert re.search(r"\d\d:\d\d\s+House [\d,]+ W\s+Solar panels [\d,]+ W", pointed), pointed
        await picture(page, "day")
        await page.get_by_role("button", name="Water").click()
        await expect(page.get_by_role("heading", name="Water", exact=True)).to_be_visible()
        await expect(page.locator("#chart .line")).to_have_count(1)
        await expect(page.locator("#chart text").first).to_have_text("0 L/min")
        await page.reload()
        await expect(page.get_by_role("heading", name="Water", exact=True)).to_be_visible()
        await expect(page.get_by_role("button", name="Day")).to_have_attribute("aria-pressed", "true")


async def test_what_the_chart_says_can_be_heard_and_reached_by_keys(fluksod: Fluksod) -> None:
    async with opened(fluksod) as page:
        await page.get_by_role("button", name="Day").focus()
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("button", name="Day")).to_be_focused()
        chart = page.get_by_role("slider", name="Electricity")
        await chart.focus()
        await expect(chart).to_have_attribute("aria-valuetext", re.compile(r"^Now, House \d+ W, Solar"))
        for _ in range(3):
            await page.keyboard.press("ArrowLeft")
        await expect(chart).to_have_attribute("aria-valuetext", re.compile(r"\d\d:\d\d, House [\d,]+ W, Solar"))
        await page.keyboard.press("Escape")
        await expect(chart).to_have_attribute("aria-valuetext", re.compile("^Now, "))


async def test_on_a_phone_in_the_dark(fluksod: Fluksod) -> None:
    phone = {"viewport": {"width": 360, "height": 740}, "color_scheme": "dark", "has_touch": True}
    async with opened(fluksod, **phone) as page:
        await expect(page.locator("#chart .line").first).to_be_attached()
        await expect(page.locator("#parts")).to_contain_text("Storage")
        await expect(page.get_by_role("row", name="House").first.locator(".today")).to_contain_text("kWh")
        await picture(page, "phone")
        width = await page.evaluate("document.documentElement.scrollWidth")
        assert width <= 360, "nothing is wider than the screen"
        await page.get_by_role("button", name="Day").click()
        await page.locator("#chart").tap(position={"x": 200, "y": 80})
        await expect(page.locator("#readout time")).not_to_have_text("Now")
        await picture(page, "phone-day")


async def test_what_is_wrong_is_said(fluksod: Fluksod, cloud: CloudStub) -> None:
    async with opened(fluksod, viewport={"width": 1100, "height": 1000}, color_scheme="dark") as page:
        await expect(page.locator("#health")).to_have_text("Measuring")
        await cloud.stop()
        await expect(page.locator("#health")).to_have_text("One part needs attention, see below", timeout=20_000)
        wrong = page.locator("#parts dd.bad")
        await expect(wrong).to_contain_text("it is tried again by itself")
        await picture(page, "wrong")


async def test_a_daemon_that_is_gone_is_said_and_its_return_seen(tmp_path: Path, board: Board) -> None:
    """It comes back on the same port; what was measured meanwhile is in the chart, since the stream resumes."""
    config = configuration(tmp_path, sensors=sensor_table(CLAMP, "House", "electricity"))
    async with running(config) as first:
        board.send(pls(CLAMP, 1000), pwr(CLAMP, 400))
        port = first.url.rpartition(":")[2]
        async with opened(first, errors=True) as page:
            house = page.get_by_role("row", name="House").first
            await expect(house.locator(".now")).to_have_text("400 W")
            await first.stop()
            await expect(page.locator("#health")).to_have_text("No answer from the Fluksometer; trying again")
            config.write_text(config.read_text().replace("port = 0", f"port = {port}"))
            async with running(config):
                board.send(pls(CLAMP, 1001), pwr(CLAMP, 500))
                await expect(house.locator(".now")).to_have_text("500 W")
                await expect(page.locator("#health")).to_have_text("Measuring")


async def test_a_sensor_that_appears_is_shown(tmp_path: Path, board: Board) -> None:
    async with running(configuration(tmp_path)) as fluksod, opened(fluksod) as page:
        await expect(page.locator("#sensors")).to_contain_text("Nothing has been measured yet")
        await expect(page.locator("#claim")).to_be_hidden()
        board.send(pwr(CLAMP, 460), pwr(CLAMP, 461))
        row = page.get_by_role("row", name="Clamp 1").first
        await expect(row.locator(".now")).to_have_text("461 W")
        board.send(pwr(CLAMP, 462))
        await expect(row.locator(".now")).to_have_text("462 W")

        async def drawn() -> bool:
            board.send(pwr(CLAMP, 462))  # a curve takes readings of two seconds
            return bool(await page.locator("#chart .line").get_attribute("d"))

        await until(drawn)


async def test_without_javascript_it_says_the_same(fluksod: Fluksod) -> None:
    async with opened(fluksod, java_script_enabled=False, viewport={"width": 1100, "height": 800}) as page:
        await expect(page.locator("h1")).to_have_text("Cellar")
        await expect(page.locator("#health")).to_have_text("Measuring")
        row = page.get_by_role("row", name="House").first
        await expect(row).to_contain_text("electricity, clamp")
        await expect(row).to_contain_text(re.compile(r"\d,\d{3}\.\d{3} kWh"))
        await expect(page.locator("#sensors")).to_contain_text("Water & garden")
        await expect(page.locator("#claim .code")).to_have_text(re.compile(r"^[0-9A-Z]{4}-[0-9A-Z]{4}$"))
        await expect(page.locator("#parts")).to_contain_text("heard")
        await expect(page.locator("noscript")).to_be_visible()
        await expect(page.locator("#history")).to_be_hidden()
        await picture(page, "plain")


async def test_the_script_writes_figures_as_the_server_does(tmp_path: Path, board: Board) -> None:
    values = [None, 0, 1, 9, 9.96, 10, 0.4, -0.4, 463, -463.4, 999.7, 9999.4, 10_000, 12_345.6, -25_000, 1234567.8]
    async with running(configuration(tmp_path)) as fluksod, opened(fluksod) as page:
        for unit, of_counter in (("W", "Wh"), ("L/min", "L")):
            written = await page.evaluate(
                """async ([values, unit, ofCounter]) => {
                    const { counter, gauge } = await import("/figures.js");
                    return values.map(value => [gauge(value, unit), counter(value, ofCounter)]);
                }""",
                [values, unit, of_counter],
            )
            expected = [
                [list(figures.gauge(value, unit)), list(figures.counter(value, of_counter))] for value in values
            ]
            assert written == expected


async def test_names_are_no_markup(tmp_path: Path, board: Board) -> None:
    name = "<img src=x onerror=alert(1)> $name ${parts}"
    config = configuration(tmp_path, sensors=sensor_table(CLAMP, name, "electricity"))
    config.write_text(config.read_text().replace('"Cellar"', '"<script>alert(2)</script>"'))
    async with running(config) as fluksod:
        board.send(pls(CLAMP, 1))
        async with fluksod.session.get(fluksod.url + "/") as answer:
            text = await answer.text()
            assert "<img src=x" not in text
            assert "<script>" not in text
            assert "&lt;img src=x onerror=alert(1)&gt; $name ${parts}" in text
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
        async with opened(fluksod) as page:
            await expect(page.locator("#sensors .name")).to_have_text(name)
            await expect(page.locator("#readout .c0")).to_contain_text(name)
            await expect(page.locator("h1")).to_have_text("<script>alert(2)</script>")


async def test_a_browser_that_was_given_the_token_sees_all_of_a_closed_one(tmp_path: Path, board: Board) -> None:
    """The scripts, the history and the stream come too: the browser adds what it was given to each request."""
    (tmp_path / "token").write_text("correct-horse-battery")
    (tmp_path / "token").chmod(0o600)
    lan = 'mdns = false\ntoken_file = "token"\nopen_reading = false'
    config = configuration(tmp_path, sensors=sensor_table(CLAMP, "House", "electricity"), lan=lan)
    async with running(config) as fluksod:
        board.send(pls(CLAMP, 1000), pwr(CLAMP, 400))
        known = {"username": "", "password": "correct-horse-battery"}
        async with opened(fluksod, http_credentials=known) as page:
            house = page.get_by_role("row", name="House").first
            await expect(house.locator(".now")).to_have_text("400 W")
            board.send(pwr(CLAMP, 401))
            await expect(house.locator(".now")).to_have_text("401 W")
            await expect(page.locator("#chart .line")).to_have_attribute("d", re.compile("^M"))


async def test_axe_finds_nothing_wrong(fluksod: Fluksod) -> None:
    axe = (ROOT / "cloud" / "web" / "node_modules" / "axe-core" / "axe.min.js").read_text()
    for width in (1100, 360):
        async with opened(fluksod, viewport={"width": width, "height": 900}, bypass_csp=True) as page:
            await expect(page.locator("#chart .line").first).to_be_attached()
            await page.evaluate(axe)
            for scheme in ("light", "dark"):
                await page.emulate_media(color_scheme=scheme)
                found = await page.evaluate("axe.run({ resultTypes: ['violations'] })")
                wrong = [(rule["id"], [node["target"] for node in rule["nodes"]]) for rule in found["violations"]]
                assert wrong == [], (width, scheme)
                assert "color-contrast" in {rule["id"] for rule in found["passes"]}
