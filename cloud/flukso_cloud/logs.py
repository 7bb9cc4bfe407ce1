"""The log of the server: a line for each event, as logfmt or JSON, on standard error.

What is passed as `extra` becomes a field of its own. In the journal each line has its priority in front (sd-daemon(3)).
A query is cut off wherever one appears: it may hold a token.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from .settings import LogSettings

_PRIORITIES = {logging.CRITICAL: 2, logging.ERROR: 3, logging.WARNING: 4, logging.INFO: 6, logging.DEBUG: 7}
_OWN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName", "color_message"}
_QUERY = re.compile(r"\?[^\s\"'?]*=[^\s\"']*")
_PLAIN = re.compile(r"[^\s\"=\\]+")


class FieldFormatter(logging.Formatter):
    """Formats a record as one line of fields: time, level, logger, message, then what is extra."""

    def __init__(self, style: str, *, is_journal: bool) -> None:
        super().__init__()
        self._write = _json if style == "json" else _logfmt
        self._is_journal = is_journal

    def format(self, record: logging.LogRecord) -> str:
        """Format a record. The journal knows the time itself, so there it is left out."""
        fields: dict[str, Any] = {}
        if not self._is_journal:
            fields["time"] = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        fields |= {"level": record.levelname.lower(), "logger": record.name, "message": record.getMessage()}
        fields |= {name: value for name, value in record.__dict__.items() if name not in _OWN}
        if record.exc_info is not None and record.exc_info[0] is not None:
            # its message may quote a body or a token, so only its kind is named
            fields["error"] = record.exc_info[0].__name__
            fields["traceback"] = "".join(traceback.format_tb(record.exc_info[2]))
        line = self._write({name: _without_query(value) for name, value in fields.items()})
        return f"<{_PRIORITIES.get(record.levelno, 5)}>{line}" if self._is_journal else line


def _without_query(value: Any) -> Any:
    return _QUERY.sub("?…", value) if isinstance(value, str) else value


def _json(fields: Mapping[str, Any]) -> str:
    return json.dumps(fields, default=str, ensure_ascii=False)


def _logfmt(fields: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={_quoted(str(value))}" for name, value in fields.items())


def _quoted(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def _stderr_is_journal() -> bool:
    """Whether standard error is connected to the journal: systemd tells its device and inode in JOURNAL_STREAM."""
    device, _, inode = os.environ.get("JOURNAL_STREAM", "").partition(":")
    stat = os.fstat(sys.stderr.fileno())
    return (device, inode) == (str(stat.st_dev), str(stat.st_ino))


def log_to_stderr(settings: LogSettings) -> None:
    """Set up the log of this process."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(FieldFormatter(settings.format, is_journal=_stderr_is_journal()))
    logging.getLogger("flukso_cloud.observed").setLevel(logging.INFO if settings.requests else logging.WARNING)
    logging.basicConfig(level=settings.level.upper(), handlers=[handler], force=True)
