"""One thread writes, and what waits together is committed together (group commit).

Each caller waits for the commit that holds its work.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from sqlite_utils import Database

from flukso_cloud import metrics

from .model import StoreUnavailableError

T = TypeVar("T")

MOST_WAITING = 10_000
MOST_IN_ONE_COMMIT = 512


class _Job(Generic[T]):
    """A piece of work and the future of its caller."""

    __slots__ = ("future", "outcome", "work")

    def __init__(self, work: Callable[[Database], T], future: asyncio.Future[T]) -> None:
        self.work = work
        self.future = future
        self.outcome: T | BaseException | None = None

    def settle(self) -> None:
        """Tell the caller, in its event loop."""
        if self.future.done():
            return
        if isinstance(self.outcome, BaseException):
            self.future.set_exception(self.outcome)
        else:
            self.future.set_result(self.outcome)  # type: ignore[arg-type]  # None is a T where work returns None


def _settle(jobs: list[_Job[Any]]) -> None:
    for job in jobs:
        job.settle()


class Writer:
    """The thread that owns the only writing connection."""

    def __init__(self, connect: Callable[[], Database]) -> None:
        self._connect = connect
        self._jobs: queue.SimpleQueue[_Job[Any] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._closed = False
        metrics.WAITING.set_function(self._jobs.qsize)
        self._thread.start()

    def submit(self, work: Callable[[Database], T]) -> asyncio.Future[T]:
        """Queue `work` and return the future of its result, which comes after commit.

        Raises StoreUnavailableError when too much waits already, or after close.
        """
        if self._closed or self._jobs.qsize() >= MOST_WAITING:
            raise StoreUnavailableError("the store is closing" if self._closed else "too many writes are waiting")
        job: _Job[T] = _Job(work, asyncio.get_running_loop().create_future())
        self._jobs.put(job)
        return job.future

    def close(self) -> None:
        """Commit what waits, then end the thread."""
        self._closed = True
        self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        db = self._connect()
        stop = False
        while not stop:
            jobs: list[_Job[Any]] = []
            head = self._jobs.get()
            while head is not None:
                jobs.append(head)
                if len(jobs) >= MOST_IN_ONE_COMMIT:
                    break
                try:
                    head = self._jobs.get_nowait()
                except queue.Empty:
                    break
            stop = head is None
            if jobs:
                with metrics.COMMIT_SECONDS.time():
                    self._commit(db, jobs)
                metrics.COMMIT_WRITES.observe(len(jobs))
                jobs[0].future.get_loop().call_soon_threadsafe(_settle, jobs)
        db.close()

    def _commit(self, db: Database, jobs: list[_Job[Any]]) -> None:
        """Do all jobs in one transaction. A job that fails is undone alone; if the database fails, nothing is kept."""
        try:
            db.conn.execute("BEGIN IMMEDIATE")
            for job in jobs:
                self._do(db, job)
            db.conn.execute("COMMIT")
        except sqlite3.Error as error:
            metrics.COMMIT_FAILURES.inc()
            if db.conn.in_transaction:
                db.conn.execute("ROLLBACK")
            for job in jobs:
                job.outcome = StoreUnavailableError(str(error))

    @staticmethod
    def _do(db: Database, job: _Job[Any]) -> None:
        db.conn.execute("SAVEPOINT job")
        try:
            job.outcome = job.work(db)
        except sqlite3.OperationalError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever went wrong belongs to this caller alone
            db.conn.execute("ROLLBACK TO job")
            job.outcome = error
        db.conn.execute("RELEASE job")
