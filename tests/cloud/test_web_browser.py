"""The pages in Chromium, against the real server over TLS."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.cloud.web_cloud import COOKIE, PASSWORD, SOURCES, Household, PagedCloud

pytest_plugins = ["tests.cloud.web_fixtures"]
pytestmark = pytest.mark.asyncio(loop_scope="module")

QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
BLUE, BLUE_IN_THE_DARK, ORANGE = (0x0B, 0x6B, 0xB8), (0x5A, 0xB0, 0xF0), (0xD9, 0x72, 0x0F)
"""Colours of the first two streams, see page.css."""
DASH = "\N{EN DASH}"
CONNECTED = re.compile("^(Live|Connected)")
BRUSSELS = ZoneInfo("Europe/Brussels")

Open = Callable[..., Any]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(pages: PagedCloud) -> AsyncIterator[Browser]:
    """Chromium that trusts this cloud's own certificate, no other unknown one, and reaches nothing but this machine."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert path, "no browser: apt-get install chromium"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=path,
            args=[
                *QUIET,
                f"--ignore-certificate-errors-spki-list={pages.spki}",
                "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost",
            ],
        )
        yield browser
        await browser.close()


@pytest.fixture
def open_page(browser: Browser, pages: PagedCloud, ada: str) -> Open:
    """Open pages in contexts of their own; afterwards nothing may have left the origin, nor any error been logged."""

    @asynccontextmanager
    async def open_page(
        path: str | None = "/", session: str | None = ada, errors: bool = False, **context: Any
    ) -> AsyncIterator[Page]:
        made = await browser.new_context(**{"locale": "en-GB", "timezone_id": "Europe/Brussels"} | context)
        try:
            if session is not None:
                await made.add_cookies([{"name": COOKIE, "value": session, "url": pages.url, "secure": True}])
            page = await made.new_page()
            page.set_default_timeout(10_000)
            problems: list[str] = []
            page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
            page.on("pageerror", lambda error: problems.append(str(error)))
            foreign: list[str] = []
            page.on(
                "request", lambda request: None if request.url.startswith(pages.url) else foreign.append(request.url)
            )
            if path is not None:
                await page.goto(pages.url + path)
            yield page
            assert foreign == []
            assert problems == [] or errors
        finally:
            await made.close()

    return open_page


async def until(what: Callable[[], Awaitable[bool]], why: str, seconds: float = 10) -> None:
    """Wait for something."""
    deadline = time.monotonic() + seconds
    while not await what():
        assert time.monotonic() < deadline, why
        await asyncio.sleep(0.05)


async def columns(page: Page, color: tuple[int, int, int], quantity: str = "power") -> tuple[list[int], list[float]]:
    """Return the columns of a chart's canvas with pixels of this colour, and their mean height above the bottom."""
    found = await page.evaluate(
        """([quantity, color]) => {
            const canvas = document.querySelector(`[data-quantity=${quantity}] canvas`);
            const { width, height } = canvas;
            const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
            const columns = [];
            for (let x = 0; x < width; x++) {
                const rows = [];
                for (let y = 0; y < height; y++) {
                    const at = 4 * (y * width + x);
                    const like = color.every((part, i) => Math.abs(data[at + i] - part) < 40);
                    if (like && data[at + 3] > 200) rows.push(height - y);
                }
                if (rows.length) columns.push([x, rows.reduce((sum, row) => sum + row) / rows.length]);
            }
            return columns;
        }""",
        [quantity, list(color)],
    )
    return [int(x) for x, _ in found], [float(y) for _, y in found]


async def data(page: Page) -> Any:
    """Return what the server wrote into the page for its script."""
    return json.loads(await page.locator("#page-data").text_content() or "")


async def statistics(page: Page, sensor: str) -> list[str]:
    """Return what the legend tells of a sensor: minimum, average, maximum, last."""
    cells = page.locator(f'.legend [data-sensor="{sensor}"] [data-statistic]')
    return list(await cells.all_inner_texts())


