"""Which of two Fluksometers shows a sensor that both list, as when a board was moved from one to the other."""

from homeassistant.core import HomeAssistant, callback
from homeassistant.util.hass_dict import HassKey

from .client import Sensor
from .const import DOMAIN
from .coordinator import FluksoConfigEntry
from .issues import async_clear_sensor_twice, async_report_sensor_twice

_CLAIMS: HassKey[dict[str, FluksoConfigEntry]] = HassKey(f"{DOMAIN}.claims")


class Claims:
    """The sensors that one entry shows: the first that lists a sensor has it, until it lists it no more."""

    def __init__(self, hass: HomeAssistant, entry: FluksoConfigEntry) -> None:
        """Claim for this entry, until it is unloaded."""
        self._hass = hass
        self._entry = entry
        self._all = hass.data.setdefault(_CLAIMS, {})
        self._denied: set[str] = set()
        entry.async_on_unload(self._release_all)

    @callback
    def claim(self, sensor: Sensor) -> bool:
        """Tell whether a sensor is ours to show; one that is not is told under Repairs."""
        owner = self._all.setdefault(sensor.id, self._entry)
        if owner is self._entry:
            self._forgive(sensor.id)
            return True
        if sensor.id not in self._denied:
            self._denied.add(sensor.id)
            async_report_sensor_twice(self._hass, self._entry, owner, sensor)
        return False

    @callback
    def release(self, sensor_id: str) -> None:
        """Leave a sensor of ours to whoever else lists it."""
        del self._all[sensor_id]

    @callback
    def forget_all_but(self, listed: set[str]) -> None:
        """Take back what was told of sensors that are no longer listed."""
        for sensor_id in self._denied - listed:
            self._forgive(sensor_id)

    def _forgive(self, sensor_id: str) -> None:
        if sensor_id in self._denied:
            self._denied.discard(sensor_id)
            async_clear_sensor_twice(self._hass, self._entry, sensor_id)

    def _release_all(self) -> None:
        for sensor_id in [sensor_id for sensor_id, owner in self._all.items() if owner is self._entry]:
            del self._all[sensor_id]
        self.forget_all_but(set())
