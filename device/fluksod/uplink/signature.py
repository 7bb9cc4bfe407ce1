"""Signatures of the wire: X-Digest and the claim code. Pure.

The key is always used as its 32 ASCII characters, never decoded (trap 5), and always over the raw bytes of a body,
never over parsed and written again JSON (trap 6).
"""

from __future__ import annotations

import hashlib
import hmac

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no I, L, O, U


def digest(key: str, body: bytes) -> str:
    """X-Digest of a body: HMAC-SHA1 under the key, 40 lowercase hexadecimal digits (trap 7)."""
    return hmac.new(key.encode("ascii"), body, hashlib.sha1).hexdigest()


def digest_is_right(key: str, body: bytes, claimed: str | None) -> bool:
    """Whether `claimed` is the digest of this body; compared in constant time."""
    if claimed is None or not claimed.isascii():
        return False
    return hmac.compare_digest(digest(key, body), claimed)


def claim_code(key: str, device: str) -> str:
    """The code an owner types to claim the device, such as "K7QM-2XWD": 40 bits of an HMAC-SHA256 under the key."""
    bits = int.from_bytes(hmac.new(key.encode("ascii"), f"flukso claim {device}".encode(), hashlib.sha256).digest()[:5])
    digits = "".join(_CROCKFORD[bits >> shift & 31] for shift in range(35, -1, -5))
    return f"{digits[:4]}-{digits[4:]}"
