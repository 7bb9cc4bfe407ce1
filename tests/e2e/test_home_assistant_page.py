"""A person logs into the real Home Assistant and finds the energy page filled."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, Playwright, Request, expect

from .conftest import CHROMIUM_FLAGS, Demo, chromium

Screenshot = Callable[[Page, str], Path]


def _number(text: str, unit: str) -> float:
    match = re.search(rf"(\d[\d,.]*)\s*{unit}", text)
    assert match, text
    return float(match[1].replace(",", ""))


def test_energy_page_shows_the_house(demo: Demo, playwright: Playwright, screenshot: Screenshot) -> None:
    """Log in with name and password, open the energy page, see what the house used yesterday."""
    home_assistant = demo.facts["home_assistant"]
    browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_FLAGS)
    context = browser.new_context(viewport={"width": 1360, "height": 900}, locale="en-GB")
    outside: list[str] = []

    def watch(request: Request) -> None:
        if not request.url.startswith((home_assistant, "data:", "blob:")):
            outside.append(request.url)

    context.on("request", watch)
    page = context.new_page()
    page.goto(home_assistant + "/energy")
    page.locator("input[name=username]").fill("demo")
    page.locator("input[name=password]").fill("flukso-demo")
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(re.compile(r"/energy/"), timeout=30_000)

    # A whole day: the one before today.
    page.get_by_role("button", name="Previous").click(timeout=30_000)
    electricity, gas = (page.get_by_role("row", name=f"{name} total") for name in ("Grid", "Gas"))
    expect(electricity).not_to_contain_text(re.compile(r"\b0(\.0+)?\s*kWh"), timeout=30_000)
    page.wait_for_timeout(3_000)  # the charts' own animation
    screenshot(page, "home-assistant-energy")
    assert _number(electricity.inner_text(), "kWh") > 3
    assert _number(gas.inner_text(), "m³") > 0.3
    expect(page.get_by_role("button", name="Heat pump Energy")).to_be_visible()
    assert not outside, outside
    browser.close()
