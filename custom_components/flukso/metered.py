"""The sensors of a Fluksometer that count, with the entities and statistics of their totals."""

from homeassistant.const import Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er

from .client import Bucket, FluksometerV2, Sensor, SensorClass
from .const import DOMAIN
from .full_hours import counters_at_full_hours
from .healing import HOUR
from .long_term_statistics import unit_class_of


@callback
def total_entity_id(hass: HomeAssistant, sensor: Sensor) -> str | None:
    """Return the entity that shows what a sensor has counted, None when there is none."""
    unique_id = f"{sensor.id}_{unit_class_of(sensor.type)}"
    return er.async_get(hass).async_get_entity_id(Platform.SENSOR, DOMAIN, unique_id)


async def async_counters(client: FluksometerV2, sensor: Sensor, start: int, end: int) -> dict[int, float]:
    """Ask the Fluksometer for a sensor's counter at the full hours from `start` to `end`, as far as it is known.

    Both are full hours in unix seconds. Raises what the client raises.
    """
    # What is before and after tells whether the counter at the first and the last full hour is one that was read.
    pages = client.history(sensor.id, start - HOUR, end + HOUR, HOUR)
    hours: list[Bucket] = [bucket async for page in pages for bucket in page]
    known = counters_at_full_hours(
        hours,
        pulses=sensor.sensor_class is SensorClass.PULSE,
        newest=None if sensor.reading is None else sensor.reading.counter,
    )
    return {time: counter for time, counter in known.items() if start <= time <= end}
