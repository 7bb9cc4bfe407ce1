"""The table [lan]: where the local API listens and is announced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import voluptuous as vol

from fluksod.config import values


@dataclass(frozen=True, slots=True)
class LanConfig:
    """Where the local API listens and is announced; no `mdns_interfaces` means all."""

    host: str
    port: int
    mdns: bool
    mdns_interfaces: tuple[str, ...]


SCHEMA = {
    vol.Optional("host", default="0.0.0.0"): values.address,  # noqa: S104 - a Fluksometer serves its whole LAN
    vol.Optional("port", default=8080): values.port,
    vol.Optional("mdns", default=True): values.flag,
    vol.Optional("mdns_interfaces", default=list): [values.address],
}


def lan_config(table: dict[str, Any]) -> LanConfig:
    """Build it from the checked table."""
    return LanConfig(table["host"], table["port"], table["mdns"], tuple(table["mdns_interfaces"]))
