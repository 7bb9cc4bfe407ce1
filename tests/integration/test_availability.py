"""Unavailable and back again, one line in the log each way."""

import logging
from datetime import timedelta

import pytest
from aiohttp import web
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.flukso.const import STALE_SECONDS, UNREACHABLE_GRACE
from tests.integration.conftest import Clock, Poll
from tests.integration.fluksometer import MAIN, NOW, OTHER_DEVICE, SOLAR, WATER, LoopbackFluksometer
from tests.integration.states import shown
from tests.integration.waiting import until


def available(hass: HomeAssistant) -> set[str]:
    """Return the sensors whose power or flow is available."""
    return {
        state.entity_id.removeprefix("sensor.").rsplit("_", 1)[0]
        for state in hass.states.async_all("sensor")
        if state.state != STATE_UNAVAILABLE
    }


EVERYTHING = {"main", "solar", "water_meter", "gas_meter"}


async def test_unreachable_and_back(
    hass: HomeAssistant,
    fluksometer: LoopbackFluksometer,
    loaded: MockConfigEntry,
    poll: Poll,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "custom_components.flukso")
    await fluksometer.stop()
    await poll()
    assert available(hass) == EVERYTHING, "a missed poll is Wi-Fi, not an outage"
    clock.advance(UNREACHABLE_GRACE)
    await poll()
    await poll()
    assert available(hass) == set()
    assert caplog.text.count("Error fetching Fluksometer (a1b2c3) data: The Fluksometer does not answer") == 1

    await fluksometer.start()
    fluksometer.measure(MAIN, counter=4521400)
    await poll()
    assert available(hass) == EVERYTHING
    assert shown(hass, "sensor.main_energy") == "4521.4"
    assert caplog.text.count("recovered") == 1
    # The push is back at once too, although its next attempt was not due.
    await until(lambda: fluksometer.streams)


@pytest.mark.parametrize("fault", ["garbage", "error", "another device"])
async def test_wrong_answers_never_become_values(
    hass: HomeAssistant,
    fluksometer: LoopbackFluksometer,
    loaded: MockConfigEntry,
    poll: Poll,
    clock: Clock,
    fault: str,
) -> None:
    match fault:
        case "garbage":
            fluksometer.replies["/api/v2/sensors"] = web.json_response({"sensors": [{"id": MAIN}]})
        case "error":
            fluksometer.replies["/api/v2/device"] = web.Response(status=500)
        case _:
            fluksometer.device["id"] = OTHER_DEVICE
            fluksometer.measure(MAIN, counter=1, gauge=1)
    clock.advance(UNREACHABLE_GRACE)
    await poll()
    assert available(hass) == set()
    assert shown(hass, "sensor.main_power") == STATE_UNAVAILABLE


async def test_silent_board(
    hass: HomeAssistant,
    fluksometer: LoopbackFluksometer,
    loaded: MockConfigEntry,
    poll: Poll,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Values of a board that is gone are not shown as current, though the daemon still has them."""
    caplog.set_level(logging.INFO, "custom_components.flukso")
    fluksometer.device["board"]["connected"] = False
    fluksometer.device["time"] = NOW + 20
    await poll()
    assert available(hass) == EVERYTHING
    fluksometer.device["time"] = NOW + int(STALE_SECONDS) + 1
    clock.advance(31)
    await poll()
    await poll()
    assert available(hass) == set()
    assert caplog.text.count("has no current values of Gas meter, Main, Solar, Water meter: the board is silent") == 1

    fluksometer.device["board"] |= {"connected": True, "last_line": NOW + 40}
    fluksometer.device["time"] = NOW + 40
    fluksometer.measure(MAIN, time=NOW + 40)
    fluksometer.measure(SOLAR, time=NOW + 40)
    await poll()
    assert available(hass) == EVERYTHING
    assert caplog.text.count("has current values of Gas meter, Main, Solar, Water meter again") == 1


async def test_clamp_that_is_silent_alone(
    hass: HomeAssistant,
    fluksometer: LoopbackFluksometer,
    loaded: MockConfigEntry,
    poll: Poll,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock.advance(STALE_SECONDS + 1)
    fluksometer.measure(MAIN, time=NOW + 31)
    await poll()
    assert available(hass) == EVERYTHING - {"solar"}
    assert "has no current values of Solar: no longer measured" in caplog.text


async def test_pushed_reading_makes_a_silent_clamp_available_at_once(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, loaded: MockConfigEntry, poll: Poll, clock: Clock
) -> None:
    await until(lambda: fluksometer.streams)
    clock.advance(STALE_SECONDS + 1)
    fluksometer.measure(MAIN, time=NOW + 31)
    await poll()
    assert available(hass) == EVERYTHING - {"solar"}
    await fluksometer.push(SOLAR, time=NOW + 32, gauge=-5)
    await until(lambda: shown(hass, "sensor.solar_power") == "-5", 1)


async def test_board_that_never_spoke(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, entry: MockConfigEntry, caplog: pytest.LogCaptureFixture
) -> None:
    fluksometer.device["board"] = {"connected": False, "last_line": None, "rejected_lines": 0, "error": "no port"}
    for item in fluksometer.sensors:
        item["reading"] = None
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert available(hass) == set()
    assert caplog.text.count("the board is silent") == 1
    await hass.config_entries.async_unload(entry.entry_id)


async def test_polls_go_on_by_themselves(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, loaded: MockConfigEntry
) -> None:
    """The floor under the push."""
    fluksometer.replies["/api/v2/events"] = web.Response(status=503)
    await fluksometer.drop_streams()
    fluksometer.measure(WATER, gauge=12)
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=7))
    await until(lambda: shown(hass, "sensor.water_meter_flow") == "12")
