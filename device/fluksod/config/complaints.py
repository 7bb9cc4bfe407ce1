"""Complaints about a configuration: each names its table, key and line, and says what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import voluptuous as vol

from fluksod.command_error import CommandError
from fluksod.config.toml_lines import line_of

CLOSE_IT = "can be read by everybody on this machine; take that right away with chmod o-r"
"""What is said of a file that has a secret in it and the wrong mode."""


class ConfigError(CommandError):
    """The configuration cannot be used; the text has one complaint a line, each with what to do."""


class Complaints:
    """Gathers what is wrong with the configuration `text`."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._found: list[str] = []

    def add(self, path: Sequence[Any], what: str) -> None:
        """Complain about the key at `path`: the table, in an array of tables its index, the key."""
        self._found.append(f"{_where(path, self._text)}: {what}")

    def add_error(self, error: vol.Invalid) -> None:
        """Complain about what the schema found."""
        path = [getattr(step, "schema", step) for step in error.path]
        if isinstance(error, vol.RequiredFieldInvalid):
            self.add(path, "is missing; add it")
        elif error.error_message == "extra keys not allowed":
            self.add(path, "is unknown; correct its spelling or remove it")
        elif error.error_message.startswith("expected a"):
            self.add(path, "is not what belongs here; see the example in docs/device.md")
        else:
            self.add(path, error.error_message)

    def raise_any(self) -> None:
        """Raise `ConfigError` when there are complaints."""
        if self._found:
            raise ConfigError("\n".join(self._found))


def _where(path: Sequence[Any], text: str) -> str:
    tables = [str(step) for step in path if not isinstance(step, int)]
    numbers = [step + 1 for step in path if isinstance(step, int)]
    line = line_of(text, path)
    at = "" if line is None else f"line {line}: "
    if not tables:
        return at + "the file"
    is_array = len(path) > 1 and isinstance(path[1], int)
    table = f"[[{tables[0]}]] number {numbers[0]}" if is_array else f"[{tables[0]}]"
    return at + (f"{tables[1]} in {table}" if len(tables) > 1 else table)
