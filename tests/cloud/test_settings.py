"""Settings: the file, the environment above it, the command line above both, and what is told about mistakes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec.structs import fields

from flukso_cloud.cli import main
from flukso_cloud.home import Home
from flukso_cloud.settings import Settings, SettingsError, load, parse
from tests.cloud.process import Server
from tests.documented import Page

PAGE = Page("docs/cloud.md")


TABLES = "[devices], [legacy], [log], [metrics], [retention], [server]"


def test_without_any_the_defaults_hold(tmp_path: Path) -> None:
    assert load(tmp_path / "none.toml", {}) == Settings()
    assert Settings().server.host == "127.0.0.1"


def test_the_environment_goes_above_the_file() -> None:
    text = '[server]\nhost = "::"\nport = 1\nproxies = ["192.0.2.1"]\n[log]\nrequests = true\n'
    environment = {
        "FLUKSO_CLOUD_SERVER_PORT": "2",
        "FLUKSO_CLOUD_SERVER_PATIENCE": "2.5",
        "FLUKSO_CLOUD_SERVER_PROXIES": "127.0.0.1, 10.0.0.0/8",
        "FLUKSO_CLOUD_LOG_REQUESTS": "false",
        "FLUKSO_CLOUD_PASSWORD": "is no setting",
    }
    settings = parse(text, environment, "x.toml")
    assert (settings.server.host, settings.server.port) == ("::", 2)
    assert settings.server.proxies == ["127.0.0.1", "10.0.0.0/8"]
    assert settings.server.patience == 2.5
    assert not settings.log.requests


def test_every_mistake_is_named_with_its_line() -> None:
    text = """[server]
host = ""
port = 65536
prot = 1
proxies = ["proxy.example"]
patience = 0
[log]
format = "xml"
requests = 1

[metrisc]
enabled = true
"""
    with pytest.raises(SettingsError) as raised:
        parse(text, {"FLUKSO_CLOUD_METRICS_PORT": "many", "FLUKSO_CLOUD_LOG_LEVLE": "debug"}, "x.toml")
    assert sorted(str(raised.value).splitlines()) == [
        "FLUKSO_CLOUD_LOG_LEVLE is unknown; correct its spelling or remove it",
        "FLUKSO_CLOUD_METRICS_PORT: give a port from 0 to 65535; 0 takes a free one",
        f"x.toml: line 11: metrisc is unknown; the tables are {TABLES}",
        "x.toml: line 2: host in [server]: give an address or a name of this machine",
        "x.toml: line 3: port in [server]: give a port from 0 to 65535; 0 takes a free one",
        "x.toml: line 4: prot in [server] is unknown; correct its spelling or remove it",
        "x.toml: line 5: proxies in [server]: give a list of addresses or networks",
        "x.toml: line 6: patience in [server]: give seconds from 1 to 300",
        'x.toml: line 8: format in [log]: give "logfmt" or "json"',
        "x.toml: line 9: requests in [log]: give true or false",
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("server = 3\n", r"line 1: server is a table; write \[server\] on a line of its own"),
        ("[server\n", r"is no TOML: .*line 1"),
        ('[server]\nport = "8443"\n', r"line 2: port in \[server\]: give a port"),
        ("[server]\nport = true\n", r"line 2: port in \[server\]: give a port"),
    ],
)
def test_what_is_no_setting_at_all(text: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        parse(text, {}, "x.toml")


def test_a_file_that_is_named_has_to_be_there(home: Home, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="there is no such file"):
        main(["serve", "--dir", str(home.root), "--config", str(tmp_path / "none.toml")])
    (tmp_path / "latin").write_bytes(b'[server]\nhost = "\xe9"\n')
    with pytest.raises(SystemExit, match="save it as UTF-8"):
        main(["serve", "--dir", str(home.root), "--config", str(tmp_path / "latin")])


def test_serve_takes_the_file_of_its_folder_and_the_command_line_above_it(home: Home) -> None:
    home.settings.write_text('[server]\nhost = "::1"\nport = 1\n[log]\nformat = "json"\nlevel = "debug"\n')
    with Server(home.root, "--host", "127.0.0.1") as server:  # Server asks for port 0
        server.stop()
    assert '"level": "debug"' in server.log
    assert "https://127.0.0.1:" in server.log


def test_the_environment_may_name_the_folder(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["token", "--account", "kees"])
    assert "required: --dir" in capsys.readouterr().err
    monkeypatch.setenv("FLUKSO_CLOUD_DIR", str(home.root))
    main(["token", "--account", "kees"])
    assert re.fullmatch("[0-9a-f]{32}\n", capsys.readouterr().out)


def test_the_page_shows_every_setting_with_its_default() -> None:
    example = PAGE.block_after("## Settings", "toml")
    assert parse(example, {}, "docs/cloud.md") == Settings()
    for table in fields(Settings):
        section = re.split(rf"^\[{table.name}\]", example, flags=re.MULTILINE)[1].split("\n[")[0]
        assert re.findall(r"^(\w+) =", section, re.MULTILINE) == [field.name for field in fields(table.type)]
