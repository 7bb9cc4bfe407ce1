"""Who somebody is: log in, sessions, tokens, claiming a device."""

from __future__ import annotations

import secrets
from contextlib import suppress

from .claim import normalise
from .ids import is_token
from .limiter import CLAIM_BY_ACCOUNT, CLAIM_BY_ADDRESS, LOGIN_BY_ACCOUNT, LOGIN_BY_ADDRESS, Limiter
from .passwords import Passwords, check
from .store import Account, Claim, GoneError, NamedToken, Store, StoreUnavailableError, Token
from .vault import Vault, digest_of, new_scoped_token

SESSION_SECONDS = 30 * 86400
DAY = 86400
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
        """Return a new session, or None if name or password is wrong, or the account closes just now.

        LoginLimitedError after too many attempts.
        """
        allowed = self._limiter.allows(LOGIN_BY_ADDRESS, address)
        if not allowed or not self._limiter.allows(LOGIN_BY_ACCOUNT, name.casefold()):
            raise LoginLimitedError
        account = await self._store.account(name)
        if not await self._passwords.verify(None if account is None else account.password_hash, password):
            return None
        assert account is not None  # noqa: S101 - verify is false without a hash
        self._limiter.forget(LOGIN_BY_ACCOUNT, name.casefold())
        renewed = await self._passwords.renew(account.password_hash, password)
        session = secrets.token_urlsafe(32)
        try:
            if renewed is not None:
                await self._store.replace_password(account.number, renewed)
            await self._store.open_session(digest_of(session), account.number, now, now + SESSION_SECONDS)
        except GoneError:
            return None
        return session

    async def is_password(self, account: Account, password: str) -> bool:
        """Tell whether this is an account's password; LoginLimitedError after too many attempts."""
        if not self._limiter.allows(LOGIN_BY_ACCOUNT, account.name.casefold()):
            raise LoginLimitedError
        return await self._passwords.verify(account.password_hash, password)

    async def set_password(self, account: int, password: str) -> None:
        """Give an account another password, and log it out everywhere; PasswordError if it cannot be taken."""
        await self._store.replace_password(account, await self._passwords.make(check(password)))
        await self._store.close_sessions(account)

    async def log_out(self, session: str) -> None:
        """End a session."""
        await self._store.close_session(digest_of(session))

    async def whose_session(self, session: str, now: int) -> Account | None:
        """Return whose session this is."""
        return await self._store.session(digest_of(session), now)

    async def token(self, token: str, now: int) -> Token | None:
        """Return what a token opens, and note the day; None if it is unknown or has expired."""
        if not is_token(token):
            return None
        found = await self._store.token(digest_of(token), now)
        if found is not None and found.used != now // DAY:
            with suppress(StoreUnavailableError):  # whoever only reads needs no disk that can be written
                await self._store.note_token_use(digest_of(token), now // DAY)
        return found

    async def is_token_good(self, token: str, at: int) -> bool:
        """Tell whether a token is known and does not expire before `at`; this is no use of it."""
        return is_token(token) and await self._store.token(digest_of(token), at) is not None

    async def make_token(self, account: int, made: NamedToken) -> str | None:
        """Make a token of this description and return it: nobody can tell it later. None if the store refuses it."""
        token = new_scoped_token()
        return token if await self._store.add_token(digest_of(token), account, made) else None

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
