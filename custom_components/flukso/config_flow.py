"""Finding a Fluksometer: announced on the network, or by its address."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, override

import probatio
from homeassistant.components import onboarding
from homeassistant.config_entries import SOURCE_IGNORE, SOURCE_RECONFIGURE, ConfigEntry, ConfigFlow, ConfigFlowResult
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
from homeassistant.helpers.service_info.zeroconf import ZeroconfServiceInfo

from .announcement import Announcement, hostname_identity, parse_announcement
from .client import (
    Address,
    Device,
    FluksoAddressError,
    FluksoAuthError,
    FluksoConnectionError,
    FluksoError,
    FluksometerV1,
    FluksometerV2,
    FluksoNotFoundError,
    SensorType,
    V1Sensor,
    is_id,
    parse_address,
)
from .const import API_V1, CONF_API, CONF_SENSORS, DOMAIN
from .duplicates import are_two
from .energy_places import energy_places
from .entry_data import address_data, entry_address, sensor_data, v1_data, v1_sensors, v2_data
from .issues import async_report_duplicate
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
    """Set up a Fluksometer, ours (version 2 of the local API) or an original (version 1)."""

    VERSION = 1

    def __init__(self) -> None:
        """Start without a Fluksometer."""
        self._address: Address
        self._device: Device
        self._announced_id: str | None = None
        self._v1_id: str
        self._sensors: tuple[V1Sensor, ...] = ()
        self._energy_places: dict[str, str]

    @override
    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the address."""
        return await self._async_step_address("user", user_input)

    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for another address of the same Fluksometer."""
        return await self._async_step_address("reconfigure", user_input)

    async def _async_step_address(self, step_id: str, user_input: dict[str, Any] | None) -> ConfigFlowResult:
        errors: dict[str, str] = {}
        entry = self._get_reconfigure_entry() if self.source == SOURCE_RECONFIGURE else None
        if user_input is not None:
            try:
                address = self._address = parse_address(user_input[CONF_HOST])
                if entry is not None and entry.data[CONF_API] == API_V1:
                    await self._async_verify_v1(address, v1_sensors(entry.data))
                    self._sensors = tuple(v1_sensors(entry.data))
                    return await self.async_step_sensor_types()
                device = await self._async_device(address, None if entry is None else entry.data.get(CONF_TOKEN))
            except FluksoAuthError as error:
                if entry is None:
                    return await self.async_step_token()
                errors["base"] = reason(error)
            except FluksoNotFoundError:
                if entry is None:
                    return await self.async_step_sensors()
                errors["base"] = "wrong_device"
            except FluksoAddressError:
                errors[CONF_HOST] = "invalid_host"
            except FluksoError as error:
                errors["base"] = reason(error)
            else:
                if entry is None:
                    await self.async_set_unique_id(device.id, raise_on_progress=False)
                    self._abort_if_unique_id_configured(updates=address_data(address))
                    return self._create_v2(device, address)
                if device.id == entry.unique_id:
                    return self.async_update_reload_and_abort(entry, data_updates=address_data(address))
                errors["base"] = "wrong_device"

        suggested = user_input or ({} if entry is None else {CONF_HOST: str(entry_address(entry))})
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(HOST_SCHEMA, suggested),
            description_placeholders={"example": "192.168.1.50", "port": "8080"},
            errors=errors,
        )

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
                    unknown = await self._async_silent_sensors(self._address, sensors)
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

    @override
    async def async_step_zeroconf(self, discovery_info: ZeroconfServiceInfo) -> ConfigFlowResult:
        """Verify an announced Fluksometer before it is shown."""
        announcement = parse_announcement(discovery_info)
        if not announcement.addresses:
            return self.async_abort(reason="no_address")
        if announcement.device_id is not None:
            return await self._async_announced_v2(announcement, announcement.device_id)
        if not announcement.sensors:
            return self.async_abort(reason="no_sensors")
        return await self._async_announced_v1(announcement)

    async def _async_announced_v2(self, announcement: Announcement, device_id: str) -> ConfigFlowResult:
        entry = await self.async_set_unique_id(device_id)
        if entry is not None and _is_settled(entry, announcement.addresses):
            self._abort_if_unique_id_configured()
        if entry is not None and CONF_TOKEN in entry.data:
            # Anybody can announce anything: the token goes to addresses that the owner has given alone.
            return self.async_abort(reason="invalid_auth")
        error: FluksoError = FluksoConnectionError("no address")
        for address in announcement.addresses:
            try:
                device = await self._async_device(address)
            except FluksoAuthError:
                if entry is not None:
                    return self.async_abort(reason="invalid_auth")
                self._address, self._announced_id = address, device_id
                self.context["title_placeholders"] = {"name": f"Fluksometer ({device_id[:6]})"}
                return await self.async_step_token()
            except FluksoError as failed:
                error = failed
                continue
            # Another Fluksometer may have got the address meanwhile.
            if device.id != device_id:
                return self.async_abort(reason="wrong_device")
            if entry is not None and await self._async_still_answers(entry, address):
                self._abort_if_unique_id_configured()
            self._abort_if_unique_id_configured(updates=address_data(address))
            self._address, self._device = address, device
            self.context["title_placeholders"] = {"name": _title(device)}
            return await self.async_step_zeroconf_confirm()
        return self.async_abort(reason=reason(error))

    async def _async_still_answers(self, entry: ConfigEntry[Any], address: Address) -> bool:
        """Tell whether a Fluksometer that is announced at an address still answers at the one that is known."""
        session = async_get_clientsession(self.hass)
        two = await are_two(session, entry_address(entry), address, entry.data[CONF_DEVICE_ID])
        if two:
            async_report_duplicate(self.hass, entry, address)
        return two is not None

    async def async_step_token(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the token of a Fluksometer that is read with it only."""
        errors: dict[str, str] = {}
        if user_input is not None:
            try:
                token = user_input[CONF_TOKEN].strip()
                device = await self._async_device(self._address, token)
            except FluksoError as error:
                errors["base"] = reason(error)
            else:
                if self._announced_id in (None, device.id):
                    await self.async_set_unique_id(device.id, raise_on_progress=False)
                    self._abort_if_unique_id_configured(updates=address_data(self._address))
                    data = v2_data(device.id, self._address, token)
                    return self.async_create_entry(title=_title(device), data=data)
                errors["base"] = "wrong_device"
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
        errors: dict[str, str] = {}
        if user_input is not None:
            try:
                token = user_input[CONF_TOKEN].strip()
                device = await self._async_device(entry_address(entry), token)
            except FluksoError as error:
                errors["base"] = reason(error)
            else:
                if device.id == entry.data[CONF_DEVICE_ID]:
                    return self.async_update_reload_and_abort(entry, data_updates={CONF_TOKEN: token})
                errors["base"] = "wrong_device"
        return self.async_show_form(
            step_id="reauth_confirm",
            data_schema=TOKEN_SCHEMA,
            description_placeholders={"name": entry.title, "setting": "token_file"},
            errors=errors,
        )

    async def async_step_zeroconf_confirm(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask whether to add the announced Fluksometer; during onboarding nobody is asked."""
        if user_input is not None or not onboarding.async_is_onboarded(self.hass):
            return self._create_v2(self._device, self._address)
        self._set_confirm_only()
        return self.async_show_form(
            step_id="zeroconf_confirm",
            description_placeholders={"name": _title(self._device), "address": str(self._address)},
        )

    async def _async_announced_v1(self, announcement: Announcement) -> ConfigFlowResult:
        identity = self._v1_identity(announcement.hostname, announcement.sensors)
        entry = await self.async_set_unique_id(identity)
        updates: dict[str, Any] = {}
        if entry is not None and (known := {sensor.id: sensor for sensor in v1_sensors(entry.data)}):
            # What the owner said about the sensors stays; the list and the numbers are the Fluksometer's.
            updates[CONF_SENSORS] = [
                sensor_data(replace(sensor, type=known[sensor.id].type) if sensor.id in known else sensor)
                for sensor in announcement.sensors
            ]
        if entry is not None and _is_settled(entry, announcement.addresses):
            self._abort_if_unique_id_configured(updates=updates)
        error: FluksoError = FluksoConnectionError("no address")
        for address in announcement.addresses:
            try:
                await self._async_verify_v1(address, announcement.sensors)
            except FluksoError as failed:
                error = failed
                continue
            self._abort_if_unique_id_configured(updates={**updates, **address_data(address)})
            self.context["title_placeholders"] = {"name": _v1_title(identity)}
            return await self._async_found_v1(address, announcement.hostname, announcement.sensors)
        return self.async_abort(reason=reason(error))

    async def _async_found_v1(
        self, address: Address, hostname: str | None, sensors: Iterable[V1Sensor]
    ) -> ConfigFlowResult:
        self._address, self._sensors = address, tuple(sensors)
        self._v1_id = self._v1_identity(hostname, self._sensors)
        await self.async_set_unique_id(self._v1_id, raise_on_progress=False)
        self._abort_if_unique_id_configured(updates=address_data(address))
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
                    description="no_totals",
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

    async def _async_device(self, address: Address, token: str | None = None) -> Device:
        """Return the Fluksometer at an address, after a look at its sensors: an entry needs both."""
        client = FluksometerV2(async_get_clientsession(self.hass), address, token)
        snapshot = await client.fetch()
        self._energy_places = energy_places(snapshot.sensors.values())
        return snapshot.device

    async def _async_verify_v1(self, address: Address, sensors: Iterable[V1Sensor]) -> None:
        """Make sure that an original Fluksometer answers for at least one of the sensors."""
        known = tuple(sensors)
        if len(await self._async_silent_sensors(address, known)) == len(known):
            raise FluksoNotFoundError(f"{address} serves none of the sensors")

    async def _async_silent_sensors(self, address: Address, sensors: Iterable[V1Sensor]) -> list[str]:
        """Return the ids of those sensors that the Fluksometer does not know, or has not measured yet."""
        known = tuple(sensors)
        client = FluksometerV1(async_get_clientsession(self.hass), address, "", "", known)
        silent: list[str] = []
        for sensor in known:
            try:
                minute = await client.minute(sensor)
            except FluksoNotFoundError:
                silent.append(sensor.id)
            else:
                if minute.end is None:
                    silent.append(sensor.id)
        return silent

    def _v1_identity(self, hostname: str | None, sensors: Iterable[V1Sensor]) -> str:
        """Return what identifies an original: an entry with one of its sensors, its host name, its first sensor."""
        ids = {sensor.id for sensor in sensors}
        for entry in self._async_current_entries():
            if entry.unique_id and ids & {sensor.id for sensor in v1_sensors(entry.data)}:
                return entry.unique_id
        return hostname or min(ids)

    def _create_v2(self, device: Device, address: Address) -> ConfigFlowResult:
        return self.async_create_entry(
            title=_title(device),
            data=v2_data(device.id, address),
            description_placeholders=self._energy_places,
        )


def _is_settled(entry: ConfigEntry[Any], addresses: Iterable[Address]) -> bool:
    """Tell whether the entry is ignored by its owner, or already has one of the addresses."""
    return entry.source == SOURCE_IGNORE or entry_address(entry) in addresses


def _title(device: Device) -> str:
    return f"{device.name} ({device.id[:6]})" if device.name else f"Fluksometer ({device.id[:6]})"


def _v1_title(identity: str) -> str:
    return f"Fluksometer ({identity.removeprefix('flukso-')[:6]})"


def _label(sensor: V1Sensor) -> str:
    return f"{sensor.index}: {sensor.id[:8]}…" if sensor.index is not None else f"{sensor.id[:8]}…"


def _type(sensor_id: str, water: set[str], gas: set[str]) -> SensorType:
    if sensor_id in water:
        return SensorType.WATER
    return SensorType.GAS if sensor_id in gas else SensorType.ELECTRICITY
