"""A person makes automations in the real Home Assistant: on power, and on what Flukso's own triggers tell."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, Playwright, expect

from .conftest import CHROMIUM_FLAGS, Demo, chromium

Screenshot = Callable[[Page, str], Path]

SAVE = "([id, automation]) => document.querySelector('home-assistant').hass.callApi(\
'POST', `config/automation/config/${id}`, automation)"
TRIGGERED = "id => { const states = Object.values(document.querySelector('home-assistant').hass.states);\
 return states.some(s => s.attributes.id === id && s.attributes.last_triggered); }"

BELOW = "([id, watts]) => document.querySelector('home-assistant').hass.states[id].state < watts"
OURS = {
    "continuous_flow": "Flow without a stop",
    "meter_silent": "Meter fell silent",
    "night_load_above_usual": "Night load above usual",
    "peak_about_to_be_exceeded": "Peak about to be exceeded",
}


def _save(page: Page, name: str, automation: dict[str, Any]) -> None:
    """Save an automation as the editor does, and open it there."""
    assert page.evaluate(SAVE, [name, {"mode": "single", "conditions": [], **automation}]) == {"result": "ok"}
    page.goto(page.url.split("/config/")[0] + f"/config/automation/edit/{name}")


def test_automations_on_a_meter(demo: Demo, playwright: Playwright, screenshot: Screenshot) -> None:
    """One on a power threshold fires when the kettle is switched on; our own triggers are in the editor by name."""
    browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_FLAGS)
    page = browser.new_context(viewport={"width": 1360, "height": 1100}, locale="en-GB").new_page()
    page.goto(demo.facts["home_assistant"] + "/config/automation/dashboard")
    page.locator("input[name=username]").fill("demo")
    page.locator("input[name=password]").fill("flukso-demo")
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(re.compile(r"/config/automation/dashboard"), timeout=30_000)
    expect(page.get_by_text("Create automation").first).to_be_visible(timeout=30_000)

    power = demo.facts["entities"][demo.sensor("Kitchen")]["power"]
    demo.switch("kettle", on=False)
    page.wait_for_function(BELOW, arg=[power, 1000], timeout=30_000)
    threshold = {"type": "above", "value": {"number": 1.5, "unit_of_measurement": "kW"}}
    _save(
        page,
        "e2e_power",
        {
            "alias": "Kettle is on",
            "triggers": [
                {
                    "trigger": "power.crossed_threshold",
                    "target": {"entity_id": power},
                    "options": {"behavior": "each", "for": "00:00:00", "threshold": threshold},
                }
            ],
            "actions": [{"event": "kettle_is_on"}],
        },
    )
    expect(page.get_by_text("Power crossed threshold").first).to_be_visible(timeout=30_000)
    demo.switch("kettle", on=True)
    try:
        page.wait_for_function(TRIGGERED, arg="e2e_power", timeout=30_000)
    finally:
        demo.switch("kettle", on=False)
    screenshot(page, "home-assistant-automation-power")

    _save(
        page,
        "e2e_flukso",
        {
            "alias": "What Flukso tells",
            "triggers": [{"trigger": f"flukso.{name}", "target": {"entity_id": power}} for name in OURS],
            "conditions": [{"condition": "flukso.meter_is_silent", "target": {"entity_id": power}}],
            "actions": [{"event": "told"}],
        },
    )
    for name in (*OURS.values(), "Meter is silent"):
        expect(page.get_by_text(re.compile(name)).first).to_be_visible(timeout=30_000)
    page.get_by_text(OURS["peak_about_to_be_exceeded"]).first.click()
    expect(page.get_by_text("Peak so far").first).to_be_visible(timeout=30_000)
    screenshot(page, "home-assistant-automation-flukso")
    browser.close()
