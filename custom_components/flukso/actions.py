"""The actions: import what a Fluksometer has counted before Home Assistant recorded it, and take it out again."""

from datetime import UTC, datetime
from typing import Any, Final

import probatio as vol
from homeassistant.components import persistent_notification
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.service import async_register_admin_service
from homeassistant.helpers.translation import async_get_translations
from homeassistant.util import dt as dt_util

from .client import FluksoError, FluksometerV2, FluksoNotFoundError, Sensor
from .const import DOMAIN
from .coordinator import FluksoConfigEntry
from .healing import HOUR
from .history_import import (
    Imported,
    as_far_as_kept,
    async_import_apart,
    async_import_into_entity,
    async_take_out,
    raised_store,
)
from .long_term_statistics import is_recording
from .metered import total_entity_id

IMPORT_HISTORY: Final = "import_history"
REMOVE_HISTORY: Final = "remove_history"

CONF_CONFIG_ENTRY: Final = "config_entry"
CONF_ENTITIES: Final = "entities"
CONF_INTO: Final = "into"
CONF_START: Final = "start"

_PROGRESS: Final = "import_progress"

INTO_STATISTIC: Final = "statistic"
INTO_ENTITY: Final = "entity"

_FIELDS: Final = {vol.Required(CONF_CONFIG_ENTRY): str, vol.Optional(CONF_ENTITIES): cv.entity_ids}
_IMPORT_SCHEMA: Final = vol.Schema(
    {
        **_FIELDS,
        vol.Optional(CONF_INTO, default=INTO_STATISTIC): vol.In([INTO_STATISTIC, INTO_ENTITY]),
        vol.Optional(CONF_START): cv.datetime,
    }
)
_REMOVE_SCHEMA: Final = vol.Schema(_FIELDS)


@callback
def async_register_actions(hass: HomeAssistant) -> None:
    """Register the actions, for administrators."""

    async def import_history(call: ServiceCall) -> ServiceResponse:
        return await _import_history(hass, call)

    async def remove_history(call: ServiceCall) -> ServiceResponse:
        return await _remove_history(hass, call)

    for name, action, schema in (
        (IMPORT_HISTORY, import_history, _IMPORT_SCHEMA),
        (REMOVE_HISTORY, remove_history, _REMOVE_SCHEMA),
    ):
        async_register_admin_service(hass, DOMAIN, name, action, schema, SupportsResponse.OPTIONAL)


async def _import_history(hass: HomeAssistant, call: ServiceCall) -> ServiceResponse:
    entry, client = _fluksometer(hass, call)
    sensors = _sensors(hass, entry, call)
    into_entity = call.data[CONF_INTO] == INTO_ENTITY
    start = max(_start(call), as_far_as_kept())
    store = raised_store(hass, entry.entry_id)
    notice = _Notice(hass, entry, len(sensors))
    imported: list[Imported] = []
    try:
        async with entry.runtime_data.statistics_turn:
            for entity_id, sensor in sensors.items():
                await notice.begin(sensor)
                if into_entity:
                    found = await async_import_into_entity(hass, client, sensor, start, notice.add, store)
                    if found is None:
                        raise _refusal("not_recorded", entity=entity_id)
                    imported.append(found)
                else:
                    imported.append(await async_import_apart(hass, client, sensor, start, notice.add))
    except FluksoNotFoundError as error:
        raise _refusal("no_history") from error
    except FluksoError as error:
        raise HomeAssistantError(
            translation_domain=DOMAIN, translation_key="cannot_connect", translation_placeholders={"error": str(error)}
        ) from error
    finally:
        notice.dismiss()
    return {"imported": [_told(one) for one in imported]}


async def _remove_history(hass: HomeAssistant, call: ServiceCall) -> ServiceResponse:
    entry, _ = _fluksometer(hass, call)
    store = raised_store(hass, entry.entry_id)
    removed: list[str] = []
    async with entry.runtime_data.statistics_turn:
        for sensor in _sensors(hass, entry, call).values():
            removed += await async_take_out(hass, sensor, store)
    return {"removed": [*removed]}


def _fluksometer(hass: HomeAssistant, call: ServiceCall) -> tuple[FluksoConfigEntry, FluksometerV2]:
    """Return the entry that is meant, and its client. Raises ServiceValidationError when it cannot be asked."""
    entry: FluksoConfigEntry | None = hass.config_entries.async_get_entry(call.data[CONF_CONFIG_ENTRY])
    if entry is None or entry.domain != DOMAIN:
        raise _refusal("unknown_entry")
    if entry.state is not ConfigEntryState.LOADED:
        raise _refusal("not_loaded", name=entry.title)
    if not is_recording(hass):
        raise _refusal("no_recorder")
    client = entry.runtime_data.client
    if not isinstance(client, FluksometerV2):
        raise _refusal("no_history")
    return entry, client


def _sensors(hass: HomeAssistant, entry: FluksoConfigEntry, call: ServiceCall) -> dict[str, Sensor]:
    """Return the sensors that are meant by the entity of their total: all that count, if none are named."""
    totals = {
        entity_id: sensor
        for sensor in entry.runtime_data.data.sensors.values()
        if (entity_id := total_entity_id(hass, sensor)) is not None
    }
    wanted: list[str] = call.data.get(CONF_ENTITIES, list(totals))
    if unknown := [entity_id for entity_id in wanted if entity_id not in totals]:
        raise _refusal("not_a_total", entity=", ".join(unknown))
    return {entity_id: totals[entity_id] for entity_id in wanted}


def _start(call: ServiceCall) -> int:
    """Return from which full hour on to import; a time without a zone is local."""
    if (start := call.data.get(CONF_START)) is None:
        return 0
    return int(dt_util.as_utc(start).timestamp()) // HOUR * HOUR


def _told(imported: Imported) -> dict[str, Any]:
    return {
        "statistic_id": imported.statistic_id,
        "hours": imported.hours,
        "start": None if imported.start is None else datetime.fromtimestamp(imported.start, UTC).isoformat(),
        "end": None if imported.end is None else datetime.fromtimestamp(imported.end, UTC).isoformat(),
    }


def _refusal(key: str, **placeholders: str) -> ServiceValidationError:
    return ServiceValidationError(
        translation_domain=DOMAIN, translation_key=key, translation_placeholders=placeholders or None
    )


class _Notice:
    """A notification that tells how far an import is; it goes when that is over."""

    def __init__(self, hass: HomeAssistant, entry: FluksoConfigEntry, sensors: int) -> None:
        """Tell of an import of so many sensors."""
        self._hass = hass
        self._entry = entry
        self._id = f"{DOMAIN}_import_{entry.entry_id}"
        self._sensors = sensors
        self._begun = self._hours = 0
        self._name = ""

    async def begin(self, sensor: Sensor) -> None:
        """The next sensor begins."""
        self._begun += 1
        self._name = sensor.name or sensor.id[:6]
        await self.add(0)

    async def add(self, hours: int) -> None:
        """Tell that so many hours more were written."""
        self._hours += hours
        key = f"component.{DOMAIN}.exceptions.{_PROGRESS}.message"
        texts = await async_get_translations(self._hass, self._hass.config.language, "exceptions", [DOMAIN])
        text = texts[key].format(
            name=self._name, number=str(self._begun), sensors=str(self._sensors), hours=str(self._hours)
        )
        persistent_notification.async_create(self._hass, text, self._entry.title, self._id)

    @callback
    def dismiss(self) -> None:
        """It is over."""
        persistent_notification.async_dismiss(self._hass, self._id)
