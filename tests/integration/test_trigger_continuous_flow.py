"""The leak trigger and its condition, in real automations."""

from typing import Any
from unittest.mock import patch

import pytest
from homeassistant.components.recorder import Recorder
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.components.recorder.common import async_wait_recording_done
from sqlalchemy.exc import SQLAlchemyError

from custom_components.flukso.const import DOMAIN
from tests.integration.automations import Household, automate, forget, said
from tests.integration.conftest import Poll
from tests.integration.fluksometer import GAS, MAIN, WATER, LoopbackFluksometer

FLOW = "sensor.water_meter_flow"
LEAK: dict[str, Any] = {
    "trigger": "flukso.continuous_flow",
    "target": {"entity_id": FLOW},
    "options": {"for": {"hours": 1}, "pause": {"minutes": 2}},
}
TELLS = "{{ trigger.entity_id }} for {{ (now() - trigger.since).seconds // 60 }} min at {{ trigger.to_state.state }}"


async def test_leak_is_told_once(hass: HomeAssistant, household: Household) -> None:
    await household.show(WATER, gauge=0)
    told = await automate(hass, LEAK, tells=TELLS)
    await household.show(WATER, gauge=0.4)
    await household.wait(3500)
    assert not told
    await household.show(WATER, gauge=6)
    await household.wait(100)
    assert said(told) == [f"{FLOW} for 60 min at 6"]
    await household.wait(7200)
    await household.show(WATER, gauge=0.5)
    assert len(told) == 1


async def test_use_is_no_leak(hass: HomeAssistant, household: Household) -> None:
    """Half an hour of water, a stop of three minutes, another half hour: somebody is at home."""
    await household.show(WATER, gauge=0)
    told = await automate(hass, LEAK)
    for _ in range(4):
        await household.show(WATER, gauge=8)
        await household.wait(1800)
        await household.show(WATER, gauge=0.1)  # what is left of the last pulse
        await household.wait(180)
    assert not told


async def test_short_stop_does_not_hide_a_leak(hass: HomeAssistant, household: Household) -> None:
    await household.show(WATER, gauge=0)
    told = await automate(hass, LEAK, tells=TELLS)
    await household.show(WATER, gauge=0.4)
    await household.wait(3540)
    await household.show(WATER, gauge=0)
    await household.wait(100)
    assert not told, "it does not flow now"
    await household.show(WATER, gauge=0.4)
    await household.wait(1)
    assert said(told) == [f"{FLOW} for 60 min at 0.4"]


async def test_second_leak_is_told_again(hass: HomeAssistant, household: Household) -> None:
    told = await automate(hass, LEAK)
    await household.wait(3600)
    assert len(told) == 1
    await household.show(WATER, gauge=0)
    await household.wait(121)
    await household.show(WATER, gauge=0.4)
    await household.wait(3600)
    assert len(told) == 2


async def test_silence_is_no_flow(
    hass: HomeAssistant, household: Household, fluksometer: LoopbackFluksometer, poll: Poll
) -> None:
    told = await automate(hass, LEAK)
    await household.wait(3000)
    fluksometer.device["board"]["connected"] = False
    fluksometer.device["board"]["last_line"] -= 60
    await poll()
    assert hass.states.get(FLOW).state == "unavailable"
    await household.wait(130)
    fluksometer.device["board"]["connected"] = True
    await household.wait(1)
    assert hass.states.get(FLOW).state == "6.5"
    await household.wait(3500)
    assert not told
    await household.wait(100)
    assert len(told) == 1


async def test_flow_is_converted(hass: HomeAssistant, household: Household, entity_registry: er.EntityRegistry) -> None:
    entity_registry.async_update_entity_options(FLOW, "sensor", {"unit_of_measurement": "m³/h"})
    await hass.async_block_till_done()
    told = await automate(hass, LEAK)
    await household.show(WATER, gauge=0.09)
    await household.show(WATER, gauge=0.11)
    assert hass.states.get(FLOW).attributes["unit_of_measurement"] == "m³/h"
    assert float(hass.states.get(FLOW).state) < 0.1
    await household.wait(3600)
    assert len(told) == 1


