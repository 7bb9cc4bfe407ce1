"""The history from before the installation: imported apart and into the entity, again, and taken out."""

from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.recorder import Recorder
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError, Unauthorized
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser

from custom_components.flukso import history_import
from custom_components.flukso.const import DOMAIN
from custom_components.flukso.history_import import raised_store
from tests.integration.fluksometer import DEVICE, GAS, MAIN, SOLAR, WATER, LoopbackFluksometer
from tests.integration.kept_history import KeptHistory
from tests.integration.recorded_house import DAY, HOUR, NOON, findings, hours, record, used, wrong

ENERGY = "sensor.main_energy"
APART = f"flukso:{MAIN}"
BEGIN = NOON - 3 * DAY
END = NOON + 2 * HOUR


@pytest.fixture
async def recorded(
    recorder_mock: Recorder,
    time_of_day: FrozenDateTimeFactory,
    hass: HomeAssistant,
    house: LoopbackFluksometer,
    loaded: MockConfigEntry,
) -> MockConfigEntry:
    """Let Home Assistant record the first two hours; all other sensors have a history too."""
    for sensor_id in (SOLAR, WATER, GAS):
        house.kept[sensor_id] = KeptHistory(lambda time: (time - BEGIN) / 100, BEGIN, pulses=sensor_id != SOLAR)
    await record(hass, time_of_day, loaded, house, NOON, END)
    return loaded


async def act(hass: HomeAssistant, name: str, entry: MockConfigEntry, **data: Any) -> Any:
    """Call an action and return its answer."""
    return await hass.services.async_call(
        DOMAIN, name, {"config_entry": entry.entry_id, **data}, blocking=True, return_response=True
    )


