"""What the command line catches: apart from what raises it, so that a command imports only what it needs itself."""

from __future__ import annotations


class CommandError(Exception):
    """What was asked for cannot be done; the text tells the one who typed it why, and what to do."""
