"""The configuration: one TOML file, read whole, checked whole. Every complaint names its table, key and line."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import voluptuous as vol

from fluksod.sensor import Sensor, SensorClass, SensorType, is_id
from fluksod.toml_lines import line_of


class ConfigError(Exception):
    """The configuration cannot be used; the text has one complaint a line, each with what to do."""


@dataclass(frozen=True, slots=True)
class LanConfig:
    """Where the local API listens and is announced; no `mdns_interfaces` means all."""

    host: str
    port: int
    mdns: bool
    mdns_interfaces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CloudConfig:
    """Where measurements go: `url` without trailing slash, `ca` the only trusted authority, `interval` in s."""

    url: str
    ca: Path | None
    interval: float


@dataclass(frozen=True, slots=True)
class Config:
    """A checked configuration. Relative paths are taken from the folder of the file."""

    name: str
    state: Path
    port: str
    lan: LanConfig
    cloud: CloudConfig | None
    sensors: tuple[Sensor, ...]


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > 200 or not value.isprintable():
        raise vol.Invalid("give a text of 1 to 200 printable characters in quotes")
    return value


def _name(value: Any) -> str:
    if len(_text(value)) > 64:
        raise vol.Invalid("give a name of at most 64 characters")
    return str(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise vol.Invalid("give true or false, without quotes")
    return value


def _port(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 65535:
        raise vol.Invalid("give a port number from 0 to 65535, without quotes (0 takes any free one)")
    return value


def _interval(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= 86400:
        raise vol.Invalid("give a number of seconds from 1 to 86400")
    return float(value)


def _address(value: Any) -> str:
    try:
        return str(ip_address(value))
    except ValueError:
        raise vol.Invalid('give an IP address in quotes, such as "127.0.0.1"') from None


def _sensor_id(value: Any) -> str:
    if not isinstance(value, str) or not is_id(value):
        raise vol.Invalid("give the sensor's id as the board sends it: 32 hexadecimal digits, lower case, in quotes")
    return value


def _one_of(kind: type[SensorType] | type[SensorClass]) -> Any:
    known = ", ".join(f'"{member.value}"' for member in kind)

    def check(value: Any) -> Any:
        if value not in [member.value for member in kind]:
            raise vol.Invalid(f"give one of {known}")
        return kind(value)

    return check


def _url(value: Any) -> str:
    text = _text(value)
    parts = urlsplit(text)
    try:
        port_is_right = parts.port is None or parts.port > 0
    except ValueError:
        port_is_right = False
    if parts.scheme not in ("https", "http") or not parts.hostname or not port_is_right:
        raise vol.Invalid('give the cloud\'s address, such as "https://cloud.example:8443"')
    if parts.username or parts.query or parts.fragment:
        raise vol.Invalid("give the cloud's address without user name, ? and #")
    return text.rstrip("/")


_SCHEMA = vol.Schema(
    {
        vol.Optional("device", default=dict): {
            vol.Optional("name", default="Fluksometer"): _name,
            vol.Optional("state", default="/var/lib/fluksod"): _text,
        },
        vol.Required("board"): {vol.Required("port"): _text},
        vol.Optional("lan", default=dict): {
            vol.Optional("host", default="0.0.0.0"): _address,  # noqa: S104 - a Fluksometer serves its whole LAN
            vol.Optional("port", default=8080): _port,
            vol.Optional("mdns", default=True): _flag,
            vol.Optional("mdns_interfaces", default=list): [_address],
        },
        vol.Optional("cloud"): {
            vol.Required("url"): _url,
            vol.Optional("ca"): _text,
            vol.Optional("interval", default=10): _interval,
            vol.Optional("allow_plain_http", default=False): _flag,
        },
        vol.Optional("sensor", default=list): [
            {
                vol.Required("id"): _sensor_id,
                vol.Required("name"): _name,
                vol.Required("type"): _one_of(SensorType),
                vol.Optional("class"): _one_of(SensorClass),
            }
        ],
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
    try:
        checked = _SCHEMA(raw)
    except vol.MultipleInvalid as errors:
        raise ConfigError("\n".join(_complaint(error, text) for error in errors.errors)) from errors
    complaints = _cross_check(checked, text, folder)
    if complaints:
        raise ConfigError("\n".join(complaints))
    return _build(checked, folder)


def _cross_check(checked: dict[str, Any], text: str, folder: Path) -> list[str]:
    complaints = []
    seen: dict[str, int] = {}
    for index, sensor in enumerate(checked["sensor"]):
        if sensor["id"] in seen:
            where = _where(["sensor", index, "id"], text)
            twin = f"[[sensor]] number {seen[sensor['id']] + 1}"
            complaints.append(f"{where}: the same id as {twin}; remove one of the two")
        seen.setdefault(sensor["id"], index)
    cloud = checked.get("cloud")
    if cloud is not None:
        if cloud["url"].startswith("http:") and not cloud["allow_plain_http"]:
            complaints.append(
                f"{_where(['cloud', 'url'], text)}: only https is accepted, since the device's key goes over it; "
                "give an https address (allow_plain_http = true lets anybody on the way read and forge everything)"
            )
        if "ca" in cloud and not (folder / cloud["ca"]).is_file():
            complaints.append(f"{_where(['cloud', 'ca'], text)}: there is no file {folder / cloud['ca']}")
    return complaints


def _build(checked: dict[str, Any], folder: Path) -> Config:
    lan = checked["lan"]
    cloud = checked.get("cloud")
    return Config(
        name=checked["device"]["name"],
        state=folder / checked["device"]["state"],
        port=str(folder / checked["board"]["port"]),
        lan=LanConfig(lan["host"], lan["port"], lan["mdns"], tuple(lan["mdns_interfaces"])),
        cloud=None
        if cloud is None
        else CloudConfig(cloud["url"], folder / cloud["ca"] if "ca" in cloud else None, cloud["interval"]),
        sensors=tuple(_sensor(sensor) for sensor in checked["sensor"]),
    )


def _sensor(checked: dict[str, Any]) -> Sensor:
    assumed = SensorClass.ANALOG if checked["type"] is SensorType.ELECTRICITY else SensorClass.PULSE
    return Sensor(checked["id"], checked["name"], checked["type"], checked.get("class", assumed))


def _complaint(error: vol.Invalid, text: str) -> str:
    path = [getattr(step, "schema", step) for step in error.path]
    where = _where(path, text)
    if isinstance(error, vol.RequiredFieldInvalid):
        return f"{where}: is missing; add it"
    if error.error_message == "extra keys not allowed":
        return f"{where}: is unknown; correct its spelling or remove it"
    if error.error_message.startswith("expected a"):
        return f"{where}: is not what belongs here; see the example in docs/device.md"
    return f"{where}: {error.error_message}"


def _where(path: list[Any], text: str) -> str:
    tables = [str(step) for step in path if not isinstance(step, int)]
    numbers = [step + 1 for step in path if isinstance(step, int)]
    line = line_of(text, path)
    at = "" if line is None else f"line {line}: "
    if not tables:
        return at + "the file"
    table = f"[[{tables[0]}]] number {numbers[0]}" if tables[0] == "sensor" and numbers else f"[{tables[0]}]"
    return at + (f"{tables[1]} in {table}" if len(tables) > 1 else table)
