"""The configuration: one TOML file, read whole, checked whole. Every complaint names its table, key and line."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import voluptuous as vol

from fluksod.config import boards, cloud, lan, modbus, mqtt, p1, sensors, store, values
from fluksod.config.boards import BoardConfig, BoardLink
from fluksod.config.cloud import CloudConfig
from fluksod.config.complaints import Complaints, ConfigError
from fluksod.config.lan import LanConfig
from fluksod.config.modbus import ModbusConfig
from fluksod.config.mqtt import MqttConfig
from fluksod.config.p1 import P1Config
from fluksod.config.secret_file import READABLE_BY_ALL
from fluksod.config.sensors import BoardSensorConfig
from fluksod.config.store import StoreConfig
from fluksod.sensor import Sensor

__all__ = [
    "BoardConfig",
    "BoardLink",
    "BoardSensorConfig",
    "CloudConfig",
    "Config",
    "ConfigError",
    "LanConfig",
    "ModbusConfig",
    "MqttConfig",
    "P1Config",
    "StoreConfig",
    "load",
    "parse",
]


@dataclass(frozen=True, slots=True)
class Config:
    """A checked configuration. Relative paths are taken from the folder of the file.

    `timezone` is where months begin, None where the machine's is meant.
    """

    name: str
    state: Path
    boards: tuple[BoardConfig, ...]
    lan: LanConfig
    store: StoreConfig
    cloud: CloudConfig | None
    mqtt: MqttConfig | None
    sensors: tuple[Sensor, ...]
    board_sensors: tuple[BoardSensorConfig, ...] = ()
    p1: tuple[P1Config, ...] = ()
    modbus: tuple[ModbusConfig, ...] = ()
    timezone: ZoneInfo | None = None


_SCHEMA: dict[Any, Any] = {
    vol.Optional("device", default=dict): {
        vol.Optional("name", default="Fluksometer"): values.name,
        vol.Optional("state", default="/var/lib/fluksod"): values.text,
        vol.Optional("timezone"): values.timezone,
    },
    vol.Optional("lan", default=dict): lan.SCHEMA,
    vol.Optional("store", default=dict): store.SCHEMA,
    vol.Optional("cloud"): cloud.SCHEMA,
    vol.Optional("mqtt"): mqtt.SCHEMA,
    vol.Optional("sensor", default=list): sensors.SCHEMA,
    vol.Optional("p1", default=list): p1.SCHEMA,
    vol.Optional("modbus", default=list): modbus.SCHEMA,
}
_MANY_BOARDS = vol.Schema({**_SCHEMA, vol.Optional("board", default=list): [boards.SCHEMA]})
_ONE_BOARD = vol.Schema({**_SCHEMA, vol.Required("board"): boards.SCHEMA})


def load(path: Path) -> Config:
    """Read and check the configuration file. Raises `ConfigError` with every complaint."""
    try:
        text = path.read_text(encoding="utf-8")
        readable_by_all = bool(path.stat().st_mode & READABLE_BY_ALL)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is no UTF-8 text; save it as UTF-8") from error
    try:
        return parse(text, path.parent, readable_by_all=readable_by_all)
    except ConfigError as error:
        raise ConfigError("\n".join(f"{path}: {complaint}" for complaint in str(error).splitlines())) from error


def parse(text: str, folder: Path, *, readable_by_all: bool = False) -> Config:
    """Check the text of a configuration; relative paths in it are taken from `folder`. Raises `ConfigError`.

    A text that is `readable_by_all` may hold no password.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"is no TOML: {error}") from error
    complaints = Complaints(text)
    try:
        checked = (_ONE_BOARD if isinstance(raw.get("board"), dict) else _MANY_BOARDS)(raw)
    except vol.MultipleInvalid as errors:
        for found in errors.errors:
            complaints.add_error(found)
        complaints.raise_any()
        raise
    measuring = boards.boards(checked["board"], folder, complaints)
    known, of_boards = sensors.sensors(checked["sensor"], measuring, complaints)
    meters = p1.p1_meters(checked["p1"], measuring, folder, complaints)
    taken = [*(board.port for board in measuring), *(meter.port for meter in meters)]
    on_buses = modbus.modbus_meters(checked["modbus"], taken, folder, complaints)
    if not measuring and not meters and not on_buses:
        complaints.add(["board"], "is missing; add it, or a meter in [[p1]] or [[modbus]]")
    config = Config(
        name=checked["device"]["name"],
        state=folder / checked["device"]["state"],
        boards=measuring,
        lan=lan.lan_config(checked["lan"], folder, complaints),
        store=store.store_config(checked["store"]),
        cloud=cloud.cloud_config(checked.get("cloud"), folder, complaints, readable_by_all=readable_by_all),
        mqtt=mqtt.mqtt_config(checked.get("mqtt"), folder, complaints, readable_by_all=readable_by_all),
        sensors=known,
        board_sensors=of_boards,
        p1=meters,
        modbus=on_buses,
        timezone=checked["device"].get("timezone"),
    )
    complaints.raise_any()
    return config
