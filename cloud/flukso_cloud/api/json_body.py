"""JSON in requests and answers of API v2: read against a type, and answered for no cache to keep."""

from __future__ import annotations

import re
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from flukso_cloud.repetition import RepetitionError, refuse_repetition

from .problem import FieldError
from .request import read_body

MOST_BYTES = 64 * 1024

Name = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^\S[^\x00-\x1f\x7f]*$(?!\n)")]
"""What somebody calls something: one line."""

T = TypeVar("T")


async def read_json(request: Request, kind: type[T], example: str, most: int = MOST_BYTES) -> T:
    """Return the body as a `kind`; 400 with what is wrong and an example, 413 if it is longer than `most` bytes."""
    return parsed(await read_body(request, most), kind, example)


def parsed(body: bytes, kind: type[T], example: str) -> T:
    """Return a body as a `kind`; 400 with what is wrong and an example."""
    try:
        content = msgspec.json.decode(body, type=kind)
        refuse_repetition(body)
    except RepetitionError as error:
        raise FieldError(error.name[:64], f"send each member once: {error}") from None
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise FieldError(_field(str(error)), f"send {example}: {error}") from None
    return content


def _field(complaint: str) -> str | None:
    """Return which member is wrong: msgspec ends with `at $.name`, `at $.name[...]` or `at $.name.inner`."""
    _, _, place = complaint.partition(" - at `$.")
    return re.split(r"[`.\[]", place)[0] or None


def json_answer(content: object, status: int = 200) -> Response:
    """Return an answer of JSON."""
    headers = {"Cache-Control": "no-store"}
    return Response(msgspec.json.encode(content), status, headers, media_type="application/json")