async def test_targets_by_device_and_area(
    hass: HomeAssistant, household: Household, device_registry: dr.DeviceRegistry, loaded: MockConfigEntry
) -> None:
    """Meters of an area, those that come into it later too; nothing but flow."""
    for sensor_id in (MAIN, WATER):
        device = device_registry.async_get_device_by_identifier((DOMAIN, sensor_id), loaded.entry_id)
        device_registry.async_update_device(device.id, area_id="cellar")
    await household.show(GAS, gauge=3)
    told = await automate(hass, {**LEAK, "target": {"area_id": "cellar"}}, tells="{{ trigger.entity_id }}")
    await household.wait(1800)
    gas = device_registry.async_get_device_by_identifier((DOMAIN, GAS), loaded.entry_id)
    device_registry.async_update_device(gas.id, area_id="cellar")
    water = device_registry.async_get_device_by_identifier((DOMAIN, WATER), loaded.entry_id)
    device_registry.async_update_device(water.id, area_id="bathroom")
    await hass.async_block_till_done()
    await household.wait(1800)
    assert said(told) == ["sensor.gas_meter_flow"], "shown since an hour; water has left"


async def test_leak_goes_on_over_a_restart(recorder_mock: Recorder, hass: HomeAssistant, household: Household) -> None:
    """What the recorder knows counts: an automation that is loaded in the middle of it tells in time."""
    await household.show(WATER, gauge=0.4)
    await household.wait(3000)
    await household.show(WATER, gauge=0.5)
    await async_wait_recording_done(hass)
    told = await automate(hass, LEAK)
    assert not told
    await household.wait(560)
    assert not told
    await household.wait(40)
    assert len(told) == 1


async def test_history_with_a_stop(recorder_mock: Recorder, hass: HomeAssistant, household: Household) -> None:
    for flow in (0.4, 0, 0.5):
        await household.show(WATER, gauge=flow)
        await household.wait(1500)
    await async_wait_recording_done(hass)
    told = await automate(hass, LEAK)
    await household.wait(2000)
    assert not told
    await household.wait(100)
    assert len(told) == 1


async def test_meter_that_is_disabled_does_not_leak(
    hass: HomeAssistant, household: Household, entity_registry: er.EntityRegistry
) -> None:
    told = await automate(hass, LEAK)
    await household.wait(60)
    entity_registry.async_update_entity(FLOW, disabled_by=er.RegistryEntryDisabler.USER)
    await hass.async_block_till_done()
    await household.wait(7200)
    assert not told


async def test_state_that_vanishes_is_no_flow(hass: HomeAssistant, household: Household) -> None:
    told = await automate(hass, LEAK)
    await household.wait(60)
    hass.states.async_remove(FLOW)
    await household.wait(7200)
    assert not told


async def test_recorder_that_cannot_be_read(recorder_mock: Recorder, hass: HomeAssistant, household: Household) -> None:
    """Then what is known is since when the state is what it is."""
    await household.show(WATER, gauge=0.4)
    await household.wait(3000)
    with patch(
        "custom_components.flukso.flow_tracker.get_significant_states", side_effect=SQLAlchemyError("malformed")
    ):
        told = await automate(hass, LEAK)
    await household.show(WATER, gauge=0.5)
    await household.wait(500)
    await household.wait(3100)
    assert len(told) == 1


async def test_detached_automation_does_nothing(hass: HomeAssistant, household: Household) -> None:
    told = await automate(hass, LEAK)
    await household.show(WATER, gauge=0.4)
    await forget(hass)
    await household.wait(4000)
    await household.show(WATER, gauge=3)
    assert not told


@pytest.mark.parametrize("options", [{"above": -1}, {"for": "soon"}, {"colour": "red"}])
async def test_options_are_checked(hass: HomeAssistant, household: Household, options: dict[str, Any]) -> None:
    with pytest.raises(AssertionError, match="not valid"):
        await automate(hass, {**LEAK, "options": options})


async def test_condition(hass: HomeAssistant, household: Household) -> None:
    condition = {**LEAK, "condition": "flukso.flow_is_continuous"}
    del condition["trigger"]
    await household.show(WATER, gauge=0)
    told = await automate(hass, {"trigger": "event", "event_type": "asked"}, [condition])

    async def asked() -> bool:
        before = len(told)
        hass.bus.async_fire("asked")
        await hass.async_block_till_done()
        return len(told) > before

    assert not await asked()
    await household.show(WATER, gauge=0.4)
    assert not await asked()
    await household.wait(3560)
    assert not await asked()
    await household.wait(40)
    assert await asked()
    await household.show(WATER, gauge=0)
    assert not await asked()
    await forget(hass)


async def test_condition_knows_the_history(recorder_mock: Recorder, hass: HomeAssistant, household: Household) -> None:
    await household.show(WATER, gauge=0.4)
    await household.wait(4000)
    await async_wait_recording_done(hass)
    condition = {**LEAK, "condition": "flukso.flow_is_continuous"}
    del condition["trigger"]
    told = await automate(hass, {"trigger": "event", "event_type": "asked"}, [condition])
    hass.bus.async_fire("asked")
    await hass.async_block_till_done()
    assert len(told) == 1
