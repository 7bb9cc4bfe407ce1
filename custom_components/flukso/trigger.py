"""Triggers of our own, beside core's on power. Each is described in triggers.yaml and docs/home-assistant.md."""

from homeassistant.core import HomeAssistant
from homeassistant.helpers.trigger import Trigger

from .trigger_continuous_flow import ContinuousFlowTrigger
from .trigger_meter_silent import MeterSilentTrigger
from .trigger_night_load import NightLoadAboveUsualTrigger
from .trigger_peak import PeakAboutToBeExceededTrigger

TRIGGERS: dict[str, type[Trigger]] = {
    "continuous_flow": ContinuousFlowTrigger,
    "meter_silent": MeterSilentTrigger,
    "night_load_above_usual": NightLoadAboveUsualTrigger,
    "peak_about_to_be_exceeded": PeakAboutToBeExceededTrigger,
}


async def async_get_triggers(hass: HomeAssistant) -> dict[str, type[Trigger]]:  # noqa: ARG001 - Home Assistant passes it
    """Return the triggers by name."""
    return TRIGGERS
