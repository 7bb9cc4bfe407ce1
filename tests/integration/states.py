"""What Home Assistant shows."""

from collections.abc import Callable

from homeassistant.core import HomeAssistant


def shown(hass: HomeAssistant, entity_id: str) -> str | None:
    """Return an entity's state, None when it has none."""
    state = hass.states.get(entity_id)
    return None if state is None else state.state


def shows(hass: HomeAssistant, entity_id: str, value: str) -> Callable[[], bool]:
    """Return the condition that an entity has this state, to be waited for."""
    return lambda: shown(hass, entity_id) == value
