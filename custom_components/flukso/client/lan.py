"""HTTP to a Fluksometer on the local network: bounded in time and size, with this client's errors only."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

import aiohttp

from .address import Address
from .errors import FluksoConnectionError, FluksoNotFoundError, FluksoPayloadError, FluksoTokenError

REQUEST_SECONDS: Final = 10.0
"""An FLM02 runs a script for each request, on a processor of 180 MHz."""

LARGEST_BODY: Final = 1 << 20
"""Bytes. A Fluksometer with 64 sensors answers 20 kB."""


class Lan:
    """GET requests to one address, over a session that belongs to somebody else."""

    def __init__(self, session: aiohttp.ClientSession, address: Address, token: str | None = None) -> None:
        """Use the session for requests to the address, with the token that its owner has set, if any."""
        self.address = address
        self._session = session
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> bytes:
        """Return the body of the answer.

        Raises FluksoConnectionError when none comes, FluksoTokenError on 401, FluksoNotFoundError on 404 and
        FluksoPayloadError on any other status than 200 or a body of more than 1 MiB.
        """
        limits = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
        async with self.open(path, query, limits) as response:
            body = bytearray()
            async for part in response.content.iter_any():
                body += part
                if len(body) > LARGEST_BODY:
                    raise FluksoPayloadError(f"{self.address}{path} answers more than {LARGEST_BODY} bytes")
            return bytes(body)

    @asynccontextmanager
    async def open(
        self, path: str, query: Mapping[str, str] | None, limits: aiohttp.ClientTimeout
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Open the answer for reading; errors while it is read are translated too."""
        try:
            async with self._session.get(
                f"{self.address.url}{path}",
                params=query,
                timeout=limits,
                allow_redirects=False,
                headers=self._headers,
            ) as response:
                if response.status == 404:
                    raise FluksoNotFoundError(f"{self.address} has no {path}")
                if response.status == 401:
                    raise FluksoTokenError(f"{self.address} wants the token that its owner has set")
                if response.status != 200:
                    raise FluksoPayloadError(f"{self.address}{path} answers {response.status} {response.reason}")
                yield response
        except TimeoutError as error:
            raise FluksoConnectionError(f"{self.address} does not answer in time") from error
        except (aiohttp.ClientError, OSError) as error:
            raise FluksoConnectionError(f"{self.address}: {error or type(error).__name__}") from error
