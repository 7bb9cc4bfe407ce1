"""The rules of HACS that can be checked without GitHub."""

import json
from pathlib import Path

import pytest
from awesomeversion import AwesomeVersion
from homeassistant.const import __version__ as running

ROOT = Path(__file__).parents[2]

ALLOWED = {
    "content_in_root",
    "country",
    "filename",
    "hacs",
    "hide_default_branch",
    "homeassistant",
    "name",
    "persistent_directory",
    "render_readme",
    "zip_release",
}


def test_hacs_json() -> None:
    description = json.loads((ROOT / "hacs.json").read_text())
    assert description["name"] == "Flukso"
    assert set(description) <= ALLOWED
    assert AwesomeVersion(description["homeassistant"]) <= AwesomeVersion(running)
    assert not description.get("content_in_root", False)


def test_one_integration() -> None:
    folders = [path.name for path in (ROOT / "custom_components").iterdir() if (path / "manifest.json").is_file()]
    assert folders == ["flukso"]


def test_manifest_has_what_hacs_wants() -> None:
    manifest = json.loads((ROOT / "custom_components" / "flukso" / "manifest.json").read_text())
    assert {"codeowners", "documentation", "domain", "issue_tracker", "name", "version"} <= set(manifest)


def test_licence() -> None:
    assert "Apache License" in (ROOT / "LICENSE").read_text()


def test_information() -> None:
    if not (ROOT / "README.md").is_file():
        pytest.fail("HACS shows README.md")


def test_brand() -> None:
    assert (ROOT / "custom_components" / "flukso" / "brand" / "icon.png").is_file()
