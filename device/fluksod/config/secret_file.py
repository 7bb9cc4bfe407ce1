"""A secret in a file of its own, which not everybody may read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fluksod.config.complaints import CLOSE_IT, Complaints

READABLE_BY_ALL = 0o004


def read_secret(path: Path, key: Sequence[Any], complaints: Complaints) -> str | None:
    """The first line of `path`, which `key` of the configuration names; None, and a complaint, where there is none."""
    try:
        if path.stat().st_mode & READABLE_BY_ALL:
            complaints.add(key, f"{path} {CLOSE_IT}")
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        complaints.add(key, f"{path} cannot be read: {reason}")
        return None
