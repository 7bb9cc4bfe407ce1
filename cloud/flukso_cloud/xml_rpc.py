"""XML-RPC of the first Fluksometers (section 2.11 of the protocol reference): calls, and how they are signed. Pure."""

from __future__ import annotations

import hmac
import xmlrpc.client
from typing import Any, NamedTuple
from xml.parsers.expat import ExpatError

REFUSED = -31000
"""The fault of a call that is not signed as it should be."""
MALFORMED, NO_METHOD, BAD_PARAMETERS, FAILED = -32700, -32601, -32602, -32500
"""Faults that XML-RPC servers have agreed on."""
LONGEST_AGE = 300
"""Seconds that a signature may be old."""


class Call(NamedTuple):
    """A method and its parameters; structures keep the order in which their members arrived."""

    method: str
    parameters: tuple[Any, ...]


class FaultError(Exception):
    """The call fails; code and text go into the answer."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


def read_call(body: bytes) -> Call:
    """Read a call; FaultError if it is none. A document type is refused: that is where XML's bombs are."""
    if b"<!" in body or b"\0" in body:
        raise FaultError(MALFORMED, "a call is in UTF-8 or Latin-1, without a document type")
    try:
        parameters, method = xmlrpc.client.loads(body)
    except (ExpatError, xmlrpc.client.Error, ValueError, TypeError, LookupError, RecursionError, AttributeError):
        raise FaultError(MALFORMED, "this is no call that can be read") from None
    if method is None:
        raise FaultError(MALFORMED, "a call names a method")
    return Call(method, parameters)


def serialise(payload: Any) -> str:
    """Return what is signed of a payload: each key and then its value, in the order of arrival (trap 33)."""
    if isinstance(payload, dict):
        return "".join(f"{key}{serialise(value)}" for key, value in payload.items())
    if isinstance(payload, (list, tuple)):
        return "".join(f"{key}{serialise(value)}" for key, value in enumerate(payload, 1))
    if isinstance(payload, bool):
        return "1" if payload else ""
    if isinstance(payload, float):
        return format(payload, ".14g")
    return str(payload)


def sign(key: bytes, timestamp: Any, payload: Any) -> str:
    """Return HMAC-SHA1(key, "timestamp:payload:key") in hexadecimal."""
    message = f"{serialise(timestamp)}:{serialise(payload)}:".encode() + key
    return hmac.digest(key, message, "sha1").hex()


def check(key: bytes, auth: Any, payload: Any, now: int) -> None:
    """Raise FaultError unless `auth` has signed this payload in the last 300 s."""
    signature = auth.get("signature") if isinstance(auth, dict) else None
    if not isinstance(signature, str):
        raise FaultError(REFUSED, "auth needs device, timestamp and signature")
    try:
        age = now - float(auth.get("timestamp"))
    except (TypeError, ValueError):
        raise FaultError(REFUSED, "timestamp is unix seconds") from None
    right = sign(key, auth["timestamp"], payload)
    if not hmac.compare_digest(right.encode(), signature.encode("utf-8", "replace")):
        raise FaultError(REFUSED, "Incorrect signature")
    if not age < LONGEST_AGE:
        raise FaultError(REFUSED, "The timestamp is too old; set the clock")


def success(value: Any) -> bytes:
    """Return the answer that holds a value."""
    return xmlrpc.client.dumps((value,), methodresponse=True, allow_none=False).encode()


def failure(error: FaultError) -> bytes:
    """Return the answer that tells a fault."""
    return xmlrpc.client.dumps(xmlrpc.client.Fault(error.code, str(error))).encode()
