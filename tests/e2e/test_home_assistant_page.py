"""A person logs into the real Home Assistant and finds the energy page filled."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from .conftest import Demo

Screenshot = Callable[[Page, str], Path]


def test_energy_page_shows_the_house(demo: Demo, browser: Browser, screenshot: Screenshot) -> None:
    """Log in with name and password, open the energy page, see the electricity and gas that the board has counted."""
    context = browser.new_context(viewport={"width": 1360, "height": 900}, locale="en-GB")
    outside: list[str] = []
    context.on(
        "request",
        lambda request: (
            outside.append(request.url)
            if not request.url.startswith((demo.facts["home_assistant"], "data:", "blob:"))
            else None
        ),
    )
    page = context.new_page()
    page.goto(demo.facts["home_assistant"] + "/energy")
    page.locator("input[name=username]").fill("demo")
    page.locator("input[name=password]").fill("flukso-demo")
    page.get_by_role("button", name="Log in").click()

    page.wait_for_url(re.compile(r"/energy"), timeout=30_000)
    expect(page.get_by_text(re.compile(r"\d[\d.,]*\s*kWh")).first).to_be_visible(timeout=30_000)
    page.wait_for_timeout(3_000)  # the charts' own animation
    screenshot(page, "home-assistant-energy")
    text = page.locator("home-assistant").inner_text()
    used = max(float(number.replace(",", "")) for number in re.findall(r"(\d[\d,.]*)\s*kWh", text))
    assert used > 0.1, text
    assert not outside, outside
    context.close()