async def test_logging_in(open_page: Open, house: Household, pages: PagedCloud) -> None:
    async with open_page("/?scale=day", session=None) as page:
        await expect(page).to_have_url(re.compile(r"/login\?next="))
        await page.get_by_label("Name").fill("ada")
        await page.get_by_label("Password").fill("wrong")
        await page.get_by_role("button", name="Log in").click()
        await expect(page.get_by_role("alert")).to_have_text("Name or password is wrong.")
        await expect(page.get_by_label("Name")).to_have_value("ada")
        await expect(page.get_by_label("Password")).to_be_focused()
        await page.get_by_label("Password").fill(PASSWORD)
        await page.keyboard.press("Enter")
        await expect(page).to_have_url(f"{pages.url}/?scale=day")
        await expect(page.get_by_role("heading", name=house.name)).to_be_visible()
        await page.get_by_role("button", name="Log out").click()
        await expect(page).to_have_url(f"{pages.url}/login")


async def test_claiming_a_device(open_page: Open, pages: PagedCloud) -> None:
    device = Household(pages, {"Main": ("electricity", "analog")})
    async with open_page(session=pages.log_in("cleo")) as page:
        await expect(page.get_by_role("heading", name="Connect your Fluksometer")).to_be_visible()
        code = page.get_by_label("Claim code")
        await code.fill("0000-0000")
        await page.get_by_role("button", name="Add device").click()
        await expect(page.get_by_role("alert")).to_contain_text("No device is waiting with this code")
        await code.fill(device.claim_code.lower())
        await page.get_by_role("button", name="Add device").click()
        await expect(page.get_by_text(f"{device.name} is yours now.")).to_be_visible()
        await expect(page.locator("#connection")).to_have_text("Connected. Waiting for the first reading.")
        device.gauge("Main", 42)
        await expect(page.locator(".tile .figure")).to_have_text("42")
        await expect(page.locator("#connection")).to_have_text("Live")


async def test_a_chart_shows_its_data(open_page: Open, house: Household) -> None:
    async with open_page("/?scale=hour") as page:
        assert await statistics(page, house.sensors["Main"]) == ["600"] * 4
        assert await statistics(page, house.sensors["Solar"]) == ["300"] * 4
        assert await statistics(page, house.sensors["Gas"]) == ["6"] * 4
        assert await statistics(page, house.sensors["Water"]) == [DASH] * 4
        width = await page.evaluate("document.querySelector('canvas').width")
        main, heights = await columns(page, BLUE)
        assert len(main) > 0.8 * width
        _, lower = await columns(page, ORANGE)
        ratio = await page.evaluate("devicePixelRatio")
        grounds = [28 * ratio, 44 * ratio]  # the time axis, which has a second line where midnight is in the hour
        twice = pytest.approx(2, rel=0.05)
        assert any((max(heights) - ground) / (max(lower) - ground) == twice for ground in grounds)
        assert max(heights) - min(heights) < 2


async def test_a_gap_stays_a_gap(open_page: Open, house: Household) -> None:
    async with open_page("/?scale=day") as page:
        x, _ = await columns(page, BLUE)
        jumps = [(later - earlier, earlier) for earlier, later in pairwise(x) if later - earlier > 3]
        assert len(jumps) == 1
        share = jumps[0][0] / (x[-1] - x[0])
        assert 1.7 / 24 < share < 2.4 / 24


async def test_trap_13_a_bucket_is_told_and_drawn_over_its_own_interval(open_page: Open, house: Household) -> None:
    async with open_page("/?scale=day") as page:
        chart = page.get_by_role("slider", name="Electricity over time")
        await chart.focus()
        await page.keyboard.press("Home")
        text = await chart.get_attribute("aria-valuetext")
        end = (await data(page))["series"]["day"][house.sensors["Main"]][0][0]
        begin, finish = (datetime.fromtimestamp(at, BRUSSELS).strftime("%H:%M") for at in (end - 900, end))
        assert f"{begin}{DASH}{finish}: Main 600 W, Solar 300 W" in text
        # the other chart points at the same moment
        for quantity, value in (("power", "600 W"), ("flow", "6 L/min")):
            readout = page.locator(f"[data-quantity={quantity}] .readout")
            await expect(readout).to_be_visible()
            await expect(readout).to_contain_text(f"{begin}{DASH}{finish}")
            await expect(readout).to_contain_text(value)
        await page.keyboard.press("Escape")
        await expect(page.locator(".readout").first).to_be_hidden()


