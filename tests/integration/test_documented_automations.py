"""The automations of docs/home-assistant.md, word for word, in Home Assistant itself."""

from datetime import timedelta

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import parse_yaml
from pytest_homeassistant_custom_component.common import async_fire_time_changed, async_mock_service

from tests.documented import Page, blocks

EXAMPLES = [block.text for block in blocks(Page("docs/home-assistant.md").text) if block.language == "yaml"]
# What the entity shows before and after, how long it has to last (s), and what one is told then.
HAPPENS = {
    "sensor.washing_machine_power": (1900, 3, 300, "The washing machine is done."),
    "sensor.water_meter_flow": (0, 7.5, 3600, "Water has been running for an hour."),
}


def test_each_example_is_tried() -> None:
    """Neither an example without a test nor a test without an example."""
    assert sorted(parse_yaml(example)["triggers"][0]["entity_id"] for example in EXAMPLES) == sorted(HAPPENS)


@pytest.mark.parametrize("example", EXAMPLES)
async def test_an_automation_tells_in_time_and_once(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, example: str
) -> None:
    """It tells after the documented time, no sooner, and not at all if the state does not last."""
    told = async_mock_service(hass, "notify", "notify")
    automation = parse_yaml(example)
    entity = automation["triggers"][0]["entity_id"]
    before, after, seconds, message = HAPPENS[entity]
    hass.states.async_set(entity, str(before))
    assert await async_setup_component(hass, "automation", {"automation": {"alias": "Documented", **automation}})
    await hass.async_block_till_done()
    assert hass.states.get("automation.documented").state == "on"

    async def wait(seconds: float) -> None:
        freezer.tick(timedelta(seconds=seconds))
        async_fire_time_changed(hass)
        await hass.async_block_till_done()

    async def show(value: float) -> None:
        hass.states.async_set(entity, str(value))
        await hass.async_block_till_done()

    await show(after)
    await wait(seconds - 10)
    await show(before)
    await wait(seconds)
    assert not told
    await show(after)
    await wait(seconds - 10)
    assert not told
    await wait(20)
    assert [call.data["message"] for call in told] == [message]
    await wait(seconds)
    assert len(told) == 1