async def test_apart(hass: HomeAssistant, recorded: MockConfigEntry, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends where the entity begins, so that both in the energy dashboard are everything, and nothing twice."""
    monkeypatch.setattr(history_import, "BATCH", 50)
    answer = await act(hass, "import_history", recorded, entities=[ENERGY])
    assert answer == {
        "imported": [
            {
                "statistic_id": APART,
                "hours": 72,
                "start": datetime.fromtimestamp(BEGIN, UTC).isoformat(),
                "end": datetime.fromtimestamp(NOON, UTC).isoformat(),
            }
        ]
    }
    found = await hours(hass, APART)
    assert wrong(found, BEGIN, NOON) == {}
    assert len(found) == 72
    own = await hours(hass, ENERGY)
    assert sorted(own) == [NOON, NOON + HOUR]

    assert await act(hass, "import_history", recorded, entities=[ENERGY]) == answer
    assert await hours(hass, APART) == found

    assert await findings(hass, ENERGY, APART) == []

    assert await act(hass, "remove_history", recorded) == {"removed": [APART]}
    assert await hours(hass, APART) == {}
    assert await hours(hass, ENERGY) == own
    assert await act(hass, "remove_history", recorded) == {"removed": []}


async def test_all_sensors_from_a_time_on(hass: HomeAssistant, recorded: MockConfigEntry) -> None:
    """Water and gas in their units; a time without a zone is local."""
    await hass.config.async_set_time_zone("Europe/Brussels")
    start = datetime.fromtimestamp(NOON - DAY, UTC).replace(tzinfo=None)
    answer = await act(hass, "import_history", recorded, start=start.isoformat())
    assert {one["statistic_id"] for one in answer["imported"]} == {
        f"flukso:{sensor}" for sensor in (MAIN, SOLAR, WATER, GAS)
    }
    assert {one["hours"] for one in answer["imported"]} == {25}, "local time is an hour ahead"
    assert set((await hours(hass, f"flukso:{WATER}")).values()) == {36}


async def test_into_the_entity(hass: HomeAssistant, recorded: MockConfigEntry, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first hour, of which only a part was recorded, is whole then; no hour after it changes."""
    monkeypatch.setattr(history_import, "BATCH", 50)
    before = await hours(hass, ENERGY)
    answer = await act(hass, "import_history", recorded, entities=[ENERGY], into="entity")
    assert [one["hours"] for one in answer["imported"]] == [72]
    found = await hours(hass, ENERGY)
    assert wrong(found, BEGIN, END) == {}
    assert sum(found.values()) == pytest.approx(used(END) - used(BEGIN), abs=1)

    answer = await act(hass, "import_history", recorded, entities=[ENERGY], into="entity")
    assert [one["hours"] for one in answer["imported"]] == [0]
    assert await hours(hass, ENERGY) == found

    assert await act(hass, "remove_history", recorded) == {"removed": [ENERGY]}
    assert await hours(hass, ENERGY) == pytest.approx(before)
    assert await raised_store(hass, recorded.entry_id).async_load() == {}


async def test_the_recorder_goes_on_after_an_import(
    hass: HomeAssistant, time_of_day: FrozenDateTimeFactory, house: LoopbackFluksometer, recorded: MockConfigEntry
) -> None:
    await act(hass, "import_history", recorded, entities=[ENERGY], into="entity")
    await record(hass, time_of_day, recorded, house, END, END + 2 * HOUR)
    assert wrong(await hours(hass, ENERGY), BEGIN, END + 2 * HOUR) == {}


class KilledError(Exception):
    """Home Assistant is no more."""


@pytest.mark.parametrize("step", ["async_shift", "async_write", "second batch"])
async def test_killed_in_the_middle(
    hass: HomeAssistant, recorded: MockConfigEntry, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Wherever it ends, it is taken up again by the next import, and undone by the removal."""
    before = await hours(hass, ENERGY)
    monkeypatch.setattr(history_import, "BATCH", 50)
    real_write, calls = history_import.async_write, []

    async def second(*args: Any) -> None:
        calls.append(args)
        if len(calls) == 2:
            raise KilledError
        await real_write(*args)

    def killed(*_: Any) -> None:
        raise KilledError

    for again in ("import_history", "remove_history"):
        calls.clear()
        with monkeypatch.context() as kill:
            if step == "second batch":
                kill.setattr(history_import, "async_write", second)
            else:
                kill.setattr(history_import, step, killed)
            with pytest.raises(KilledError):
                await act(hass, "import_history", recorded, entities=[ENERGY], into="entity")
        await act(hass, again, recorded, **({"into": "entity", "entities": [ENERGY]} if "import" in again else {}))
        if "import" in again:
            assert wrong(await hours(hass, ENERGY), BEGIN, END) == {}
            await act(hass, "remove_history", recorded)
        assert await hours(hass, ENERGY) == pytest.approx(before)


async def test_refusals(hass: HomeAssistant, recorded: MockConfigEntry, house: LoopbackFluksometer) -> None:
    """Each says what is wrong, in the user's language."""

    async def key(**data: Any) -> str | None:
        with pytest.raises(HomeAssistantError) as refused:
            await act(hass, "import_history", recorded, **data)
        return refused.value.translation_key

    assert await key(config_entry="nobody") == "unknown_entry"
    assert await key(entities=["sensor.main_power"]) == "not_a_total"
    house.replies[f"/api/v2/sensors/{MAIN}/history"] = web.Response(text="moon")
    assert await key() == "cannot_connect"
    del house.replies[f"/api/v2/sensors/{MAIN}/history"], house.kept[MAIN]
    assert await key() == "no_history"
    await hass.config_entries.async_unload(recorded.entry_id)
    assert await key() == "not_loaded"


async def test_only_administrators(
    hass: HomeAssistant, recorded: MockConfigEntry, hass_read_only_user: MockUser
) -> None:
    with pytest.raises(Unauthorized):
        await hass.services.async_call(
            DOMAIN,
            "remove_history",
            {"config_entry": recorded.entry_id},
            blocking=True,
            context=Context(user_id=hass_read_only_user.id),
        )


async def test_nothing_recorded_yet(
    recorder_mock: Recorder, hass: HomeAssistant, house: LoopbackFluksometer, loaded: MockConfigEntry
) -> None:
    """There is nothing to put it before; apart it works, up to now."""
    with pytest.raises(ServiceValidationError) as refused:
        await act(hass, "import_history", loaded, entities=[ENERGY], into="entity")
    assert refused.value.translation_key == "not_recorded"
    answer = await act(hass, "import_history", loaded, entities=[ENERGY])
    assert [one["hours"] for one in answer["imported"]] == [72]


async def test_without_a_recorder(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    with pytest.raises(ServiceValidationError) as refused:
        await act(hass, "import_history", loaded)
    assert refused.value.translation_key == "no_recorder"


async def test_originals_keep_no_history(
    recorder_mock: Recorder, hass: HomeAssistant, fluksometer: LoopbackFluksometer
) -> None:
    fluksometer.minutes[MAIN] = [[1795401442, 463], [1795401443, 463]]
    original = MockConfigEntry(
        domain=DOMAIN,
        data={
            "host": "127.0.0.1",
            "port": fluksometer.port,
            "device_id": DEVICE,
            "api": "v1",
            "sensors": [{"id": MAIN, "index": 1, "type": "electricity"}],
        },
    )
    original.add_to_hass(hass)
    assert await hass.config_entries.async_setup(original.entry_id)
    with pytest.raises(ServiceValidationError) as refused:
        await act(hass, "import_history", original)
    assert refused.value.translation_key == "no_history"
    await hass.config_entries.async_unload(original.entry_id)
