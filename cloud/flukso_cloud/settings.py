"""The settings of `serve`: a TOML file, `flukso-cloud.toml` in the cloud's folder, and environment variables above it.

The variable of `port` in `[server]` is FLUKSO_CLOUD_SERVER_PORT; a list is separated by commas there. All that is
unknown or impossible is told at once, each with its line.
"""

from __future__ import annotations

import ipaddress
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta
from msgspec.structs import FieldInfo, fields

from .toml_lines import line_of

PREFIX = "FLUKSO_CLOUD_"

Port = Annotated[int, Meta(ge=0, le=65535, description="a port from 0 to 65535; 0 takes a free one")]
Host = Annotated[str, Meta(min_length=1, max_length=253, description="an address or a name of this machine")]
Days = Annotated[int, Meta(ge=0, le=36500, description="days from 1 to 36500; 0 keeps them for ever")]
Seconds = Annotated[float, Meta(ge=1, le=300, description="seconds from 1 to 300")]
Flag = Annotated[bool, Meta(description="true or false")]


class ServerSettings(msgspec.Struct, frozen=True):
    """The table [server]: where it listens, and which proxies it believes who the client is (`X-Forwarded-For`).

    `patience` is for a handshake of TLS, for the head of a request, and for its body.
    """

    host: Host = "127.0.0.1"
    port: Port = 8443
    proxies: Annotated[list[str], Meta(description="a list of addresses or networks")] = []
    patience: Seconds = 10.0


class LogSettings(msgspec.Struct, frozen=True):
    """The table [log]: how the log on standard error looks, from which level on, and whether it has each request."""

    format: Annotated[Literal["logfmt", "json"], Meta(description='"logfmt" or "json"')] = "logfmt"
    level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description='"debug", "info", "warning" or "error"')
    ] = "info"
    requests: Flag = False


class MetricsSettings(msgspec.Struct, frozen=True):
    """The table [metrics]: whether Prometheus may ask, and where: by plain HTTP, apart from what the public reaches."""

    enabled: Flag = False
    host: Host = "127.0.0.1"
    port: Port = 9464


class DeviceSettings(msgspec.Struct, frozen=True):
    """The table [devices]: after how many days a device that nobody has claimed is forgotten with its readings."""

    unclaimed_days: Annotated[int, Meta(ge=0, le=3650, description="days from 1 to 3650; 0 keeps them for ever")] = 30


class RetentionSettings(msgspec.Struct, frozen=True):
    """The table [retention]: after how many days measurements go, and after how many the hours summed up from them."""

    samples_days: Days = 0
    hours_days: Days = 0


class LegacySettings(msgspec.Struct, frozen=True):
    """The table [legacy]: whether original Fluksometers (FLM02) may upload over TLS 1.0, and where."""

    enabled: Flag = False
    host: Host = "127.0.0.1"
    port: Port = 8444


class Settings(msgspec.Struct, frozen=True):
    """All settings, a table each."""

    server: ServerSettings = ServerSettings()
    log: LogSettings = LogSettings()
    metrics: MetricsSettings = MetricsSettings()
    devices: DeviceSettings = DeviceSettings()
    legacy: LegacySettings = LegacySettings()
    retention: RetentionSettings = RetentionSettings()


class SettingsError(Exception):
    """The settings cannot be used; the text has one complaint a line, each with where it is and what to give."""


def load(path: Path, environment: Mapping[str, str], *, required: bool = False) -> Settings:
    """Read the file at `path`, which may be missing unless `required`, and the environment. Raises SettingsError."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        if required:
            raise SettingsError(f"{path}: there is no such file") from error
        text = ""
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: is no UTF-8 text; save it as UTF-8") from error
    return parse(text, environment, str(path))


def parse(text: str, environment: Mapping[str, str], name: str) -> Settings:
    """Return the settings of a TOML text, called `name` in complaints, and of the environment. Raises SettingsError."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{name}: is no TOML: {error}") from error

    def at(table: str, key: str | None = None) -> str:
        line = line_of(text, table, key)
        return name if line is None else f"{name}: line {line}"

    complaints = [f"{at(table)}: {what}" for table, what in _strange_tables(raw)]
    complaints += [f"{variable} is unknown; correct its spelling or remove it" for variable in _strange(environment)]
    tables: dict[str, Any] = {}
    for table in fields(Settings):
        given = raw.get(table.name)
        left = dict(given) if isinstance(given, dict) else {}
        kept: dict[str, Any] = {}
        for field in fields(table.type):
            where = f"{at(table.name, field.name)}: {field.name} in [{table.name}]"
            variable = _variable(table, field)
            value = left.pop(field.name, field.default)
            if variable in environment:
                where, value = variable, _of_environment(environment[variable], field)
            if value is not msgspec.NODEFAULT:
                try:
                    kept[field.name] = _checked(value, field, strict=variable not in environment)
                except ValueError:
                    complaints.append(f"{where}: give {_described(field)}")
        complaints += [
            f"{at(table.name, key)}: {key} in [{table.name}] is unknown; correct its spelling or remove it"
            for key in left
        ]
        if not complaints:
            tables[table.name] = table.type(**kept)
    if complaints:
        raise SettingsError("\n".join(complaints))
    return Settings(**tables)


def _variable(table: FieldInfo, field: FieldInfo) -> str:
    return f"{PREFIX}{table.name}_{field.name}".upper()


def _strange_tables(raw: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    known = {table.name for table in fields(Settings)}
    for name, value in raw.items():
        if name not in known:
            yield name, f"{name} is unknown; the tables are {', '.join(f'[{table}]' for table in sorted(known))}"
        elif not isinstance(value, dict):
            yield name, f"{name} is a table; write [{name}] on a line of its own"


def _strange(environment: Mapping[str, str]) -> list[str]:
    """Return variables that look like a setting and are none."""
    known = {_variable(table, field) for table in fields(Settings) for field in fields(table.type)}
    heads = tuple(f"{PREFIX}{table.name}_".upper() for table in fields(Settings))
    return sorted(variable for variable in environment if variable.startswith(heads) and variable not in known)


def _of_environment(text: str, field: FieldInfo) -> Any:
    if isinstance(field.default_factory, type):  # a list
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


def _checked(value: Any, field: FieldInfo, *, strict: bool) -> Any:
    checked = msgspec.convert(value, field.type, strict=strict)
    if field.name == "proxies":
        for network in checked:
            ipaddress.ip_network(network)
    return checked


def _described(field: FieldInfo) -> str:
    return next(str(meta.description) for meta in get_args(field.type) if isinstance(meta, Meta))
