"""The action that adds meters to Home Assistant's energy dashboard. It only adds: nothing is changed or removed.

The preferences are Home Assistant's own. They are read anew each time, judged by its own schema before they are
written, and by its own validation afterwards.
"""

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from typing import Any, Final, cast

import probatio
from homeassistant.components.energy import DOMAIN as ENERGY_DOMAIN
from homeassistant.components.energy import async_get_manager
from homeassistant.components.energy import data as energy_data
from homeassistant.components.energy.data import (
    DEVICE_CONSUMPTION_SCHEMA,
    ENERGY_SOURCE_SCHEMA,
    EnergyPreferencesUpdate,
)
from homeassistant.components.energy.validate import async_validate
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN, Platform
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.service import async_register_admin_service
from homeassistant.util.json import JsonValueType

from .client import SensorType
from .const import DOMAIN
from .coordinator import FluksoCoordinator
from .energy_sources import Meter, Source, device, grid_sources, home_source, solar_source, volume_source
from .sensor import COUNTERS, GAUGES

ACTION: Final = "add_to_energy_dashboard"

CONF_DRY_RUN: Final = "dry_run"
GRID: Final = "grid"
GRID_RETURN: Final = "grid_return"
SOLAR: Final = "solar"
HOME: Final = "home"
DEVICES: Final = "devices"
GAS: Final = "gas"
WATER: Final = "water"

PLACES: Final[Mapping[str, SensorType]] = {
    GRID: SensorType.ELECTRICITY,
    GRID_RETURN: SensorType.ELECTRICITY,
    SOLAR: SensorType.ELECTRICITY,
    HOME: SensorType.ELECTRICITY,
    DEVICES: SensorType.ELECTRICITY,
    GAS: SensorType.GAS,
    WATER: SensorType.WATER,
}
"""The places of the dashboard, with what a sensor has to measure to belong there."""

_DEVICES_SCHEMA: Final = probatio.Schema([DEVICE_CONSUMPTION_SCHEMA])

_SCHEMA: Final = probatio.Schema(
    {probatio.Required(CONF_DRY_RUN): cv.boolean}
    | {probatio.Optional(place, default=[]): cv.entity_ids for place in PLACES}
)


@callback
def async_register_energy_dashboard(hass: HomeAssistant) -> None:
    """Register the action, for administrators."""

    async def add(call: ServiceCall) -> ServiceResponse:
        return await _async_add(hass, call.data)

    async_register_admin_service(hass, DOMAIN, ACTION, add, _SCHEMA, SupportsResponse.OPTIONAL)


async def _async_add(hass: HomeAssistant, data: Mapping[str, Any]) -> ServiceResponse:
    """Add what is not there yet, or only tell what that would be."""
    if ENERGY_DOMAIN not in hass.config.components:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="energy_not_set_up")
    if not any(data[place] for place in PLACES):
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="nothing_chosen")
    if data[HOME] and not hasattr(energy_data, "HOME_SOURCE_SCHEMA"):
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="no_place_for_home")
    meters = {place: [_meter(hass, entity_id, place) for entity_id in dict.fromkeys(data[place])] for place in PLACES}
    manager = await async_get_manager(hass)
    # From here to the update nothing is awaited, so that nobody else can write the preferences in between.
    preferences = manager.data or manager.default_preferences()
    sources = cast(list[Source], preferences["energy_sources"])
    devices = cast(list[Source], preferences["device_consumption"])
    _understand(sources, devices)
    there: set[str] = set()
    new_sources = _completed(ENERGY_SOURCE_SCHEMA, sources, _new_sources(meters, sources, there))
    new_devices = _completed(_DEVICES_SCHEMA, devices, _new_devices(meters[DEVICES], devices, there))
    answer: dict[str, Any] = {"energy_sources": new_sources, "device_consumption": new_devices}
    if data[CONF_DRY_RUN]:
        return {"would_add": deepcopy(answer), "already_there": [*sorted(there)]}
    if new_sources or new_devices:
        update = {"energy_sources": [*sources, *new_sources], "device_consumption": [*devices, *new_devices]}
        await manager.async_update(cast(EnergyPreferencesUpdate, update))
    return {
        "added": deepcopy(answer),
        "already_there": [*sorted(there)],
        "findings": await _findings(hass, len(sources), len(devices)) if new_sources or new_devices else [],
    }


