"""Real automations in Home Assistant, and what they do."""

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

from freezegun.api import TickingDateTimeFactory
from homeassistant.core import Event, HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_capture_events

from custom_components.flukso.const import DOMAIN
from tests.integration.fluksometer import LoopbackFluksometer

STEPS = 200
"""Rounds of the event loop in which an automation gets to where it waits; each of its actions takes a few."""


async def automate(
    hass: HomeAssistant, trigger: dict[str, Any], conditions: Iterable[dict[str, Any]] = (), tells: str = "{{ 1 }}"
) -> list[Event[Any]]:
    """Set an automation up; returns the list that grows by an event each time it runs, with what it `tells`."""
    told = async_capture_events(hass, "told")
    await load_automation(
        hass,
        {
            "triggers": [trigger],
            "conditions": list(conditions),
            "actions": [{"event": "told", "event_data": {"what": tells}}],
        },
    )
    return told


async def load_automation(hass: HomeAssistant, automation: dict[str, Any]) -> None:
    """Load an automation as `automation.tested`, alone. Raises AssertionError when it is not valid."""
    automation = {"id": "tested", "alias": "Tested", **automation}
    if "automation" in hass.config.components:
        await _reload(hass, [automation])
    else:
        assert await async_setup_component(hass, "automation", {"automation": automation})
    await hass.async_block_till_done()
    state = hass.states.get("automation.tested")
    assert state is not None
    assert state.state == "on", "its configuration is not valid"


async def _reload(hass: HomeAssistant, automations: list[dict[str, Any]]) -> None:
    with patch("homeassistant.config.load_yaml_config_file", return_value={"automation": automations}):
        await hass.services.async_call("automation", "reload", blocking=True)
    await hass.async_block_till_done()


async def forget(hass: HomeAssistant) -> None:
    """Take the automation away, as an owner does who deletes it from the configuration and loads that again."""
    await _reload(hass, [])
    state = hass.states.get("automation.tested")
    assert state is None or state.state == "unavailable"


def said(told: list[Event[Any]]) -> list[Any]:
    """Return what an automation told each time it ran."""
    return [event.data["what"] for event in told]


class Household:
    """A Fluksometer whose time, and Home Assistant's, pass as the test wants."""

    def __init__(
        self,
        hass: HomeAssistant,
        time: TickingDateTimeFactory,
        fluksometer: LoopbackFluksometer,
        entry: MockConfigEntry,
    ) -> None:
        """Be set up, at whatever time it is."""
        self.hass = hass
        self._time = time
        self.fluksometer = fluksometer
        self._entry = entry
        self.automation_waits = False
        """Whether the automation may be in the middle of its actions, and must not be waited for."""

    async def show(self, sensor_id: str, **values: Any) -> None:
        """Measure something, and let Home Assistant show it."""
        self.fluksometer.measure(sensor_id, **values)
        await self._poll()

    async def wait(self, seconds: float) -> None:
        """Let time pass at once; the Fluksometer goes on measuring what it measures."""
        self.fluksometer.pass_time(int(seconds))
        await self.stand_still(seconds)

    async def stand_still(self, seconds: float) -> None:
        """Let time pass at once in which the Fluksometer measures nothing."""
        # Its own tick() forgets what has passed by itself meanwhile.
        self._time.move_to(self._time() + timedelta(seconds=seconds))
        await self._poll()

    async def until(self, moment: datetime) -> None:
        """Let time pass until a moment."""
        await self.wait((moment - datetime.now(moment.tzinfo)).total_seconds())

    def place(self, sensor_id: str, area: str) -> None:
        """Put a sensor's device into an area."""
        registry = dr.async_get(self.hass)
        device = registry.async_get_device_by_identifier((DOMAIN, sensor_id), self._entry.entry_id)
        assert device is not None
        registry.async_update_device(device.id, area_id=area)

    async def _poll(self) -> None:
        await self._entry.runtime_data.async_refresh()
        if self.automation_waits:
            for _ in range(STEPS):
                await asyncio.sleep(0)
        else:
            await self.hass.async_block_till_done()
