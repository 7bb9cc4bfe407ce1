"""Finding a Fluksometer: announced on the network, seen by DHCP, or by its address."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, override

import probatio
from homeassistant.components import onboarding
from homeassistant.config_entries import (
    SOURCE_IGNORE,
    SOURCE_RECONFIGURE,
    ConfigEntry,
    ConfigFlow,
    ConfigFlowResult,
)
from homeassistant.const import CONF_DEVICE_ID, CONF_HOST, CONF_TOKEN
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
from homeassistant.helpers.service_info.dhcp import DhcpServiceInfo
from homeassistant.helpers.service_info.zeroconf import ZeroconfServiceInfo

from .announcement import MQTT_SERVICE, Announcement, hostname_identity, parse_announcement
from .client import (
    DEFAULT_MQTT_PORT,
    DEFAULT_PORT,
    Address,
    FluksoAddressError,
    FluksoConnectionError,
    FluksoError,
    FluksoNotFoundError,
    FluksoTokenError,
    SensorType,
    V1Sensor,
    is_id,
    parse_address,
)
from .const import API_MQTT, API_V1, API_V2, CONF_API, CONF_SENSORS, DOMAIN
from .devices import async_move_hub
from .duplicates import are_two
from .energy_places import energy_places, energy_places_v1
from .entry_data import address_data, entry_address, mqtt_data, sensor_data, v1_data, v1_sensors, v2_data
from .issues import async_report_duplicate
from .known_entries import entry_of_original, entry_of_published, entry_with_mac
from .probing import (
    Found,
    WrongDeviceError,
    async_find,
    async_find_mqtt,
    async_find_original,
    async_find_v2,
    async_silent_sensors,
    async_verify,
)
from .reasons import reason

CONF_SENSOR_IDS = "sensor_ids"
CONF_WATER = "water_sensors"
CONF_GAS = "gas_sensors"

HOST_SCHEMA = probatio.Schema({probatio.Required(CONF_HOST): TextSelector()})
SENSOR_IDS_SCHEMA = probatio.Schema(
    {probatio.Required(CONF_SENSOR_IDS): TextSelector(TextSelectorConfig(multiple=True))}
)
TOKEN_SCHEMA = probatio.Schema(
    {probatio.Required(CONF_TOKEN): TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD))}
)


class FluksoConfigFlow(ConfigFlow, domain=DOMAIN):
    """Set up a Fluksometer: ours (version 2 of the local API), or an original (MQTT, or version 1)."""

    VERSION = 1

    def __init__(self) -> None:
        """Start without a Fluksometer."""
        self._address: Address
        self._found: Found
        self._expected: str | None = None
        self._v1_id: str
        self._sensors: tuple[V1Sensor, ...] = ()

    # By address

    @override
    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the address."""
        errors: dict[str, str] = {}
        if user_input is not None:
            try:
                self._address = parse_address(user_input[CONF_HOST])
                found = await async_find(self.hass, self._address)
            except FluksoNotFoundError:
                return await self.async_step_sensors()
            except FluksoTokenError:
                return await self.async_step_token()
            except FluksoAddressError:
                errors[CONF_HOST] = "invalid_host"
            except FluksoError as error:
                errors["base"] = reason(error)
            else:
                return await self._async_create_named(found)
        return self._show_address_form("user", user_input or {}, errors, DEFAULT_PORT)

    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for another address of the same Fluksometer."""
        errors: dict[str, str] = {}
        entry = self._get_reconfigure_entry()
        port = DEFAULT_MQTT_PORT if entry.data[CONF_API] == API_MQTT else DEFAULT_PORT
        if user_input is not None:
            try:
                self._address = parse_address(user_input[CONF_HOST], port)
                if entry.data[CONF_API] == API_V1:
                    return await self._async_reconfigure_v1(entry)
                await async_verify(self.hass, entry, self._address, trusted=True)
            except FluksoTokenError:
                self._expected = entry.unique_id
                return await self.async_step_token()
            except FluksoAddressError:
                errors[CONF_HOST] = "invalid_host"
            except FluksoError as error:
                errors["base"] = reason(error)
            else:
                return self.async_update_reload_and_abort(entry, data_updates=address_data(self._address))
        suggested = user_input or {CONF_HOST: str(entry_address(entry))}
        return self._show_address_form("reconfigure", suggested, errors, port)

    async def _async_reconfigure_v1(self, entry: ConfigEntry[Any]) -> ConfigFlowResult:
        """Go on with an original at the given address: by MQTT if it has a broker, else as before."""
        self._sensors = tuple(v1_sensors(entry.data))
        try:
            found = await async_find_original(self.hass, self._address, self._sensors)
        except FluksoNotFoundError as error:
            raise WrongDeviceError(str(error)) from error
        if found is None:
            return await self.async_step_sensor_types()
        device_id = found.device.id
        if self.hass.config_entries.async_entry_for_domain_unique_id(DOMAIN, device_id) is not None:
            return self.async_abort(reason="already_configured")
        async_move_hub(self.hass, entry, device_id)
        return self.async_update_reload_and_abort(entry, unique_id=device_id, data=mqtt_data(device_id, found.address))

    def _show_address_form(
        self, step_id: str, suggested: Mapping[str, Any], errors: dict[str, str], port: int
    ) -> ConfigFlowResult:
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(HOST_SCHEMA, suggested),
            description_placeholders={"example": "192.168.1.50", "port": str(port)},
            errors=errors,
        )

    async def _async_create_named(self, found: Found) -> ConfigFlowResult:
        """Make an entry of a Fluksometer whose address was given, unless there is one."""
        entry = await self.async_set_unique_id(found.device.id, raise_on_progress=False)
        if entry is None and found.api == API_MQTT and entry_of_published(self.hass, found) is not None:
            return self.async_abort(reason="already_configured")
        # The owner knows where it is now; but what answers by another API answers at another port.
        same = entry is not None and entry.data.get(CONF_API) == found.api
        self._abort_if_unique_id_configured(updates=address_data(found.address) if same else None)
        return self._create(found)

    # The token of one whose reading is closed

    async def async_step_token(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the token of a Fluksometer that tells nothing without it."""
        errors: dict[str, str] = {}
        if user_input is not None:
            try:
                found = await self._async_with_token(user_input[CONF_TOKEN])
            except FluksoError as error:
                errors["base"] = reason(error)
            else:
                if self.source != SOURCE_RECONFIGURE:
                    return await self._async_create_named(found)
                return self.async_update_reload_and_abort(
                    self._get_reconfigure_entry(),
                    data_updates={**address_data(found.address), CONF_TOKEN: found.token},
                )
        return self.async_show_form(
            step_id="token",
            data_schema=TOKEN_SCHEMA,
            description_placeholders={"address": str(self._address), "setting": "token_file"},
            errors=errors,
        )

    async def async_step_reauth(self, _entry_data: Mapping[str, Any]) -> ConfigFlowResult:
        """Ask for the token: it was changed, or something is to be done that takes it."""
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Take the token if the Fluksometer does."""
        entry = self._get_reauth_entry()
        self._address, self._expected = entry_address(entry), entry.unique_id
        errors: dict[str, str] = {}
        if user_input is not None:
            try:
                found = await self._async_with_token(user_input[CONF_TOKEN])
            except FluksoError as error:
                errors["base"] = reason(error)
            else:
                return self.async_update_reload_and_abort(entry, data_updates={CONF_TOKEN: found.token})
        return self.async_show_form(
            step_id="reauth_confirm",
            data_schema=TOKEN_SCHEMA,
            description_placeholders={"name": entry.title, "setting": "token_file"},
            errors=errors,
        )

    async def _async_with_token(self, token: str) -> Found:
        found = await async_find_v2(self.hass, self._address, token.strip())
        if self._expected not in (None, found.device.id):
            raise WrongDeviceError(f"{found.device.id} answers at {self._address} instead of {self._expected}")
        return found

    # By announcement

    @override
    async def async_step_zeroconf(self, discovery_info: ZeroconfServiceInfo) -> ConfigFlowResult:
        """Verify an announced Fluksometer before it is shown."""
        announcement = parse_announcement(discovery_info)
        if not announcement.addresses:
            return self.async_abort(reason="no_address")
        if discovery_info.type == MQTT_SERVICE:
            return await self._async_announced_broker(announcement)
        if announcement.device_id is not None:
            return await self._async_announced_v2(announcement, announcement.device_id)
        if not announcement.sensors:
            return self.async_abort(reason="no_sensors")
        return await self._async_announced_original(announcement)

    async def _async_announced_v2(self, announcement: Announcement, device_id: str) -> ConfigFlowResult:
        entry = await self.async_set_unique_id(device_id)
        if entry is not None:
            return await self._async_follow(entry, announcement.addresses, API_V2)
        error: FluksoError = FluksoConnectionError("no address")
        for address in announcement.addresses:
            self._address, self._expected = address, device_id
            try:
                found = await async_find_v2(self.hass, address)
            except FluksoTokenError:
                self.context["title_placeholders"] = {"name": f"Fluksometer ({device_id[:6]})"}
                return await self.async_step_token()
            except FluksoError as failed:
                error = failed
                continue
            # Another Fluksometer may have got the address meanwhile.
            if found.device.id != device_id:
                return self.async_abort(reason="wrong_device")
            return await self._async_confirm(found)
        return self.async_abort(reason=reason(error))

    async def _async_announced_broker(self, announcement: Announcement) -> ConfigFlowResult:
        """Look at what is published on the broker of an original; any other broker is none of our business."""
        if (entry := entry_of_original(self.hass, announcement.hostname, ())) is not None:
            return await self._async_follow(entry, announcement.addresses, API_MQTT)
        error: FluksoError = FluksoConnectionError("no address")
        for address in announcement.addresses:
            try:
                found = await async_find_mqtt(address)
            except FluksoError as failed:
                error = failed
                continue
            if hostname_identity(f"flukso-{found.device.id[:6]}") != announcement.hostname:
                return self.async_abort(reason="wrong_device")
            return await self._async_confirm(found)
        return self.async_abort(reason=reason(error))

    async def _async_announced_original(self, announcement: Announcement) -> ConfigFlowResult:
        entry = entry_of_original(self.hass, announcement.hostname, announcement.sensors)
        if entry is not None:
            if entry.source != SOURCE_IGNORE and entry.data[CONF_API] == API_V1:
                self._update_sensors(entry, announcement.sensors)
            return await self._async_follow(entry, announcement.addresses, API_V1)
        identity = _v1_identity(announcement.hostname, announcement.sensors)
        await self.async_set_unique_id(identity)
        error: FluksoError = FluksoConnectionError("no address")
        for address in announcement.addresses:
            try:
                found = await async_find_original(self.hass, address, announcement.sensors)
            except FluksoError as failed:
                error = failed
                continue
            if found is not None:
                return await self._async_confirm(found)
            self.context["title_placeholders"] = {"name": _v1_title(identity)}
            return await self._async_found_v1(address, announcement.hostname, announcement.sensors)
        return self.async_abort(reason=reason(error))

    @override
    async def async_step_dhcp(self, discovery_info: DhcpServiceInfo) -> ConfigFlowResult:
        """Follow a Fluksometer to the address that the router gave it; or look at one that has its host name."""
        address = Address(discovery_info.ip)
        hostname = hostname_identity(discovery_info.hostname)
        entry = entry_with_mac(self.hass, discovery_info.macaddress) or entry_of_original(self.hass, hostname, ())
        if entry is not None:
            return await self._async_follow(entry, (address,))
        if hostname is None:
            return self.async_abort(reason="wrong_device")
        try:
            found = await async_find(self.hass, address)
        except FluksoError as error:
            return self.async_abort(reason=reason(error))
        return await self._async_confirm(found)

    async def _async_follow(
        self, entry: ConfigEntry[Any], addresses: Iterable[Address], port_of: str | None = None
    ) -> ConfigFlowResult:
        """Take over the address where an entry's Fluksometer answers now, after it has answered there.

        `port_of` is the API whose port was announced, None when none was.
        """
        if entry.source == SOURCE_IGNORE:
            return self.async_abort(reason="already_configured")
        known = entry_address(entry)
        told = port_of == entry.data[CONF_API]
        now = [address if told else Address(address.host, known.port) for address in addresses]
        if known in now:
            return self.async_abort(reason="already_configured")
        error: FluksoError = FluksoConnectionError("no address")
        if CONF_TOKEN in entry.data:
            # Anybody can announce anything, and what is at the entry's address is given the token.
            return self.async_abort(reason="token_not_sent")
        for address in now:
            try:
                await async_verify(self.hass, entry, address, trusted=False)
            except FluksoTokenError:
                return self.async_abort(reason="token_not_sent")
            except FluksoError as failed:
                error = failed
                continue
            if entry.data[CONF_API] == API_V2 and await self._async_still_answers(entry, address):
                return self.async_abort(reason="already_configured")
            await self.async_set_unique_id(entry.unique_id, raise_on_progress=False)
            self._abort_if_unique_id_configured(updates=address_data(address))
        return self.async_abort(reason=reason(error))

    async def _async_still_answers(self, entry: ConfigEntry[Any], address: Address) -> bool:
        """Tell whether a Fluksometer that answers at a new address still answers at the one that is known."""
        session = async_get_clientsession(self.hass)
        two = await are_two(session, entry_address(entry), address, entry.data[CONF_DEVICE_ID])
        if two:
            async_report_duplicate(self.hass, entry, address)
        return two is not None

    def _update_sensors(self, entry: ConfigEntry[Any], sensors: Iterable[V1Sensor]) -> None:
        """Take over the list and the numbers from the Fluksometer; what the owner said of the sensors stays."""
        known = {sensor.id: sensor for sensor in v1_sensors(entry.data)}
        listed = [
            sensor_data(replace(sensor, type=known[sensor.id].type) if sensor.id in known else sensor)
            for sensor in sensors
        ]
        if listed != entry.data[CONF_SENSORS]:
            self.hass.config_entries.async_update_entry(entry, data={**entry.data, CONF_SENSORS: listed})
            self.hass.config_entries.async_schedule_reload(entry.entry_id)

    async def _async_confirm(self, found: Found) -> ConfigFlowResult:
        """Ask whether to add a Fluksometer that was found."""
        await self.async_set_unique_id(found.device.id)
        self._abort_if_unique_id_configured()
        if found.api == API_MQTT and entry_of_published(self.hass, found) is not None:
            return self.async_abort(reason="already_configured")
        self._found = found
        self.context["title_placeholders"] = {"name": found.title}
        return await self.async_step_zeroconf_confirm()

    async def async_step_zeroconf_confirm(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask whether to add the Fluksometer that was found; during onboarding nobody is asked."""
        if user_input is not None or not onboarding.async_is_onboarded(self.hass):
            return self._create(self._found)
        self._set_confirm_only()
        return self.async_show_form(
            step_id="zeroconf_confirm",
            description_placeholders={"name": self._found.title, "address": str(self._found.address)},
        )

    # Originals that speak version 1 only

    async def async_step_sensors(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask which sensors an original Fluksometer has: it tells so only in its announcement."""
        errors: dict[str, str] = {}
        unknown: list[str] = []
        if user_input is not None:
            ids = list(dict.fromkeys(text.strip().lower() for text in user_input[CONF_SENSOR_IDS] if text.strip()))
            sensors = [V1Sensor(sensor_id, None, SensorType.ELECTRICITY) for sensor_id in ids]
            if not ids or not all(is_id(sensor_id) for sensor_id in ids):
                errors[CONF_SENSOR_IDS] = "invalid_sensor_id"
            else:
                try:
                    unknown = await async_silent_sensors(self.hass, self._address, sensors)
                except FluksoError as error:
                    errors["base"] = reason(error)
                else:
                    if not unknown:
                        return await self._async_found_v1(self._address, hostname_identity(self._address.host), sensors)
                    errors[CONF_SENSOR_IDS] = "unknown_sensor"
        return self.async_show_form(
            step_id="sensors",
            data_schema=self.add_suggested_values_to_schema(SENSOR_IDS_SCHEMA, user_input),
            description_placeholders={"address": str(self._address), "unknown": ", ".join(unknown)},
            errors=errors,
        )

    async def _async_found_v1(
        self, address: Address, hostname: str | None, sensors: Iterable[V1Sensor]
    ) -> ConfigFlowResult:
        self._address, self._sensors = address, tuple(sensors)
        entry = entry_of_original(self.hass, hostname, self._sensors)
        self._v1_id = _v1_identity(hostname, self._sensors) if entry is None else str(entry.unique_id)
        await self.async_set_unique_id(self._v1_id, raise_on_progress=False)
        same = entry is not None and entry.data.get(CONF_API) == API_V1
        self._abort_if_unique_id_configured(updates=address_data(address) if same else None)
        return await self.async_step_sensor_types()

    async def async_step_sensor_types(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask which sensors of an original Fluksometer measure water or gas; its old API does not tell."""
        errors: dict[str, str] = {}
        if user_input is not None:
            water, gas = set(user_input.get(CONF_WATER, ())), set(user_input.get(CONF_GAS, ()))
            if water & gas:
                errors["base"] = "water_and_gas"
            else:
                sensors = [replace(sensor, type=_type(sensor.id, water, gas)) for sensor in self._sensors]
                if self.source == SOURCE_RECONFIGURE:
                    return self.async_update_reload_and_abort(
                        self._get_reconfigure_entry(),
                        data_updates={
                            **address_data(self._address),
                            CONF_SENSORS: [sensor_data(sensor) for sensor in sensors],
                        },
                    )
                return self.async_create_entry(
                    title=_v1_title(self._v1_id),
                    data=v1_data(self._v1_id, self._address, sensors),
                    description="counted_here",
                    description_placeholders=energy_places_v1(sensors),
                )
        suggested = user_input or {
            CONF_WATER: [sensor.id for sensor in self._sensors if sensor.type is SensorType.WATER],
            CONF_GAS: [sensor.id for sensor in self._sensors if sensor.type is SensorType.GAS],
        }
        choice = SelectSelector(
            SelectSelectorConfig(
                options=[SelectOptionDict(value=sensor.id, label=_label(sensor)) for sensor in self._sensors],
                multiple=True,
                mode=SelectSelectorMode.LIST,
            )
        )
        schema = probatio.Schema({probatio.Optional(CONF_WATER): choice, probatio.Optional(CONF_GAS): choice})
        return self.async_show_form(
            step_id="sensor_types",
            data_schema=self.add_suggested_values_to_schema(schema, suggested),
            description_placeholders={"address": str(self._address)},
            errors=errors,
        )

    def _create(self, found: Found) -> ConfigFlowResult:
        if found.api == API_MQTT:
            data = mqtt_data(found.device.id, found.address)
        else:
            data = v2_data(found.device.id, found.address, found.token)
        return self.async_create_entry(
            title=found.title, data=data, description_placeholders=energy_places(found.sensors.values())
        )


def _v1_identity(hostname: str | None, sensors: Iterable[V1Sensor]) -> str:
    """Return what identifies an original that does not tell its id: its host name, else one of its sensors."""
    return hostname or min(sensor.id for sensor in sensors)


def _v1_title(identity: str) -> str:
    return f"Fluksometer ({identity.removeprefix('flukso-')[:6]})"


def _label(sensor: V1Sensor) -> str:
    return f"{sensor.index}: {sensor.id[:8]}…" if sensor.index is not None else f"{sensor.id[:8]}…"


def _type(sensor_id: str, water: set[str], gas: set[str]) -> SensorType:
    if sensor_id in water:
        return SensorType.WATER
    return SensorType.GAS if sensor_id in gas else SensorType.ELECTRICITY
