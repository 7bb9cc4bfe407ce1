"""Each test of the contract with each engine: its database, its store, and that store opened again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from flukso_cloud.store import Store
from tests.cloud.store_contract.engines import ENGINES, Database

Reopen = Callable[[], Awaitable[Store]]


@pytest.fixture(params=ENGINES)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """An empty database that is not open yet."""
    database = Database(ENGINES[request.param], tmp_path)
    yield database
    await database.close()


@pytest.fixture
async def store(database: Database) -> Store:
    """The store on an empty database."""
    return await database.open()


@pytest.fixture
def reopen(database: Database) -> Reopen:
    """Close the database and open it again: what a restart leaves."""
    return database.reopen
