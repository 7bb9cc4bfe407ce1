"""Energy of original Fluksometers in Home Assistant: counted from their seconds, kept in its storage."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import CoreState, HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.flukso.const import DOMAIN
from custom_components.flukso.energy_ledger import EnergyLedger
from tests.integration.conftest import Clock
from tests.integration.fluksometer import MAIN, WATER, LoopbackFluksometer
from tests.integration.states import shown

T = 1310047446
ENERGY = "sensor.sensor_1_energy"
STORED = "flukso.energy.01JFLUKSO000000000000ORIGINAL"


class Original:
    """An original Fluksometer whose time passes together with ours."""

    def __init__(
        self, hass: HomeAssistant, fluksometer: LoopbackFluksometer, clock: Clock, disk: dict[str, Any]
    ) -> None:
        self.entry = MockConfigEntry(
            domain=DOMAIN,
            title="Fluksometer (a1b2c3)",
            entry_id="01JFLUKSO000000000000ORIGINAL",
            unique_id="flukso-a1b2c3",
            data={
                "host": "127.0.0.1",
                "port": fluksometer.port,
                "device_id": "flukso-a1b2c3",
                "api": "v1",
                "sensors": [
                    {"id": MAIN, "index": 1, "type": "electricity"},
                    {"id": WATER, "index": 2, "type": "water"},
                ],
            },
        )
        self._hass = hass
        self._fluksometer = fluksometer
        self._clock = clock
        self._disk = disk
        self._time = T
        self.measure(0)

    def measure(self, seconds: int, watt: int | str = 3600) -> None:
        """Let seconds pass in which the clamp measures so many watts, or "nan"."""
        minute = self._fluksometer.minutes.get(MAIN, [[T, 3600]])
        new = [[self._time + second, watt] for second in range(1, seconds + 1)]
        self._fluksometer.minutes[MAIN] = [*minute, *new][-60:]
        self._time += seconds
        self._clock.advance(seconds)

    async def poll(self) -> None:
        """Poll now."""
        await self.entry.runtime_data.async_refresh()
        await self._hass.async_block_till_done()

    @property
    def kept(self) -> float:
        """Return the energy on the disk in Wh."""
        return float(self._disk[STORED]["data"][MAIN]["watt_seconds"]) / 3600


@pytest.fixture
async def original(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, clock: Clock, hass_storage: dict[str, Any]
) -> AsyncIterator[Original]:
    """Set up an original Fluksometer that measures."""
    fluksometer.v2 = False
    fluksometer.minutes[WATER] = [[T, 1440]]
    original = Original(hass, fluksometer, clock, hass_storage)
    original.entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(original.entry.entry_id)
    await hass.async_block_till_done()
    yield original
    if hass.config_entries.async_get_entry(original.entry.entry_id):
        await hass.config_entries.async_unload(original.entry.entry_id)


async def test_counts_the_seconds(hass: HomeAssistant, original: Original) -> None:
    original.measure(5)
    await original.poll()
    assert shown(hass, ENERGY) == "0.0"
    for _ in range(12):
        original.measure(5)
        await original.poll()
    # It is shown once a minute, when it is on the disk.
    assert shown(hass, ENERGY) == "0.06"
    assert original.kept == 60
    state = hass.states.get(ENERGY)
    assert state is not None
    assert state.attributes["device_class"] == "energy"
    assert state.attributes["state_class"] == "total_increasing"
    assert shown(hass, "sensor.sensor_1_power") == "3600"
    assert hass.states.get("sensor.sensor_222222_volume") is None


async def test_a_clamp_that_never_measured_has_no_total(
    hass: HomeAssistant, original: Original, fluksometer: LoopbackFluksometer, hass_storage: dict[str, Any]
) -> None:
    await hass.config_entries.async_unload(original.entry.entry_id)
    del hass_storage[STORED]
    fluksometer.minutes[MAIN] = []
    assert await hass.config_entries.async_setup(original.entry.entry_id)
    fluksometer.minutes[WATER] = [[T + 5, 1440]]
    await original.poll()
    assert shown(hass, "sensor.sensor_2_flow") == "1.0"
    assert shown(hass, ENERGY) == "unknown"


async def test_a_silent_clamp_keeps_its_total(hass: HomeAssistant, original: Original) -> None:
    original.measure(60)
    await original.poll()
    assert shown(hass, ENERGY) == "0.06"
    original.measure(60, "nan")
    await original.poll()
    assert shown(hass, ENERGY) == "0.06"
    assert shown(hass, "sensor.sensor_1_power") == "unknown"


async def test_a_long_silence_of_ours_is_filled_from_the_window_and_no_further(
    hass: HomeAssistant, original: Original
) -> None:
    original.measure(60)
    await original.poll()
    assert shown(hass, ENERGY) == "0.06"
    original.measure(600)
    await original.poll()
    assert shown(hass, ENERGY) == "0.12"


async def test_goes_on_after_a_restart(hass: HomeAssistant, original: Original) -> None:
    original.measure(60)
    await original.poll()
    original.measure(20)
    await original.poll()
    assert await hass.config_entries.async_unload(original.entry.entry_id)
    assert original.kept == 80

    original.measure(30)
    assert await hass.config_entries.async_setup(original.entry.entry_id)
    original.measure(5)
    await original.poll()
    assert shown(hass, ENERGY) == "0.11"


async def test_what_is_shown_survives_a_kill(hass: HomeAssistant, original: Original) -> None:
    """At every moment, what is on the disk is at least what is shown."""
    for _ in range(40):
        original.measure(7)
        await original.poll()
        assert float(shown(hass, ENERGY) or 0) * 1000 <= original.kept
    revived = EnergyLedger(hass, original.entry.entry_id)
    await revived.load()
    snapshot = await revived.take(original.entry.runtime_data.data, 1.0)
    reading = snapshot.sensors[MAIN].reading
    assert reading is not None
    assert reading.counter is not None
    assert reading.counter >= float(shown(hass, ENERGY) or 0) * 1000


async def test_is_kept_when_home_assistant_stops(hass: HomeAssistant, original: Original) -> None:
    original.measure(30)
    await original.poll()
    assert original.kept == 0
    hass.set_state(CoreState.final_write)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
    await hass.async_block_till_done()
    assert original.kept == 30
    hass.set_state(CoreState.running)


async def test_is_forgotten_with_the_entry(
    hass: HomeAssistant, original: Original, hass_storage: dict[str, Any]
) -> None:
    assert STORED in hass_storage
    await hass.config_entries.async_remove(original.entry.entry_id)
    assert STORED not in hass_storage


@pytest.mark.parametrize(
    "kept",
    [
        None,
        {"watt_seconds": -1, "counted_to": T},
        {"watt_seconds": "many", "counted_to": T},
        {"watt_seconds": 3600, "counted_to": None},
        {"counted_to": T},
    ],
)
async def test_what_is_no_energy_on_the_disk_is_left_out(
    hass: HomeAssistant, original: Original, hass_storage: dict[str, Any], kept: Any
) -> None:
    await hass.config_entries.async_unload(original.entry.entry_id)
    hass_storage[STORED]["data"] = {MAIN: kept}
    assert await hass.config_entries.async_setup(original.entry.entry_id)
    original.measure(5)
    await original.poll()
    assert shown(hass, ENERGY) == "0.0"


async def test_fluksometers_with_counters_keep_nothing(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    assert loaded.runtime_data.ledger is None


async def test_quarter_hours(hass: HomeAssistant, original: Original) -> None:
    """The total is shown up to a minute late, but it is known until when it counts."""
    quarter = (T // 900 + 1) * 900

    async def load(watt: int, seconds: int) -> None:
        for _ in range(seconds // 20):
            original.measure(20, watt)
            await original.poll()

    original.measure(quarter - T - 620)
    await original.poll()
    await load(3600, 620)
    await load(3600, 460)
    await load(1800, 600)
    assert shown(hass, "sensor.sensor_1_month_peak") == str(round((3600 * 460 + 1800 * 440) / 900))
