"""The HTTP client of an original FLM02, as it was seen to behave when it was run (section 11 of the protocol).

TLS 1.0 only, no SNI, the certificate's name not looked at. Header names are looked up in exactly their case; of an
answer that is neither 200 nor 206 the body is not read, so that on a kept connection it comes before the next answer.
"""

from __future__ import annotations

import re
import socket
import ssl
import warnings
from pathlib import Path

_STATUS = re.compile(rb"(HTTP/1\.[01]) (\d\d\d) (.*)")


class LuaError(Exception):
    """What makes its daemon exit, with all that it has not uploaded yet."""


def tls_1_0(authority: Path | None) -> ssl.SSLContext:
    """Return its TLS; without an authority nothing is verified, as in its heartbeat."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.set_ciphers("AES256-SHA:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
    if authority is None:
        context.verify_mode = ssl.CERT_NONE
    else:
        context.load_verify_locations(authority)
    return context


class Flm02:
    """One connection of its persistent client."""

    def __init__(self, port: int, authority: Path | None) -> None:
        plain = socket.create_connection(("127.0.0.1", port), timeout=5)
        self.sock = tls_1_0(authority).wrap_socket(plain, server_hostname=None)
        self._rest = b""
        self.headers: dict[str, str] = {}

    def post(self, path: str, headers: dict[str, str], body: bytes, *, last: bool = False) -> tuple[int, bytes]:
        """Send a request; return the status, and the body if that is 200 or 206."""
        sent = {
            "User-Agent": "Fluksometer v250",
            "Connection": "close" if last else "keep-alive",
            "Host": "localhost",
            "Content-Length": str(len(body)),
        } | headers
        head = f"POST {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in sent.items()) + "\r\n"
        self.sock.sendall(head.encode())
        self.sock.sendall(body)
        status = _STATUS.fullmatch(self._line())
        if status is None:
            raise LuaError("the status line cannot be read")
        self.headers = {}
        while line := self._line():
            name, found, value = line.decode("latin-1").partition(": ")
            if not found:
                raise LuaError(f"a header that cannot be read: {line!r}")
            self.headers[name] = value
        code = int(status[2])
        if code not in (200, 206):
            return code, b""
        if "Content-Length" not in self.headers:
            raise LuaError("attempt to perform arithmetic on a nil value")
        return code, self._read(int(self.headers["Content-Length"]))

    def _line(self) -> bytes:
        while b"\r\n" not in self._rest:
            self._rest += self._more()
        line, _, self._rest = self._rest.partition(b"\r\n")
        return line

    def _read(self, length: int) -> bytes:
        while len(self._rest) < length:
            self._rest += self._more()
        body, self._rest = self._rest[:length], self._rest[length:]
        return body

    def _more(self) -> bytes:
        data = self.sock.recv(1024)
        if not data:
            raise ConnectionError("the server closed the connection")
        return data

    def close(self) -> None:
        """Close the connection."""
        self.sock.close()
