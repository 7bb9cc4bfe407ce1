"""Who somebody is: log in, sessions, tokens, claiming a device."""

from __future__ import annotations

import secrets

from .claim import normalise
from .ids import is_id
from .limiter import CLAIM_BY_ACCOUNT, CLAIM_BY_ADDRESS, LOGIN_BY_ACCOUNT, LOGIN_BY_ADDRESS, Limiter
from .passwords import Passwords
from .store import Account, Claim, Sensor, Store, Token
from .vault import Vault, digest_of

SESSION_SECONDS = 30 * 86400
LIMITED = "limited"


class LoginLimitedError(Exception):
    """Too many attempts, from one address or on one account."""


class Accounts:
    """People and what they may see. A session or a token is random text; only its SHA-256 is stored."""

    def __init__(self, store: Store, vault: Vault, limiter: Limiter) -> None:
        self._store = store
        self._vault = vault
        self._limiter = limiter
        self._passwords = Passwords()

    async def log_in(self, name: str, password: str, now: int, address: str) -> str | None:
        """Return a new session, or None if name or password is wrong; LoginLimitedError after too many attempts."""
        allowed = self._limiter.allows(LOGIN_BY_ADDRESS, address)
        if not allowed or not self._limiter.allows(LOGIN_BY_ACCOUNT, name.casefold()):
            raise LoginLimitedError
        account = await self._store.account(name)
        if not await self._passwords.verify(None if account is None else account.password_hash, password):
            return None
        assert account is not None  # noqa: S101 - verify is false without a hash
        self._limiter.forget(LOGIN_BY_ACCOUNT, name.casefold())
        renewed = await self._passwords.renew(account.password_hash, password)
        if renewed is not None:
            await self._store.replace_password(account.number, renewed)
        session = secrets.token_urlsafe(32)
        await self._store.open_session(digest_of(session), account.number, now, now + SESSION_SECONDS)
        return session

    async def log_out(self, session: str) -> None:
        """End a session."""
        await self._store.close_session(digest_of(session))

    async def whose_session(self, session: str, now: int) -> Account | None:
        """Return whose session this is."""
        return await self._store.session(digest_of(session), now)

    async def token(self, token: str) -> Token | None:
        """Return what a token opens."""
        return await self._store.token(digest_of(token)) if is_id(token) else None

    async def may_see(self, sensor: Sensor, owner: int) -> bool:
        """Tell whether a sensor belongs to an account."""
        return (await self._store.device_number(sensor.device)).account == owner

    async def claim(self, code: str, account: int, address: str) -> Claim:
        """Give the device with this claim code to an account; the outcome is "ok", "unknown", "taken" or "limited"."""
        allowed = self._limiter.allows(CLAIM_BY_ADDRESS, address)
        if not allowed or not self._limiter.allows(CLAIM_BY_ACCOUNT, str(account)):
            return Claim(LIMITED)
        digits = normalise(code)
        if digits is None:
            return Claim("unknown")
        return await self._store.claim(self._vault.hash_claim(digits), account)

    def close(self) -> None:
        """End the threads."""
        self._passwords.close()
