"""Diagnostics: enough to help, nothing to hide."""

import json

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.components.diagnostics import get_diagnostics_for_config_entry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator
from syrupy.assertion import SnapshotAssertion

from tests.integration.fluksometer import DEVICE, GAS, MAIN, NOW, SOLAR, WATER, LoopbackFluksometer
from tests.integration.meters import link
from tests.integration.waiting import until


async def test_diagnostics(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    fluksometer: LoopbackFluksometer,
    loaded: MockConfigEntry,
    snapshot: SnapshotAssertion,
) -> None:
    push = loaded.runtime_data.push
    await until(lambda: push.connected)
    fluksometer.listed(GAS)["reading"] = None
    fluksometer.device |= {
        "boards": [link("board")],
        "meters": [link("Anna", connected=False, error="no telegram")],
        "mqtt": {"host": "broker.example", "port": 1883, "state": "connected", "error": None},
        "storage": {"state": "ok", "bytes": 1_482_752, "oldest_minute": NOW - 86400, "error": None},
    }
    await loaded.runtime_data.async_refresh()
    assert await async_setup_component(hass, "diagnostics", {})
    assert await get_diagnostics_for_config_entry(hass, hass_client, loaded) == snapshot


async def test_no_secret_no_address_no_whole_id(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, fluksometer: LoopbackFluksometer, loaded: MockConfigEntry
) -> None:
    push = loaded.runtime_data.push
    await until(lambda: push.connected)
    await fluksometer.stop()
    await until(lambda: push.last_loss)
    assert await async_setup_component(hass, "diagnostics", {})
    text = json.dumps(await get_diagnostics_for_config_entry(hass, hass_client, loaded))
    for secret in ("K7QM", "2XWD", "127.0.0.1", "cloud.example", DEVICE, MAIN, SOLAR, WATER, GAS):
        assert secret not in text
    assert "(address)" in text
