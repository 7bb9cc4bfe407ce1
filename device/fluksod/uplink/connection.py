"""One connection to the cloud: signed posts over verified TLS, kept alive, every failure told in a sentence."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import aiohttp

from fluksod.config import CloudConfig
from fluksod.uplink.signature import digest

TIMEOUT = aiohttp.ClientTimeout(total=60, sock_connect=10, sock_read=20)
MAX_ANSWER = 1 << 16
"""Longest answer that is read, in bytes."""

Trouble = Literal["refused", "unreachable"]


class CloudError(Exception):
    """The cloud could not be asked, or would not.

    `trouble` is "refused" where only a person can mend it, else "unreachable"; `retry_after` in s is the cloud's wish.
    """

    def __init__(self, trouble: Trouble, reason: str, retry_after: float = 0.0) -> None:
        super().__init__(reason)
        self.trouble: Trouble = trouble
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Answered:
    """What the cloud answered. `reason` is what it says in WWW-Authenticate, or its status; `retry_after` in s."""

    status: int
    body: bytes
    digest: str | None
    reason: str
    retry_after: float


def open_session(
    config: CloudConfig, trusted: ssl.SSLContext, user_agent: str, limit: int = 1
) -> aiohttp.ClientSession:
    """Open a session of at most `limit` kept connections. `trusted` is what `trust` made of the configuration."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=trusted, limit=limit, keepalive_timeout=config.interval + 5),
        timeout=TIMEOUT,
        auto_decompress=False,  # a digest is over the bytes as they come
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": user_agent, "X-Version": "1.0", "Accept-Encoding": "identity"},
        proxy=config.proxy,
    )


@contextlib.contextmanager
def failures_told(url: str) -> Iterator[None]:
    """Turn what can go wrong on the way to the cloud at `url` into a `CloudError` in words."""
    try:
        yield
    except aiohttp.ClientConnectorCertificateError as error:
        why = getattr(error.certificate_error, "verify_message", "") or str(error.certificate_error)
        raise CloudError("refused", f"the cloud's certificate is not accepted: {why}; see ca in [cloud]") from error
    except aiohttp.ClientConnectorDNSError as error:
        raise CloudError("unreachable", f"the name {error.host} was not found") from error
    except aiohttp.ClientProxyConnectionError as error:
        raise CloudError("unreachable", f"no connection to the proxy at {error.host}:{error.port}") from error
    except aiohttp.ClientHttpProxyError as error:
        trouble: Trouble = "refused" if error.status in (401, 403, 407) else "unreachable"
        raise CloudError(trouble, f"the proxy answered {error.status} {error.message}; see proxy in [cloud]") from error
    except aiohttp.ClientConnectorSSLError as error:
        raise CloudError("unreachable", f"{url} does not speak TLS as we need it: {error.os_error}") from error
    except aiohttp.ClientConnectorError as error:
        raise CloudError("unreachable", f"no connection to {url}: {error.os_error.strerror}") from error
    except TimeoutError as error:
        raise CloudError("unreachable", f"{url} did not answer in time") from error
    except (aiohttp.ClientError, OSError) as error:
        raise CloudError("unreachable", f"{url} broke off: {type(error).__name__}: {error}") from error


class CloudConnection:
    """Posts bodies signed with `key` to the cloud of `config`, one after the other over one connection.

    `trusted` is what `trust` made of the configuration.
    """

    def __init__(self, config: CloudConfig, trusted: ssl.SSLContext, key: str, user_agent: str) -> None:
        self._url = config.url
        self._key = key
        self._session = open_session(config, trusted, user_agent)

    async def post(self, path: str, body: bytes) -> Answered:
        """Post a JSON body, signed, to `path`. Raises `CloudError`; any status is an answer."""
        with failures_told(self._url):
            return await post_signed(self._session, self._url, path, self._key, body)

    async def close(self) -> None:
        """Close the connection."""
        await self._session.close()


async def post_signed(session: aiohttp.ClientSession, url: str, path: str, key: str, body: bytes) -> Answered:
    """Post a JSON body signed with `key`; again where a kept connection had been closed meanwhile (trap 20)."""
    try:
        return await _post(session, url, path, key, body)
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
        if isinstance(error, aiohttp.ClientConnectorError):
            raise
        return await _post(session, url, path, key, body)


async def _post(session: aiohttp.ClientSession, url: str, path: str, key: str, body: bytes) -> Answered:
    headers = {"Content-Type": "application/json", "X-Digest": digest(key, body)}
    async with session.post(url + path, data=body, headers=headers, allow_redirects=False) as response:
        return await read_answer(response)


async def read_answer(response: aiohttp.ClientResponse) -> Answered:
    """Read an answer of at most 64 KiB; a longer one raises `CloudError`."""
    content = bytearray()
    async for part in response.content.iter_chunked(MAX_ANSWER):
        content += part
        if len(content) > MAX_ANSWER:
            raise CloudError("unreachable", f"{response.host} answered with more than {MAX_ANSWER} bytes")
    said = response.headers.get("WWW-Authenticate") or response.headers.get("Location") or response.reason
    return Answered(
        status=response.status,
        body=bytes(content),
        digest=response.headers.get("X-Digest"),
        reason=f"{response.status} {said or ''}".strip()[:200],
        retry_after=_seconds(response.headers.get("Retry-After")),
    )


def _seconds(retry_after: str | None) -> float:
    """Seconds of a Retry-After header, at most an hour; 0 where there is none or it is a date."""
    return min(float(retry_after), 3600.0) if retry_after is not None and retry_after.isdecimal() else 0.0
