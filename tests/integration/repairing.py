"""What stands under Repairs, and its fixes, driven as the front end does."""

from http import HTTPStatus
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.flukso.const import DOMAIN


def issues(hass: HomeAssistant) -> dict[str, ir.IssueEntry]:
    """Return our issues by translation key."""
    found = [issue for issue in ir.async_get(hass).issues.values() if issue.domain == DOMAIN]
    return {str(issue.translation_key): issue for issue in found}


class Fix:
    """The fix of an issue, driven as the front end does."""

    def __init__(self, hass: HomeAssistant, hass_client: ClientSessionGenerator) -> None:
        """Drive it over HTTP."""
        self._hass = hass
        self._hass_client = hass_client
        self._flow = ""

    async def start(self, issue: ir.IssueEntry) -> dict[str, Any]:
        """Press Fix."""
        assert await async_setup_component(self._hass, "repairs", {})
        return await self._post("", {"handler": DOMAIN, "issue_id": issue.issue_id})

    async def submit(self, **user_input: Any) -> dict[str, Any]:
        """Press Submit."""
        return await self._post(f"/{self._flow}", user_input)

    async def _post(self, path: str, content: dict[str, Any]) -> dict[str, Any]:
        client = await self._hass_client()
        answer = await client.post(f"/api/repairs/issues/fix{path}", json=content)
        assert answer.status == HTTPStatus.OK, await answer.text()
        result: dict[str, Any] = await answer.json()
        self._flow = result["flow_id"]
        await self._hass.async_block_till_done()
        return result
