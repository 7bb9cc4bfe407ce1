"""The configuration: one TOML file, read whole, checked whole. Every complaint names its table, key and line."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

import voluptuous as vol

from fluksod.config import cloud, lan, sensors, values
from fluksod.config.cloud import CloudConfig
from fluksod.config.complaints import Complaints, ConfigError
from fluksod.config.lan import LanConfig
from fluksod.sensor import Sensor

__all__ = ["CloudConfig", "Config", "ConfigError", "LanConfig", "load", "parse"]


@dataclass(frozen=True, slots=True)
class Config:
    """A checked configuration. Relative paths are taken from the folder of the file."""

    name: str
    state: Path
    port: str
    lan: LanConfig
    cloud: CloudConfig | None
    sensors: tuple[Sensor, ...]


_SCHEMA = vol.Schema(
    {
        vol.Optional("device", default=dict): {
            vol.Optional("name", default="Fluksometer"): values.name,
            vol.Optional("state", default="/var/lib/fluksod"): values.text,
        },
        vol.Required("board"): {vol.Required("port"): values.text},
        vol.Optional("lan", default=dict): lan.SCHEMA,
        vol.Optional("cloud"): cloud.SCHEMA,
        vol.Optional("sensor", default=list): sensors.SCHEMA,
    }
)


def load(path: Path) -> Config:
    """Read and check the configuration file. Raises `ConfigError` with every complaint."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is no UTF-8 text; save it as UTF-8") from error
    try:
        return parse(text, path.parent)
    except ConfigError as error:
        raise ConfigError("\n".join(f"{path}: {complaint}" for complaint in str(error).splitlines())) from error


def parse(text: str, folder: Path) -> Config:
    """Check the text of a configuration; relative paths in it are taken from `folder`. Raises `ConfigError`."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"is no TOML: {error}") from error
    complaints = Complaints(text)
    try:
        checked = _SCHEMA(raw)
    except vol.MultipleInvalid as errors:
        for found in errors.errors:
            complaints.add_error(found)
        complaints.raise_any()
        raise
    config = Config(
        name=checked["device"]["name"],
        state=folder / checked["device"]["state"],
        port=str(folder / checked["board"]["port"]),
        lan=lan.lan_config(checked["lan"]),
        cloud=cloud.cloud_config(checked.get("cloud"), folder, complaints),
        sensors=sensors.sensors(checked["sensor"], complaints),
    )
    complaints.raise_any()
    return config
