"""Storage: one protocol, and SQLite behind it. Storage knows no HTTP.

Every key and every WHERE on samples carries the sensor, and no transaction on the way in crosses sensors, so that an
engine which shards by sensor can take SQLite's place.

A second engine is a class with the methods of `Store`, in a module of its own here. It uses the values of `model` and
the numbers of `limits`, and nothing of the modules that speak SQL. Its opener becomes a line of `ENGINES` in
tests/cloud/store_contract/engines.py: then the whole suite there runs against it too, and what passes may take
SQLite's place where `SqliteStore.open` is called. A method that is added to `Store` needs a test in that suite, or the
suite fails. `check`, `backup` and `restore` are the engine's own: they read its files.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Protocol

from flukso_cloud.columns import Columns
from flukso_cloud.meter import Sample
from flukso_cloud.series import Break, Neighbours
from flukso_cloud.tariffs import Currency, Kind, Tariff
from flukso_cloud.tmpo import Place

from .model import (
    FORGET,
    RELEASE,
    Account,
    AccountExistsError,
    Appended,
    Asked,
    Claim,
    Comparable,
    Compared,
    Device,
    Folded,
    GoneError,
    Group,
    Heartbeat,
    NamedToken,
    Ownership,
    Plan,
    Retention,
    Retired,
    Revoked,
    Sensor,
    SensorConfig,
    SensorGoneError,
    SensorPlan,
    Share,
    StoreUnavailableError,
    Subscription,
    Token,
    Wiring,
)

__all__ = [
    "FORGET",
    "RELEASE",
    "Account",
    "AccountExistsError",
    "Appended",
    "Asked",
    "Claim",
    "Comparable",
    "Compared",
    "Device",
    "Folded",
    "GoneError",
    "Group",
    "Heartbeat",
    "NamedToken",
    "Ownership",
    "Plan",
    "Retention",
    "Retired",
    "Revoked",
    "Sensor",
    "SensorConfig",
    "SensorGoneError",
    "SensorPlan",
    "Share",
    "Store",
    "StoreUnavailableError",
    "Subscription",
    "Token",
    "Wiring",
]


class Store(Protocol):
    """What the cloud needs from an engine.

    Writes return after commit, and raise StoreUnavailableError if nothing was kept, as after `close`. Each is done
    whole or not at all, and those of callers at the same time one after the other. Times are unix seconds. Secrets
    arrive here only hashed or encrypted.

    Devices, sensors, accounts and groups have numbers, which are never given again. What names one that is not there
    (any more) by its number finds nothing; a write that would give it something raises GoneError, also for an account
    that is shut, and to take something away from it does nothing. How much there may be of something is in `limits`.
    """

    async def close(self) -> None:
        """Finish what waits, then let go of the database."""

    async def ready(self) -> None:
        """Commit a trifle, to find out whether that can be done."""

    # devices
    async def device(self, device_id: str) -> Device | None:
        """Return the device of that id."""

    async def device_number(self, number: int) -> Device:
        """Return the device of that number; GoneError, a LookupError, if there is none."""

    async def register(self, device_id: str, sealed_key: bytes, claim: bytes, now: int) -> Device:
        """Add a device, or return the one that has this id already. `claim` is the hash of its claim code."""

    async def heartbeat(self, device: int, beat: Heartbeat, sensors: Sequence[SensorPlan]) -> list[str]:
        """Note a sign of life, add and update the device's sensors.

        Return the ids that belong to another device, or are too many.
        """

    async def newest_sign_of_life(self) -> int:
        """Return when a device was last heard of; 0 if there is none."""

    async def sensor(self, sensor_id: str) -> Sensor | None:
        """Return the sensor of that id."""

    async def configure(self, sensor: int, config: SensorConfig) -> None:
        """Replace a sensor's parameters; SensorGoneError if it was deleted meanwhile.

        Type, class and function stay as they are where they are left out.
        """

    async def wirings(self, sensors: Sequence[int]) -> dict[int, Wiring]:
        """Return how each of these sensors that was ever configured is connected."""

    async def order_upgrade(self, device: int, version: int) -> None:
        """Let the next heartbeat of a device be answered with this version; 0 takes the order back."""

    async def take_upgrade(self, device: int) -> int:
        """Return the version that a device is to be told, 0 if none, and forget it."""

    async def devices(self) -> list[tuple[Device, list[str]]]:
        """Return all devices with the ids of their sensors, oldest first."""

    async def sensors_of(self, device_id: str) -> list[Sensor]:
        """Return the sensors of the device of that id, oldest first."""

    async def census(self) -> tuple[int, ...]:
        """Return numbers that change when a device or a sensor comes or goes."""

    async def streams(self, account: int) -> list[tuple[Device, list[Sensor]]]:
        """Return an account's devices with their sensors, oldest first."""

    async def claim(self, claim: bytes, account: int) -> Claim:
        """Give the unclaimed device whose claim code has this hash to an account.

        "taken" if it has been claimed; "unknown" if there is none, or it is about to leave, or there are two.
        """

    # samples
    async def append(self, sensor: Sensor, samples: Iterable[Sample], now: int) -> Appended:
        """Store samples in any order; the same again changes nothing, another counter at the same time replaces.

        SensorGoneError if the sensor was deleted meanwhile.
        """

    async def newest(self, sensors: Sequence[int]) -> dict[int, Sample]:
        """Return the newest sample of each sensor that has one."""

    async def neighbours(self, sensor: int, times: Sequence[int]) -> dict[int, Neighbours]:
        """Return the samples around each of `times`."""

    async def breaks(self, sensor: int, start: int, end: int) -> list[Break]:
        """Return the breaks that end in (start, end], in order of time."""

    # tmpo blocks
    async def keep_block(self, sensor: int, place: Place, data: bytes) -> bool:
        """Keep a block and delete those within its span; False, and nothing changes, if what it spans is there.

        SensorGoneError if the sensor was deleted meanwhile.
        """

    async def has_block(self, sensor: int, place: Place) -> bool:
        """Tell whether this very block is there, or one that spans it."""

    async def block(self, sensor: int, place: Place) -> bytes | None:
        """Return a block's bytes as they came."""

    async def blocks(self, sensor: int, rid: int) -> list[Place]:
        """Return the places of blocks from a recycle id on: by recycle id, the largest first, in order of time."""

    async def last_block(self, sensor: int) -> Place | None:
        """Return the place of the block that reaches furthest."""

    async def columns(self, sensor: Sensor, edges: Sequence[int]) -> Columns:
        """Return the statistics between each two neighbours of `edges` (ascending unix seconds)."""

    async def samples(self, sensor: Sensor, start: int, end: int, most: int) -> list[Sample]:
        """Return the samples with start <= time < end, in order of time, the first `most` of them."""

    async def fingerprint(self, sensor: Sensor, start: int, end: int) -> bytes:
        """Return a digest of the samples with start <= time < end: while it is the same, so are they."""

    async def delete(self, sensor: Sensor, start: int, end: int) -> int:
        """Forget the samples with start <= time < end, and the blocks that reach into it; return how many samples."""

    async def replace(self, sensor: Sensor, start: int, end: int, samples: Iterable[Sample]) -> int:
        """Put these samples, all with start <= time < end, in the place of those; return how many those were.

        Blocks that reach into it are forgotten. SensorGoneError if the sensor was deleted meanwhile.
        """

    async def fold(self, now: int, sensor: int) -> Folded:
        """Put some samples of days that are over into a form that takes less room, of sensors from this number on.

        It takes a few milliseconds. What is read is the same before and after, but for sensors that are of another
        class since: what their samples mean is told anew.
        """

    async def retention(self, sensor: int) -> Retention:
        """Return for how long a sensor's samples and hours are kept, by its owner's choice."""

    async def keep_for(self, sensor: int, wanted: Retention) -> None:
        """Choose for how long; what is gone stays gone. SensorGoneError if the sensor was deleted meanwhile."""

    async def kept_from(self, sensor: int) -> int:
        """Return the time (unix seconds) before which a sensor takes no samples, as those are kept no longer."""

    async def retire(self, now: int, most: Retention, sensor: int) -> Retired:
        """Let go what is kept longer than chosen, or than `most`, of sensors from this number on; some milliseconds.

        What has not been folded stays, and a sensor's newest sample. Hours may go a month at a time.
        """

    async def shrink(self) -> bool:
        """Give room that is no longer needed back, a little; tell whether there is more."""

    # people
    async def add_account(self, name: str, password_hash: str, time_zone: str, now: int) -> Account:
        """Add an account; AccountExistsError if the name is taken, in whatever case."""

    async def account(self, name: str) -> Account | None:
        """Return the account of that name, in whatever case."""

    async def account_number(self, number: int) -> Account:
        """Return the account of that number; GoneError, a LookupError, if there is none."""

    async def replace_password(self, account: int, password_hash: str) -> None:
        """Store a new hash of an account's password."""

    async def open_session(self, session: bytes, account: int, now: int, expires: int) -> None:
        """Store the hash of a new session, and forget those that have expired."""

    async def session(self, session: bytes, now: int) -> Account | None:
        """Return whose session this is, None if it is unknown or has expired."""

    async def close_session(self, session: bytes) -> None:
        """Forget a session."""

    async def replace_token(
        self, token: bytes, account: int, sensor: int | None, now: int, device: int | None = None
    ) -> None:
        """Store the hash of a token in place of the one this account (or this sensor, or this device) had.

        GoneError if the device is not the account's.
        """

    async def token(self, token: bytes, now: int) -> Token | None:
        """Return what a token opens, None if it is unknown or has expired."""

    async def add_token(self, token: bytes, account: int, made: NamedToken) -> bool:
        """Store the hash of a token with a name; False if its sensors are not all the account's, or it has too many."""

    async def named_tokens(self, account: int) -> list[NamedToken]:
        """Return the tokens with a name of an account, oldest first; those that have expired too."""

    async def note_token_use(self, token: bytes, day: int) -> None:
        """Note the UTC day (since 1970) that a token was used."""

    async def revoke_token(self, account: int, token_id: str) -> bool:
        """Forget a token with a name; False if the account has none of that id."""

    # peers
    async def replace_shares(self, sensor: int, plans: Sequence[Plan], now: int) -> None:
        """Share a sensor with these, and nobody else.

        Who could hear it already without the past, and no less finely, keeps what came since then.
        """

    async def shares(self, sensor: int) -> list[Share]:
        """Return whom a sensor is shared with: everyone first, then people by name, then groups."""

    async def ownership(self, account: int, sensor: int) -> Ownership:
        """Return whose a sensor is, and what of it is granted to an account that has subscribed."""

    async def subscribe(self, account: int, sensor: int, now: int) -> bool:
        """Subscribe an account to a sensor that is shared with it; False if it is not."""

    async def unsubscribe(self, account: int, sensor: int) -> bool:
        """End a subscription; False if there is none."""

    async def subscriptions(self, account: int) -> list[Subscription]:
        """Return what an account is subscribed to and may hear."""

    async def offers(self, account: int, owner: str | None = None) -> list[Subscription]:
        """Return what is shared with an account that has not subscribed to it, by anybody or the owner of that name."""

    async def subscribers(self, sensors: Sequence[int]) -> set[int]:
        """Return the accounts that are subscribed to any of some sensors."""

    async def accounts(self) -> list[tuple[Account, int, int]]:
        """Return all accounts by name, each with when it was made (unix seconds) and how many devices it has."""

    async def rename_account(self, account: int, name: str) -> None:
        """Give an account another name; AccountExistsError if it is taken by another."""

    async def describe_account(self, account: int, time_zone: str, persons: float | None, area: float | None) -> None:
        """Store an account's time zone, and how many people and square metres its home has."""

    async def close_sessions(self, account: int) -> None:
        """Log an account out everywhere."""

    # groups
    async def add_group(self, group_id: str, name: str, founder: int, now: int) -> Group:
        """Add a group with its founder as its only member."""

    async def groups_of(self, account: int) -> list[Group]:
        """Return the groups an account is a member of, or invited to by people it has not blocked, oldest first."""

    async def rename_group(self, group: int, name: str) -> None:
        """Give a group another name."""

    async def invite(self, group: int, account: int, now: int) -> bool:
        """Invite an account, which changes nothing for who is invited already; False if the group is full."""

    async def accept(self, group: int, account: int, now: int) -> None:
        """Make a member of who is invited."""

    async def leave_group(self, group: int, account: int) -> None:
        """End a membership or an invitation, and what the account shares with the group.

        Of a founder who leaves the one who is a member longest takes the place; a group without members is deleted.
        """

    async def delete_group(self, group: int) -> None:
        """Delete a group, and all that is shared with it."""

    # requests and blocks
    async def ask(self, asked: Asked) -> bool:
        """Note a request, in place of one that waits for the same owner; False if too many wait."""

    async def requests(self, account: int) -> list[Asked]:
        """Return the requests of an account and those to it, oldest first; not those of people it has blocked."""

    async def delete_request(self, request_id: str) -> None:
        """Forget a request: it was answered or taken back."""

    async def block_account(self, account: int, other: int) -> None:
        """Let nothing pass between two accounts any more; subscriptions to each other end."""

    async def unblock_account(self, account: int, other: int) -> None:
        """Take a block back. Subscriptions have to be made anew."""

    async def blocked_accounts(self, account: int) -> list[str]:
        """Return the names of those an account has blocked."""

    # devices that leave, accounts that close: see store/forgetting.py for the order
    async def mark_leaving(self, device: int, how: str, now: int) -> None:
        """Take a device from its owner: nobody sees it or can claim it; then it is released, or forgotten."""

    async def mark_expired(self, before: int, now: int) -> None:
        """Let devices leave for good that nobody has claimed, and that registered or were released before `before`."""

    async def leaving(self) -> list[tuple[Device, list[Sensor]]]:
        """Return the devices that are about to leave, with their sensors."""

    async def forget_readings(self, sensor: int) -> None:
        """Delete all that is kept of a sensor but the sensor itself."""

    async def finish_leaving(self, device: int) -> None:
        """Let a released device be claimed again, or delete a device and its sensors."""

    async def close_account(self, account: int, now: int) -> None:
        """Shut an account: nobody gets in, nothing of it is shared, its devices are about to leave."""

    async def note_revoked(self, accounts: Iterable[int], streams: Iterable[str], now: int) -> None:
        """Tell other processes whose live streams may have to end, and of which sensors (ids) nothing is to be told."""

    async def revoked(self, number: int) -> Revoked:
        """Return what was noted so after `number`, in the last hour."""

    async def closing(self) -> list[int]:
        """Return the accounts that are about to go."""

    async def finish_closing(self, account: int) -> None:
        """Delete an account that is shut."""

    async def grant(self, request_id: str, asker: int, plans: Sequence[tuple[int, Plan]], now: int) -> None:
        """Share sensors with who has asked, subscribe him to them, and forget the request."""

    async def comparable(self, group: int, kind: str) -> list[Comparable]:
        """Return the sensors of a type that members of a group share with it."""

    async def compared(self, group: int, kind: str, per: str, start: int, end: int) -> Compared | None:
        """Return what was told of a group's homes in a period."""

    async def keep_compared(
        self, group: int, kind: str, per: str, start: int, end: int, homes: int, percentiles: Sequence[float]
    ) -> Compared:
        """Keep what is told of a period, unless something was told already; return what was told first."""

    # tariffs
    async def tariffs(self, account: int) -> list[Tariff]:
        """Return an account's tariffs, by kind, currency and day."""

    async def put_tariff(self, account: int, tariff: Tariff) -> bool:
        """Keep a tariff in place of the one from the same day; False if there are too many."""

    async def drop_tariff(self, account: int, kind: Kind, currency: Currency, valid_from: date) -> bool:
        """Forget the tariff from a day; False if there is none."""

    async def prices(
        self, account: int, kind: Kind, currency: Currency, start: int, end: int
    ) -> list[tuple[int, float]]:
        """Return the prices that hold somewhere in [start, end): (unix seconds from which on, price), in order.

        Each holds until the next, for HELD seconds at most.
        """

    async def replace_prices(
        self, account: int, kind: Kind, currency: Currency, span: tuple[int, int], series: Iterable[tuple[int, float]]
    ) -> None:
        """Keep a series of prices in place of those in the span [start, end)."""
