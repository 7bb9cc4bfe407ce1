"""What a route says of itself: the parameters it reads, the body it takes and what it answers with.

A handler carries its description, made of the types that it reads and answers with, so that the OpenAPI document
(`openapi`) is written where the handler is. A test fails for each route of an API that brings none.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from .problem import FieldError

JSON = "application/json"
Handler = Callable[[Request], Awaitable[Response]]
Q = TypeVar("Q", bound=msgspec.Struct)


class Operation(NamedTuple):
    """One method of a route.

    `query` has the parameters as its fields; `answer` is the type of what is answered with `status`, None for an answer
    without a body, or `media` other than JSON (then it is described as text). `refuses` are statuses beside those that
    every route may answer with. `public` is what needs no token.
    """

    method: str
    summary: str
    query: type[msgspec.Struct] | None = None
    body: Any = None
    answer: Any = None
    status: int = 200
    media: Sequence[str] = (JSON,)
    refuses: Sequence[int] = ()
    headers: Sequence[str] = ()
    public: bool = False


def documented(method: str, summary: str, **described: Any) -> Callable[[Handler], Handler]:
    """Describe what a handler does for a method; the keywords are those of Operation."""
    operation = Operation(method, summary, **described)

    def describe(handler: Handler) -> Handler:
        known: list[Operation] = getattr(handler, "operations", [])
        handler.operations = [operation, *known]  # type: ignore[attr-defined]  # a function takes attributes
        return handler

    return describe


def operations_of(handler: Any) -> list[Operation]:
    """Return the descriptions that a handler carries."""
    return list(getattr(handler, "operations", ()))


def query_of(request: Request, kind: type[Q]) -> Q:
    """Return the query as a `kind`; FieldError for a parameter that is wrong, unknown, missing or there twice.

    `token` says who asks, and belongs to every query.
    """
    fields = _fields(kind)
    given: dict[str, Any] = {}
    for name in request.query_params:
        if name == "token":
            continue
        if name not in fields:
            raise FieldError(name, f"there is no parameter {name}; there are {', '.join(fields)}")
        values = request.query_params.getlist(name)
        if fields[name]:
            given[name] = values
        elif len(values) > 1:
            raise FieldError(name, f"send {name} once")
        else:
            given[name] = values[0]
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        raise _explained(error, fields) from None


@lru_cache(256)
def _fields(kind: type[msgspec.Struct]) -> Mapping[str, bool]:
    """Return the names of the parameters, and whether each may come several times."""
    return {
        field.encode_name: isinstance(msgspec.inspect.type_info(field.type), msgspec.inspect.ListType)
        for field in msgspec.structs.fields(kind)
    }


def _explained(error: msgspec.ValidationError, fields: Iterable[str]) -> FieldError:
    """Return which parameter is wrong: msgspec ends with `at $.name`, or names a field that is missing in `…`."""
    text, _, place = str(error).partition(" - at `$.")
    name = place.rstrip("`").partition("[")[0] or next((one for one in fields if f"`{one}`" in text), "")
    return FieldError(name, f"{name}: {text[:1].lower()}{text[1:]}" if name else text)
