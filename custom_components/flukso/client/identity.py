"""Ids of devices and sensors."""

import re
from typing import Final

_ID: Final = re.compile(r"[0-9a-f]{32}")


def is_id(text: object) -> bool:
    """Tell whether this is a device or sensor id: 32 lowercase hexadecimal digits."""
    return isinstance(text, str) and _ID.fullmatch(text) is not None
