"""Answers to the unexpected."""

from __future__ import annotations

import logging
import traceback

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .api.problem import plainly

log = logging.getLogger(__name__)


class Unexpected:
    """Answers 500 without details, and logs where it happened without what was in it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; answer for it if it fails."""
        started = False

        async def send_and_note(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, send_and_note)
        except Exception as error:  # noqa: BLE001 - the last line of defence
            frames = "".join(traceback.format_tb(error.__traceback__))
            # its message may quote a body or a token, so only its kind is named
            log.error("%s in %s %s\n%s", type(error).__name__, scope.get("method"), scope.get("path"), frames)  # noqa: TRY400
            if started:
                raise ConnectionAbortedError("the answer had begun") from None
            await plainly(scope["path"], 500, "Internal server error.\n")(scope, receive, send)
