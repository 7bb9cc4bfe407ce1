"""Pushed readings: at once, without disturbing the polls, and costing nothing when lost."""

import asyncio
from time import monotonic

import pytest
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant, callback
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.flukso.const import UNREACHABLE_GRACE
from tests.integration.conftest import Clock, Poll
from tests.integration.fluksometer import GAS, MAIN, NOW, LoopbackFluksometer, sensor
from tests.integration.states import shown, shows
from tests.integration.waiting import until


@pytest.fixture
async def pushing(fluksometer: LoopbackFluksometer, loaded: MockConfigEntry) -> LoopbackFluksometer:
    """Return the Fluksometer with its stream open."""
    await until(lambda: fluksometer.streams and loaded.runtime_data.push.connected)
    return fluksometer


async def test_a_change_is_seen_at_once(hass: HomeAssistant, pushing: LoopbackFluksometer) -> None:
    """Well under a second: the kettle is on before the hand has left the switch."""
    delays = []
    for watt in range(500, 550):
        began = monotonic()
        await pushing.push(MAIN, time=NOW + watt, counter=4521337 + watt, gauge=watt)
        await until(shows(hass, "sensor.main_power", str(watt)), 1)
        assert shown(hass, "sensor.main_energy") == str((4521337 + watt) / 1000)
        delays.append(monotonic() - began)
    assert sorted(delays)[-2] < 0.5, delays


async def test_no_poll_is_needed_for_it_nor_put_off_by_it(
    hass: HomeAssistant, pushing: LoopbackFluksometer, loaded: MockConfigEntry
) -> None:
    coordinator = loaded.runtime_data
    next_poll = coordinator._unsub_refresh
    polls = len([path for path in pushing.requests if path == "/api/v2/sensors"])
    for watt in range(20):
        await pushing.push(MAIN, gauge=watt)
    await until(lambda: shown(hass, "sensor.main_power") == "19")
    assert len([path for path in pushing.requests if path == "/api/v2/sensors"]) == polls
    assert coordinator._unsub_refresh is next_poll


async def test_only_that_sensor_is_touched(hass: HomeAssistant, pushing: LoopbackFluksometer) -> None:
    before = {state.entity_id: state.last_reported for state in hass.states.async_all("sensor")}
    await pushing.push(MAIN, gauge=464)
    await until(lambda: shown(hass, "sensor.main_power") == "464")
    after = {state.entity_id: state.last_reported for state in hass.states.async_all("sensor")}
    assert [entity_id for entity_id in before if before[entity_id] != after[entity_id]] == ["sensor.main_power"]


async def test_unknown_sensor_pulls_the_poll_forward(hass: HomeAssistant, pushing: LoopbackFluksometer) -> None:
    pushing.sensors.append(sensor("5" * 32, "Heat pump", counter=1000, gauge=1500))
    await pushing.push("5" * 32, gauge=1501)
    await until(lambda: (state := hass.states.get("sensor.heat_pump_power")) and state.state == "1501", 2)


async def test_lost_and_back(hass: HomeAssistant, pushing: LoopbackFluksometer, loaded: MockConfigEntry) -> None:
    """Nothing becomes unavailable, and the stream is opened again."""
    push = loaded.runtime_data.push
    await pushing.drop_streams()
    await until(lambda: not push.connected)
    assert shown(hass, "sensor.main_power") == "463"
    await until(lambda: push.connected)
    assert push.times_opened == 2
    await pushing.push(MAIN, gauge=500)
    await until(lambda: shown(hass, "sensor.main_power") == "500")


async def test_garbage_is_never_shown(
    hass: HomeAssistant, pushing: LoopbackFluksometer, loaded: MockConfigEntry, caplog: pytest.LogCaptureFixture
) -> None:
    await pushing.send(f'event: reading\ndata: {{"sensor": "{MAIN}", "time": {NOW}, "counter": 1}}\n\n'.encode())
    await until(lambda: not loaded.runtime_data.push.connected)
    assert shown(hass, "sensor.main_power") == "463"
    assert shown(hass, "sensor.main_energy") == "4521.337"


async def test_reading_pushed_during_a_poll_is_kept(
    hass: HomeAssistant, pushing: LoopbackFluksometer, loaded: MockConfigEntry
) -> None:
    """The answer of a slow poll is older than what was pushed meanwhile."""
    states = []
    hass.bus.async_listen("state_changed", callback(lambda event: states.append(event.data["new_state"].state)))
    pushing.frozen = True
    refresh = hass.async_create_task(loaded.runtime_data.async_refresh())
    await until(lambda: pushing.requests[-1] == "/api/v2/device")
    await pushing.push(MAIN, gauge=900)
    pushing.measure(MAIN, gauge=463)
    await until(lambda: shown(hass, "sensor.main_power") == "900")
    pushing.frozen = False
    await refresh
    assert shown(hass, "sensor.main_power") == "900"
    await loaded.runtime_data.async_refresh()
    assert shown(hass, "sensor.main_power") == "463"
    assert states == ["900", "463"]


async def test_reading_polled_after_the_pushed_one_is_newer(
    hass: HomeAssistant, pushing: LoopbackFluksometer, loaded: MockConfigEntry
) -> None:
    pushing.frozen = True
    refresh = hass.async_create_task(loaded.runtime_data.async_refresh())
    await until(lambda: pushing.requests[-1] == "/api/v2/device")
    await pushing.push(MAIN, time=NOW + 1, gauge=900)
    await until(lambda: shown(hass, "sensor.main_power") == "900")
    pushing.measure(MAIN, time=NOW + 2, gauge=910)
    pushing.frozen = False
    await refresh
    assert shown(hass, "sensor.main_power") == "910"


async def test_sensor_without_reading_before_the_poll(
    hass: HomeAssistant, pushing: LoopbackFluksometer, loaded: MockConfigEntry
) -> None:
    """One that vanishes from the list while its reading is pushed does not confuse the poll."""
    pushing.frozen = True
    refresh = hass.async_create_task(loaded.runtime_data.async_refresh())
    await until(lambda: pushing.requests[-1] == "/api/v2/device")
    await pushing.push(GAS, counter=2345680)
    await until(lambda: shown(hass, "sensor.gas_meter_volume") == "2345.68")
    pushing.sensors.remove(pushing.listed(GAS))
    pushing.frozen = False
    await refresh
    assert shown(hass, "sensor.gas_meter_volume") == STATE_UNAVAILABLE


async def test_push_while_polls_fail_pulls_a_poll_forward(
    hass: HomeAssistant, pushing: LoopbackFluksometer, poll: Poll, clock: Clock, loaded: MockConfigEntry
) -> None:
    clock.advance(UNREACHABLE_GRACE)
    good = dict(pushing.device)
    pushing.device["id"] = "0" * 32
    await poll()
    assert shown(hass, "sensor.main_power") == STATE_UNAVAILABLE
    pushing.device.update(good)
    await pushing.push(MAIN, gauge=600)
    await until(lambda: shown(hass, "sensor.main_power") == "600", 2)
    await asyncio.sleep(0)
