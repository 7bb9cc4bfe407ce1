"""The update entity of a board's firmware: its state, its progress, and the real thing."""

import asyncio
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web
from homeassistant.config_entries import SOURCE_REAUTH
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
from pytest_homeassistant_custom_component.common import MockConfigEntry, snapshot_platform
from syrupy.assertion import SnapshotAssertion

from custom_components.flukso.client import FluksoPayloadError
from custom_components.flukso.client.v2_payload import parse_firmware
from custom_components.flukso.const import DOMAIN
from fluksosim.board import Board as Chip
from fluksosim.board_header import BoardHeader
from fluksosim.build import build
from fluksosim.eeprom_image import FactorySensor, fresh_image
from fluksosim.isp import IspSocket
from tests.integration.fluksod import PROGRAM, Fluksod
from tests.integration.fluksometer import DEVICE, MAIN, OTHER_DEVICE, WATER, LoopbackFluksometer
from tests.integration.states import shown, shows
from tests.integration.waiting import until

BOARD = "update.fluksometer_board_firmware"
OLD = "0" * 64
NEW = "5c0f1f4f3bb0ac9a4b52ffb3e3e3cf7b0fd1e9b7d6e0b0a4a7c5a9f5d2c1b0aa"
TOKEN = "0123456789abcdef"


def idle(**board: Any) -> dict[str, Any]:
    """Return what is told while nothing is written."""
    told = {"name": "board", "model": "v1_1", "written": OLD, "offered": NEW, **board}
    empty = dict.fromkeys(("board", "image", "sha256", "before", "time", "error"))
    return {"state": "idle", "percent": 0, **empty, "boards": [told]}


@pytest.fixture
def fluksometer(fluksometer: LoopbackFluksometer) -> LoopbackFluksometer:
    """Have a board that can be updated, and a token."""
    fluksometer.firmware = idle()
    fluksometer.token = TOKEN
    return fluksometer


@pytest.fixture
def entry(fluksometer: LoopbackFluksometer) -> MockConfigEntry:
    """Know the token."""
    data = {"host": "127.0.0.1", "port": fluksometer.port, "device_id": DEVICE, "api": "v2", "token": TOKEN}
    return MockConfigEntry(
        domain=DOMAIN, title="Fluksometer (a1b2c3)", unique_id=DEVICE, entry_id="01JFLUKSO0000000000000ENTRY", data=data
    )


async def firmware_polled(hass: HomeAssistant) -> None:
    """Ask how the firmware stands."""
    entity = hass.data["entity_components"]["update"].get_entity(BOARD)
    await entity.coordinator.async_refresh()
    await hass.async_block_till_done()


async def install(hass: HomeAssistant, entity_id: str = BOARD) -> None:
    """Press Install, and wait for the end."""
    await hass.services.async_call("update", "install", {"entity_id": entity_id}, blocking=True)


def test_payload() -> None:
    assert parse_firmware({**idle(), "percent": 300}).percent == 100
    older = idle()
    del older["boards"]
    assert parse_firmware(older).boards == ()
    for wrong in ({}, {**idle(), "percent": -1}, {**idle(), "boards": [{"name": "x"}]}, {**idle(), "state": None}):
        with pytest.raises(FluksoPayloadError):
            parse_firmware(wrong)


