"""Transport security as original Fluksometers speak it: TLS 1.0, RSA key exchange, certificates signed with SHA-1.

Weak on purpose (section 11.2 of the protocol reference): AES256-SHA is what they negotiate, an EC certificate finds no
shared cipher, and their oldest library refuses a leaf signed with SHA-256. So this has an authority of its own, which
signs nothing else, and which no browser or modern device is given.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from .home import Home, write_private

YEARS = 20
"""How long authority and certificate are good: they are written into devices that nobody updates."""
CIPHERS = "AES256-SHA:AES128-SHA:@SECLEVEL=0"
_BITS = 2048
_SHA256_RSA, _SHA1_RSA = (
    bytes.fromhex("300d06092a864886f70d01010b0500"),
    bytes.fromhex("300d06092a864886f70d0101050500"),
)
"""DER of the signature algorithms sha256WithRSAEncryption and sha1WithRSAEncryption (RFC 8017, appendix A.2.4)."""


def make_legacy_certificates(home: Home, names: Sequence[str], now: datetime | None = None) -> bool:
    """Make the legacy authority and the server's certificate unless they are there; tell whether they were made.

    The first of `names` (host names and addresses) becomes the certificate's: devices do not look at it.
    """
    if home.legacy_certificate.exists() and home.legacy_key.exists() and home.legacy_ca_certificate.exists():
        return False
    now = now or datetime.now(UTC)
    authority_key, key = _new_key(), _new_key()
    authority_name = _name(f"Flukso cloud legacy authority {now:%Y-%m-%d}")
    authority = _signed(authority_name, authority_name, authority_key, authority_key, now, is_authority=True)
    leaf = _signed(_name(names[0][:64]), authority_name, key, authority_key, now, is_authority=False)
    write_private(home.legacy_key, _key_bytes(key))
    write_private(home.legacy_certificate, leaf)
    # The authority's key is not kept: it would sign nothing more.
    write_private(home.legacy_ca_certificate, authority, mode=0o644)
    return True


def legacy_context(home: Home) -> ssl.SSLContext:
    """Return the legacy listener's settings: TLS 1.0 to 1.2, RSA key exchange."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(CIPHERS)  # before the certificate is loaded, or OpenSSL 3 refuses it
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(home.legacy_certificate, home.legacy_key)
    return context


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, _BITS)


def _name(text: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Flukso"), x509.NameAttribute(NameOID.COMMON_NAME, text)]
    )


def _key_bytes(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )


def _signed(
    subject: x509.Name,
    issuer: x509.Name,
    key: rsa.RSAPrivateKey,
    issuer_key: rsa.RSAPrivateKey,
    now: datetime,
    *,
    is_authority: bool,
) -> bytes:
    """Return a certificate as PEM, signed with SHA-1.

    cryptography makes it with SHA-256 only. The two algorithms are named in as many bytes, so the name is exchanged in
    what is signed, and that signed anew.
    """
    modern = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365 * YEARS))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .sign(issuer_key, hashes.SHA256())
    )
    body = modern.tbs_certificate_bytes.replace(_SHA256_RSA, _SHA1_RSA)
    signature = issuer_key.sign(body, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303 - what FLM02 can verify
    content = body + _SHA1_RSA + _der(0x03, b"\0" + signature)
    return x509.load_der_x509_certificate(_der(0x30, content)).public_bytes(serialization.Encoding.PEM)


def _der(tag: int, content: bytes) -> bytes:
    """Return a DER element of 256 to 65,535 bytes."""
    return bytes([tag, 0x82]) + len(content).to_bytes(2, "big") + content
