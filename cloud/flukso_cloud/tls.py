"""Transport security of a cloud on its own: an authority of its own, and an ECDSA P-256 certificate for the server.

A public host puts a proxy with a public certificate in front instead. Original Fluksometers speak TLS 1.0 only: what
they need is in `legacy_tls` (trap 18).
"""

from __future__ import annotations

import ipaddress
import re
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .home import Home, HomeError, write_private

CA_YEARS = 10
LEAF_DAYS = 365
RENEW_DAYS = 30
"""Days before its end at which `init` makes a new server certificate."""
_HOST = re.compile(r"(\*\.)?[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9])?")
_CLOCK_SLACK = timedelta(hours=1)


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        pass
    try:
        host = name.encode("idna").decode("ascii")
    except UnicodeError:
        host = ""
    if not _HOST.fullmatch(host):
        raise HomeError(f"--name {name!r} is neither a host name nor an address")
    return x509.DNSName(host)


def _key_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def make_authority(home: Home, now: datetime | None = None) -> bool:
    """Make the authority unless there is one; tell whether it was made."""
    if home.ca_key.exists() and home.ca_certificate.exists():
        return False
    now = now or datetime.now(UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Flukso cloud authority {now:%Y-%m-%d}")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SLACK)
        .not_valid_after(now + timedelta(days=365 * CA_YEARS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    write_private(home.ca_key, _key_bytes(key))
    write_private(home.ca_certificate, certificate.public_bytes(serialization.Encoding.PEM), mode=0o644)
    return True


def make_certificate(home: Home, names: Sequence[str], now: datetime | None = None) -> bool:
    """Make the server's certificate for `names` (host names and addresses), unless there is a good one; tell whether.

    It is good if it was signed by the authority, names just these, and is valid for another 30 days.
    """
    now = now or datetime.now(UTC)
    wanted = [_general_name(name) for name in names]
    authority = x509.load_pem_x509_certificate(home.ca_certificate.read_bytes())
    if _is_good(home, wanted, authority, now):
        return False
    authority_key = serialization.load_pem_private_key(home.ca_key.read_bytes(), None)
    if not isinstance(authority_key, ec.EllipticCurvePrivateKey):
        raise HomeError(f"{home.ca_key} holds no ECDSA key; move it away and run init again")
    key = ec.generate_private_key(ec.SECP256R1())
    identifier = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])]))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SLACK)
        .not_valid_after(min(now + timedelta(days=LEAF_DAYS), authority.not_valid_after_utc))
        .add_extension(x509.SubjectAlternativeName(wanted), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    write_private(home.key, _key_bytes(key))
    write_private(home.certificate, certificate.public_bytes(serialization.Encoding.PEM))
    return True


def _is_good(home: Home, wanted: list[x509.GeneralName], authority: x509.Certificate, now: datetime) -> bool:
    if not (home.certificate.exists() and home.key.exists()):
        return False
    certificate = x509.load_pem_x509_certificate(home.certificate.read_bytes())
    key = serialization.load_pem_private_key(home.key.read_bytes(), None)
    if key.public_key() != certificate.public_key():  # the machine went down between the two files
        return False
    try:
        certificate.verify_directly_issued_by(authority)
        named = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    return set(named) == set(wanted) and certificate.not_valid_after_utc - now > timedelta(days=RENEW_DAYS)


def names_of(home: Home) -> list[str]:
    """Return the names of the server's certificate, none if there is no certificate."""
    if not home.certificate.exists():
        return []
    certificate = x509.load_pem_x509_certificate(home.certificate.read_bytes())
    named = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [str(name.value) for name in named]


def days_left(home: Home) -> int:
    """Return for how many days the server's certificate is still valid."""
    certificate = x509.load_pem_x509_certificate(home.certificate.read_bytes())
    return (certificate.not_valid_after_utc - datetime.now(UTC)).days


def server_context(home: Home) -> ssl.SSLContext:
    """Return the listener's settings: TLS 1.2 or newer."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(home.certificate, home.key)
    context.set_alpn_protocols(["http/1.1"])
    return context
