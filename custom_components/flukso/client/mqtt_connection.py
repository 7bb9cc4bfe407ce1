"""Opens and closes a connection of aiomqtt so that nothing is left of it, however it ends."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Final

from aiomqtt import Client, MqttError

_NOTICE_SECONDS: Final = 0.1
"""What a connection that was lost is given to say why; it says so at once."""

_LOGGER: Final = logging.getLogger(__name__)


class _Aside(logging.Handler):
    """Puts aside, for whoever debugs, what aiomqtt warns of.

    What matters of it reaches our caller as an error; the rest is about answers to somebody who was cancelled.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Tell it as a detail."""
        _LOGGER.debug("aiomqtt: %s", record.getMessage())


AIOMQTT_LOGGER: Final = logging.getLogger(f"{__name__}.aiomqtt")
"""The logger to give to aiomqtt; it stands apart from all others."""
AIOMQTT_LOGGER.setLevel(logging.WARNING)
AIOMQTT_LOGGER.propagate = False
AIOMQTT_LOGGER.addHandler(_Aside())


@asynccontextmanager
async def opened(client: Client) -> AsyncIterator[None]:
    """Keep a client connected for the length of a block. Raises MqttError when it cannot connect.

    It connects in a thread, which nobody can stop: whoever is cancelled meanwhile waits until the connection can be
    closed again.
    """
    connecting = asyncio.ensure_future(client.__aenter__())
    try:
        await asyncio.shield(connecting)
    except asyncio.CancelledError:
        await asyncio.wait([connecting])
        if connecting.exception() is None:
            await client.__aexit__(None, None, None)
        raise
    async with AsyncExitStack() as stack:
        stack.push_async_exit(client)
        try:
            yield
        except MqttError:
            await _ask_why(client)
            raise


async def _ask_why(client: Client) -> None:
    """Take notice of the reason why a connection was lost: otherwise asyncio logs an error that nobody did."""
    with suppress(MqttError, TimeoutError):
        async with asyncio.timeout(_NOTICE_SECONDS):
            while True:
                await anext(client.messages)
