"""The table [lan]: where the local API listens and is announced."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import voluptuous as vol

from fluksod.config import values
from fluksod.config.complaints import Complaints
from fluksod.config.secret_file import read_secret

LEAST_TOKEN = 16


@dataclass(frozen=True, slots=True)
class LanConfig:
    """Where the local API listens and is announced; no `mdns_interfaces` means all.

    `token` is needed for writing, and for reading too unless that is open; it stays out of texts.
    """

    host: str
    port: int
    mdns: bool
    mdns_interfaces: tuple[str, ...]
    token: str | None = field(default=None, repr=False)
    open_reading: bool = True


SCHEMA = {
    vol.Optional("host", default="0.0.0.0"): values.address,  # noqa: S104 - a Fluksometer serves its whole LAN
    vol.Optional("port", default=8080): values.port,
    vol.Optional("mdns", default=True): values.flag,
    vol.Optional("mdns_interfaces", default=list): [values.address],
    vol.Optional("token_file"): values.text,
    vol.Optional("open_reading", default=True): values.flag,
}


def lan_config(table: dict[str, Any], folder: Path, complaints: Complaints) -> LanConfig:
    """Build it from the checked table."""
    token = None
    if "token_file" in table:
        token = read_secret(folder / table["token_file"], ["lan", "token_file"], complaints)
        if token is not None and (len(token) < LEAST_TOKEN or not token.isascii() or not token.isprintable()):
            complaints.add(
                ["lan", "token_file"],
                f"the token needs at least {LEAST_TOKEN} printable ASCII characters; openssl rand -hex 16 makes one",
            )
    if not table["open_reading"] and "token_file" not in table:
        complaints.add(["lan", "open_reading"], "nobody could read without a token_file; name one, or remove this")
    return LanConfig(
        table["host"],
        table["port"],
        table["mdns"],
        tuple(table["mdns_interfaces"]),
        token,
        table["open_reading"],
    )
