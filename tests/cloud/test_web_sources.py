"""The pages' sources: types, unit tests, the build and what it weighs."""

import gzip
import json
import re
import subprocess

import pytest

from tests.cloud.web_cloud import SOURCES, npm

JAVASCRIPT_BUDGET = 45_000
"""Bytes of all scripts after gzip."""


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """Build into a folder of our own."""
    folder = tmp_path_factory.mktemp("build")
    done = npm("run", "--silent", "build", "--", str(folder))
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_types_are_right():
    done = npm("run", "--silent", "check")
    assert done.returncode == 0, done.stdout


def test_the_type_check_is_strict(tmp_path):
    (tmp_path / "wrong.js").write_text(
        '/** @type {number} */\nexport const number = "text";\nexport const twice = (x) => 2 * x;\n'
    )
    config = {"extends": str(SOURCES / "tsconfig.json"), "include": [str(tmp_path)]}
    (tmp_path / "tsconfig.json").write_text(json.dumps(config))
    done = npm("exec", "--", "tsc", "--project", str(tmp_path))
    assert done.returncode != 0
    assert "wrong.js(2,14): error" in done.stdout
    assert "wrong.js(3,23): error" in done.stdout


def test_javascript_unit_tests_pass():
    done = npm("test", "--silent")
    assert done.returncode == 0, done.stdout
    assert re.search(r"# pass [1-9]", done.stdout)


def test_scripts_stay_within_their_budget(build):
    scripts = list(build.glob("*.js"))
    assert scripts
    assert sum(len(gzip.compress(script.read_bytes())) for script in scripts) < JAVASCRIPT_BUDGET


def test_names_carry_a_digest_and_the_manifest_finds_them(build):
    assets = json.loads((build / "manifest.json").read_text())["assets"]
    assert set(assets) == {"main.js", "page.css", "plain.css"}
    for name, hashed in assets.items():
        stem, suffix = name.split(".")
        assert re.fullmatch(rf"{stem}-[A-Z0-9]{{8}}\.{suffix}", hashed)
        assert (build / hashed).stat().st_size > 0


def test_the_licence_of_what_is_shipped_lies_beside_it(build):
    assert "MIT License" in (build / "uPlot-LICENSE.txt").read_text()


def test_a_second_build_changes_nothing_and_old_scripts_go(build):
    (build / "main-00000000.js").write_text("old")
    before = {path.name: path.stat().st_mtime_ns for path in build.iterdir() if path.name != "main-00000000.js"}
    assert npm("run", "--silent", "build", "--", str(build)).returncode == 0
    assert {path.name: path.stat().st_mtime_ns for path in build.iterdir()} == before


def test_nothing_is_fetched_from_elsewhere(build):
    for path in build.iterdir():
        if path.suffix in {".js", ".css"}:
            assert not re.findall(r"https?://(?!www\.w3\.org/)[^\s\"'`)]+", path.read_text()), path.name


def test_the_lock_file_names_no_registry():
    lock = (SOURCES / "package-lock.json").read_text()
    assert "resolved" not in lock
    packages = json.loads(lock)["packages"]
    assert all("integrity" in package for name, package in packages.items() if name)
    assert not re.findall(r"https?://(?!(?:opencollective|github)\.com|tidelift)[^\"]*(?:registry|npm)[^\"]*", lock)


def test_the_build_is_not_committed():
    ignored = subprocess.run(
        ["git", "check-ignore", "cloud/flukso_cloud/web/static/build/manifest.json"],
        cwd=SOURCES.parents[1],
        capture_output=True,
    )
    assert ignored.returncode == 0
