"""What a cloud can only do with libraries that are installed when they are asked for."""

from __future__ import annotations

PARQUET = "flukso-cloud[parquet]"
PROFILES = "flukso-cloud[profiles]"


class NotInstalledError(Exception):
    """A library that is not required is not there; `extra` brings it."""

    def __init__(self, extra: str) -> None:
        super().__init__(f"this cloud was installed without what this takes; whoever runs it installs {extra}")
        self.extra = extra
