"""The claim code of a device, which both the device and the cloud derive from its key (docs/protocol.md)."""

from __future__ import annotations

import hmac

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_BITS = 40
_DIGITS = _BITS // 5
_READ_AS = str.maketrans({"O": "0", "I": "1", "L": "1"})


def claim_code(key: bytes, device_id: str) -> str:
    """Return the code, two groups of four joined by a hyphen: the first 40 bits of
    HMAC-SHA256(key, "flukso claim " + device id) in Crockford's base 32.
    """
    head = hmac.digest(key, b"flukso claim " + device_id.encode("ascii"), "sha256")[: _BITS // 8]
    value = int.from_bytes(head, "big")
    digits = "".join(_CROCKFORD[value >> shift & 31] for shift in range(_BITS - 5, -1, -5))
    return f"{digits[:4]}-{digits[4:]}"


def normalise(code: str) -> str | None:
    """Return the eight digits a person meant, or None if these cannot be a code.

    Case, hyphens and blanks do not count; O reads as 0, I and L as 1.
    """
    digits = code.upper().replace("-", "").replace(" ", "").translate(_READ_AS)
    if len(digits) != _DIGITS or any(digit not in _CROCKFORD for digit in digits):
        return None
    return digits
