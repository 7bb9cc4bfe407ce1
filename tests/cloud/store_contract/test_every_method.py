"""No method of the protocol is left out: what is added to it needs a test here."""

from __future__ import annotations

import inspect
from pathlib import Path

from flukso_cloud.store import Store
from tests.cloud.store_contract.calls import called

HERE = Path(__file__).parent


def methods() -> set[str]:
    return {name for name, _ in inspect.getmembers(Store, inspect.isfunction) if not name.startswith("_")}


def test_every_method_is_called_by_a_test() -> None:
    found = set().union(*(called(path.read_text()) for path in HERE.glob("test_*.py")))
    assert methods() - found == set(), "no test of the contract calls these"


def test_no_method_is_called_that_the_protocol_has_not() -> None:
    """Else the suite would ask for more than the protocol promises."""
    found = set().union(*(called(path.read_text()) for path in HERE.glob("*.py")))
    assert found - methods() == set()


def test_the_suite_knows_no_engine_but_where_it_is_opened() -> None:
    for path in HERE.glob("*.py"):
        if path.name not in ("engines.py", Path(__file__).name):
            assert "sqlite" not in path.read_text().lower(), path.name


def test_only_what_a_test_runs_is_called() -> None:
    source = """
async def test_one(store): await store.device("x"); store.sensor; other.claim(); await prepare(store)
async def prepare(store): await store.register()
async def unused(store): await store.fold()
LATE = {"x": lambda store: store.ask()}
"""
    assert called(source) == {"device", "register", "ask"}
