"""Long-term statistics, read and written: all that is asked of Home Assistant's recorder, in Wh and L."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, override

from homeassistant.components.recorder import Recorder
from homeassistant.components.recorder.db_schema import Statistics
from homeassistant.components.recorder.models import StatisticData, StatisticMeanType, StatisticMetaData
from homeassistant.components.recorder.statistics import (
    async_add_external_statistics,
    async_import_statistics,
    get_metadata,
    statistics_during_period,
)
from homeassistant.components.recorder.tasks import RecorderTask
from homeassistant.const import UnitOfEnergy, UnitOfVolume
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.recorder import DATA_INSTANCE, get_instance, session_scope
from homeassistant.util.unit_conversion import BaseUnitConverter, EnergyConverter, VolumeConverter

from .client import SensorType
from .const import DOMAIN
from .healing import Row, Shift

_UNITS: Final = {"energy": UnitOfEnergy.WATT_HOUR, "volume": UnitOfVolume.LITERS}
"""The units of meters by unit class."""

_SHOWN_UNITS: Final = {"energy": UnitOfEnergy.KILO_WATT_HOUR, "volume": UnitOfVolume.CUBIC_METERS}
"""The units of external statistics by unit class: those that the energy dashboard shows."""

_CONVERTERS: Final[dict[str, type[BaseUnitConverter]]] = {"energy": EnergyConverter, "volume": VolumeConverter}


@dataclass(frozen=True, slots=True)
class Series:
    """One long-term statistic that has a sum of energy or volume, as the recorder describes it."""

    metadata: StatisticMetaData
    unit_class: str
    """`energy` or `volume`."""

    @property
    def id(self) -> str:
        """Return its statistic id: that of its entity, or an external one."""
        return self.metadata["statistic_id"]

    @property
    def meter_unit(self) -> str:
        """Return the meter's unit: Wh or L."""
        return _UNITS[self.unit_class]


def external_series(sensor_id: str, sensor_type: SensorType, name: str) -> Series:
    """Describe the external statistic of a sensor."""
    unit_class = unit_class_of(sensor_type)
    return Series(
        StatisticMetaData(
            mean_type=StatisticMeanType.NONE,
            has_sum=True,
            name=name,
            source=DOMAIN,
            statistic_id=external_id(sensor_id),
            unit_class=unit_class,
            unit_of_measurement=_SHOWN_UNITS[unit_class],
        ),
        unit_class,
    )


def external_id(sensor_id: str) -> str:
    """Return the statistic id of a sensor's external statistic."""
    return f"{DOMAIN}:{sensor_id}"


def unit_class_of(sensor_type: SensorType) -> str:
    """Return `energy` or `volume`."""
    return "energy" if sensor_type is SensorType.ELECTRICITY else "volume"


def is_recording(hass: HomeAssistant) -> bool:
    """Tell whether Home Assistant has a recorder: it may be left out of the configuration."""
    return DATA_INSTANCE in hass.data


async def async_series(hass: HomeAssistant, statistic_id: str, unit_class: str) -> Series | None:
    """Return how the recorder describes a statistic; None while it has none, or one of another kind."""
    found = await get_instance(hass).async_add_executor_job(
        lambda: get_metadata(hass, statistic_ids={statistic_id}).get(statistic_id)
    )
    if found is None or not found[1]["has_sum"] or found[1]["unit_class"] != unit_class:
        return None
    return Series(found[1], unit_class)


async def async_rows(hass: HomeAssistant, series: Series, start: int, end: int | None = None) -> list[Row]:
    """Return the hours from `start` to before `end` (unix seconds; all that are there without one), ascending."""

    def read() -> list[Row]:
        found = statistics_during_period(
            hass,
            _time(start),
            None if end is None else _time(end),
            {series.id},
            "hour",
            {series.unit_class: series.meter_unit},
            {"state", "sum"},
        )
        return [
            Row(int(row["start"]), state, row_sum)
            for row in found.get(series.id, ())
            if (state := row.get("state")) is not None and (row_sum := row.get("sum")) is not None
        ]

    return await get_instance(hass).async_add_executor_job(read)


async def async_write(hass: HomeAssistant, series: Series, rows: Sequence[Row]) -> None:
    """Write hours over or between those that are there, and return when that is queued."""
    # Building them takes a while for a year of hours: not in the event loop.
    data = await get_instance(hass).async_add_executor_job(_statistic_data, series, rows)
    metadata = series.metadata.copy()
    if series.metadata["source"] == DOMAIN:
        async_add_external_statistics(hass, metadata, data)
    else:
        async_import_statistics(hass, metadata, data)


def _statistic_data(series: Series, rows: Iterable[Row]) -> list[StatisticData]:
    convert = _CONVERTERS[series.unit_class].converter_factory(
        series.meter_unit, series.metadata["unit_of_measurement"]
    )
    return [StatisticData(start=_time(row.start), state=convert(row.state), sum=convert(row.sum)) for row in rows]


@callback
def async_shift(hass: HomeAssistant, series: Series, shift: Shift) -> None:
    """Queue that all sums from an hour on are raised, those of five minutes too, from which later ones are made."""
    get_instance(hass).async_adjust_statistics(series.id, _time(shift.start), shift.amount, series.meter_unit)


@callback
def async_remove(hass: HomeAssistant, series: Series, start: int, end: int) -> None:
    """Queue that the hours from `start` to before `end` are removed."""
    get_instance(hass).queue_task(_RemoveHours(series.id, start, end))


@callback
def async_clear(hass: HomeAssistant, statistic_ids: list[str]) -> None:
    """Queue that statistics are removed altogether."""
    get_instance(hass).async_clear_statistics(statistic_ids)


async def async_done(hass: HomeAssistant) -> None:
    """Wait until the recorder has done what was queued so far."""
    done = asyncio.Event()
    get_instance(hass).queue_task(_Tell(hass, done))
    await done.wait()


def _time(unix: int) -> datetime:
    return datetime.fromtimestamp(unix, UTC)


@dataclass(slots=True)
class _Tell(RecorderTask):
    """Tells when the recorder has come to it."""

    hass: HomeAssistant
    done: asyncio.Event

    @override
    def run(self, instance: Recorder) -> None:
        """Tell the event loop."""
        self.hass.loop.call_soon_threadsafe(self.done.set)


@dataclass(slots=True)
class _RemoveHours(RecorderTask):
    """Removes hours of one statistic: before 2026.11 the recorder itself could only remove all of them."""

    statistic_id: str
    start: int
    end: int

    @override
    def run(self, instance: Recorder) -> None:
        """Remove them."""
        with session_scope(session=instance.get_session()) as session:
            known = instance.statistics_meta_manager.get_many(session, statistic_ids={self.statistic_id})
            for metadata_id, _ in known.values():
                session.query(Statistics).filter(
                    Statistics.metadata_id == metadata_id,
                    Statistics.start_ts >= self.start,
                    Statistics.start_ts < self.end,
                ).delete(synchronize_session=False)
