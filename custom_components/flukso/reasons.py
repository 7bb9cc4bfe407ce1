"""Which message an error of the client gets in a form."""

from .client import (
    FluksoAuthError,
    FluksoConnectionError,
    FluksoError,
    FluksoNotFoundError,
    FluksoVersionError,
)
from .const import LOGGER


def reason(error: FluksoError) -> str:
    """Return the key of the message for an error, after logging its details."""
    LOGGER.debug("Not set up: %s", error)
    if isinstance(error, FluksoConnectionError):
        return "cannot_connect"
    if isinstance(error, FluksoVersionError):
        return "unsupported_version"
    if isinstance(error, FluksoAuthError):
        return "invalid_auth"
    if isinstance(error, FluksoNotFoundError):
        return "not_found"
    return "invalid_response"
