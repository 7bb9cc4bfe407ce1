"""Which certificates of another machine are accepted."""

from __future__ import annotations

import ssl
from pathlib import Path

from fluksod.config.complaints import ConfigError


def trust(ca: Path | None, table: str) -> ssl.SSLContext:
    """Those of the authorities in the file `ca` of [`table`], or else of the system's. Raises `ConfigError`."""
    try:
        return ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"ca in [{table}]: {ca} holds no certificate that can be read; give a PEM file") from error
