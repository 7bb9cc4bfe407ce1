"""A Fluksometer whose reading is closed: its token, asked for, wrong, changed, and never sent to strangers."""

import logging
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from homeassistant.config_entries import SOURCE_REAUTH, SOURCE_USER, SOURCE_ZEROCONF, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.flukso.const import DOMAIN
from custom_components.flukso.diagnostics import async_get_config_entry_diagnostics
from tests.integration.conftest import Poll
from tests.integration.fluksod import PROGRAM, Fluksod
from tests.integration.fluksometer import DEVICE, MAIN, OTHER_DEVICE, WATER, LoopbackFluksometer
from tests.integration.states import shown, shows
from tests.integration.test_config_flow import announced
from tests.integration.waiting import until

TOKEN = "0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def closed(fluksometer: LoopbackFluksometer) -> None:
    """Close the Fluksometer."""
    fluksometer.token, fluksometer.closed = TOKEN, True


@pytest.fixture(autouse=True)
def never_logged(caplog: pytest.LogCaptureFixture) -> Any:
    """The token is in no line of the log, whatever happens."""
    caplog.set_level(logging.DEBUG)
    yield
    assert TOKEN not in caplog.text


@pytest.fixture
def entry(fluksometer: LoopbackFluksometer) -> MockConfigEntry:
    data = {"host": "127.0.0.1", "port": fluksometer.port, "device_id": DEVICE, "api": "v2", "token": TOKEN}
    return MockConfigEntry(domain=DOMAIN, title="Fluksometer (a1b2c3)", unique_id=DEVICE, data=data)


async def answer(hass: HomeAssistant, result: Any, **user_input: Any) -> Any:
    return await hass.config_entries.flow.async_configure(result["flow_id"], user_input)


async def by_address(hass: HomeAssistant, host: str) -> Any:
    result = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    return await answer(hass, result, host=host)


async def discover(hass: HomeAssistant, port: int) -> Any:
    return await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_ZEROCONF}, data=announced(port))


async def test_by_address(hass: HomeAssistant, fluksometer: LoopbackFluksometer) -> None:
    result = await by_address(hass, fluksometer.address)
    assert result["step_id"] == "token"
    assert result["description_placeholders"] == {"address": fluksometer.address, "setting": "token_file"}
    for wrong in ("wrong", "line\nbreak"):
        result = await answer(hass, result, token=wrong)
        assert result["errors"] == {"base": "invalid_token"}
    with patch("custom_components.flukso.async_setup_entry", return_value=True):
        result = await answer(hass, result, token=f" {TOKEN} ")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"]["token"] == TOKEN
    assert result["data"]["device_id"] == DEVICE


async def test_announced(hass: HomeAssistant, fluksometer: LoopbackFluksometer) -> None:
    """Somebody has to give the token; another Fluksometer at the address does not get away with it."""
    result = await discover(hass, fluksometer.port)
    assert result["step_id"] == "token"
    progress = hass.config_entries.flow.async_progress()
    assert progress[0]["context"]["title_placeholders"] == {"name": "Fluksometer (a1b2c3)"}
    fluksometer.device["id"] = OTHER_DEVICE
    result = await answer(hass, result, token=TOKEN)
    assert result["errors"] == {"base": "wrong_device"}
    fluksometer.device["id"] = DEVICE
    with patch("custom_components.flukso.async_setup_entry", return_value=True):
        result = await answer(hass, result, token=TOKEN)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_the_token_is_not_sent_where_somebody_says_to_be(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, entry: MockConfigEntry
) -> None:
    """Anybody on the network can announce the id of a Fluksometer."""
    entry.add_to_hass(hass)
    hass.config_entries.async_update_entry(entry, data={**entry.data, "host": "192.0.2.9"})
    fluksometer.token = "somebody else's"
    result = await discover(hass, fluksometer.port)
    assert result["reason"] == "token_not_sent"
    assert fluksometer.refused == []
    assert entry.data["host"] == "192.0.2.9"


