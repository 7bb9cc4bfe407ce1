"""How an address is written in a URL (RFC 3986, section 3.2.2)."""

from __future__ import annotations


def http_url(host: str, port: int) -> str:
    """`http://host:port`, an IPv6 address in brackets, port 80 left out."""
    bracketed = f"[{host}]" if ":" in host else host
    return f"http://{bracketed}" if port == 80 else f"http://{bracketed}:{port}"
