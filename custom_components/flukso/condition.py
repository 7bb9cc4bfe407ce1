"""Conditions of our own. Each is described in conditions.yaml and docs/home-assistant.md."""

from homeassistant.core import HomeAssistant
from homeassistant.helpers.condition import Condition

from .condition_flow_is_continuous import FlowIsContinuousCondition
from .condition_meter_is_silent import MeterIsSilentCondition

CONDITIONS: dict[str, type[Condition]] = {
    "flow_is_continuous": FlowIsContinuousCondition,
    "meter_is_silent": MeterIsSilentCondition,
}


async def async_get_conditions(hass: HomeAssistant) -> dict[str, type[Condition]]:  # noqa: ARG001 - Home Assistant passes it
    """Return the conditions by name."""
    return CONDITIONS
