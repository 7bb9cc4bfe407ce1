"""What the requests of devices have in common: an id, a version, a signature, and how they are refused."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request

from flukso_cloud import digest
from flukso_cloud.ids import is_id
from flukso_cloud.ingest import RefusedError, RegistrationLimitError
from flukso_cloud.store import StoreUnavailableError
from flukso_cloud.upload import MalformedError

from .request import ANSWER_SECONDS, bad_request

VERSION = "1.0"

T = TypeVar("T")


def id_in(request: Request, kind: str) -> str:
    """Return the id in the path; 400 if it is none."""
    text: str = request.path_params[kind]
    if not is_id(text):
        raise bad_request(f"a {kind} is named by 32 lowercase hexadecimal digits")
    return text


def signature_of(request: Request) -> str:
    """Check the version, which a device sends in the header, and return the digest."""
    if "version" in request.query_params or request.headers.get("x-version") != VERSION:
        raise bad_request(f"send X-Version: {VERSION}, and no version in the query")
    signature = request.headers.get("x-digest", "")
    if not digest.is_digest(signature):
        raise bad_request("send X-Digest: HMAC-SHA1 of the body under the device key, 40 lowercase hexadecimal digits")
    return signature


async def taken(work: Awaitable[T], seconds: float = ANSWER_SECONDS) -> T:
    """Wait so long for ingest, and say in HTTP what it objects to."""
    try:
        async with asyncio.timeout(seconds):
            return await work
    except RefusedError as error:
        raise HTTPException(401, f"{error}\n", {"WWW-Authenticate": str(error)}) from None
    except MalformedError as error:
        raise bad_request(str(error)) from None
    except RegistrationLimitError:
        raise HTTPException(429, "too many new devices from this address\n", {"Retry-After": "60"}) from None
    except (StoreUnavailableError, TimeoutError):
        raise HTTPException(503, "cannot store now, send it again\n", {"Retry-After": "5"}) from None
