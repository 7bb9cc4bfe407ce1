"""How what is told under Settings > Repairs is put right."""

from typing import Any, override

import probatio
from homeassistant.components.repairs import ConfirmRepairFlow, RepairsFlow, RepairsFlowResult
from homeassistant.const import CONF_DEVICE_ID, CONF_HOST, CONF_TOKEN
from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.selector import TextSelector

from .broken_sum import BROKEN_SUM, broken_sum_flow
from .client import DEFAULT_MQTT_PORT, DEFAULT_PORT, Address, FluksoAddressError, FluksoError, parse_address
from .const import API_MQTT, CONF_API, DOMAIN
from .coordinator import FluksoConfigEntry
from .duplicates import answers_as
from .entry_data import address_data, entry_address
from .issues import DUPLICATE_DEVICE, WRONG_DEVICE
from .probing import async_verify
from .reasons import reason


async def async_create_fix_flow(
    hass: HomeAssistant, issue_id: str, data: dict[str, str | int | float | None] | None
) -> RepairsFlow:
    """Return the flow that fixes an issue."""
    if data is not None and issue_id.startswith(BROKEN_SUM):
        return broken_sum_flow(data)
    entry = hass.config_entries.async_get_entry(str((data or {}).get("entry_id")))
    if entry is not None and data is not None:
        if issue_id.startswith(WRONG_DEVICE):
            return WrongDeviceFlow(entry, str(data["found"]))
        if issue_id.startswith(DUPLICATE_DEVICE):
            return DuplicateFlow(entry, Address(str(data["host"]), int(data["port"] or 0)))
    return ConfirmRepairFlow()


class WrongDeviceFlow(RepairsFlow):
    """Gives a Fluksometer its new address; two that swapped theirs are put right together."""

    def __init__(self, entry: FluksoConfigEntry, found: str) -> None:
        """Put this entry right, at whose address another Fluksometer was found."""
        self._entry = entry
        self._found = found
        self._other: FluksoConfigEntry

    async def async_step_init(self, _user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """See whether ours answers at the address of the one that was found."""
        entry = self._entry
        for other in self.hass.config_entries.async_entries(DOMAIN):
            if other.data.get(CONF_API) != entry.data[CONF_API] or other.data[CONF_DEVICE_ID] != self._found:
                continue
            # Without our token, which is not for whoever answers there.
            try:
                await async_verify(self.hass, entry, entry_address(other), trusted=False)
            except FluksoError:
                continue
            self._other = other
            return await self.async_step_swap()
        return await self.async_step_address()

    async def async_step_swap(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Swap the two addresses."""
        entry, other = self._entry, self._other
        mine, its = entry_address(entry), entry_address(other)
        if user_input is None:
            return self.async_show_form(
                step_id="swap",
                data_schema=probatio.Schema({}),
                description_placeholders={
                    "name": entry.title,
                    "other": other.title,
                    "address": str(its),
                    "other_address": str(mine),
                },
            )
        for swapped, address in ((entry, its), (other, mine)):
            self._move(swapped, address)
        return self.async_create_entry(data={})

    async def async_step_address(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Ask where it answers now."""
        errors: dict[str, str] = {}
        port = DEFAULT_MQTT_PORT if self._entry.data[CONF_API] == API_MQTT else DEFAULT_PORT
        if user_input is not None:
            try:
                address = parse_address(user_input[CONF_HOST], port)
                await async_verify(self.hass, self._entry, address, trusted=True)
            except FluksoAddressError:
                errors[CONF_HOST] = "invalid_host"
            except FluksoError as error:
                errors["base"] = reason(error)
            else:
                self._move(self._entry, address)
                return self.async_create_entry(data={})
        return self.async_show_form(
            step_id="address",
            data_schema=self.add_suggested_values_to_schema(
                probatio.Schema({probatio.Required(CONF_HOST): TextSelector()}), user_input
            ),
            description_placeholders={
                "name": self._entry.title,
                "address": str(entry_address(self._entry)),
                "found": f"{self._found[:6]}…",
                "example": "192.168.1.50",
                "port": str(port),
            },
            errors=errors,
        )

    def _move(self, entry: FluksoConfigEntry, address: Address) -> None:
        self.hass.config_entries.async_update_entry(entry, data={**entry.data, **address_data(address)})
        self.hass.config_entries.async_schedule_reload(entry.entry_id)


class DuplicateFlow(ConfirmRepairFlow):
    """Makes sure that only one of two devices with the same id is left."""

    def __init__(self, entry: FluksoConfigEntry, other: Address) -> None:
        """Look at the other address again."""
        self._entry = entry
        self._other = other

    @override
    async def async_step_confirm(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Look whether both still answer."""
        if user_input is not None:
            session = async_get_clientsession(self.hass)
            device_id, token = self._entry.data[CONF_DEVICE_ID], self._entry.data.get(CONF_TOKEN)
            known = await answers_as(session, entry_address(self._entry), device_id, token)
            if known is not None and await answers_as(session, self._other, device_id):
                return self.async_abort(reason="still_there")
        return await super().async_step_confirm(user_input)
