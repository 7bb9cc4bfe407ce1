"""What the store keeps, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from flukso_cloud.access import Grant
from flukso_cloud.meter import Meter

RELEASE, FORGET = "release", "forget"
"""How a device leaves: without its owner and readings, or altogether."""


@dataclass(frozen=True, slots=True)
class Device:
    """A Fluksometer. `sealed_key` is its key, encrypted; `account` the number of its owner, None while unclaimed.

    `heartbeat` is when the last one came in unix seconds, None before the first; `version`, `uptime` in s, `ip` and
    `port` are what it told. `resets` counts restarts. `upgrade` is the version that it is to be told next, or 0.
    """

    number: int
    id: str
    sealed_key: bytes
    account: int | None
    created: int
    last_seen: int
    heartbeat: int | None = None
    resets: int = 0
    version: int | None = None
    uptime: int | None = None
    ip: str | None = None
    port: str | None = None
    upgrade: int = 0


@dataclass(frozen=True, slots=True)
class Sensor:
    """One measured stream of a device."""

    number: int
    id: str
    device: int
    type: str
    class_: str
    function: str
    voltage: float | None
    current: float | None
    phase: int | None
    constant: float | None
    enabled: int
    created: int

    @property
    def meter(self) -> Meter:
        """How its counter behaves."""
        return Meter.of_class(self.class_)


@dataclass(frozen=True, slots=True)
class SensorPlan:
    """What a device says about one of its sensors."""

    id: str
    type: str
    class_: str
    function: str


@dataclass(frozen=True, slots=True)
class SensorConfig:
    """The parameters of section 2.4, and from `port` on those of section 3.4; those left out are stored as NULL.

    `time` is when they were told, in unix seconds.
    """

    type: str | None = None
    class_: str | None = None
    function: str | None = None
    voltage: float | None = None
    current: float | None = None
    phase: int | None = None
    constant: float | None = None
    enabled: int = 1
    port: int | None = None
    subtype: str | None = None
    kid: int | None = None
    data_type: str | None = None
    time: int = 0


@dataclass(frozen=True, slots=True)
class Wiring:
    """Where a sensor is connected and what it tells, as its configuration said at `time` (unix seconds)."""

    time: int
    port: int | None
    subtype: str | None
    kid: int | None
    data_type: str | None


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What a device says about itself. `reset` is added to its count of restarts."""

    time: int
    reset: int = 0
    version: int | None = None
    uptime: int | None = None
    ip: str | None = None
    port: str | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """A person. `time_zone` is an IANA name; `persons` and `area` (m2) are those of the home, None if not told."""

    number: int
    name: str
    password_hash: str = field(repr=False)
    time_zone: str
    persons: float | None = None
    area: float | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """What a token opens: an account's streams, or those of some sensors; or for a device, what its owner hears.

    Readings are seen at `resolution` seconds or coarser, 0: every one. `used` is the UTC day (since 1970) it was last
    used, None if never.
    """

    account: int
    sensors: frozenset[int] | None
    device: int | None = None
    writes: bool = False
    resolution: int = 0
    used: int | None = None


@dataclass(frozen=True, slots=True)
class NamedToken:
    """A token that somebody made for himself and may revoke by its `id`.

    `sensors` are ids, None for all of the account; `expires` and `created` unix seconds; `used` as in Token.
    """

    id: str
    name: str
    sensors: list[str] | None
    writes: bool
    resolution: int
    expires: int | None
    created: int
    used: int | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """Whom a sensor is shared with: an account's name, a group's id, or everyone, if both are None.

    `resolution` is in s, 0: live. `since` is from when on it may be seen, unix seconds, 0: all the past.
    """

    account: str | None
    group: str | None
    resolution: int
    since: int


@dataclass(frozen=True, slots=True)
class Plan:
    """A share that is wanted: numbers of an account or a group, None and None for everyone; with the past, or not."""

    account: int | None
    group: int | None
    resolution: int
    past: bool = False


@dataclass(frozen=True, slots=True)
class Subscription:
    """Somebody else's sensor that an account listens to, or might: what of it its owner, a name, has granted."""

    sensor: Sensor
    owner: str
    grants: tuple[Grant, ...]

    @property
    def resolution(self) -> int:
        """The finest resolution in s, 0 is live."""
        return min(grant.resolution for grant in self.grants)


@dataclass(frozen=True, slots=True)
class Ownership:
    """Whose a sensor is (None: nobody's yet), and what its owner has granted to an account that has subscribed."""

    owner: int | None
    grants: tuple[Grant, ...]


class Member(NamedTuple):
    """Somebody in a group, an account's number and name; `accepted` is false while only invited."""

    account: int
    name: str
    accepted: bool


@dataclass(frozen=True, slots=True)
class Group:
    """People who share with each other. `founder` is an account's number; members in the order they came."""

    number: int
    id: str
    name: str
    founder: int
    members: list[Member]

    def is_member(self, account: int) -> bool:
        """Tell whether an account has accepted."""
        return any(member.account == account and member.accepted for member in self.members)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of one account to see sensors of another; both by number and name. `created` in unix seconds."""

    id: str
    asker: int
    asker_name: str
    owner: int
    owner_name: str
    message: str
    created: int


@dataclass(frozen=True, slots=True)
class Comparable:
    """A sensor that an account (its number) shares with a group; `persons` and `area` (m2) of its home, if told."""

    account: int
    sensor: Sensor
    persons: float | None
    area: float | None
    grant: Grant


@dataclass(frozen=True, slots=True)
class Compared:
    """How many homes were compared, and the percentiles 10, 25, 50, 75 and 90 of their daily use, in Wh or L."""

    homes: int
    percentiles: list[float]


class Appended(NamedTuple):
    """What an upload changed: samples that are new or corrected, those that were there already, and those too old."""

    stored: int
    known: int
    past: int = 0


class Retention(NamedTuple):
    """For how many days a sensor's samples are kept, and its hours, which are summed up from them; 0 is for ever."""

    samples_days: int = 0
    hours_days: int = 0

    def within(self, other: Retention) -> Retention:
        """Return what holds where both do: the shorter time of each, and no sample longer than its hour."""
        hours = _shorter(self.hours_days, other.hours_days)
        return Retention(_shorter(_shorter(self.samples_days, other.samples_days), hours), hours)


def _shorter(one: int, other: int) -> int:
    return min(one, other) if one and other else one or other


class Retired(NamedTuple):
    """What a slice of retiring has done: days of samples let go, and the sensor's number to go on with (None: done)."""

    days: int
    next_sensor: int | None


class Folded(NamedTuple):
    """What a slice of folding has done: how many samples, and the sensor's number to go on with (None: all is done)."""

    samples: int
    next_sensor: int | None


class Revoked(NamedTuple):
    """What was taken back, up to `number`: accounts whose live streams may have to end, sensors that are gone."""

    number: int
    accounts: frozenset[int]
    streams: frozenset[str]


class StoreUnavailableError(Exception):
    """The store cannot write now (disk full, locked, overloaded). Nothing of the request was kept; try again later."""


class GoneError(LookupError):
    """What was named by its number is not there, or not any more; or it is an account that is shut."""


class SensorGoneError(GoneError):
    """The sensor of that number was deleted meanwhile."""


class AccountExistsError(Exception):
    """An account of that name exists already."""


class Claim(NamedTuple):
    """The outcome of a claim: "ok", "unknown" or "taken", and the id of the device that was claimed."""

    outcome: str
    device: str | None = None
