"""The shape of answers that are put together as plain dictionaries, for the OpenAPI documents."""

from __future__ import annotations

from typing import Annotated, TypedDict

import msgspec
from msgspec import Meta

from flukso_cloud.overview import DeviceView, GaugeView, MeasurementView

MOST_SENSORS = 256
"""Of one live stream."""
LONGEST_RECENT = 3600
"""Seconds until now of which a live stream tells first what was told."""

Id = Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]


class Devices(TypedDict):
    """An account's devices."""

    devices: list[DeviceView]


class GroupAnswer(TypedDict):
    """A group as one of its members, or somebody who is invited, sees it."""

    id: Id
    name: str
    state: str
    founder: str | None
    members: list[str]
    invited: list[str]


class Groups(TypedDict):
    """The groups of an account."""

    groups: list[GroupAnswer]


Offer = TypedDict(
    "Offer",
    {
        "sensor": Id,
        "name": str,
        "owner": str,
        "type": str,
        "class": str,
        "counter_unit": str,
        "gauge_unit": str,
        "resolution": str,
    },
)


class Subscribed(Offer):
    """What somebody is subscribed to, with its newest values."""

    measurement: MeasurementView | None
    gauge: GaugeView | None


RequestAnswer = TypedDict("RequestAnswer", {"id": Id, "from": str, "to": str, "message": str, "time": int})


class Offers(TypedDict):
    """What is shared with an account that it has not subscribed to."""

    offers: list[Offer]


class Subscriptions(TypedDict):
    """What an account is subscribed to."""

    subscriptions: list[Subscribed]


class Requests(TypedDict):
    """Requests that nobody has answered."""

    sent: list[RequestAnswer]
    received: list[RequestAnswer]


class Blocks(TypedDict):
    """The names of blocked accounts."""

    blocks: list[str]


class AccountAnswer(TypedDict):
    """An account, and what is told of its home."""

    uid: int
    name: str
    time_zone: str
    persons: float | None
    area: float | None


class Claimed(TypedDict):
    """The id of the device that was claimed."""

    device: Id


class Own(TypedDict):
    """The use of a sensor in an average day, and which percentile that is."""

    value: float
    percentile: float


class BenchmarkAnswer(TypedDict):
    """A group's percentiles of daily use, in `unit`."""

    type: str
    unit: str
    period: str
    start: int
    end: int
    per: str
    homes: int
    percentiles: dict[str, float]
    own: Own | None


class LiveQuery(msgspec.Struct):
    """Which sensors to hear, and of how many seconds until now what was told is to be told first."""

    sensor: Annotated[list[Id], Meta(min_length=1, max_length=MOST_SENSORS)]
    recent: Annotated[int, Meta(ge=0, le=LONGEST_RECENT)] = 0


class OffersQuery(msgspec.Struct):
    """Whose offers, where not everybody's."""

    owner: str | None = None


class BenchmarkQuery(msgspec.Struct):
    """What is compared."""

    sensor: Id | None = None
    type: Annotated[str, Meta(pattern="^(electricity|gas|water)$")] | None = None
    period: Annotated[str, Meta(pattern="^(day|week|month|year)$")] | None = None
    per: Annotated[str, Meta(pattern="^(home|person|m2)$")] | None = None
