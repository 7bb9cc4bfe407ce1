"""Passwords: argon2id in a thread, never two more than memory allows at once."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST, LONGEST = 8, 1024
LONGEST_NAME = 64
_AT_ONCE = 2
"""Each takes 64 MiB."""


class PasswordError(ValueError):
    """The password cannot be taken; the text says why."""


def check(password: str) -> str:
    """Return the password; PasswordError if it is too short or too long."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise PasswordError(f"a password has {SHORTEST} to {LONGEST} characters")
    return password


class Passwords:
    """Makes and checks password hashes."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="argon2")
        self._nobody: str | None = None

    def hash(self, password: str) -> str:
        """Return the hash of a password. Takes about 0.1 s."""
        return self._hasher.hash(password)

    async def make(self, password: str) -> str:
        """Return the hash of a password, made in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._hasher.hash, password)

    async def verify(self, stored: str | None, password: str) -> bool:
        """Tell whether the password belongs to a stored hash. Without one it takes as long, and is false."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._verify, stored, password)

    def _verify(self, stored: str | None, password: str) -> bool:
        if len(password) > LONGEST:
            return False
        if stored is None:
            self._nobody = self._nobody or self._hasher.hash("nobody has this password")
        try:
            self._hasher.verify(stored or self._nobody or "", password)
        except (VerificationError, InvalidHashError):
            return False
        return stored is not None

    async def renew(self, stored: str, password: str) -> str | None:
        """Return a new hash if the stored one was made with weaker settings than today's."""
        if not self._hasher.check_needs_rehash(stored):
            return None
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._hasher.hash, password)

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown()
