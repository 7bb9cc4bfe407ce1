"""X-Digest: HMAC-SHA1 of the exact body bytes under the device key, as 40 lowercase hexadecimal digits.

The key is the 32 ASCII characters themselves, never the 16 bytes they spell (trap 5). SHA-1 is the wire's choice.
"""

from __future__ import annotations

import hmac
import re

_HEX40 = re.compile(r"[0-9a-fA-F]{40}")


def sign(key: bytes, body: bytes) -> str:
    """Return the digest of `body` under the ASCII `key`."""
    return hmac.digest(key, body, "sha1").hex()


def is_digest(text: str) -> bool:
    """Tell whether `text` has the form of a digest. Upper case has the form, but never matches (trap 7)."""
    return _HEX40.fullmatch(text) is not None


def matches(key: bytes, body: bytes, digest: str) -> bool:
    """Compare in constant time, as text."""
    return hmac.compare_digest(sign(key, body).encode("ascii"), digest.encode("utf-8", "replace"))
