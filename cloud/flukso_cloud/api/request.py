"""What every route needs of a request: its body within limits, its sender's address, and errors that say what to do."""

from __future__ import annotations

import asyncio

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from flukso_cloud.clock import unix_now
from flukso_cloud.cloud import Cloud
from flukso_cloud.limiter import neighbourhood

__all__ = ["address_of", "bad_request", "cloud_of", "read_body", "unix_now"]

MOST_BYTES = 1024 * 1024
"""Of a device's body: 40,000 measurements, or a heartbeat with its log."""
ANSWER_SECONDS = 4
"""A device gives up after 5 s (trap 19)."""


def cloud_of(request: Request) -> Cloud:
    """Return the cloud that serves this request."""
    cloud: Cloud = request.app.state.cloud
    return cloud


def address_of(request: Request) -> str:
    """Return what the sender is limited by."""
    return neighbourhood(request.client.host) if request.client is not None else ""


def bad_request(text: str) -> HTTPException:
    """Return the error for a request that is wrong in itself."""
    return HTTPException(400, text + "\n")


async def read_body(request: Request, most: int = MOST_BYTES) -> bytes:
    """Return the body; HTTPException 413 if it is longer than `most` bytes, 408 if it takes longer than our patience.

    Both close the connection, as the rest of the body is still to come.
    """
    too_large = HTTPException(413, f"at most {most} bytes\n", {"Connection": "close"})
    length = request.headers.get("content-length")
    if length is not None and (not length.isdecimal() or int(length) > most):
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(request.app.state.patience):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    raise too_large
    except TimeoutError:
        raise HTTPException(408, "the body took too long\n", {"Connection": "close"}) from None
    except ClientDisconnect:
        raise HTTPException(400, "the body is not complete\n", {"Connection": "close"}) from None
    return bytes(body)
