"""What the owner is told under Repairs, and how it is put right."""

from typing import Any

import pytest
from aiohttp import ClientSession
from homeassistant.components.repairs import ConfirmRepairFlow
from homeassistant.config_entries import SOURCE_ZEROCONF, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import issue_registry as ir
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.flukso.client import Address
from custom_components.flukso.const import ABSENT_SECONDS, DOMAIN
from custom_components.flukso.counter_guard import CONFIRM_SECONDS
from custom_components.flukso.duplicates import are_two
from custom_components.flukso.issues import SILENT_SECONDS
from custom_components.flukso.repairs import async_create_fix_flow
from tests.integration.conftest import Clock, Poll
from tests.integration.fluksometer import DEVICE, MAIN, OTHER_DEVICE, WATER, LoopbackFluksometer, running
from tests.integration.meters import link
from tests.integration.repairing import Fix, issues
from tests.integration.states import shown, shows
from tests.integration.test_config_flow import announced
from tests.integration.waiting import until


def other_entry(fluksometer: LoopbackFluksometer, device: str = OTHER_DEVICE) -> MockConfigEntry:
    """Return the entry of a second Fluksometer."""
    return MockConfigEntry(
        domain=DOMAIN,
        title="Shed",
        unique_id=device,
        data={"host": "127.0.0.1", "port": fluksometer.port, "device_id": device, "api": "v2"},
    )


# Another device at the address


async def test_another_device_at_the_old_address(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, loaded: MockConfigEntry, poll: Poll, fix: Fix
) -> None:
    """Told at once, not shown as ours, and put right with the new address."""
    fluksometer.device["id"] = OTHER_DEVICE
    await poll()
    assert shown(hass, "sensor.main_power") == "unavailable"
    issue = issues(hass)["wrong_device"]
    assert issue.translation_placeholders == {"name": loaded.title}

    async with running() as moved:
        result = await fix.start(issue)
        assert result["step_id"] == "address"
        assert result["description_placeholders"]["found"] == "0f1e2d…"
        for host, errors in (
            ("no address", {"host": "invalid_host"}),
            ("127.0.0.1:9", {"base": "cannot_connect"}),
            (fluksometer.address, {"base": "wrong_device"}),
        ):
            result = await fix.submit(host=host)
            assert result["errors"] == errors
        result = await fix.submit(host=moved.address)
        assert result["type"] == FlowResultType.CREATE_ENTRY
        await until(shows(hass, "sensor.main_power", "463"))
        assert loaded.data["port"] == moved.port
        assert issues(hass) == {}
        await hass.config_entries.async_unload(loaded.entry_id)


async def test_the_right_device_comes_back_by_itself(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, loaded: MockConfigEntry, poll: Poll
) -> None:
    fluksometer.device["id"] = OTHER_DEVICE
    await poll()
    assert set(issues(hass)) == {"wrong_device"}
    fluksometer.device["id"] = DEVICE
    await poll()
    assert issues(hass) == {}
    assert shown(hass, "sensor.main_power") == "463"


async def test_two_that_swapped_their_addresses(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, entry: MockConfigEntry, fix: Fix
) -> None:
    async with running() as second:
        second.sensors = []
        shed = other_entry(second)
        fluksometer.device["id"], second.device["id"] = OTHER_DEVICE, DEVICE
        for one in (entry, shed):
            one.add_to_hass(hass)
        # Setting one up sets up all.
        await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done()
        assert entry.state is shed.state is ConfigEntryState.SETUP_RETRY
        found = [issue for issue in ir.async_get(hass).issues.values() if issue.domain == DOMAIN]
        assert len(found) == 2

        result = await fix.start(next(issue for issue in found if issue.issue_id.endswith(entry.entry_id)))
        assert result["step_id"] == "swap"
        assert result["description_placeholders"]["other"] == "Shed"
        result = await fix.submit()
        assert result["type"] == FlowResultType.CREATE_ENTRY
        await until(lambda: entry.state is shed.state is ConfigEntryState.LOADED)
        assert (entry.data["port"], shed.data["port"]) == (second.port, fluksometer.port)
        assert issues(hass) == {}
        for one in (entry, shed):
            await hass.config_entries.async_unload(one.entry_id)


