"""What the store keeps, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from flukso_cloud.meter import Meter


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
    """A person. `time_zone` is an IANA name."""

    number: int
    name: str
    password_hash: str = field(repr=False)
    time_zone: str


@dataclass(frozen=True, slots=True)
class Token:
    """What a token opens: all streams of an account, one sensor, or the account's subscriptions for one device."""

    account: int
    sensor: int | None
    device: int | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """Whom a sensor is shared with: an account's name, or None for everyone; `resolution` in s, 0 is live."""

    account: str | None
    resolution: int


@dataclass(frozen=True, slots=True)
class Subscription:
    """Somebody else's sensor that an account listens to; `owner` is a name, `resolution` in s, 0 is live."""

    sensor: Sensor
    owner: str
    resolution: int


class Appended(NamedTuple):
    """What an upload changed: samples that are new or corrected, and those that were there already."""

    stored: int
    known: int


class Folded(NamedTuple):
    """What a slice of folding has done: how many samples, and the sensor's number to go on with (None: all is done)."""

    samples: int
    next_sensor: int | None


class StoreUnavailableError(Exception):
    """The store cannot write now (disk full, locked, overloaded). Nothing of the request was kept; try again later."""


class AccountExistsError(Exception):
    """An account of that name exists already."""


class Claim(NamedTuple):
    """The outcome of a claim: "ok", "unknown" or "taken", and the id of the device that was claimed."""

    outcome: str
    device: str | None = None
