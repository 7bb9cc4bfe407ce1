"""The repairs that can be made by submitting a form."""

from typing import Any

from homeassistant.components.repairs import RepairsFlow
from homeassistant.core import HomeAssistant

from .broken_sum import broken_sum_flow


async def async_create_fix_flow(_: HomeAssistant, issue_id: str, data: dict[str, Any] | None) -> RepairsFlow:
    """Return the flow that fixes an issue of ours."""
    if data is None:
        raise ValueError(f"{issue_id} cannot be fixed")
    return broken_sum_flow(data)
