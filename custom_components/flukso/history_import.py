"""Imports what a Fluksometer has counted before Home Assistant recorded it, and takes that out again."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypedDict

from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util

from .client import FluksometerV2, Sensor
from .const import DOMAIN, LOGGER
from .earlier_hours import apart, before
from .gap_healing import FURTHEST_BACK
from .healing import HOUR, Row, Shift
from .long_term_statistics import (
    Series,
    async_clear,
    async_done,
    async_remove,
    async_rows,
    async_series,
    async_shift,
    async_write,
    external_id,
    external_series,
    unit_class_of,
)
from .metered import async_counters, total_entity_id

BATCH: Final = 1000
"""Hours that are handed to the recorder at once: the event loop stops for a few milliseconds."""

type Progress = Callable[[int], Awaitable[None]]
"""Hears how many hours more were written."""


class Raised(TypedDict):
    """What an import into an entity did: `first`, the hour that was its first, now is `amount` Wh or L higher.

    `was` is the sum of that hour before, by which can be told whether the recorder has done it.
    """

    first: int
    was: float
    amount: float


@dataclass(frozen=True, slots=True)
class Imported:
    """What is there after an import: where, and its hours (unix seconds; none: `hours` is 0)."""

    statistic_id: str
    hours: int
    start: int | None
    end: int | None


def raised_store(hass: HomeAssistant, entry_id: str) -> Store[dict[str, Raised]]:
    """Return where it is kept what was imported into entities, by sensor."""
    return Store(hass, 1, f"{DOMAIN}.{entry_id}.imported")


async def async_import_apart(
    hass: HomeAssistant, client: FluksometerV2, sensor: Sensor, start: int, progress: Progress
) -> Imported:
    """Import into a statistic of its own: up to the first hour of the entity's, so that both together are everything.

    May be done again at any time: the same hours are written with the same values. Raises what the client raises.
    """
    series = external_series(sensor.id, sensor.type, sensor.name or sensor.id[:6])
    entity = await _entity_series(hass, sensor)
    first = await _first_row(hass, entity) if entity is not None else None
    end = _full_hour() if first is None else first.start
    known = []
    if (there := await async_series(hass, series.id, series.unit_class)) is not None:
        known = await async_rows(hass, there, 0)
    counters = await async_counters(client, sensor, start, end)
    rows = await hass.async_add_executor_job(apart, counters, known)
    await _write(hass, series, rows, progress)
    return _imported(series, rows)


async def async_import_into_entity(
    hass: HomeAssistant,
    client: FluksometerV2,
    sensor: Sensor,
    start: int,
    progress: Progress,
    store: Store[dict[str, Raised]],
) -> Imported | None:
    """Import before the first hour that an entity has recorded, whose sums are raised by all that was used before.

    None when the entity has recorded nothing yet. After a kill it is taken up again where it ended.
    """
    await async_done(hass)  # what an import that failed has left in the queue
    series = await _entity_series(hass, sensor)
    first = None if series is None else await _first_row(hass, series)
    if series is None or first is None:
        return None
    counters = await async_counters(client, sensor, start, first.end)
    rows, amount = await hass.async_add_executor_job(before, first, counters)
    if rows and amount:
        records = await store.async_load() or {}
        record = await _applied(hass, series, records.get(sensor.id))
        records[sensor.id] = record or Raised(first=first.start, was=first.sum, amount=0.0)
        records[sensor.id]["amount"] += amount
        await store.async_save(records)
        async_shift(hass, series, Shift(first.start, amount))
    # The newest first: what is missing after a kill is older than all that is there.
    await _write(hass, series, rows, progress)
    return _imported(series, rows)


async def async_take_out(hass: HomeAssistant, sensor: Sensor, store: Store[dict[str, Raised]]) -> list[str]:
    """Take out what was imported of a sensor, apart and in the entity; return from which statistics."""
    await async_done(hass)
    taken = []
    if await async_series(hass, external_id(sensor.id), unit_class_of(sensor.type)) is not None:
        async_clear(hass, [external_id(sensor.id)])
        taken.append(external_id(sensor.id))
    records = await store.async_load() or {}
    series = await _entity_series(hass, sensor)
    if series is not None and sensor.id in records:
        first = records[sensor.id]["first"]
        record = await _applied(hass, series, records.pop(sensor.id))
        async_remove(hass, series, 0, first)
        if record is not None:
            async_shift(hass, series, Shift(first, -record["amount"]))
        await async_done(hass)
        await store.async_save(records)
        taken.append(series.id)
    await async_done(hass)
    return taken


async def _entity_series(hass: HomeAssistant, sensor: Sensor) -> Series | None:
    entity_id = total_entity_id(hass, sensor)
    return None if entity_id is None else await async_series(hass, entity_id, unit_class_of(sensor.type))


async def _first_row(hass: HomeAssistant, series: Series) -> Row | None:
    rows = await async_rows(hass, series, 0)
    return rows[0] if rows else None


async def _applied(hass: HomeAssistant, series: Series, record: Raised | None) -> Raised | None:
    """Return what was kept of an import, None if Home Assistant was killed before the recorder did it."""
    if record is None:
        return None
    rows = await async_rows(hass, series, record["first"], record["first"] + HOUR)
    if not rows or abs(rows[0].sum - record["was"]) < abs(rows[0].sum - record["was"] - record["amount"]):
        LOGGER.debug("An import into %s had not begun", series.id)
        return None
    return record


async def _write(hass: HomeAssistant, series: Series, rows: Sequence[Row], progress: Progress) -> None:
    for end in range(len(rows), 0, -BATCH):
        batch = rows[max(0, end - BATCH) : end]
        await async_write(hass, series, batch)
        await async_done(hass)
        await progress(len(batch))


def _imported(series: Series, rows: Sequence[Row]) -> Imported:
    if not rows:
        return Imported(series.id, 0, None, None)
    return Imported(series.id, len(rows), rows[0].start, rows[-1].end)


def _full_hour() -> int:
    return int(dt_util.utcnow().timestamp()) // HOUR * HOUR


def as_far_as_kept() -> int:
    """Return the full hour at which a Fluksometer's history may begin (unix seconds)."""
    return _full_hour() - FURTHEST_BACK
