"""Names on the wire: device ids, sensor ids, device keys and old tokens are 32 lowercase hexadecimal digits."""

from __future__ import annotations

import re

_HEX32 = re.compile(r"[0-9a-f]{32}")
_SCOPED = re.compile(r"flk_[A-Za-z0-9_-]{43}")


def is_id(text: str) -> bool:
    """Tell whether `text` is exactly 32 lowercase hexadecimal digits.

    Ids stay text everywhere: one of digits and a single `e` also reads as a number (trap 34).
    """
    return _HEX32.fullmatch(text) is not None


def is_token(text: str) -> bool:
    """Tell whether `text` looks like a token: an old one is written as an id, one with a scope begins with `flk_`."""
    return is_id(text) or _SCOPED.fullmatch(text) is not None
