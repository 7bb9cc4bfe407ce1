"""The table [cloud]: where measurements go."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import voluptuous as vol

from fluksod.config import values
from fluksod.config.complaints import CLOSE_IT, Complaints


@dataclass(frozen=True, slots=True)
class CloudConfig:
    """Where measurements go: `url` without trailing slash, `ca` the only trusted authority, `interval` in s.

    With `thinning` a backlog is thinned before it is uploaded (uplink/thinning.py). `proxy` is the address of an HTTP
    proxy on the way, perhaps with a user name and a password, and so stays out of texts. With
    `firmware` the boards take what this cloud offers for them.
    """

    url: str
    ca: Path | None
    interval: float
    thinning: bool = False
    proxy: str | None = field(default=None, repr=False)
    firmware: bool = False


SCHEMA = {
    vol.Required("url"): values.url,
    vol.Optional("ca"): values.text,
    vol.Optional("interval", default=10): values.seconds(1, 86400),
    vol.Optional("thinning", default=False): values.flag,
    vol.Optional("proxy"): values.proxy,
    vol.Optional("firmware", default=False): values.flag,
    vol.Optional("allow_plain_http", default=False): values.flag,
}


def cloud_config(
    table: dict[str, Any] | None, folder: Path, complaints: Complaints, *, readable_by_all: bool
) -> CloudConfig | None:
    """Build it from the checked table; None without one. `readable_by_all` is the mode of the file the table is in."""
    if table is None:
        return None
    if table["url"].startswith("http:") and not table["allow_plain_http"]:
        complaints.add(
            ["cloud", "url"],
            "only https is accepted, since the device's key goes over it; give an https address "
            "(allow_plain_http = true lets anybody on the way read and forge everything)",
        )
    ca = folder / table["ca"] if "ca" in table else None
    if ca is not None and not ca.is_file():
        complaints.add(["cloud", "ca"], f"there is no file {ca}")
    proxy = table.get("proxy")
    if proxy is not None and readable_by_all and urlsplit(proxy).password:
        complaints.add(["cloud", "proxy"], f"has a password, and this file {CLOSE_IT}")
    return CloudConfig(table["url"], ca, table["interval"], table["thinning"], proxy, table["firmware"])
