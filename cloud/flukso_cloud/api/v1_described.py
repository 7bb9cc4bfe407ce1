"""The words of API v1 for its OpenAPI document, made of the tables that its handlers read requests with."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypedDict

import msgspec
from msgspec import Meta

from flukso_cloud.timescale import SECONDS
from flukso_cloud.units import FACTORS

from .signed import VERSION

Seconds = Annotated[str, Meta(pattern="^[0-9]{1,10}$", description="unix seconds")]
Number = Annotated[str, Meta(pattern="^[0-9]{1,10}$")]
Interval = Annotated[str, Meta(pattern=f"^({'|'.join(SECONDS)})$")]
UnitName = Annotated[str, Meta(pattern=f"^({'|'.join(FACTORS)})$")]
Version = Annotated[str, Meta(pattern=f"^{VERSION}$".replace(".", r"\."))]
Callback = Annotated[str, Meta(pattern="^[0-9a-zA-Z_]{1,100}$")]
Pairs = list[tuple[int, int | Literal["nan"]]]
"""The end of each bucket in unix seconds, and its average."""
SIGNED = ("X-Version", "X-Digest")
SeriesOrParameters = Pairs | dict[str, Any] | str
Rows = list[dict[str, Any]]
Places = list[dict[str, int]]
Upload = dict[str, Any]


class Versioned(msgspec.Struct):
    """What every GET has; the version may come in X-Version instead."""

    version: Version
    jsonp_callback: Callback | None = None
    callback: Callback | None = None


class SensorQuery(Versioned):
    """An interval, or start and end; or `param` or `update` alone."""

    interval: Interval | None = None
    start: Seconds | None = None
    end: Seconds | None = None
    resolution: Interval | None = None
    unit: UnitName | None = None
    param: Literal["all"] | None = None
    update: Literal["true"] | None = None


class TmpoQuery(Versioned, kw_only=True):
    """The newest block that the client has; zeros for none."""

    rid: Number
    lvl: Number
    bid: Number


class BlockQuery(msgspec.Struct):
    """A block has no callback."""

    version: Version


class Done(TypedDict):
    """It is on disk."""

    response: Literal["ok"]
