"""Which entities the triggers and conditions watch: one for each sensor that is targeted, that of its rate."""

from collections.abc import Iterable
from typing import Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er

from .client import SensorType
from .const import DOMAIN
from .sensor import GAUGES

POWER: Final = frozenset({GAUGES[SensorType.ELECTRICITY].key})
FLOW: Final = frozenset({GAUGES[SensorType.WATER].key, GAUGES[SensorType.GAS].key})


@callback
def watched(hass: HomeAssistant, entities: Iterable[str], keys: frozenset[str]) -> set[str]:
    """Return those of the entities that are ours, enabled, and show one of these quantities."""
    registry = er.async_get(hass)
    return {
        entity_id
        for entity_id in entities
        if (entry := registry.async_get(entity_id)) is not None
        and entry.platform == DOMAIN
        and entry.disabled_by is None
        and entry.unique_id.partition("_")[2] in keys
    }
