"""The built scripts and styles. Their names carry a digest of the content: a browser may keep them for ever."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

STATIC = Path(__file__).parent / "static"
_MANIFEST = STATIC / "build" / "manifest.json"
_FOR_EVER = "public, max-age=31536000, immutable"
_AN_HOUR = "public, max-age=3600"

log = logging.getLogger(__name__)


class Assets:
    """The manifest of the build. It is read again when it changes, so that a build shows without a restart."""

    def __init__(self, manifest: Path = _MANIFEST) -> None:
        self._manifest = manifest
        self._read_at = 0
        self._names: dict[str, str] = {}

    def url(self, name: str) -> str:
        """Return the address of `main.js` or the like; "" if it was not built, the pages are then plain tables."""
        try:
            changed = self._manifest.stat().st_mtime_ns
            if changed != self._read_at:
                self._names = json.loads(self._manifest.read_text())["assets"]
                self._read_at = changed
        except FileNotFoundError:
            log.warning(
                "the pages' scripts and styles are missing; build them: cd cloud/web && npm ci && npm run build"
            )
            return ""
        return f"/static/build/{self._names[name]}"


class Static(StaticFiles):
    """Static files with the age that they may be kept."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return the file, or 404."""
        response = await super().get_response(path, scope)
        hashed = path.startswith("build/") and "-" in path
        response.headers["Cache-Control"] = _FOR_EVER if hashed else _AN_HOUR
        return response