async def test_values_and_push(hass: HomeAssistant, fluksometer: LoopbackFluksometer, loaded: MockConfigEntry) -> None:
    await until(lambda: fluksometer.streams)
    await fluksometer.push(MAIN, gauge=470)
    await until(shows(hass, "sensor.main_power", "470"))
    assert fluksometer.refused == []
    diagnostics = await async_get_config_entry_diagnostics(hass, loaded)
    assert TOKEN not in str(diagnostics)


async def test_changed_token(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, loaded: MockConfigEntry, poll: Poll
) -> None:
    fluksometer.token = "f" * 32
    await poll()
    assert shown(hass, "sensor.main_power") == "unavailable"
    (flow,) = hass.config_entries.flow.async_progress()
    assert flow["context"]["source"] == SOURCE_REAUTH
    assert flow["step_id"] == "reauth_confirm"

    fluksometer.device["id"] = OTHER_DEVICE
    result = await answer(hass, flow, token="f" * 32)
    assert result["errors"] == {"base": "wrong_device"}
    fluksometer.device["id"] = DEVICE
    result = await answer(hass, result, token="f" * 32)
    assert result["reason"] == "reauth_successful"
    await hass.async_block_till_done()
    assert loaded.data["token"] == "f" * 32
    assert loaded.data["host"] == "127.0.0.1"
    await until(shows(hass, "sensor.main_power", "463"))


async def test_reading_that_was_closed_while_home_assistant_was_down(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    entry.add_to_hass(hass)
    hass.config_entries.async_update_entry(entry, data={**entry.data, "token": "old"})
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_ERROR
    assert [flow["context"]["source"] for flow in hass.config_entries.flow.async_progress()] == [SOURCE_REAUTH]


async def test_reconfigure(hass: HomeAssistant, fluksometer: LoopbackFluksometer, entry: MockConfigEntry) -> None:
    """The owner names the address, so the token is sent there."""
    entry.add_to_hass(hass)
    hass.config_entries.async_update_entry(entry, data={**entry.data, "host": "192.0.2.9"})
    with patch("custom_components.flukso.async_setup_entry", return_value=True):
        result = await answer(hass, await entry.start_reconfigure_flow(hass), host=fluksometer.address)
        assert result["reason"] == "reconfigure_successful"
        assert entry.data["host"] == "127.0.0.1"
        assert entry.data["token"] == TOKEN

        fluksometer.token = "e" * 32
        result = await answer(hass, await entry.start_reconfigure_flow(hass), host=fluksometer.address)
        assert result["step_id"] == "token"
        result = await answer(hass, result, token="e" * 32)
        assert result["reason"] == "reconfigure_successful"
    assert entry.data["token"] == "e" * 32


@pytest.mark.skipif(not PROGRAM.exists(), reason="fluksod is not installed: run scripts/setup python")
async def test_the_real_daemon(hass: HomeAssistant, tmp_path: Path) -> None:
    secret = tmp_path / "lan-token"
    secret.write_text(TOKEN)
    secret.chmod(0o600)
    daemon = Fluksod(tmp_path, MAIN, WATER, lan=f'token_file = "{secret}"\nopen_reading = false\n')
    async with daemon:
        daemon.clamp(MAIN, 4521337, 463)
        result = await by_address(hass, f"127.0.0.1:{daemon.port}")
        assert result["step_id"] == "token"
        assert (await answer(hass, result, token="wrong"))["errors"] == {"base": "invalid_token"}
        result = await answer(hass, result, token=TOKEN)
        assert result["type"] is FlowResultType.CREATE_ENTRY
        await hass.async_block_till_done()
        await until(shows(hass, "sensor.main_power", "463"))
        daemon.clamp(MAIN, 4521338, 470)
        await until(shows(hass, "sensor.main_power", "470"))
        await hass.config_entries.async_unload(result["result"].entry_id)
