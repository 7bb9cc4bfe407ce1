"""The store on SQLite: one writing thread with group commit, a few reading ones, write-ahead log, full durability."""

from __future__ import annotations

import asyncio
import operator
import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date
from functools import partial
from pathlib import Path
from typing import TypeVar

from sqlite_utils import Database

from flukso_cloud.columns import Columns
from flukso_cloud.meter import Sample
from flukso_cloud.series import Break, Neighbours
from flukso_cloud.tariffs import Currency, Kind, Tariff
from flukso_cloud.tmpo import Place

from . import (
    benchmarks,
    blocks,
    chunks,
    fingerprints,
    forgetting,
    groups,
    journal,
    people,
    reclassified,
    registry,
    requests,
    retention,
    revocations,
    room,
    samples,
    sharing,
    statistics,
    tariffs,
    tokens,
)
from .chunks import DAY
from .model import (
    Account,
    Appended,
    Asked,
    Claim,
    Comparable,
    Compared,
    Device,
    Folded,
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
from .presence import check_sensor
from .schema import migrations
from .writer import Writer

T = TypeVar("T")

READERS = 2
"""Threads for short reads, and as many again for series, so that a long chart holds up no device."""
BUSY_MS = 3000
_IS_THERE = "SELECT 1 FROM devices WHERE number = ?"
_LAST_SEEN = "UPDATE devices SET last_seen = ? WHERE number = ? AND last_seen < ?"


def _ascends(batch: Sequence[Sample]) -> bool:
    times = [sample.time for sample in batch]
    return all(map(operator.lt, times, times[1:]))


def _connect(path: Path, *, read_only: bool = False) -> Database:
    conn = sqlite3.connect(path, check_same_thread=False, cached_statements=256)
    conn.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
    conn.execute("PRAGMA synchronous = FULL")
    conn.execute("PRAGMA foreign_keys = ON")
    conn.execute("PRAGMA cache_size = -16384")
    if read_only:
        conn.execute("PRAGMA query_only = ON")
    return Database(conn, execute_plugins=False)


def _of_one_moment(db: Database, work: Callable[[Database], T]) -> T:
    """Read, all of one moment: between two statements a day may be folded otherwise."""
    db.conn.execute("BEGIN")
    try:
        return work(db)
    finally:
        db.conn.execute("ROLLBACK")


class SqliteStore:
    """One database file. Make it with `open`; every method is a coroutine of the running event loop."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._connections: list[Database] = []
        self._readers = self._threads("store-reader")
        self._series = self._threads("store-series")
        self._writer = Writer(partial(_connect, path))
        db = _connect(path, read_only=True)
        self._journal = journal.Journal(self._writer, journal.waiting(db.conn))
        db.execute("PRAGMA busy_timeout = 0")
        self._lookups = db
        self._heads: dict[int, int] = {}  # newest time of sensors that sent; only what is later is surely news

    @classmethod
    def open(cls, path: Path) -> SqliteStore:
        """Open the database (made if absent, for its owner only), bring its tables up to date, start the threads.

        StoreUnavailableError if that is not possible.
        """
        try:
            path.touch(mode=0o600, exist_ok=True)
            db = _connect(path)
            try:
                room.prepare(db.conn, path)
                db.conn.execute("PRAGMA journal_mode = WAL").fetchall()
                migrations.apply(db)
            finally:
                db.close()
        except (OSError, sqlite3.Error) as error:
            raise StoreUnavailableError(f"{path}: {error}") from error
        return cls(path)

    def _threads(self, name: str) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(READERS, thread_name_prefix=name, initializer=self._open_reader)

    def _open_reader(self) -> None:
        self._local.db = _connect(self._path, read_only=True)
        self._connections.append(self._local.db)

    async def _look_up(self, work: Callable[[Database], T]) -> T:
        """Read a row or two by their key, at once: that takes less than it takes to wake a thread."""
        try:
            return _of_one_moment(self._lookups, work)
        except sqlite3.OperationalError:
            return await self._read(work)  # it waits for what is locked

    async def _read(self, work: Callable[[Database], T], threads: ThreadPoolExecutor | None = None) -> T:
        """Read in a thread."""

        def read() -> T:
            return _of_one_moment(self._local.db, work)

        try:
            return await asyncio.get_running_loop().run_in_executor(threads or self._readers, read)
        except sqlite3.OperationalError as error:
            raise StoreUnavailableError(str(error)) from error

    async def _settle_to_read(self, sensors: Iterable[int]) -> None:
        """Sort in what came of these sensors. If nothing can be written now, what came last is missing from the answer.

        What has been measured until then is still there to be read, which is better than no answer.
        """
        with suppress(StoreUnavailableError):
            await self._journal.settle(sensors)

    async def _write(self, work: Callable[[Database], T]) -> T:
        return await self._writer.submit(work)

    async def close(self) -> None:
        """Commit what waits, then end the threads."""
        await self._journal.close()
        await asyncio.to_thread(self._writer.close)
        for threads in (self._readers, self._series):
            await asyncio.to_thread(threads.shutdown)
        for db in (*self._connections, self._lookups):
            db.close()

    async def ready(self) -> None:
        """See Store. A version that is set writes the first page, also if it stays the same."""

        def work(db: Database) -> None:
            version = db.conn.execute("PRAGMA user_version").fetchone()[0]
            db.conn.execute(f"PRAGMA user_version = {version}")

        await self._write(work)

    async def device(self, device_id: str) -> Device | None:
        """See Store."""
        return await self._look_up(lambda db: registry.device(db, device_id))

    async def device_number(self, number: int) -> Device:
        """See Store."""
        return await self._look_up(lambda db: registry.device_number(db, number))

    async def register(self, device_id: str, sealed_key: bytes, claim: bytes, now: int) -> Device:
        """See Store."""
        return await self._write(lambda db: registry.register(db, device_id, sealed_key, claim, now))

    async def heartbeat(self, device: int, beat: Heartbeat, sensors: Sequence[SensorPlan]) -> list[str]:
        """See Store."""
        return await self._write(lambda db: registry.heartbeat(db, device, beat, sensors))

    async def newest_sign_of_life(self) -> int:
        """See Store."""
        return await self._read(registry.newest_sign_of_life)

    async def sensor(self, sensor_id: str) -> Sensor | None:
        """See Store. Its newest sample is looked up along with it: most who ask for a sensor are about to append."""

        def work(db: Database) -> tuple[Sensor | None, Sample | None]:
            found = registry.sensor(db, sensor_id)
            return found, None if found is None else samples.newest(db.conn, found.number)

        found, newest = await self._look_up(work)
        if found is not None:
            self._heads.setdefault(found.number, 0 if newest is None else newest.time)
        return found

    async def configure(self, sensor: int, config: SensorConfig) -> None:
        """See Store."""
        await self._write(lambda db: registry.configure(db, sensor, config))

    async def wirings(self, sensors: Sequence[int]) -> dict[int, Wiring]:
        """See Store."""
        return await self._read(lambda db: registry.wirings(db, sensors))

    async def order_upgrade(self, device: int, version: int) -> None:
        """See Store."""
        await self._write(lambda db: registry.order_upgrade(db, device, version))

    async def take_upgrade(self, device: int) -> int:
        """See Store."""
        return await self._write(lambda db: registry.take_upgrade(db, device))

    async def devices(self) -> list[tuple[Device, list[str]]]:
        """See Store."""
        return await self._read(registry.devices)

    async def sensors_of(self, device_id: str) -> list[Sensor]:
        """See Store."""
        return await self._read(lambda db: registry.sensors_of(db, device_id))

    async def census(self) -> tuple[int, ...]:
        """See Store."""
        return await self._read(registry.census)

    async def streams(self, account: int) -> list[tuple[Device, list[Sensor]]]:
        """See Store."""
        return await self._read(lambda db: registry.streams(db, account))

    async def claim(self, claim: bytes, account: int) -> Claim:
        """See Store."""
        return await self._write(lambda db: registry.claim(db, claim, account))

    async def append(self, sensor: Sensor, samples_: Iterable[Sample], now: int) -> Appended:
        """See Store. What is news is only noted in the journal for now."""
        batch = samples_ if isinstance(samples_, list) else list(samples_)
        head = self._heads.get(sensor.number)
        if head is not None and batch and len(batch) <= journal.LONGEST and batch[0].time > head and _ascends(batch):
            self._heads[sensor.number] = batch[-1].time
            await self._journal.take(sensor.number, batch, now)
            return Appended(len(batch), 0)
        await self._journal.settle([sensor.number])

        def work(db: Database) -> tuple[Appended, Sample | None]:
            appended = samples.append(db.conn, sensor.number, sensor.meter, batch)
            seen = db.conn.execute(_LAST_SEEN, (now, sensor.device, now)).rowcount
            if not seen and db.conn.execute(_IS_THERE, (sensor.device,)).fetchone() is None:
                raise SensorGoneError(sensor.id)
            return appended, samples.newest(db.conn, sensor.number)

        appended, newest = await self._write(work)
        if newest is not None:
            self._heads[sensor.number] = max(newest.time, self._heads.get(sensor.number, 0))
        return appended

    async def newest(self, sensors: Sequence[int]) -> dict[int, Sample]:
        """See Store."""

        def work(db: Database) -> dict[int, Sample]:
            found = ((number, samples.newest(db.conn, number)) for number in sensors)
            return {number: sample for number, sample in found if sample is not None}

        await self._settle_to_read(sensors)
        return await self._read(work)

    async def neighbours(self, sensor: int, times: Sequence[int]) -> dict[int, Neighbours]:
        """See Store."""
        await self._settle_to_read([sensor])
        return await self._read(lambda db: samples.neighbours(db.conn, sensor, times), self._series)

    async def breaks(self, sensor: int, start: int, end: int) -> list[Break]:
        """See Store."""
        await self._settle_to_read([sensor])
        return await self._read(lambda db: samples.breaks(db.conn, sensor, start, end))

    async def columns(self, sensor: Sensor, edges: Sequence[int]) -> Columns:
        """See Store."""
        await self._settle_to_read([sensor.number])
        return await self._read(
            lambda db: statistics.columns(db.conn, sensor.number, sensor.meter, edges), self._series
        )

    async def samples(self, sensor: Sensor, start: int, end: int, most: int) -> list[Sample]:
        """See Store."""
        await self._settle_to_read([sensor.number])
        return await self._read(lambda db: samples.between(db.conn, sensor.number, start, end, most), self._series)

    async def fingerprint(self, sensor: Sensor, start: int, end: int) -> bytes:
        """See Store."""
        await self._settle_to_read([sensor.number])
        return await self._read(lambda db: fingerprints.fingerprint(db.conn, sensor.number, start, end), self._series)

    async def delete(self, sensor: Sensor, start: int, end: int) -> int:
        """See Store."""
        await self._journal.settle([sensor.number])

        def work(db: Database) -> int:
            blocks.forget(db, sensor.number, start, end)
            return samples.delete(db.conn, sensor.number, sensor.meter, start, end)

        return await self._write(work)

    async def replace(self, sensor: Sensor, start: int, end: int, samples_: Iterable[Sample]) -> int:
        """See Store."""
        batch = list(samples_)
        await self._journal.settle([sensor.number])

        def work(db: Database) -> int:
            check_sensor(db, sensor.number)
            blocks.forget(db, sensor.number, start, end)
            gone = samples.delete(db.conn, sensor.number, sensor.meter, start, end)
            samples.append(db.conn, sensor.number, sensor.meter, batch)
            return gone

        gone = await self._write(work)
        if sensor.number in self._heads:
            self._heads[sensor.number] = max([self._heads[sensor.number], *(sample.time for sample in batch)])
        return gone

    async def fold(self, now: int, sensor: int) -> Folded:
        """See Store."""

        def work(db: Database) -> Folded:
            return Folded(0, sensor) if reclassified.tell_anew(db.conn) else chunks.fold(db.conn, sensor, now)

        return await self._write(work)

    async def retention(self, sensor: int) -> Retention:
        """See Store."""
        return await self._look_up(lambda db: retention.of(db.conn, sensor))

    async def keep_for(self, sensor: int, wanted: Retention) -> None:
        """See Store."""

        def work(db: Database) -> None:
            check_sensor(db, sensor)
            retention.keep(db.conn, sensor, wanted)

        await self._write(work)

    async def kept_from(self, sensor: int) -> int:
        """See Store."""
        return await self._look_up(lambda db: retention.first_day(db.conn, sensor) * DAY)

    async def retire(self, now: int, most: Retention, sensor: int) -> Retired:
        """See Store."""
        return await self._write(lambda db: retention.retire(db.conn, now, most, sensor))

    async def shrink(self) -> bool:
        """See Store."""
        return await self._write(lambda db: room.give_back(db.conn))

    async def keep_block(self, sensor: int, place: Place, data: bytes) -> bool:
        """See Store."""
        return await self._write(lambda db: blocks.keep(db, sensor, place, data))

    async def has_block(self, sensor: int, place: Place) -> bool:
        """See Store."""
        return await self._read(lambda db: blocks.is_covered(db, sensor, place))

    async def block(self, sensor: int, place: Place) -> bytes | None:
        """See Store."""
        return await self._read(lambda db: blocks.data(db, sensor, place))

    async def blocks(self, sensor: int, rid: int) -> list[Place]:
        """See Store."""
        return await self._read(lambda db: blocks.places(db, sensor, rid))

    async def last_block(self, sensor: int) -> Place | None:
        """See Store."""
        return await self._read(lambda db: blocks.last(db, sensor))

    async def add_account(self, name: str, password_hash: str, time_zone: str, now: int) -> Account:
        """See Store."""
        return await self._write(lambda db: people.add_account(db, name, password_hash, time_zone, now))

    async def account(self, name: str) -> Account | None:
        """See Store."""
        return await self._look_up(lambda db: people.account(db, name))

    async def account_number(self, number: int) -> Account:
        """See Store."""
        return await self._look_up(lambda db: people.account_number(db, number))

    async def replace_password(self, account: int, password_hash: str) -> None:
        """See Store."""
        await self._write(lambda db: people.replace_password(db, account, password_hash))

    async def open_session(self, session: bytes, account: int, now: int, expires: int) -> None:
        """See Store."""
        await self._write(lambda db: people.open_session(db, session, account, now, expires))

    async def session(self, session: bytes, now: int) -> Account | None:
        """See Store."""
        return await self._look_up(lambda db: people.session(db, session, now))

    async def close_session(self, session: bytes) -> None:
        """See Store."""
        await self._write(lambda db: people.close_session(db, session))

    async def replace_token(
        self, token: bytes, account: int, sensor: int | None, now: int, device: int | None = None
    ) -> None:
        """See Store."""
        await self._write(lambda db: tokens.replace_token(db, token, account, sensor, now, device))

    async def token(self, token: bytes, now: int) -> Token | None:
        """See Store."""
        return await self._look_up(lambda db: tokens.token(db, token, now))

    async def add_token(self, token: bytes, account: int, made: NamedToken) -> bool:
        """See Store."""
        return await self._write(lambda db: tokens.add_token(db, token, account, made))

    async def named_tokens(self, account: int) -> list[NamedToken]:
        """See Store."""
        return await self._read(lambda db: tokens.named_tokens(db, account))

    async def note_token_use(self, token: bytes, day: int) -> None:
        """See Store."""
        await self._write(lambda db: tokens.note_use(db, token, day))

    async def revoke_token(self, account: int, token_id: str) -> bool:
        """See Store."""
        return await self._write(lambda db: tokens.revoke(db, account, token_id))

    async def replace_shares(self, sensor: int, plans: Sequence[Plan], now: int) -> None:
        """See Store."""
        await self._write(lambda db: sharing.replace_shares(db, sensor, plans, now))

    async def shares(self, sensor: int) -> list[Share]:
        """See Store."""
        return await self._read(lambda db: sharing.shares(db, sensor))

    async def ownership(self, account: int, sensor: int) -> Ownership:
        """See Store."""
        return await self._look_up(lambda db: sharing.ownership(db, account, sensor))

    async def subscribe(self, account: int, sensor: int, now: int) -> bool:
        """See Store."""
        return await self._write(lambda db: sharing.subscribe(db, account, sensor, now))

    async def unsubscribe(self, account: int, sensor: int) -> bool:
        """See Store."""
        return await self._write(lambda db: sharing.unsubscribe(db, account, sensor))

    async def subscriptions(self, account: int) -> list[Subscription]:
        """See Store."""
        return await self._read(lambda db: sharing.subscriptions(db, account))

    async def offers(self, account: int, owner: str | None = None) -> list[Subscription]:
        """See Store."""
        return await self._read(lambda db: sharing.offers(db, account, owner))

    async def subscribers(self, sensors: Sequence[int]) -> set[int]:
        """See Store."""
        return await self._read(lambda db: sharing.subscribers(db, sensors))

    async def accounts(self) -> list[tuple[Account, int, int]]:
        """See Store."""
        return await self._read(people.accounts)

    async def rename_account(self, account: int, name: str) -> None:
        """See Store."""
        await self._write(lambda db: people.rename_account(db, account, name))

    async def describe_account(self, account: int, time_zone: str, persons: float | None, area: float | None) -> None:
        """See Store."""
        await self._write(lambda db: people.describe_account(db, account, time_zone, persons, area))

    async def close_sessions(self, account: int) -> None:
        """See Store."""
        await self._write(lambda db: people.close_sessions(db, account))

    async def add_group(self, group_id: str, name: str, founder: int, now: int) -> Group:
        """See Store."""
        return await self._write(lambda db: groups.add_group(db, group_id, name, founder, now))

    async def groups_of(self, account: int) -> list[Group]:
        """See Store."""
        return await self._read(lambda db: groups.groups_of(db, account))

    async def rename_group(self, group: int, name: str) -> None:
        """See Store."""
        await self._write(lambda db: groups.rename_group(db, group, name))

    async def invite(self, group: int, account: int, now: int) -> bool:
        """See Store."""
        return await self._write(lambda db: groups.invite(db, group, account, now))

    async def accept(self, group: int, account: int, now: int) -> None:
        """See Store."""
        await self._write(lambda db: groups.accept(db, group, account, now))

    async def leave_group(self, group: int, account: int) -> None:
        """See Store."""
        await self._write(lambda db: groups.leave_group(db, group, account))

    async def delete_group(self, group: int) -> None:
        """See Store."""
        await self._write(lambda db: groups.delete_group(db, group))

    async def ask(self, asked: Asked) -> bool:
        """See Store."""
        return await self._write(lambda db: requests.ask(db, asked))

    async def requests(self, account: int) -> list[Asked]:
        """See Store."""
        return await self._read(lambda db: requests.requests(db, account))

    async def delete_request(self, request_id: str) -> None:
        """See Store."""
        await self._write(lambda db: requests.delete_request(db, request_id))

    async def block_account(self, account: int, other: int) -> None:
        """See Store."""
        await self._write(lambda db: requests.block(db, account, other))

    async def unblock_account(self, account: int, other: int) -> None:
        """See Store."""
        await self._write(lambda db: requests.unblock(db, account, other))

    async def blocked_accounts(self, account: int) -> list[str]:
        """See Store."""
        return await self._read(lambda db: requests.blocked(db, account))

    async def mark_leaving(self, device: int, how: str, now: int) -> None:
        """See Store."""
        await self._write(lambda db: forgetting.mark_leaving(db, device, how, now))

    async def mark_expired(self, before: int, now: int) -> None:
        """See Store."""
        await self._write(lambda db: forgetting.mark_expired(db, before, now))

    async def leaving(self) -> list[tuple[Device, list[Sensor]]]:
        """See Store."""
        return await self._read(forgetting.leaving)

    async def forget_readings(self, sensor: int) -> None:
        """See Store."""
        await self._write(lambda db: forgetting.forget_readings(db, sensor))
        self._heads.pop(sensor, None)

    async def finish_leaving(self, device: int) -> None:
        """See Store."""
        await self._write(lambda db: forgetting.finish_leaving(db, device))
        self._heads.clear()  # what is gone is noticed by those who look

    async def close_account(self, account: int, now: int) -> None:
        """See Store."""
        await self._write(lambda db: forgetting.close_account(db, account, now))

    async def closing(self) -> list[int]:
        """See Store."""
        return await self._read(forgetting.closing)

    async def finish_closing(self, account: int) -> None:
        """See Store."""
        await self._write(lambda db: forgetting.finish_closing(db, account))

    async def note_revoked(self, accounts: Iterable[int], streams: Iterable[str], now: int) -> None:
        """See Store."""
        await self._write(lambda db: revocations.note(db, accounts, streams, now))

    async def revoked(self, number: int) -> Revoked:
        """See Store."""
        return await self._look_up(lambda db: revocations.since(db, number))

    async def grant(self, request_id: str, asker: int, plans: Sequence[tuple[int, Plan]], now: int) -> None:
        """See Store."""
        await self._write(lambda db: requests.grant(db, request_id, asker, plans, now))

    async def comparable(self, group: int, kind: str) -> list[Comparable]:
        """See Store."""
        return await self._read(lambda db: benchmarks.comparable(db, group, kind))

    async def compared(self, group: int, kind: str, per: str, start: int, end: int) -> Compared | None:
        """See Store."""
        return await self._read(lambda db: benchmarks.compared(db, group, kind, per, start, end))

    async def keep_compared(
        self, group: int, kind: str, per: str, start: int, end: int, homes: int, percentiles: Sequence[float]
    ) -> Compared:
        """See Store."""
        return await self._write(
            lambda db: benchmarks.keep_compared(db, group, kind, per, start, end, homes, percentiles)
        )

    async def tariffs(self, account: int) -> list[Tariff]:
        """See Store."""
        return await self._read(lambda db: tariffs.tariffs(db, account))

    async def put_tariff(self, account: int, tariff: Tariff) -> bool:
        """See Store."""
        return await self._write(lambda db: tariffs.put_tariff(db, account, tariff))

    async def drop_tariff(self, account: int, kind: Kind, currency: Currency, valid_from: date) -> bool:
        """See Store."""
        return await self._write(lambda db: tariffs.drop_tariff(db, account, kind, currency, valid_from))

    async def prices(
        self, account: int, kind: Kind, currency: Currency, start: int, end: int
    ) -> list[tuple[int, float]]:
        """See Store."""
        return await self._read(lambda db: tariffs.prices(db, account, kind, currency, start, end), self._series)

    async def replace_prices(
        self, account: int, kind: Kind, currency: Currency, span: tuple[int, int], series: Iterable[tuple[int, float]]
    ) -> None:
        """See Store."""
        await self._write(lambda db: tariffs.replace_prices(db, account, kind, currency, span, series))