def _meter(hass: HomeAssistant, entity_id: str, place: str) -> Meter:
    """Return the meter whose total an entity is. Raises ServiceValidationError if it does not belong in the place."""
    registry = er.async_get(hass)
    entry = registry.async_get(entity_id)
    counter = COUNTERS[PLACES[place]]
    if (
        entry is None
        or entry.platform != DOMAIN
        or entry.disabled_by is not None
        or entry.original_device_class != counter.device_class
        or entry.unique_id.partition("_")[2] != counter.key
    ):
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="does_not_belong_there",
            translation_placeholders={"entity": entity_id, "place": place},
        )
    sensor_id = entry.unique_id.partition("_")[0]
    rate = registry.async_get_entity_id(Platform.SENSOR, DOMAIN, f"{sensor_id}_{GAUGES[PLACES[place]].key}")
    return Meter(entity_id, rate if _shows(hass, rate) else None, _sensor_class(hass, entry, sensor_id))


def _shows(hass: HomeAssistant, entity_id: str | None) -> bool:
    """Tell whether an entity shows a value."""
    state = None if entity_id is None else hass.states.get(entity_id)
    return state is not None and state.state not in (STATE_UNKNOWN, STATE_UNAVAILABLE)


def _sensor_class(hass: HomeAssistant, entry: er.RegistryEntry, sensor_id: str) -> str | None:
    """Return how a sensor measures, None while its Fluksometer is not loaded."""
    for loaded in hass.config_entries.async_loaded_entries(DOMAIN):
        if loaded.entry_id == entry.config_entry_id and isinstance(loaded.runtime_data, FluksoCoordinator):
            sensor = loaded.runtime_data.data.sensors.get(sensor_id)
            return None if sensor is None or sensor.sensor_class is None else str(sensor.sensor_class)
    return None


def _new_sources(
    meters: Mapping[str, list[Meter]], sources: Iterable[Mapping[str, Any]], there: set[str]
) -> list[Source]:
    """Return the sources that are not there yet, and put the totals that are into `there`."""

    def totals(kind: str, key: str) -> set[str]:
        return {source[key] for source in sources if source["type"] == kind and source.get(key)}

    new = grid_sources(
        _absent(meters[GRID], totals("grid", "stat_energy_from"), there),
        _absent(meters[GRID_RETURN], totals("grid", "stat_energy_to"), there),
    )
    makers: dict[str, tuple[str, Callable[[Meter], Source]]] = {
        SOLAR: ("stat_energy_from", solar_source),
        HOME: ("stat_energy_to", home_source),
        GAS: ("stat_energy_from", lambda meter: volume_source(GAS, meter)),
        WATER: ("stat_energy_from", lambda meter: volume_source(WATER, meter)),
    }
    for place, (key, make) in makers.items():
        new += [make(meter) for meter in _absent(meters[place], totals(place, key), there)]
    return new


def _absent(meters: Iterable[Meter], known: set[str], there: set[str]) -> list[Meter]:
    """Return the meters whose totals are not known, and put those that are into `there`."""
    absent = []
    for meter in meters:
        if meter.total in known:
            there.add(meter.total)
        else:
            absent.append(meter)
    return absent


def _new_devices(meters: Iterable[Meter], devices: Iterable[Mapping[str, Any]], there: set[str]) -> list[Source]:
    """Return the devices that are not there yet, and put the totals that are into `there`."""
    return [device(meter) for meter in _absent(meters, {known["stat_consumption"] for known in devices}, there)]


def _understand(sources: list[Source], devices: list[Source]) -> None:
    """Make sure that Home Assistant's schema knows what is there.

    Raises HomeAssistantError where it does not: whoever wrote that, adding to it could break it.
    """
    try:
        ENERGY_SOURCE_SCHEMA(deepcopy(sources))
        _DEVICES_SCHEMA(deepcopy(devices))
    except probatio.Invalid as error:
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="preferences_not_understood",
            translation_placeholders={"error": str(error)},
        ) from error


def _completed(schema: Callable[[Any], Any], existing: list[Source], new: list[Source]) -> list[Source]:
    """Return the new ones as Home Assistant's schema completes them.

    Raises ServiceValidationError where it does not take them beside the others.
    """
    try:
        completed: list[Source] = schema(new)
        schema(deepcopy([*existing, *completed]))
    except probatio.Invalid as error:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="refused_by_energy",
            translation_placeholders={"error": str(error)},
        ) from error
    return completed


async def _findings(hass: HomeAssistant, sources: int, devices: int) -> list[JsonValueType]:
    """Return what Home Assistant finds wrong with what comes after so many sources and devices."""
    found = (await async_validate(hass)).as_dict()
    return [
        {"problem": issue["type"], "entities": sorted(entity for entity, _ in issue["affected_entities"])}
        for issues in (*found["energy_sources"][sources:], *found["device_consumption"][devices:])
        for issue in issues
    ]
