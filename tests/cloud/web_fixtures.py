"""Fixtures of the pages' tests: a plugin, as a test names it in `pytest_plugins`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cloud.web_cloud import Household, PagedCloud, build_pages, household


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PagedCloud]:
    """A cloud for the tests of one module."""
    build_pages()
    cloud = PagedCloud(tmp_path_factory.mktemp("pages") / "home")
    yield cloud
    cloud.stop()


@pytest.fixture(scope="module")
def ada(pages: PagedCloud) -> str:
    """The session of `ada`."""
    return pages.log_in("ada")


@pytest.fixture(scope="module")
def bob(pages: PagedCloud) -> str:
    """The session of `bob`, who has no device."""
    return pages.log_in("bob")


@pytest.fixture(scope="module")
def house(pages: PagedCloud, ada: str) -> Household:
    """The device of `ada`."""
    return household(pages, ada)
