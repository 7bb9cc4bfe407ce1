"""HTTP to a Fluksometer on the local network: bounded in time and size, with this client's errors only."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import aiohttp

from .address import Address
from .errors import (
    FluksoConnectionError,
    FluksoNotFoundError,
    FluksoPayloadError,
    FluksoRefusedError,
    FluksoTokenError,
)
from .payload import JsonObject, parse_json

REQUEST_SECONDS: Final = 10.0
"""An FLM02 runs a script for each request, on a processor of 180 MHz."""

LARGEST_BODY: Final = 1 << 20
"""Bytes. A Fluksometer with 64 sensors answers 20 kB."""

_REALM: Final = 'realm="Fluksometer"'
"""How a Fluksometer asks for its token; any other server that wants a password is none."""


class Lan:
    """Requests to one address, over a session that belongs to somebody else."""

    def __init__(self, session: aiohttp.ClientSession, address: Address, token: str | None = None) -> None:
        """Use the session for requests to the address, with the token that its owner has set, if any.

        Raises FluksoTokenError for what cannot be a token.
        """
        self.address = address
        self._session = session
        if token is not None and not (token.isascii() and token.isprintable()):
            raise FluksoTokenError("no token has such characters")
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> bytes:
        """Return the body of the answer.

        Raises FluksoConnectionError when none comes, FluksoTokenError on 401, FluksoNotFoundError on 404 and
        FluksoPayloadError on any other status than 200 or a body of more than 1 MiB.
        """
        limits = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
        async with self.open(path, query, limits) as response:
            return await self._body(response, path)

    async def post(self, path: str, content: Mapping[str, str]) -> bytes:
        """Ask for something to be done, and return the body of the answer (202).

        Raises as `get`, and FluksoTokenError on 401, FluksoRefusedError on 403 and 409 with what the other side says.
        """
        limits = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
        with self._translated():
            async with self._session.post(
                f"{self.address.url}{path}",
                json=dict(content),
                timeout=limits,
                allow_redirects=False,
                headers=self._headers,
            ) as response:
                if response.status in (403, 409):
                    answer = JsonObject(parse_json(await self._body(response, path)), "answer")
                    raise FluksoRefusedError(answer.text("error"))
                self._expect(response, path, 202)
                return await self._body(response, path)

    @asynccontextmanager
    async def open(
        self, path: str, query: Mapping[str, str] | None, limits: aiohttp.ClientTimeout
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Open the answer for reading; errors while it is read are translated too."""
        with self._translated():
            async with self._session.get(
                f"{self.address.url}{path}",
                params=query,
                timeout=limits,
                allow_redirects=False,
                headers=self._headers,
            ) as response:
                self._expect(response, path, 200)
                yield response

    def _expect(self, response: aiohttp.ClientResponse, path: str, status: int) -> None:
        if response.status == 401 and _REALM in response.headers.get("WWW-Authenticate", ""):
            raise FluksoTokenError(f"{self.address} wants the token that its owner has set")
        if response.status == 404:
            raise FluksoNotFoundError(f"{self.address} has no {path}")
        if response.status != status:
            raise FluksoPayloadError(f"{self.address}{path} answers {response.status} {response.reason}")

    async def _body(self, response: aiohttp.ClientResponse, path: str) -> bytes:
        body = bytearray()
        async for part in response.content.iter_any():
            body += part
            if len(body) > LARGEST_BODY:
                raise FluksoPayloadError(f"{self.address}{path} answers more than {LARGEST_BODY} bytes")
        return bytes(body)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn the session's errors into ours."""
        try:
            yield
        except TimeoutError as error:
            raise FluksoConnectionError(f"{self.address} does not answer in time") from error
        except (aiohttp.ClientError, OSError) as error:
            raise FluksoConnectionError(f"{self.address}: {error or type(error).__name__}") from error
