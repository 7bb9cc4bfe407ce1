"""Secrets at rest: device keys are encrypted with the server key, what need not be read back is only hashed."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .home import Home, write_private

_NONCE = 12
SCOPED = "flk_"


def digest_of(secret: str) -> bytes:
    """Return the SHA-256 under which a session or token is stored; with 128 random bits or more it needs no salt."""
    return hashlib.sha256(secret.encode()).digest()


def new_token() -> str:
    """Return a token: 32 hexadecimal digits."""
    return secrets.token_hex(16)


def new_scoped_token() -> str:
    """Return a token with a name and a scope: 256 random bits, behind a prefix that scanners for secrets know it by."""
    return SCOPED + secrets.token_urlsafe(32)


class Vault:
    """Encrypts and hashes with the server key (32 bytes)."""

    def __init__(self, server_key: bytes) -> None:
        self._cipher = AESGCM(server_key)
        self._claim_key = hmac.digest(server_key, b"claim codes", "sha256")
        self._id_key = hmac.digest(server_key, b"ids", "sha256")

    @classmethod
    def open(cls, home: Home) -> Vault:
        """Read the server key."""
        return cls(home.server_key.read_bytes())

    @staticmethod
    def make(home: Home) -> bool:
        """Make a server key unless there is one; tell whether it was made."""
        if home.server_key.exists():
            return False
        write_private(home.server_key, secrets.token_bytes(32))
        return True

    def seal(self, key: bytes, device_id: str) -> bytes:
        """Encrypt a device's key, bound to the device's id."""
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._cipher.encrypt(nonce, key, device_id.encode())

    def unseal(self, sealed: bytes, device_id: str) -> bytes:
        """Decrypt a device's key; cryptography's InvalidTag if another server key or another device sealed it."""
        return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], device_id.encode())

    def id_of(self, what: str) -> str:
        """Return the id of something of ours: the same each time, and nobody else can tell it beforehand."""
        return hmac.digest(self._id_key, what.encode(), "sha256").hex()[:32]

    def hash_claim(self, digits: str) -> bytes:
        """Return the keyed hash under which a claim code is found: its 40 bits are too few for a plain one."""
        return hmac.digest(self._claim_key, digits.encode(), "sha256")