async def test_what_was_found_is_set_up_but_ours_is_not_where_it_was(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, loaded: MockConfigEntry, poll: Poll, fix: Fix
) -> None:
    other_entry(fluksometer).add_to_hass(hass)
    fluksometer.device["id"] = OTHER_DEVICE
    await poll()
    assert (await fix.start(issues(hass)["wrong_device"]))["step_id"] == "address"


async def test_an_issue_whose_entry_is_gone(hass: HomeAssistant) -> None:
    flow = await async_create_fix_flow(hass, "wrong_device_x", {"entry_id": "x", "found": OTHER_DEVICE})
    assert type(flow) is ConfirmRepairFlow
    assert type(await async_create_fix_flow(hass, "wrong_device_x", None)) is ConfirmRepairFlow


async def test_removing_the_entry_removes_its_issues(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, loaded: MockConfigEntry, poll: Poll
) -> None:
    fluksometer.device["id"] = OTHER_DEVICE
    await poll()
    ir.async_create_issue(
        hass, DOMAIN, "of_another", is_fixable=False, severity=ir.IssueSeverity.WARNING, translation_key="board_silent"
    )
    await hass.config_entries.async_remove(loaded.entry_id)
    assert set(issues(hass)) == {"board_silent"}


# Two devices with one id


async def test_a_clone_is_told_and_not_followed(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, loaded: MockConfigEntry, fix: Fix
) -> None:
    """A backup was restored while the old device still runs."""
    async with running() as clone:
        clone.measure(MAIN, counter=9_000_000)
        result = await hass.config_entries.flow.async_init(
            DOMAIN, context={"source": SOURCE_ZEROCONF}, data=announced(clone.port)
        )
        assert result["reason"] == "already_configured"
        assert loaded.data["port"] == fluksometer.port
        issue = issues(hass)["duplicate_device"]
        assert issue.translation_placeholders is not None
        assert issue.translation_placeholders["other"] == clone.address

        assert (await fix.start(issue))["step_id"] == "confirm"
        result = await fix.submit()
        assert result["reason"] == "still_there"
        assert set(issues(hass)) == {"duplicate_device"}
        await clone.stop()
        await fix.start(issue)
        assert (await fix.submit())["type"] == FlowResultType.CREATE_ENTRY
        assert issues(hass) == {}


async def test_one_device_with_two_addresses_stays_where_it_is(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, loaded: MockConfigEntry
) -> None:
    async with running() as same:
        await hass.config_entries.flow.async_init(
            DOMAIN, context={"source": SOURCE_ZEROCONF}, data=announced(same.port)
        )
        assert loaded.data["port"] == fluksometer.port
        assert issues(hass) == {}


async def test_what_tells_two_from_one(session: ClientSession, fluksometer: LoopbackFluksometer) -> None:
    known = Address("127.0.0.1", fluksometer.port)
    async with running() as second:
        other = Address("127.0.0.1", second.port)
        assert await are_two(session, known, other, DEVICE) is False
        second.measure(MAIN, counter=4521336)
        assert await are_two(session, known, other, DEVICE) is True
        second.measure(MAIN, counter=None)
        assert await are_two(session, known, other, DEVICE) is False
        second.listed(WATER)["id"] = "9" * 32
        assert await are_two(session, known, other, DEVICE) is True
        assert await are_two(session, known, other, OTHER_DEVICE) is None
        second.device["id"] = OTHER_DEVICE
        assert await are_two(session, known, other, DEVICE) is False
        await fluksometer.stop()
        assert await are_two(session, known, other, DEVICE) is None


async def test_a_device_that_goes_while_it_is_looked_at(
    session: ClientSession, fluksometer: LoopbackFluksometer
) -> None:
    """It moves to the other address just then."""
    known = Address("127.0.0.1", fluksometer.port)

    async with running() as second:

        async def leave(request: Any) -> None:
            await fluksometer.stop()

        second.on_request = leave
        assert await are_two(session, known, Address("127.0.0.1", second.port), DEVICE) is None


# Silent boards and meters


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Clock:
    """Put the watch on silent links into our hands too."""
    monkeypatch.setattr("custom_components.flukso.issues.monotonic", clock)
    return clock