async def test_the_live_chart_moves(open_page: Open, house: Household) -> None:
    async with open_page() as page:
        await expect(page.locator("#connection")).to_have_text(CONNECTED)
        house.gauge("Main", 1500)
        began = time.monotonic()
        tile = page.locator(f'.tile[data-sensor="{house.sensors["Main"]}"] .figure')
        await expect(tile).to_have_text("1,500")
        await expect(page).to_have_title(f"1,500 W · {house.name}")
        assert time.monotonic() - began < 10  # pushed: the buckets alone would need a minute
        _, _, highest, last = await statistics(page, house.sensors["Main"])
        assert (highest, last) == ("1,500", "1,500")
        x, heights = await columns(page, BLUE)
        assert heights[x.index(max(x))] > 1.5 * heights[0]

        # time goes on, and the peak with it
        async def peak() -> int:
            return max(zip(*reversed(await columns(page, BLUE)), strict=True))[1]

        began_at = await peak()

        async def has_moved() -> bool:
            return await peak() < began_at

        await until(has_moved, "the picture stands still")


@pytest.mark.parametrize("scale", ["live", "year"])
async def test_a_counter_alone_is_shown_too(open_page: Open, pages: PagedCloud, scale: str) -> None:
    """A v1 device sends no gauges: its power is that of the minutes that its counters tell."""
    device = Household(pages, {"Meter": ("electricity", "analog")})
    session = pages.log_in("dora")
    pages.claim(device.claim_code, session)
    now = int(time.time())
    counters = [(at, 5000 + (at - now) // 3) for at in range(now - 900, now + 1, 10)]
    device.measure("Meter", counters[:60])
    async with open_page(f"/?device={device.id}&scale={scale}", session=session) as page:
        said = re.compile(r"^Connected\. The last reading came [56] minutes ago\.$")  # by how long the start took
        await expect(page.locator("#connection")).to_have_text(said)
        device.measure("Meter", counters[60:])
        await expect(page.locator("#connection")).to_have_text(re.compile("^(Live|.* [12] minutes? ago.)$"))
        await expect(page.locator(".tile .figure")).to_have_text("1,200")
        await expect(page).to_have_title(f"1,200 W · {device.name}")


async def test_all_of_the_chart_is_in_the_address(open_page: Open, house: Household, pages: PagedCloud) -> None:
    async with open_page() as page:
        scale = page.get_by_role("navigation", name="Time scale")
        await scale.get_by_role("link", name="Day").click()
        await expect(page).to_have_url(f"{pages.url}/?scale=day")
        await expect(scale.get_by_role("link", name="Day")).to_have_attribute("aria-current", "true")
        await expect(page.locator("body")).not_to_have_class(re.compile("loading"))
        main = house.sensors["Main"]
        assert (await statistics(page, main))[3] == "600"

        await page.get_by_label("Unit of electricity").select_option("kWh/year")
        await expect(page).to_have_url(f"{pages.url}/?scale=day&unit=kwhperyear")
        assert (await statistics(page, main))[3] == "5,256"
        await page.get_by_label("Unit of gas and water").select_option("L/day")
        assert (await statistics(page, house.sensors["Gas"]))[3] == "8,640"

        await page.get_by_role("checkbox", name="Main").uncheck()
        hidden = f"{pages.url}/?scale=day&unit=kwhperyear&flow=lperday&hide={main[:8]}"
        await expect(page).to_have_url(hidden)
        assert (await columns(page, BLUE))[0] == []
        assert (await columns(page, ORANGE))[0] != []

        await page.reload()
        await expect(page.get_by_role("checkbox", name="Main")).not_to_be_checked()
        await expect(page.get_by_label("Unit of electricity")).to_have_value("kwhperyear")
        assert (await columns(page, BLUE))[0] == []
        _, heights = await columns(page, ORANGE)
        assert max(heights) > 100, "the axis fits what is shown"

        await page.go_back()
        await expect(page.get_by_role("checkbox", name="Main")).to_be_checked()
        assert (await columns(page, BLUE))[0] != []
        for _ in range(3):
            await page.go_back()
        await expect(page).to_have_url(f"{pages.url}/")
        await expect(scale.get_by_role("link", name="Live")).to_have_attribute("aria-current", "true")
        await page.go_forward()
        await expect(page).to_have_url(f"{pages.url}/?scale=day")
        await expect(scale.get_by_role("link", name="Week")).to_have_attribute("href", "/?scale=week")


async def test_every_scale_loads_its_buckets(open_page: Open, house: Household) -> None:
    async with open_page() as page:
        for name, interval, resolution in (
            ("Hour", "hour", "minute"),
            ("Day", "day", "15min"),
            ("Week", "week", "hour"),
            ("Month", "month", "day"),
            ("Year", "year", "day"),
        ):
            asked = f"interval={interval}&resolution={resolution}&"
            async with page.expect_response(
                lambda answer, asked=asked: "/sensor/" in answer.url and asked in answer.url
            ):
                await page.get_by_role("link", name=name, exact=True).click()
            await expect(page.locator("body")).not_to_have_class(re.compile("loading"))
            await expect(page.locator("[data-quantity=power]")).to_have_attribute("data-state", "filled")


async def test_numbers_and_times_are_in_the_visitors_language_and_zone(open_page: Open, house: Household) -> None:
    async with open_page("/?scale=hour&unit=kwhperyear", locale="de-DE", timezone_id="Asia/Kolkata") as page:
        await expect(page.locator("#time-zone")).to_have_text(re.compile("Times are in Asia/(Kolkata|Calcutta)."))
        assert (await statistics(page, house.sensors["Main"]))[0] == "5.256"
        await page.get_by_text("All values").first.click()
        newest = page.locator(".buckets tbody th").first
        await expect(newest).to_contain_text("Uhr")
        when = await newest.inner_text()
        series = (await data(page))["series"]["hour"][house.sensors["Main"]]
        end = max(time for time, value in series if value != "nan")
        assert f"{datetime.fromtimestamp(end, ZoneInfo('Asia/Kolkata')):%H:%M}" in when


async def test_colours_follow_the_preferred_scheme(open_page: Open, house: Household) -> None:
    async with open_page("/?scale=hour", color_scheme="light") as page:
        assert (await columns(page, BLUE))[0] != []
        await page.emulate_media(color_scheme="dark")

        async def is_dark() -> bool:
            return (await columns(page, BLUE_IN_THE_DARK))[0] != []

        await until(is_dark, "the chart stays light")


async def test_without_javascript_the_page_is_a_table(open_page: Open, house: Household, pages: PagedCloud) -> None:
    async with open_page("/?scale=hour", java_script_enabled=False) as page:
        await expect(page.locator(".chart").first).to_be_hidden()
        await expect(page.locator("#connection")).to_be_hidden()
        await expect(page.locator(f'.tile[data-sensor="{house.sensors["Gas"]}"] .figure')).to_have_text("6")
        await expect(page.get_by_role("cell", name="600").first).to_be_visible()
        assert await page.locator("[data-quantity=power] .buckets tbody tr").count() >= 55
        await page.get_by_role("link", name="Day", exact=True).click()
        await expect(page).to_have_url(f"{pages.url}/?scale=day")
        await page.get_by_label("Unit of gas and water").select_option("m³/year")
        await page.locator("[data-quantity=flow]").get_by_role("button", name="Show").click()
        await expect(page).to_have_url(f"{pages.url}/?scale=day&flow=m3peryear")
        assert (await statistics(page, house.sensors["Gas"]))[2] == "3,154"


async def test_a_phone_shows_all_without_scrolling_sideways(
    open_page: Open, pages: PagedCloud, house: Household, bob: str
) -> None:
    phone = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
    for path, session in (("/login", None), ("/?claim_error=unknown", bob)):
        async with open_page(path, session=session, **phone) as page:
            assert await page.evaluate("document.documentElement.scrollWidth") <= 360, path
    async with open_page(None, **phone) as page:
        for path in ("/", "/?scale=year&unit=kwhperyear&flow=m3peryear", "/?scale=hour"):
            await page.goto(pages.url + path)
            assert await page.evaluate("document.documentElement.scrollWidth") <= 360, path
            for table in await page.locator(".legend").all():
                box = await table.bounding_box()
                assert box
                assert box["x"] + box["width"] <= 360 - 12, path
        box = await page.locator("[data-quantity=power] .u-over").bounding_box()
        assert box
        await page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + 40)
        await expect(page.locator("[data-quantity=power] .readout")).to_contain_text("600 W")
        await expect(page.locator("[data-quantity=flow] .readout")).to_contain_text("6 L/min")


async def test_axe_finds_nothing_wrong(open_page: Open, pages: PagedCloud, house: Household, bob: str) -> None:
    axe = (SOURCES / "node_modules" / "axe-core" / "axe.min.js").read_text()
    for path, context in (
        ("/?scale=day", {}),
        ("/?claim_error=unknown", {"session": bob}),
        ("/login?error=1", {"session": None}),
    ):
        async with open_page(path, **context) as page:
            if path == "/?scale=day":
                await page.get_by_text("All values").first.click()
                await page.get_by_text("Add another device").click()
                await page.get_by_role("slider").first.focus()
                await page.keyboard.press("ArrowLeft")
            await page.evaluate(axe)
            for scheme in ("light", "dark"):
                await page.emulate_media(color_scheme=scheme)
                found = await page.evaluate("axe.run({ resultTypes: ['violations'] })")
                wrong = [(rule["id"], [node["target"] for node in rule["nodes"]]) for rule in found["violations"]]
                assert wrong == [], (path, scheme)
                assert "color-contrast" in {rule["id"] for rule in found["passes"]}


async def test_a_session_that_ended_is_said_in_words(open_page: Open, pages: PagedCloud, house: Household) -> None:
    session = pages.log_in("ada")
    async with open_page(session=session, errors=True) as page:
        await expect(page.locator("#connection")).to_have_text(CONNECTED)
        pages.http.post("/logout", headers={"Cookie": f"{COOKIE}={session}"})
        await page.get_by_role("link", name="Week", exact=True).click()
        await expect(page.locator("#connection")).to_have_text("You are logged out. Log in again")
        await page.get_by_role("link", name="Log in again").click()
        await page.get_by_label("Name").fill("ada")
        await page.get_by_label("Password").fill(PASSWORD)
        await page.keyboard.press("Enter")
        await expect(page).to_have_url(f"{pages.url}/?scale=week")


async def test_a_lost_connection_is_said_and_comes_back_by_itself(
    open_page: Open, pages: PagedCloud, house: Household
) -> None:
    async with open_page(errors=True) as page:
        line = page.locator("#connection")
        await expect(line).to_have_text(CONNECTED)
        pages.stop()
        await expect(line).to_have_text("Connection lost. Trying again…")
        await page.get_by_role("link", name="Month", exact=True).click()
        await expect(page.locator(".note").first).to_have_text("The cloud does not answer. Trying again in a moment.")
        pages.start_again()
        await expect(line).to_have_text(re.compile("Connected again.|Live"), timeout=15_000)
        await expect(page.locator(".note").first).to_have_text("")
        await expect(page.locator("[data-quantity=power]")).to_have_attribute("data-state", "filled")
        house.gauge("Main", 777)
        await expect(page.locator(".tile .figure").first).to_have_text("777")
