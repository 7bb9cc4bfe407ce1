"""The command, as a user runs it."""

from __future__ import annotations

import re
import socket
import sqlite3
import ssl
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from flukso_cloud.cli import main
from flukso_cloud.home import Home
from tests.cloud.process import run

PASSWORD = "correct horse battery"


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def password_hash(home: Home, name: str) -> str:
    with sqlite3.connect(home.database) as conn:
        found: str = conn.execute("SELECT password_hash FROM accounts WHERE name = ?", [name]).fetchone()[0]
        return found


def test_init_makes_a_cloud_and_keeps_what_exists(tmp_path: Path) -> None:
    home = Home(tmp_path / "deep" / "home")
    arguments = ["init", "--dir", home.root, "--name", "cloud.local", "--name", "192.0.2.7", "--account", "kees"]
    first = run(*arguments, "--password-stdin", stdin=PASSWORD + "\n")
    assert first.returncode == 0, first.stderr
    assert PASSWORD not in first.stdout + first.stderr
    assert PasswordHasher().verify(password_hash(home, "kees"), PASSWORD)
    before = {path: path.read_bytes() for path in home.root.rglob("*") if path.is_file() and path != home.database}
    again = run(*arguments, FLUKSO_CLOUD_PASSWORD="another password")
    assert again.returncode == 0, again.stderr
    assert again.stdout.count("kept") == 5
    assert {path: path.read_bytes() for path in before} == before
    assert PasswordHasher().verify(password_hash(home, "kees"), PASSWORD)


def test_what_is_secret_is_private(folder_made: Path) -> None:
    home = Home(folder_made)
    assert mode(home.ca_certificate) == 0o644
    assert mode(home.root) == 0o755
    assert mode(home.private) == 0o700
    files = list(home.private.iterdir())
    assert {home.ca_key, home.key, home.certificate, home.server_key, home.database} <= set(files)
    assert {mode(path) for path in files} == {0o600}


def test_the_certificate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = Home(tmp_path / "home")
    main(["init", "--dir", str(home.root), "--name", "cloud.local", "--name", "192.0.2.7"])
    certificate = x509.load_pem_x509_certificate(home.certificate.read_bytes())
    key = certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.curve.name == "secp256r1"
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["cloud.local"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["192.0.2.7"]
    assert 364 <= (certificate.not_valid_after_utc - certificate.not_valid_before_utc).days <= 366
    ssl.create_default_context(cafile=str(home.ca_certificate))
    main(["init", "--dir", str(home.root)])
    assert "certificate for cloud.local, 192.0.2.7: kept" in capsys.readouterr().out
    main(["init", "--dir", str(home.root), "--name", "other.local"])
    assert "certificate for other.local: made" in capsys.readouterr().out


def test_a_made_password_is_shown_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = Home(tmp_path / "home")
    main(["init", "--dir", str(home.root), "--account", "kees"])
    found = re.search(r"password of kees, shown only now: (\S+)\n", capsys.readouterr().out)
    assert found is not None
    assert len(found[1]) >= 16
    assert PasswordHasher().verify(password_hash(home, "kees"), found[1])
    main(["init", "--dir", str(home.root), "--account", "kees"])
    assert "shown only now" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "stdin", "message"),
    [
        (["user", "add", "kees"], "", "there is an account kees already"),
        (["user", "add", "KEES"], "", "there is an account KEES already"),
        (["user", "add", "ada", "--password-stdin"], "short\n", "a password has 8 to 1024 characters"),
        (["user", "add", "ada", "--password-stdin"], "", "a password has 8 to 1024 characters"),
        (["user", "add", " ada"], "", "printable characters"),
        (["user", "add", "ada", "--time-zone", "Mars/Base"], "", "take a name such as Europe/Brussels"),
        (["user", "add", "ada", "--time-zone", "../../etc/passwd"], "", "take a name such as Europe/Brussels"),
        (["token", "--account", "nobody"], "", "add it with `flukso-cloud user add nobody`"),
        (["token", "--account", "kees", "--sensor", "0" * 32], "", "has no sensor"),
        (["token", "--account", "kees", "--sensor", "x"], "", "has no sensor"),
        (["claim", "0000-0000", "--account", "kees"], "", "no device with this code has registered yet"),
        (["claim", "nonsense!", "--account", "kees"], "", "it looks like K7QM-2XWD"),
        (["claim", "0000-0000", "--account", "nobody"], "", "there is no account"),
        (["init", "--name", "no name"], "", "neither a host name nor an address"),
    ],
)
def test_mistakes_are_told(
    home: Home,
    arguments: list[str],
    stdin: str,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--dir", str(home.root)])
    assert message in str(ended.value)


@pytest.mark.parametrize("command", [["serve"], ["token", "--account", "kees"], ["user", "add", "kees"]])
def test_without_init(tmp_path: Path, command: list[str]) -> None:
    with pytest.raises(SystemExit, match="run `flukso-cloud init --dir"):
        main([*command, "--dir", str(tmp_path / "nothing")])


def test_a_port_in_use_is_told(folder_made: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run("serve", "--dir", folder_made, "--port", str(port))
    assert ended.returncode == 1
    assert f"cannot listen on 127.0.0.1 port {port}: " in ended.stderr
    assert "in use" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit, match="cannot use"):
        main(["init", "--dir", str(tmp_path / "file" / "home")])


def test_a_database_that_is_none_is_told(home: Home) -> None:
    home.database.write_bytes(b"no database" * 1000)
    with pytest.raises(SystemExit, match="not a database"):
        main(["serve", "--dir", str(home.root), "--port", "0"])


def test_a_new_token_revokes_the_one_before(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    tokens = []
    for _ in range(2):
        main(["token", "--account", "kees", "--dir", str(home.root)])
        tokens.append(capsys.readouterr().out.strip())
    assert all(re.fullmatch("[0-9a-f]{32}", token) for token in tokens)
    assert tokens[0] != tokens[1]
    with sqlite3.connect(home.database) as conn:
        assert len(conn.execute("SELECT * FROM tokens").fetchall()) == 1
        assert not any(token in "\n".join(conn.iterdump()) for token in tokens)