async def test_silent_board(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, loaded: MockConfigEntry, poll: Poll, watch: Clock
) -> None:
    fluksometer.device["board"] |= {"connected": False, "error": "no such file"}
    await poll()
    watch.advance(SILENT_SECONDS - 1)
    await poll()
    assert issues(hass) == {}
    watch.advance(1)
    await poll()
    issue = issues(hass)["board_silent"]
    assert not issue.is_fixable
    assert issue.translation_placeholders == {"name": loaded.title, "link": "", "error": "no such file"}
    fluksometer.device["board"] |= {"connected": True, "error": None}
    await poll()
    assert issues(hass) == {}


async def test_silent_meter_and_unloading(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, loaded: MockConfigEntry, poll: Poll, watch: Clock
) -> None:
    fluksometer.device |= {"boards": [link("board")], "meters": [link("Grid", connected=False)]}
    await poll()
    # While the Fluksometer itself is away, nobody knows of its meters.
    await fluksometer.stop()
    watch.advance(SILENT_SECONDS)
    await poll()
    assert issues(hass) == {}
    await fluksometer.start()
    await poll()
    issue = issues(hass)["link_silent"]
    assert issue.translation_placeholders == {"name": loaded.title, "link": "Grid", "error": "-"}
    await hass.config_entries.async_unload(loaded.entry_id)
    assert issues(hass) == {}


# Registers


async def test_register_that_went_elsewhere(
    hass: HomeAssistant,
    fluksometer: LoopbackFluksometer,
    loaded: MockConfigEntry,
    poll: Poll,
    monkeypatch: pytest.MonkeyPatch,
    fix: Fix,
) -> None:
    now = 1_900_000_000.0
    monkeypatch.setattr("custom_components.flukso.sensor.time", lambda: now)
    await poll()
    fluksometer.measure(MAIN, counter=50_000)
    await poll()
    assert issues(hass) == {}, "it may be garbage"
    now += CONFIRM_SECONDS
    await poll()
    assert shown(hass, "sensor.main_energy") == "4521.337"
    issue = issues(hass)["register_elsewhere"]
    assert issue.is_persistent
    assert issue.translation_placeholders == {"name": "Main", "before": "4521337", "after": "50000", "unit": "Wh"}
    assert (await fix.start(issue))["step_id"] == "confirm"
    assert (await fix.submit())["type"] == FlowResultType.CREATE_ENTRY
    assert issues(hass) == {}


# A sensor that two Fluksometers list


async def test_a_board_that_was_moved(
    hass: HomeAssistant,
    fluksometer: LoopbackFluksometer,
    loaded: MockConfigEntry,
    poll: Poll,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The first one shows it, until it lists it no more; then the other one does, under the same names."""
    async with running() as second:
        second.device["id"] = OTHER_DEVICE
        second.sensors = [second.listed(MAIN)]
        second.measure(MAIN, gauge=900)
        shed = other_entry(second)
        shed.add_to_hass(hass)
        assert await hass.config_entries.async_setup(shed.entry_id)
        await hass.async_block_till_done()
        issue = issues(hass)["sensor_twice"]
        assert issue.translation_placeholders == {"name": "Shed", "other": loaded.title, "sensor": "Main"}
        assert shown(hass, "sensor.main_power") == "463"
        assert "does not generate unique IDs" not in caplog.text

        fluksometer.sensors.remove(fluksometer.listed(MAIN))
        await poll()
        clock.advance(ABSENT_SECONDS)
        fluksometer.pass_time(60)
        await poll()
        second.pass_time(60)
        await shed.runtime_data.async_refresh()
        await hass.async_block_till_done()
        assert shown(hass, "sensor.main_power") == "900"
        assert issues(hass) == {}
        await hass.config_entries.async_unload(shed.entry_id)


async def test_the_note_of_a_sensor_goes_with_it(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, loaded: MockConfigEntry
) -> None:
    async with running() as second:
        second.device["id"] = OTHER_DEVICE
        shed = other_entry(second)
        shed.add_to_hass(hass)
        assert await hass.config_entries.async_setup(shed.entry_id)
        await hass.async_block_till_done()
        assert len(ir.async_get(hass).issues) == 4
        second.sensors.remove(second.listed(MAIN))
        await shed.runtime_data.async_refresh()
        assert len(ir.async_get(hass).issues) == 3
        await hass.config_entries.async_unload(shed.entry_id)
        assert issues(hass) == {}