async def test_platform(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    entity_registry: er.EntityRegistry,
    snapshot: SnapshotAssertion,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("custom_components.flukso.PLATFORMS", ["update"])
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    await snapshot_platform(hass, entity_registry, snapshot, entry.entry_id)
    await hass.config_entries.async_unload(entry.entry_id)


@pytest.mark.parametrize(
    ("board", "state"),
    [
        ({}, STATE_ON),
        ({"written": NEW}, STATE_OFF),
        ({"written": None}, STATE_UNKNOWN),
        ({"offered": None}, STATE_OFF),
        ({"written": None, "offered": None}, STATE_UNKNOWN),
    ],
)
async def test_what_is_offered(
    hass: HomeAssistant,
    fluksometer: LoopbackFluksometer,
    loaded: MockConfigEntry,
    board: dict[str, Any],
    state: str,
) -> None:
    fluksometer.firmware = idle(**board)
    await firmware_polled(hass)
    assert shown(hass, BOARD) == state


async def test_progress_and_end(hass: HomeAssistant, fluksometer: LoopbackFluksometer, loaded: MockConfigEntry) -> None:
    assert fluksometer.firmware is not None
    pressed = hass.async_create_task(install(hass))
    await until(lambda: fluksometer.updates_begun == ["board"])
    for percent in (13, 78):
        fluksometer.firmware["percent"] = percent
        await firmware_polled_while_it_runs(hass)
        state = hass.states.get(BOARD)
        assert state is not None
        assert (state.attributes["in_progress"], state.attributes["update_percentage"]) == (True, percent)
    assert not pressed.done()
    fluksometer.firmware = {**idle(written=NEW), "state": "done", "percent": 100, "board": "board"}
    await until(shows(hass, BOARD, STATE_OFF))
    await pressed
    state = hass.states.get(BOARD)
    assert state is not None
    assert state.attributes["in_progress"] is False


async def firmware_polled_while_it_runs(hass: HomeAssistant) -> None:
    """Ask how it stands, without waiting for who has pressed Install."""
    await hass.data["entity_components"]["update"].get_entity(BOARD).coordinator.async_refresh()


async def test_it_fails(hass: HomeAssistant, fluksometer: LoopbackFluksometer, loaded: MockConfigEntry) -> None:
    pressed = hass.async_create_task(install(hass))
    await until(lambda: fluksometer.updates_begun == ["board"])
    fluksometer.firmware = {**idle(), "state": "failed", "board": "board", "error": "avrdude: no answer"}
    with pytest.raises(HomeAssistantError, match="not updated: avrdude: no answer"):
        await pressed
    assert shown(hass, BOARD) == STATE_ON


async def test_it_does_not_end(
    hass: HomeAssistant,
    fluksometer: LoopbackFluksometer,
    loaded: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("custom_components.flukso.update.PATIENCE", 0.0)
    with pytest.raises(HomeAssistantError, match="did not end"):
        await install(hass)


async def test_it_is_refused(hass: HomeAssistant, fluksometer: LoopbackFluksometer, loaded: MockConfigEntry) -> None:
    fluksometer.firmware_refusal = "an update of 'attic' runs already"
    with pytest.raises(HomeAssistantError, match="'attic' runs already"):
        await install(hass)
    fluksometer.token = None
    with pytest.raises(HomeAssistantError, match="nothing may be changed"):
        await install(hass)
    await fluksometer.stop()
    with pytest.raises(HomeAssistantError, match="does not answer"):
        await install(hass)
    await fluksometer.start()
    fluksometer.replies["/api/v2/firmware"] = web.Response(status=500)
    with pytest.raises(HomeAssistantError, match="500"):
        await install(hass)
    assert fluksometer.updates_begun == []


async def test_without_the_token_it_is_asked_for(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, loaded: MockConfigEntry
) -> None:
    fluksometer.token = "another-token"
    with pytest.raises(HomeAssistantError, match="wants its token"):
        await install(hass)
    flow = next(iter(hass.config_entries.flow.async_progress()))
    assert flow["context"]["source"] == SOURCE_REAUTH
    assert flow["step_id"] == "reauth_confirm"
    result = await hass.config_entries.flow.async_configure(flow["flow_id"], {"token": "another-token"})
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reauth_successful"
    await hass.async_block_till_done()
    assert loaded.data["token"] == "another-token"
    pressed = hass.async_create_task(install(hass))
    await until(lambda: fluksometer.updates_begun == ["board"])
    fluksometer.firmware = {**idle(written=NEW), "state": "done", "board": "board"}
    await pressed


async def test_boards_come_and_go(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, loaded: MockConfigEntry
) -> None:
    assert fluksometer.firmware is not None
    fluksometer.firmware["boards"] = [{"name": "attic", "model": "v2_0", "written": NEW, "offered": NEW}]
    await firmware_polled(hass)
    assert shown(hass, BOARD) == STATE_UNAVAILABLE
    assert shown(hass, "update.fluksometer_firmware_of_attic") == STATE_OFF
    await fluksometer.stop()
    await firmware_polled(hass)
    assert shown(hass, "update.fluksometer_firmware_of_attic") == STATE_UNAVAILABLE


async def test_daemon_that_learns_it_later(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, entry: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("custom_components.flukso.firmware.SELDOM", timedelta(milliseconds=10))
    fluksometer.firmware = None
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert not hass.states.async_entity_ids("update")
    fluksometer.firmware = idle()
    await until(shows(hass, BOARD, STATE_ON))
    await hass.config_entries.async_unload(entry.entry_id)


# The token elsewhere


async def test_closed_reading_wants_the_token(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, loaded: MockConfigEntry
) -> None:
    fluksometer.closed = True
    await loaded.runtime_data.async_refresh()
    assert shown(hass, "sensor.main_power") == "463"
    fluksometer.token = "another-token"
    await loaded.runtime_data.async_refresh()
    await hass.async_block_till_done()
    assert shown(hass, "sensor.main_power") == STATE_UNAVAILABLE
    flow = next(iter(hass.config_entries.flow.async_progress()))
    for device, token, error in (
        (DEVICE, "wrong-token", "invalid_token"),
        (OTHER_DEVICE, "another-token", "wrong_device"),
    ):
        fluksometer.device["id"] = device
        result = await hass.config_entries.flow.async_configure(flow["flow_id"], {"token": token})
        assert result["errors"] == {"base": error}
    fluksometer.device["id"] = DEVICE
    await hass.config_entries.flow.async_configure(flow["flow_id"], {"token": "another-token"})
    await hass.async_block_till_done()
    assert shown(hass, "sensor.main_power") == "463"


# The real thing

can_program = pytest.mark.skipif(
    not PROGRAM.exists() or not shutil.which("avrdude") or not shutil.which("avr-gcc"),
    reason="fluksod, avrdude or avr-gcc is not installed: run scripts/setup",
)
SENSORS = (MAIN, *(digit * 32 for digit in "bcd"))


@pytest.fixture
def isp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IspSocket]:
    """The programming pins of a real board v1_1 in simavr."""
    build("v1_1")
    factory = [FactorySensor(sensor, weight) for sensor, weight in zip(SENSORS, (1, 1, 1, 10), strict=True)]
    with Chip("v1_1", eeprom=fresh_image(BoardHeader("v1_1"), factory, (1000, 2000, 3000, 4000))) as chip:
        chip.run_for(3)
        with IspSocket(chip, tmp_path_factory.mktemp("i") / "isp") as served:
            yield served


@can_program
async def test_a_real_board_through_the_real_daemon(
    hass: HomeAssistant, tmp_path: Path, isp: IspSocket, session: ClientSession
) -> None:
    """Press Install: fluksod runs avrdude, which writes the chip; the counters in its EEPROM stay."""
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "token").chmod(0o600)
    board = 'model = "v1_1"\nprogrammer_port = "/dev/spidev0.0:/dev/gpiochip0:25"\n'
    async with Fluksod(
        tmp_path, MAIN, WATER, 'token_file = "token"\n', board=board, environment=isp.environment
    ) as daemon:
        async with session.get(f"http://127.0.0.1:{daemon.port}/api/v2/device") as answer:
            device = (await answer.json())["id"]
        entry = MockConfigEntry(
            domain=DOMAIN,
            unique_id=device,
            data={"host": "127.0.0.1", "port": daemon.port, "device_id": device, "api": "v2", "token": TOKEN},
        )
        entry.add_to_hass(hass)
        assert await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done()
        assert shown(hass, BOARD) == STATE_UNKNOWN, "nobody knows what runs there"
        percents: list[int] = []

        @callback
        def note(event: Event[Any]) -> None:
            if event.data["entity_id"] == BOARD and event.data["new_state"] is not None:
                percent = event.data["new_state"].attributes["update_percentage"]
                percents.extend([] if percent is None else [percent])

        hass.bus.async_listen("state_changed", note)
        async with asyncio.timeout(60):
            await install(hass)
        assert shown(hass, BOARD) == STATE_OFF
        state = hass.states.get(BOARD)
        assert state is not None
        assert state.attributes["installed_version"] == state.attributes["latest_version"]
        assert percents
        assert percents == sorted(percents)
        await hass.config_entries.async_unload(entry.entry_id)
    isp.wait()
