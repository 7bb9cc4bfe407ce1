"""Which message an error of the client gets in a form."""

from .client import (
    FluksoAmbiguousError,
    FluksoConnectionError,
    FluksoError,
    FluksoNotFoundError,
    FluksoTokenError,
    FluksoVersionError,
)
from .const import LOGGER
from .probing import WrongDeviceError


def reason(error: FluksoError) -> str:
    """Return the key of the message for an error, after logging its details."""
    LOGGER.debug("Not set up: %s", error)
    if isinstance(error, FluksoConnectionError):
        return "cannot_connect"
    if isinstance(error, FluksoVersionError):
        return "unsupported_version"
    if isinstance(error, FluksoTokenError):
        return "invalid_token"
    if isinstance(error, WrongDeviceError):
        return "wrong_device"
    if isinstance(error, FluksoAmbiguousError):
        return "several_devices"
    if isinstance(error, FluksoNotFoundError):
        return "not_found"
    return "invalid_response"
