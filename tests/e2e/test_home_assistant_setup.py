"""A person adds a second Fluksometer in the real Home Assistant, and is told where its totals belong."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Playwright, expect

from tests.integration.fluksometer import LoopbackFluksometer

from .conftest import CHROMIUM_FLAGS, Demo, chromium

Screenshot = Callable[[Page, str], Path]

REMOVE = "async () => { const hass = document.querySelector('home-assistant').hass;\
 for (const entry of await hass.callWS({type: 'config_entries/get', domain: 'flukso'}))\
 if (entry.title.includes('a1b2c3')) await hass.callApi('DELETE', `config/config_entries/entry/${entry.entry_id}`); }"


@pytest.fixture
def second() -> Iterator[str]:
    """Run a second Fluksometer on loopback; return its address."""
    device = LoopbackFluksometer()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(device.start(), loop).result(10)
    yield device.address
    asyncio.run_coroutine_threadsafe(device.stop(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


def test_last_step_tells_what_belongs_where(
    demo: Demo, playwright: Playwright, screenshot: Screenshot, second: str
) -> None:
    browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_FLAGS)
    page = browser.new_context(viewport={"width": 1360, "height": 1100}, locale="en-GB").new_page()
    page.goto(demo.facts["home_assistant"] + "/config/integrations/integration/flukso")
    page.locator("input[name=username]").fill("demo")
    page.locator("input[name=password]").fill("flukso-demo")
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(re.compile(r"/config/integrations/integration/flukso"), timeout=30_000)
    page.get_by_role("button", name="Add").first.click(timeout=30_000)
    try:
        page.locator("ha-form input").fill(second, timeout=30_000)
        page.get_by_role("button", name="Submit").click()
        expect(page.get_by_text("Its totals can go into the")).to_be_visible(timeout=30_000)
        expect(page.get_by_text("Electricity (Main, Solar)")).to_be_visible()
        screenshot(page, "home-assistant-set-up")
        link = page.get_by_role("link", name="energy dashboard")
        assert link.get_attribute("href") == "/config/energy"
    finally:
        page.evaluate(REMOVE)
    browser.close()
