"""The automations of docs/home-assistant.md, word for word, in Home Assistant itself, on a Fluksometer's sensors."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from homeassistant.components.recorder import Recorder
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from homeassistant.util.yaml import parse_yaml
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_mock_service

from tests.documented import Page, blocks
from tests.integration.automations import Household, load_automation
from tests.integration.fluksometer import MAIN, SOLAR, WATER, LoopbackFluksometer, sensor
from tests.integration.test_trigger_night_load import live_through
from tests.integration.waiting import until

BLOCKS = [parse_yaml(block.text) for block in blocks(Page("docs/home-assistant.md").text) if block.language == "yaml"]
EXAMPLES = [block for block in BLOCKS if "triggers" in block]
ACTIONS = [block for block in BLOCKS if "action" in block]
WASHING_MACHINE = "5" * 32

type Told = list[ServiceCall]


async def washing_machine(household: Household, told: Told) -> str:
    """It is done when it has drawn nothing for five minutes; a pause between two programs is shorter."""
    await household.show(WASHING_MACHINE, gauge=3)
    await household.wait(240)
    await household.show(WASHING_MACHINE, gauge=1900)
    await household.wait(3600)
    assert not told
    await household.show(WASHING_MACHINE, gauge=3)
    await household.wait(240)
    assert not told
    await household.wait(61)
    return "The washing machine is done."


async def water(household: Household, told: Told) -> str:
    await household.show(WATER, gauge=0)
    await household.wait(7200)
    await household.show(WATER, gauge=0.5)
    await household.wait(3500)
    assert not told
    await household.wait(100)
    return "Water has been running for an hour."


async def night(household: Household, told: Told) -> str:
    await live_through(household.hass, [100, 104, 96, 3000, 102, 98, 160])
    await household.until(dt_util.start_of_local_day() + timedelta(days=1, hours=6, seconds=1))
    await until(lambda: told)
    return "160 W last night, usually it is 101 W."


async def silence(household: Household, told: Told) -> str:
    """The cellar's meter alone is told, in the daytime alone."""
    household.place(WATER, "cellar")
    await household.until(datetime.now(dt_util.get_default_time_zone()).replace(hour=4) + timedelta(days=1))
    for at_night in (True, False):
        await household.fluksometer.stop()
        await household.stand_still(20)
        await household.stand_still(601)
        if at_night:
            assert not told
        await household.fluksometer.start()
        await household.wait(36_000)
    return "Water meter Flow is silent."


async def kitchen(household: Household, told: Told) -> str:
    household.place(SOLAR, "kitchen")
    await household.show(SOLAR, gauge=1900)
    await household.show(MAIN, gauge=9000)
    assert not told
    await household.show(SOLAR, gauge=2001)
    return "Something is on in the kitchen."


HAPPENS: dict[str, Callable[[Household, Told], Awaitable[str]]] = {
    "The washing machine is done.": washing_machine,
    "Water has been running for an hour.": water,
    "{{ trigger.load }} W last night, usually it is {{ trigger.usual }} W.": night,
    "{{ state_attr(trigger.entity_id, 'friendly_name') }} is silent.": silence,
    "Something is on in the kitchen.": kitchen,
}


def message(example: dict[str, Any]) -> str:
    return example["actions"][0]["data"]["message"]


def test_each_example_is_tried() -> None:
    """Neither an example without a test nor a test without an example."""
    assert sorted(map(message, EXAMPLES)) == sorted(HAPPENS)


@pytest.fixture
def _washing_machine(fluksometer: LoopbackFluksometer) -> None:
    fluksometer.sensors.append(sensor(WASHING_MACHINE, "Washing machine", counter=1000, gauge=1900))


@pytest.mark.usefixtures("recorder_mock", "_washing_machine")
@pytest.mark.parametrize("example", EXAMPLES, ids=message)
async def test_an_automation_tells_in_time_and_once(
    hass: HomeAssistant, household: Household, example: dict[str, Any]
) -> None:
    told: Told = async_mock_service(hass, "notify", "notify")
    await load_automation(hass, example)
    expected = await HAPPENS[message(example)](household, told)
    await hass.async_block_till_done()
    assert [call.data["message"] for call in told] == [expected]


async def test_documented_call_of_the_action(
    recorder_mock: Recorder, hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    """There is one, and it does what it says."""
    assert await async_setup_component(hass, "energy", {})
    (call,) = ACTIONS
    assert len(EXAMPLES) + len(ACTIONS) == len(BLOCKS)
    domain, name = call["action"].split(".")
    answer = await hass.services.async_call(domain, name, call["data"], blocking=True, return_response=True)
    assert [source["type"] for source in answer["added"]["energy_sources"]] == ["grid", "water"]
