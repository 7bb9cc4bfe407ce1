"""API v2: standard load profiles as streams, and a sensor's use beside one."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from flukso_cloud.access import Viewer
from flukso_cloud.columns import Columns
from flukso_cloud.profiles import PROFILES
from flukso_cloud.profiles.library import TablesError
from flukso_cloud.profiles.likeness import compare
from flukso_cloud.profiles.stream import columns, years_of
from flukso_cloud.readout import in_unit, told

from .access import refused, seen_by, viewer_of
from .buckets import (
    MOST_BUCKETS,
    Buckets,
    Resolution,
    Time,
    UnitName,
    Zone,
    buckets_of,
    shown,
    unit_of,
    zone_named,
)
from .documented import documented, query_of
from .json_body import json_answer
from .problem import FieldError
from .request import cloud_of, unix_now
from .series import SeriesAnswer
from .signed import id_in

log = logging.getLogger(__name__)

ELECTRICITY = "electricity"
LONGEST = 12 * 366 * 86400
"""Seconds of a profile that are told at once."""
_NAMES = f"^({'|'.join(PROFILES)})$"

ProfileName = Annotated[str, Meta(pattern=_NAMES)]
Annual = Annotated[float, Meta(gt=0, le=1_000_000, description="kWh of a year")]


class ProfileView(msgspec.Struct, frozen=True):
    """The name of a profile, and what it is of."""

    profile: str
    of: str


class ProfilesAnswer(msgspec.Struct, frozen=True):
    """The profiles, the newest first."""

    profiles: list[ProfileView]


class ProfileSeriesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """As of series, with the profiles' names in place of sensors. `annual` is the kWh of a calendar year."""

    profile: Annotated[list[ProfileName], Meta(min_length=1, max_length=len(PROFILES))]
    start: Time
    end: Time | None = None
    resolution: Resolution = "day"
    zone: Zone | None = None
    unit: UnitName | None = None
    annual: Annual = 1000.0


class ProfileBenchmarkQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is compared. Without `annual` the profile is made as large as the use, and the shape is compared."""

    profile: ProfileName
    start: Time
    end: Time | None = None
    resolution: Resolution = "day"
    zone: Zone | None = None
    annual: Annual | None = None


class ProfileBenchmarkAnswer(msgspec.Struct, frozen=True):
    """A sensor's use in Wh beside what a profile of `annual` kWh a year expects; null in buckets that are not compared.

    `annual` is null where there was nothing to make the profile as large as. `used` and `expected` are of all buckets
    that are compared, `ratio` is one to the other. `elsewhere`, from 0 to 1, is the share of the use that falls into
    other buckets than the profile's.
    """

    sensor: str
    profile: str
    annual: float | None
    zone: str
    resolution: str
    time: list[int]
    end: int
    flowed: list[float | None]
    profile_flowed: list[float | None]
    coverage: list[float]
    used: float | None
    expected: float | None
    ratio: float | None
    elsewhere: float | None


@documented("GET", "Standard load profiles of electricity", answer=ProfilesAnswer, public=True)
async def get_profiles(request: Request) -> Response:  # noqa: ARG001 - it is the same for everybody
    """The profiles that there are."""
    answer = json_answer(ProfilesAnswer([ProfileView(*one) for one in PROFILES.items()]))
    answer.headers["Cache-Control"] = "no-cache"
    return answer


@documented("GET", "Series of standard load profiles", query=ProfileSeriesQuery, answer=SeriesAnswer, refuses=(501,))
async def get_profile_series(request: Request) -> Response:
    """Profiles as if they were sensors; money is by the account's tariffs."""
    query = query_of(request, ProfileSeriesQuery)
    viewer = await viewer_of(request)
    if viewer.device is not None:
        raise refused()
    home = await _home(request, viewer)
    zone = home if query.zone is None else zone_named(query.zone)
    wanted, unit = list(dict.fromkeys(query.profile)), unit_of(query.unit, ELECTRICITY)
    buckets = _buckets(query, zone, MOST_BUCKETS // len(wanted))
    store, spans, series = cloud_of(request).store, buckets.spans, []
    for name in wanted:
        read = partial(_columns, request, name, query.annual * 1000, zone)
        found = await in_unit(read, store, ELECTRICITY, buckets.edges, unit, account=viewer.account, zone=home)
        series.append(told((name, ELECTRICITY), unit, spans, found))
    return json_answer(SeriesAnswer(zone.key, query.resolution, [a for a, _ in spans], spans[-1][1], series))


@documented(
    "GET",
    "A sensor's use beside a standard load profile",
    query=ProfileBenchmarkQuery,
    answer=ProfileBenchmarkAnswer,
    refuses=(403, 501),
)
async def get_profile_benchmark(request: Request) -> Response:
    """The use in buckets and in all, and what a profile expects."""
    query = query_of(request, ProfileBenchmarkQuery)
    viewer = await viewer_of(request)
    seen = await seen_by(request, viewer, id_in(request, "sensor"))
    if seen.sensor.type != ELECTRICITY:
        raise FieldError("profile", "profiles are of electricity, and this sensor is not")
    zone = await _home(request, viewer) if query.zone is None else zone_named(query.zone)
    buckets = _buckets(query, zone, MOST_BUCKETS)
    spans, mask = buckets.spans, shown(seen, buckets, unix_now())
    own = told(
        (seen.sensor.id, ELECTRICITY),
        unit_of(None, ELECTRICITY),
        spans,
        await cloud_of(request).store.columns(seen.sensor, buckets.edges),
        mask,
    )
    annual = 1.0 if query.annual is None else query.annual
    profile = await _columns(request, query.profile, annual * 1000, zone, buckets.edges)
    expected = [value or 0.0 for value in profile.flowed]
    compared, likeness = compare(own.flowed, own.coverage, expected, scale=query.annual is None)
    factor = 1.0 if likeness is None else likeness.factor
    known = query.annual is not None or likeness is not None
    return json_answer(
        ProfileBenchmarkAnswer(
            sensor=seen.sensor.id,
            profile=query.profile,
            annual=round(annual * factor, 3) if known else None,
            zone=zone.key,
            resolution=query.resolution,
            time=[start for start, _ in spans],
            end=spans[-1][1],
            flowed=[value if is_in else None for value, is_in in zip(own.flowed, compared, strict=True)],
            profile_flowed=[
                round(value * factor, 3) if is_in else None for value, is_in in zip(expected, compared, strict=True)
            ],
            coverage=own.coverage,
            used=None if likeness is None else round(likeness.used, 3),
            expected=None if likeness is None else round(likeness.expected, 3),
            ratio=None if likeness is None or not likeness.expected else round(likeness.used / likeness.expected, 4),
            elsewhere=None if likeness is None or likeness.elsewhere is None else round(likeness.elsewhere, 4),
        )
    )


async def _home(request: Request, viewer: Viewer) -> ZoneInfo:
    return ZoneInfo((await cloud_of(request).store.account_number(viewer.account)).time_zone)


def _buckets(query: ProfileSeriesQuery | ProfileBenchmarkQuery, zone: ZoneInfo, most: int) -> Buckets:
    end = unix_now() if query.end is None else query.end
    if end - query.start > LONGEST:
        raise FieldError("start", f"a profile is told for {LONGEST // 366 // 86400} years at most")
    return buckets_of(query.start, end, query.resolution, zone, most=most)


async def _columns(request: Request, name: str, annual: float, zone: ZoneInfo, edges: Sequence[int]) -> Columns:
    """Return the columns of a profile of `annual` Wh a year."""
    try:
        shares = await cloud_of(request).profiles.shares(name, years_of(edges))
    except TablesError as error:
        log.error("cannot make the standard load profiles: %s", error)  # noqa: TRY400 - the program's words are enough
        raise HTTPException(503, "cannot make the profiles now, ask again\n", {"Retry-After": "60"}) from None
    return await run_in_threadpool(columns, shares, annual, edges, zone)


routes: list[BaseRoute] = [
    Route("/api/v2/profiles", get_profiles, methods=["GET"]),
    Route("/api/v2/profiles/series", get_profile_series, methods=["GET"]),
    Route("/api/v2/sensors/{sensor}/benchmark", get_profile_benchmark, methods=["GET"]),
]
