"""Condition: a meter is not measured, or its Fluksometer cannot be reached."""

from typing import override

from homeassistant.components.sensor import DOMAIN as SENSOR_DOMAIN
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import State
from homeassistant.helpers.automation import DomainSpec
from homeassistant.helpers.condition import EntityConditionBase

from .watched import FLOW, POWER, watched


class MeterIsSilentCondition(EntityConditionBase):
    """Holds while any of the targeted meters is silent, or all are, as the behavior says."""

    _domain_specs = {SENSOR_DOMAIN: DomainSpec()}  # noqa: RUF012 - core's own type of it

    @override
    def entity_filter(self, entities: set[str]) -> set[str]:
        """Keep one entity of each meter."""
        return watched(self._hass, entities, POWER | FLOW)

    @override
    def _should_include(self, _state: State) -> bool:
        """Look at silent ones above all."""
        return True

    @override
    def is_valid_state(self, entity_state: State) -> bool:
        """Tell whether the meter is silent."""
        return entity_state.state == STATE_UNAVAILABLE
