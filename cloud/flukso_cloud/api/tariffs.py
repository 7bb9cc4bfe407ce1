"""API v2: what the account pays. Only who manages the account reads and writes it; a token that only reads does not."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from flukso_cloud.periods import LATEST
from flukso_cloud.store.limits import MOST_TARIFFS
from flukso_cloud.tariffs import HELD, Currency, Kind, Price, Tariff

from .access import manager_of
from .documented import documented, query_of
from .json_body import json_answer, read_json
from .problem import FieldError
from .request import cloud_of

MOST_BYTES = 4 * 1024 * 1024
MOST_PRICES = 100_000
"""Of a call: eleven years of hours, or three of quarters."""
_TARIFF = '{"type": "electricity", "currency": "EUR", "from": "2026-01-01", "rate": {"kind": "flat", "price": 0.31}}'
_PRICES = '{"type": "electricity", "currency": "EUR", "start": 1767222000, "step": 3600, "prices": [0.112, 0.098]}'

Time = Annotated[int, Meta(ge=0, le=LATEST, description="unix seconds")]


Day = Annotated[date, Meta(description="a day of 1970 to 2105")]


class Tariffs(msgspec.Struct, frozen=True):
    """All tariffs of the account."""

    tariffs: list[Tariff]


class TariffQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which tariff: of what, in which currency, from which day on."""

    type: Kind
    currency: Currency
    valid_from: Day = msgspec.field(name="from")


class PriceSeries(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Prices that follow each other: each holds for `step` seconds, the first from `start` (unix seconds) on."""

    type: Kind
    currency: Currency
    start: Time
    prices: Annotated[list[Price], Meta(min_length=1, max_length=MOST_PRICES)]
    step: Annotated[int, Meta(ge=300, le=HELD)] = HELD


class PricesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which prices, from when to when: at most a decade."""

    type: Kind
    currency: Currency
    start: Time
    end: Time


class Prices(msgspec.Struct, frozen=True):
    """The prices that hold somewhere in a span, and the unix seconds from which on they do."""

    time: list[int]
    price: list[float]


@documented("GET", "The account's tariffs", answer=Tariffs)
async def get_tariffs(request: Request) -> Response:
    """All tariffs, by kind, currency and day."""
    viewer = await manager_of(request)
    return json_answer(Tariffs(await cloud_of(request).store.tariffs(viewer.account)))


@documented("PUT", "Set what holds from a day on; costs before it stay", body=Tariff, answer=Tariff, refuses=(409, 413))
async def put_tariff(request: Request) -> Response:
    """Keep a tariff in place of the one from the same day."""
    viewer = await manager_of(request)
    tariff = await read_json(request, Tariff, _TARIFF)
    if not 1970 <= tariff.valid_from.year < 2106:
        raise FieldError("from", "from is a day of 1970 to 2105")
    if not await cloud_of(request).store.put_tariff(viewer.account, tariff):
        raise HTTPException(409, f"there are {MOST_TARIFFS} tariffs already; delete old ones\n")
    return json_answer(tariff)


@documented(
    "DELETE",
    "Forget what holds from a day on: the tariff before goes on",
    query=TariffQuery,
    status=204,
    refuses=(404,),
)
async def delete_tariff(request: Request) -> Response:
    """Forget a tariff."""
    viewer, query = await manager_of(request), query_of(request, TariffQuery)
    if not await cloud_of(request).store.drop_tariff(viewer.account, query.type, query.currency, query.valid_from):
        raise HTTPException(404, "there is no tariff from that day\n")
    return Response(status_code=204)


@documented("GET", "A series of prices", query=PricesQuery, answer=Prices)
async def get_prices(request: Request) -> Response:
    """The prices in a span of time."""
    viewer, query = await manager_of(request), query_of(request, PricesQuery)
    if not query.start < query.end <= query.start + MOST_PRICES * HELD:
        raise FieldError("end", "end is later than start, by ten years at most")
    found = await cloud_of(request).store.prices(viewer.account, query.type, query.currency, query.start, query.end)
    return json_answer(Prices([time for time, _ in found], [price for _, price in found]))


@documented("PUT", "Set a series of prices in place of those in its span", body=PriceSeries, status=204, refuses=(413,))
async def put_prices(request: Request) -> Response:
    """Keep a series of prices. An hourly tariff is valid where there is a price."""
    viewer = await manager_of(request)
    wanted = await read_json(request, PriceSeries, _PRICES, MOST_BYTES)
    end = wanted.start + wanted.step * len(wanted.prices)
    times = range(wanted.start, end, wanted.step)
    await cloud_of(request).store.replace_prices(
        viewer.account, wanted.type, wanted.currency, (wanted.start, end), zip(times, wanted.prices, strict=True)
    )
    return Response(status_code=204)


routes: list[BaseRoute] = [
    Route("/api/v2/tariffs", get_tariffs, methods=["GET"]),
    Route("/api/v2/tariffs", put_tariff, methods=["PUT"]),
    Route("/api/v2/tariffs", delete_tariff, methods=["DELETE"]),
    Route("/api/v2/prices", get_prices, methods=["GET"]),
    Route("/api/v2/prices", put_prices, methods=["PUT"]),
]
