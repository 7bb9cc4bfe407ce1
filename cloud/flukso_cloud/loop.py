"""The event loop: uvloop, with a deadline for the handshake of TLS."""

from __future__ import annotations

from typing import Any

import uvloop

FLUSH_SECONDS = 600.0
"""Longest time that an answer takes after its connection is to be closed; whoever takes nothing is cut off before."""


class PatientLoop(uvloop.Loop):
    """A loop whose servers give up a handshake after `patience` seconds, where uvloop waits a minute."""

    def __init__(self, patience: float) -> None:
        super().__init__()
        self._patience = patience

    async def create_server(self, *arguments: Any, **options: Any) -> Any:
        """Listen, as uvloop does."""
        if options.get("ssl") is not None:
            options = {"ssl_handshake_timeout": self._patience, "ssl_shutdown_timeout": FLUSH_SECONDS} | options
        return await super().create_server(*arguments, **options)
