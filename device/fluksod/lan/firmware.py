"""Updates of the boards' firmware over the local API: GET tells how the newest one stands, POST begins one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiohttp import web

from fluksod.lan.access import refusal

MOST_BYTES = 1024


class FirmwareRefusedError(Exception):
    """The update cannot be begun; the text says what to do."""


class FirmwareApi:
    """`describe` tells how it stands; `begin` begins an update of a board, by its name (None: the only one)."""

    def __init__(self, describe: Callable[[], dict[str, Any]], begin: Callable[[str | None], None]) -> None:
        self._describe = describe
        self._begin = begin

    async def get(self, _request: web.Request) -> web.Response:
        """Answer with the newest update."""
        return web.json_response(self._describe(), headers={"Cache-Control": "no-store"})

    async def post(self, request: web.Request) -> web.Response:
        """Begin an update, and answer 202; 400 for a wrong request, 409 where it cannot be begun."""
        try:
            members = await request.json() if request.can_read_body else {}
        except ValueError:
            members = None
        if not isinstance(members, dict) or members.keys() - {"board"}:
            return refusal(400, 'send {"board": "its name"} as JSON, or nothing where there is one board')
        board = members.get("board")
        if board is not None and not isinstance(board, str):
            return refusal(400, "give the board's name as text")
        try:
            self._begin(board)
        except FirmwareRefusedError as error:
            return refusal(409, str(error))
        return web.json_response(self._describe(), status=202, headers={"Cache-Control": "no-store"})
