"""A sum that began again at zero, where the Fluksometer has no history: a repair that its owner may make."""

from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.recorder import Recorder
from homeassistant.components.recorder.tasks import PurgeTask
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.recorder import get_instance
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.components.recorder.common import async_wait_recording_done

from custom_components.flukso.const import DOMAIN
from custom_components.flukso.repairs import async_create_fix_flow
from tests.integration.fluksometer import LoopbackFluksometer
from tests.integration.recorded_house import DAY, HOUR, NOON, hours, measure, record, used

ENERGY = "sensor.main_energy"
LEFT = NOON + 3 * HOUR
BACK = LEFT + 12 * DAY


@pytest.fixture
async def issue(
    recorder_mock: Recorder,
    time_of_day: FrozenDateTimeFactory,
    hass: HomeAssistant,
    house: LoopbackFluksometer,
    loaded: MockConfigEntry,
    issue_registry: ir.IssueRegistry,
) -> ir.IssueEntry:
    """Let the Fluksometer be away for twelve days, and return what is told then."""
    assert await async_setup_component(hass, "sensor", {})
    assert await async_setup_component(hass, "repairs", {})
    house.kept.clear()
    await record(hass, time_of_day, loaded, house, NOON, LEFT)
    house.replies["/api/v2/device"] = web.Response(status=503)
    time_of_day.tick(timedelta(seconds=60))
    await loaded.runtime_data.async_refresh()
    time_of_day.move_to(datetime.fromtimestamp(BACK, UTC))
    get_instance(hass).queue_task(PurgeTask(datetime.fromtimestamp(BACK - 10 * DAY, UTC), False, False))
    await async_wait_recording_done(hass)
    del house.replies["/api/v2/device"]
    measure(house, BACK)
    await loaded.runtime_data.async_refresh()
    await record(hass, time_of_day, loaded, house, BACK, BACK + 2 * HOUR)
    for _ in range(200):
        if raised := [one for one in issue_registry.issues.values() if one.domain == DOMAIN]:
            break
        await async_wait_recording_done(hass)
    (found,) = raised
    return found


async def test_it_is_told_and_mended(hass: HomeAssistant, issue: ir.IssueEntry) -> None:
    assert issue.is_fixable
    assert issue.translation_key == "broken_sum"
    assert issue.translation_placeholders is not None
    assert issue.translation_placeholders["entity"] == ENERGY
    assert (await hours(hass, ENERGY))[BACK] < -1000

    for again in (False, True):
        flow = await async_create_fix_flow(hass, issue.issue_id, dict(issue.data or {}))
        flow.hass, flow.handler, flow.issue_id = hass, DOMAIN, issue.issue_id
        result = await flow.async_step_init()
        assert result["type"] is FlowResultType.FORM, again
        result = await flow.async_step_confirm({})
        assert result["type"] is FlowResultType.CREATE_ENTRY
        found = await hours(hass, ENERGY)
        assert found[BACK] == pytest.approx(used(BACK + HOUR) - used(LEFT), abs=1), again
        assert found[BACK + HOUR] == pytest.approx(used(BACK + 2 * HOUR) - used(BACK + HOUR), abs=1)


async def test_the_entity_is_gone_meanwhile(hass: HomeAssistant, issue: ir.IssueEntry) -> None:
    get_instance(hass).async_clear_statistics([ENERGY])
    await async_wait_recording_done(hass)
    flow = await async_create_fix_flow(hass, issue.issue_id, dict(issue.data or {}))
    flow.hass, flow.handler, flow.issue_id = hass, DOMAIN, issue.issue_id
    assert (await flow.async_step_confirm({}))["type"] is FlowResultType.CREATE_ENTRY
    assert await hours(hass, ENERGY) == {}
