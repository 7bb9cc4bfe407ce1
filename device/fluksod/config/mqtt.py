"""The table [mqtt]: the broker that is told what is measured."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import voluptuous as vol

from fluksod.config import values
from fluksod.config.complaints import CLOSE_IT, Complaints
from fluksod.config.secret_file import read_secret


@dataclass(frozen=True, slots=True)
class MqttConfig:
    """The broker at `host` and `port`; `ca` is the only trusted authority with `tls`. The password stays out of texts.

    `home_assistant` says that its MQTT integration is to find our sensors.
    """

    host: str
    port: int
    tls: bool
    ca: Path | None
    username: str | None
    password: str | None = field(repr=False)
    home_assistant: bool


SCHEMA = {
    vol.Required("host"): values.host,
    vol.Optional("port"): values.remote_port,
    vol.Optional("tls", default=False): values.flag,
    vol.Optional("ca"): values.text,
    vol.Optional("username"): values.text,
    vol.Optional("password"): values.text,
    vol.Optional("password_file"): values.text,
    vol.Optional("home_assistant", default=False): values.flag,
}


def mqtt_config(
    table: dict[str, Any] | None, folder: Path, complaints: Complaints, *, readable_by_all: bool
) -> MqttConfig | None:
    """Build it from the checked table; None without one. `readable_by_all` is the mode of the file the table is in."""
    if table is None:
        return None
    ca = folder / table["ca"] if "ca" in table else None
    if ca is not None and not table["tls"]:
        complaints.add(["mqtt", "ca"], "means nothing without tls = true; add that or remove ca")
    if ca is not None and not ca.is_file():
        complaints.add(["mqtt", "ca"], f"there is no file {ca}")
    password = table.get("password")
    if password is not None and readable_by_all:
        complaints.add(["mqtt", "password"], f"this file {CLOSE_IT}, or name a password_file")
    if "password_file" in table:
        if password is not None:
            complaints.add(["mqtt", "password_file"], "there is a password too; remove one of the two")
        password = read_secret(folder / table["password_file"], ["mqtt", "password_file"], complaints)
    if password is not None and "username" not in table:
        complaints.add(["mqtt"], "there is a password without a username; add it")
    return MqttConfig(
        host=table["host"],
        port=table.get("port", 8883 if table["tls"] else 1883),
        tls=table["tls"],
        ca=ca,
        username=table.get("username"),
        password=password,
        home_assistant=table["home_assistant"],
    )
