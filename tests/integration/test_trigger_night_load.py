"""The trigger on an unusual night, on the real recorder's statistics."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from homeassistant.components.recorder.models import StatisticMeanType
from homeassistant.components.recorder.statistics import async_import_statistics
from homeassistant.components.trace.const import DATA_TRACE
from homeassistant.core import Event, HomeAssistant
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.components.recorder.common import async_wait_recording_done

from tests.integration.automations import Household, automate, said
from tests.integration.waiting import until

POWER = "sensor.main_power"
NIGHT_LOAD: dict[str, Any] = {"trigger": "flukso.night_load_above_usual", "target": {"entity_id": POWER}}
TELLS = "{{ trigger.entity_id }} {{ trigger.load }} {{ trigger.usual }}"


async def live_through(hass: HomeAssistant, nights: Iterable[float], unit: str = "W") -> None:
    """Put hours into the statistics: days of 800 W, and nights of the given loads, the last of them to come."""
    loads = list(nights)
    first = dt_util.start_of_local_day() - timedelta(days=len(loads) - 2)
    hours = []
    for day, load in enumerate(loads):
        for hour in range(24):
            start = dt_util.as_utc(first + timedelta(days=day)) + timedelta(hours=hour)
            mean = load if dt_util.as_local(start).hour in (2, 3, 4) else 800.0
            hours.append({"start": start, "mean": mean, "min": mean, "max": mean})
    async_import_statistics(
        hass,
        {
            "mean_type": StatisticMeanType.ARITHMETIC,
            "has_sum": False,
            "name": None,
            "source": "recorder",
            "statistic_id": POWER,
            "unit_class": "power",
            "unit_of_measurement": unit,
        },
        hours,
    )
    await async_wait_recording_done(hass)


async def morning(hass: HomeAssistant, household: Household, told: list[Event[Any]]) -> str:
    """Wait until after six o'clock of the next day, when the night has been judged; return why nothing is told."""
    await household.until(dt_util.start_of_local_day() + timedelta(days=1, hours=6, seconds=1))
    traces = hass.data[DATA_TRACE]
    await until(lambda: told or ("automation.tested" in traces and traces["automation.tested"].not_triggered))
    return "" if told else str([trace.as_dict() for trace in traces["automation.tested"].not_triggered.values()])


@pytest.fixture
async def zone(hass: HomeAssistant) -> None:
    """Live where local time is not UTC."""
    await hass.config.async_set_time_zone("Europe/Brussels")


@pytest.mark.usefixtures("recorder_mock", "zone")
async def test_unusual_night_is_told(hass: HomeAssistant, household: Household) -> None:
    await live_through(hass, [100, 104, 96, 3000, 102, 98, 160])
    told = await automate(hass, NIGHT_LOAD, tells=TELLS)
    await household.until(dt_util.start_of_local_day() + timedelta(days=1, hours=5, minutes=55))
    await household.wait(1)
    assert not told
    await household.wait(360)
    await until(lambda: told)
    assert said(told) == [f"{POWER} 160 101"]


@pytest.mark.usefixtures("recorder_mock", "zone")
@pytest.mark.parametrize(
    ("nights", "options", "reason"),
    [
        ([100, 104, 96, 300, 102, 98, 120], {}, "night_load_not_above_usual"),  # not by a quarter
        ([10, 10, 10, 10, 10, 10, 25], {}, "night_load_not_above_usual"),  # not by 20 W
        ([100, 104, 96, 102, 160], {}, "too_few_nights_known"),  # nobody knows yet what is usual
        ([100, 104, 96, 300, 102, 98, 160], {"percent": 100}, "night_load_not_above_usual"),
        ([100, 104, 96, 300, 102, 98, 160], {"watts": 100}, "night_load_not_above_usual"),
        ([90, 90, 90, 90, 90, 150, 150, 150, 150, 150, 160], {"nights": 5}, "night_load_not_above_usual"),
    ],
)
async def test_usual_night_is_not(
    hass: HomeAssistant, household: Household, nights: list[float], options: dict[str, Any], reason: str
) -> None:
    await live_through(hass, nights)
    told = await automate(hass, {**NIGHT_LOAD, "options": options})
    assert reason in await morning(hass, household, told)
    assert not told


@pytest.mark.usefixtures("recorder_mock", "zone")
async def test_statistics_in_another_unit(hass: HomeAssistant, household: Household) -> None:
    await live_through(hass, [0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.2], unit="kW")
    told = await automate(hass, NIGHT_LOAD, tells=TELLS)
    await morning(hass, household, told)
    assert said(told) == [f"{POWER} 200 100"]


async def test_without_a_recorder_nothing_is_told(hass: HomeAssistant, household: Household) -> None:
    told = await automate(hass, NIGHT_LOAD)
    assert "too_few_nights_known" in await morning(hass, household, told)
    assert not told


@pytest.mark.usefixtures("recorder_mock", "zone")
async def test_loads_are_in_the_trace(hass: HomeAssistant, household: Household) -> None:
    """Whoever wonders why nothing is told finds it among the automation's traces."""
    await live_through(hass, [100, 100, 100, 100, 100, 100, 110])
    told = await automate(hass, NIGHT_LOAD)
    reason = await morning(hass, household, told)
    assert "'load': 110" in reason
    assert "'usual': 100" in reason
