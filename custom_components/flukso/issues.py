"""What the owner should know of, under Settings > Repairs."""

from time import monotonic
from typing import TYPE_CHECKING, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from .client import Address, Sensor, SensorType
from .const import DOMAIN
from .counter_guard import Jump
from .entry_data import entry_address
from .links import links

if TYPE_CHECKING:
    from .coordinator import FluksoConfigEntry, FluksoCoordinator

SILENT_SECONDS: Final = 600.0
"""Seconds that a board or meter may be silent: longer than a restart, a firmware update, a cable that is moved."""

LEARN_MORE: Final = "https://github.com/flukso/flukso/blob/main/docs/home-assistant.md#repairs"

WRONG_DEVICE: Final = "wrong_device"
DUPLICATE_DEVICE: Final = "duplicate_device"
SENSOR_TWICE: Final = "sensor_twice"
REGISTER_ELSEWHERE: Final = "register_elsewhere"


@callback
def async_report_wrong_device(hass: HomeAssistant, entry: FluksoConfigEntry, found: str) -> None:
    """Tell that another Fluksometer answers at the entry's address."""
    ir.async_create_issue(
        hass,
        DOMAIN,
        f"{WRONG_DEVICE}_{entry.entry_id}",
        data={"entry_id": entry.entry_id, "found": found},
        is_fixable=True,
        learn_more_url=LEARN_MORE,
        severity=ir.IssueSeverity.ERROR,
        translation_key=WRONG_DEVICE,
        translation_placeholders={"name": entry.title},
    )


@callback
def async_clear_wrong_device(hass: HomeAssistant, entry: FluksoConfigEntry) -> None:
    """Take that back: the right one answers."""
    ir.async_delete_issue(hass, DOMAIN, f"{WRONG_DEVICE}_{entry.entry_id}")


@callback
def async_report_duplicate(hass: HomeAssistant, entry: ConfigEntry, other: Address) -> None:
    """Tell that a second device uses the id of the entry's Fluksometer."""
    ir.async_create_issue(
        hass,
        DOMAIN,
        f"{DUPLICATE_DEVICE}_{entry.entry_id}",
        data={"entry_id": entry.entry_id, "host": other.host, "port": other.port},
        is_fixable=True,
        learn_more_url=LEARN_MORE,
        severity=ir.IssueSeverity.ERROR,
        translation_key=DUPLICATE_DEVICE,
        translation_placeholders={"name": entry.title, "address": str(entry_address(entry)), "other": str(other)},
    )


@callback
def async_report_register(hass: HomeAssistant, entry: FluksoConfigEntry, sensor: Sensor, jump: Jump) -> None:
    """Tell that a sensor's register went elsewhere and stayed there. Stays over restarts, until it was read."""
    ir.async_create_issue(
        hass,
        DOMAIN,
        f"{REGISTER_ELSEWHERE}_{sensor.id}",
        data={"entry_id": entry.entry_id},
        is_fixable=True,
        is_persistent=True,
        learn_more_url=LEARN_MORE,
        severity=ir.IssueSeverity.WARNING,
        translation_key=REGISTER_ELSEWHERE,
        translation_placeholders={
            "name": sensor.name or sensor.id[:6],
            "before": f"{jump.before:g}" if jump.before < 1e6 else f"{jump.before:.0f}",
            "after": f"{jump.after:g}" if jump.after < 1e6 else f"{jump.after:.0f}",
            "unit": "Wh" if sensor.type is SensorType.ELECTRICITY else "L",
        },
    )


@callback
def async_report_sensor_twice(
    hass: HomeAssistant, entry: FluksoConfigEntry, owner: FluksoConfigEntry, sensor: Sensor
) -> None:
    """Tell that an entry lists a sensor that another one shows."""
    ir.async_create_issue(
        hass,
        DOMAIN,
        f"{SENSOR_TWICE}_{entry.entry_id}_{sensor.id}",
        data={"entry_id": entry.entry_id},
        is_fixable=False,
        learn_more_url=LEARN_MORE,
        severity=ir.IssueSeverity.WARNING,
        translation_key=SENSOR_TWICE,
        translation_placeholders={
            "name": entry.title,
            "other": owner.title,
            "sensor": sensor.name or sensor.id[:6],
        },
    )


@callback
def async_clear_sensor_twice(hass: HomeAssistant, entry: FluksoConfigEntry, sensor_id: str) -> None:
    """Take that back."""
    ir.async_delete_issue(hass, DOMAIN, f"{SENSOR_TWICE}_{entry.entry_id}_{sensor_id}")


@callback
def async_forget(hass: HomeAssistant, entry: FluksoConfigEntry) -> None:
    """Delete all issues of an entry that is removed."""
    for domain, issue_id in [
        key
        for key, issue in ir.async_get(hass).issues.items()
        if key[0] == DOMAIN and issue.data is not None and issue.data.get("entry_id") == entry.entry_id
    ]:
        ir.async_delete_issue(hass, domain, issue_id)


class SilentLinks:
    """Tells of boards and meters that have been silent for ten minutes, and takes it back when they are heard."""

    def __init__(self, hass: HomeAssistant, coordinator: FluksoCoordinator) -> None:
        """Watch those of this coordinator's Fluksometer until its entry is unloaded."""
        self._hass = hass
        self._coordinator = coordinator
        self._since: dict[str, float] = {}
        self._reported: set[str] = set()
        entry = coordinator.config_entry
        entry.async_on_unload(coordinator.async_add_listener(self._look))
        entry.async_on_unload(self._forget)

    @callback
    def _look(self) -> None:
        if not self._coordinator.last_update_success:
            return
        now = monotonic()
        silent = {key: named for key, named in links(self._coordinator.data.device).items() if not named[1].connected}
        self._since = {key: self._since.get(key, now) for key in silent}
        for key in self._reported - silent.keys():
            self._delete(key)
        for key, (name, link) in silent.items():
            if key not in self._reported and now - self._since[key] >= SILENT_SECONDS:
                self._report(key, name, link.error)

    def _report(self, key: str, name: str, error: str | None) -> None:
        entry = self._coordinator.config_entry
        self._reported.add(key)
        ir.async_create_issue(
            self._hass,
            DOMAIN,
            self._issue_id(key),
            data={"entry_id": entry.entry_id},
            is_fixable=False,
            learn_more_url=LEARN_MORE,
            severity=ir.IssueSeverity.WARNING,
            translation_key="link_silent" if name else "board_silent",
            translation_placeholders={"name": entry.title, "link": name, "error": error or "-"},
        )

    def _delete(self, key: str) -> None:
        self._reported.discard(key)
        ir.async_delete_issue(self._hass, DOMAIN, self._issue_id(key))

    def _forget(self) -> None:
        for key in tuple(self._reported):
            self._delete(key)

    def _issue_id(self, key: str) -> str:
        return f"silent_{self._coordinator.config_entry.entry_id}_{key}"
