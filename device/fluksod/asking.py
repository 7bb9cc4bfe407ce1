"""Asks the fluksod that runs with a configuration, over its local API."""

from __future__ import annotations

import http.client
import json
from ipaddress import ip_address
from typing import Any

from fluksod.command_error import CommandError
from fluksod.config import Config

PATIENCE = 5.0


class NoAnswerError(CommandError):
    """The daemon does not answer; the text says what to do."""


def ask(config: Config, path: str) -> Any:
    """The JSON at `path`. Raises `NoAnswerError`."""
    return _exchange(config, "GET", path, None)


def send(config: Config, path: str, content: Any) -> Any:
    """Post JSON to `path`; the JSON that is answered. Raises `NoAnswerError`, also for a refusal."""
    return _exchange(config, "POST", path, json.dumps(content).encode())


def _exchange(config: Config, method: str, path: str, body: bytes | None) -> Any:
    host = ip_address(config.lan.host)
    own = ("::1" if host.version == 6 else "127.0.0.1") if host.is_unspecified else str(host)
    headers = {} if config.lan.token is None else {"Authorization": f"Bearer {config.lan.token}"}
    connection = http.client.HTTPConnection(own, config.lan.port, timeout=PATIENCE)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswerError(
            f"no fluksod answers at {own}:{config.lan.port} ({error}); is it running? systemctl status fluksod tells"
        ) from error
    finally:
        connection.close()
    try:
        said = json.loads(content)
    except ValueError:
        said = None
    if answer.status >= 400 and isinstance(said, dict) and "error" in said:
        raise NoAnswerError(f"fluksod refuses: {said['error']}")
    if answer.status >= 300 or not isinstance(said, dict):
        raise NoAnswerError(f"what answers at {own}:{config.lan.port} is no fluksod (status {answer.status})")
    return said
