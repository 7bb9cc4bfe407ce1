"""The configuration: complaints name the place and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluksod.config import (
    BoardConfig,
    BoardLink,
    CloudConfig,
    Config,
    ConfigError,
    LanConfig,
    MqttConfig,
    StoreConfig,
    load,
    parse,
)
from fluksod.link.board_settings import BoardSensor, HardwareVersion
from fluksod.sensor import Direction, Sensor, SensorClass, SensorType
from tests.device.board import CLAMP, GAS
from tests.documented import Page

FULL = f"""\
[device]
name = "Cellar"
state = "state"
[board]
port = "/dev/ttyUSB0"
[lan]
host = "127.0.0.1"
port = 8081
mdns = true
mdns_interfaces = ["127.0.0.1"]
[cloud]
url = "https://cloud.example:8443/"
ca = "ca.pem"
interval = 1
[mqtt]
host = "broker.example"
tls = true
ca = "ca.pem"
username = "me"
password = "secret"
home_assistant = true
[[sensor]]
id = "{CLAMP}"
name = "Main"
type = "electricity"
[[sensor]]
id = "{GAS}"
name = "Heating"
type = "gas"
class = "pulse"
[store]
seconds = 7200
days = 30
"""


def test_all_of_it(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("")
    assert parse(FULL, tmp_path) == Config(
        name="Cellar",
        state=tmp_path / "state",
        boards=(BoardConfig("board", "/dev/ttyUSB0"),),
        lan=LanConfig("127.0.0.1", 8081, True, ("127.0.0.1",)),
        store=StoreConfig(7200, 30),
        cloud=CloudConfig("https://cloud.example:8443", tmp_path / "ca.pem", 1.0),
        mqtt=MqttConfig("broker.example", 8883, True, tmp_path / "ca.pem", "me", "secret", True),
        sensors=(
            Sensor(CLAMP, "Main", SensorType.ELECTRICITY, SensorClass.ANALOG),
            Sensor(GAS, "Heating", SensorType.GAS, SensorClass.PULSE),
        ),
    )


def test_the_least_of_it() -> None:
    assert parse('[board]\nport = "/dev/ttyUSB0"', Path("/etc")) == Config(
        name="Fluksometer",
        state=Path("/var/lib/fluksod"),
        boards=(BoardConfig("board", "/dev/ttyUSB0"),),
        lan=LanConfig("0.0.0.0", 8080, True, ()),
        store=StoreConfig(3600, 400),
        cloud=None,
        mqtt=None,
        sensors=(),
    )


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (
            'name = "Cellar"',
            'nmae = "Cellar"',
            "line 2: nmae in [device]: is unknown; correct its spelling or remove it",
        ),
        ("port = 8081", "prot = 8081", "line 8: prot in [lan]: is unknown"),
        ("[lan]", "[lna]", "line 6: [lna]: is unknown"),
        ("[board]", "board = 3\n[borad]", "board"),
        ('port = "/dev/ttyUSB0"', "", "line 4: port in [board]: is missing; add it"),
        ("port = 8081", 'port = "8081"', "line 8: port in [lan]: give a port number from 0 to 65535, without quotes"),
        ("port = 8081", "port = 65536", "line 8: port in [lan]: give a port number"),
        ("port = 8081", "port = true", "line 8: port in [lan]: give a port number"),
        ("mdns = true", "mdns = 1", "line 9: mdns in [lan]: give true or false"),
        ('["127.0.0.1"]', '["lo"]', "line 10: mdns_interfaces in [lan]: give an IP address in quotes"),
        ('["127.0.0.1"]', '"127.0.0.1"', "line 10: mdns_interfaces in [lan]: is not what belongs here"),
        ('host = "127.0.0.1"', 'host = "localhost"', "line 7: host in [lan]: give an IP address"),
        ("interval = 1", "interval = 0", "line 14: interval in [cloud]: give a number of seconds from 1 to 86400"),
        ("interval = 1", "interval = nan", "line 14: interval in [cloud]: give a number of seconds"),
        ('url = "https:', 'url = "ftp:', "line 12: url in [cloud]: give the cloud's address"),
        ('url = "https:', 'url = "http:', "line 12: url in [cloud]: only https is accepted"),
        (
            "cloud.example:8443/",
            "me:secret@cloud.example",
            "line 12: url in [cloud]: give the cloud's address without user",
        ),
        ("cloud.example:8443/", "cloud.example:99999", "line 12: url in [cloud]: give the cloud's address"),
        (
            'ca = "ca.pem"\ninterval',
            'ca = "other.pem"\ninterval',
            "line 13: ca in [cloud]: there is no file",
        ),
        ('ca = "ca.pem"\nuser', 'ca = "other.pem"\nuser', "line 18: ca in [mqtt]: there is no file"),
        ("tls = true", "tls = false", "line 18: ca in [mqtt]: means nothing without tls = true"),
        ("broker.example", "mqtt://broker.example", "line 16: host in [mqtt]: give a name or an address alone"),
        ("tls = true", "tls = true\nport = 0", "line 18: port in [mqtt]: give a port number from 1 to 65535"),
        ('username = "me"\n', "", "line 15: [mqtt]: there is a password without a username"),
        ('"secret"', '"secret"\npassword_file = "ca.pem"', "line 21: password_file in [mqtt]: there is a password too"),
        ('password = "secret"', 'password_file = "no"', "line 20: password_file in [mqtt]:"),
        (f'id = "{CLAMP}"', f'id = "{CLAMP.upper()}"', "line 23: id in [[sensor]] number 1: give the sensor's id"),
        (f'id = "{GAS}"', f'id = "{CLAMP}"', "line 27: id in [[sensor]] number 2: the same id as [[sensor]] number 1"),
        (
            'type = "gas"',
            'type = "steam"',
            'line 29: type in [[sensor]] number 2: give one of "electricity", "water", "gas"',
        ),
        ('class = "pulse"', 'class = "uart"', 'line 30: class in [[sensor]] number 2: give one of "analog", "pulse"'),
        ('name = "Heating"\n', "", "line 26: name in [[sensor]] number 2: is missing"),
        ('name = "Main"', 'name = ""', "line 24: name in [[sensor]] number 1: give a text"),
        ('name = "Main"', 'name = "a\\nb"', "line 24: name in [[sensor]] number 1: give a text"),
        ("seconds = 7200", "seconds = 59", "line 32: seconds in [store]: give a whole number of seconds from 600 to"),
        ("days = 30", "days = 0.5", "line 33: days in [store]: give a whole number of days from 1 to 10000"),
        ("[lan]", "[lan", "is no TOML: Expected ']'"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    (tmp_path / "ca.pem").write_text("")
    assert FULL.count(old) == 1
    with pytest.raises(ConfigError) as refused:
        parse(FULL.replace(old, new), tmp_path)
    assert complaint in str(refused.value)


def test_all_complaints_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        parse(FULL.replace("port = 8081", "port = -1").replace('"gas"', '"steam"').replace("name", "nmae", 1), tmp_path)
    assert len(str(refused.value).splitlines()) == 3


def test_plain_http_only_when_asked_for(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("")
    allowed = FULL.replace("https:", "http:").replace("interval = 1", "allow_plain_http = true")
    config = parse(allowed, tmp_path)
    assert config.cloud is not None
    assert config.cloud.url == "http://cloud.example:8443"


def test_a_password_that_everybody_can_read(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("")
    path = tmp_path / "fluksod.toml"
    path.write_text(FULL)
    path.chmod(0o644)
    with pytest.raises(ConfigError, match=r"line 20: password in \[mqtt\]: this file can be read by everybody"):
        load(path)
    path.chmod(0o640)
    config = load(path)
    assert config.mqtt is not None
    assert config.mqtt.password == "secret"
    assert "secret" not in repr(config)


def test_the_way_through_a_proxy(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("")
    path = tmp_path / "fluksod.toml"
    path.write_text(FULL.replace("interval = 1", 'proxy = "http://me:hidden@proxy.example:3128"'))
    path.chmod(0o644)
    with pytest.raises(ConfigError, match=r"line 14: proxy in \[cloud\]: has a password, and this file can be read"):
        load(path)
    path.chmod(0o600)
    config = load(path)
    assert config.cloud is not None
    assert config.cloud.proxy == "http://me:hidden@proxy.example:3128"
    assert "hidden" not in repr(config)


@pytest.mark.parametrize("wrong", ["proxy.example:3128", "https://proxy.example", "http://:3128", "http://a:b:c"])
def test_what_is_no_proxy(tmp_path: Path, wrong: str) -> None:
    (tmp_path / "ca.pem").write_text("")
    with pytest.raises(ConfigError, match="give the proxy's address, such as"):
        parse(FULL.replace("interval = 1", f'proxy = "{wrong}"'), tmp_path)


def test_a_file_of_ones_own_for_the_password(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("")
    secret = tmp_path / "secret"
    secret.write_text("from a file\n")
    secret.chmod(0o644)
    text = FULL.replace('password = "secret"', 'password_file = "secret"')
    with pytest.raises(ConfigError, match=r"line 20: password_file in \[mqtt\]: .* can be read by everybody"):
        parse(text, tmp_path)
    secret.chmod(0o600)
    config = parse(text, tmp_path, readable_by_all=True)
    assert config.mqtt is not None
    assert config.mqtt.password == "from a file"


@pytest.mark.parametrize(
    ("content", "complaint"), [(None, "cannot be read: No such file"), (b"\xff", "is no UTF-8 text")]
)
def test_a_file_that_is_no_text(tmp_path: Path, content: bytes | None, complaint: str) -> None:
    path = tmp_path / "fluksod.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=complaint):
        load(path)


DAMAGED = st.sampled_from(FULL.splitlines()).map(lambda line: FULL.replace(line, line[:-1]))


@given(st.text(max_size=200) | DAMAGED)
def test_any_text_is_refused_in_words(text: str) -> None:
    """None of these can be right: the board's port is missing, or the file of the authority."""
    with pytest.raises(ConfigError, match=r"\w"):
        parse(text, Path("/nowhere"))


def test_the_documented_boards() -> None:
    """Of docs/device.md; whatever else is there is refused or means something."""
    config = parse(Page("docs/device.md").block_after("### Several boards", "toml"), Path("/etc"))
    assert [board.link for board in config.boards] == [BoardLink.UART, BoardLink.SPI]
    assert [sensor.place for sensor in config.board_sensors] == [
        BoardSensor(0, (1, 2, 3), 5163),
        BoardSensor(3, (4,), 0, 500),
    ]


SPI = """\
[[board]]
name = "attic"
port = "/dev/ttyUSB0"
[[board]]
name = "cellar"
port = "/dev/spidev0.0"
link = "spi"
hardware = "2.1"
byte_delay_us = 250
reply_delay_ms = 20
reset_counters = true
[[sensor]]
name = "Main"
type = "electricity"
port = [3, 1]
voltage = 230
current = 100
[[sensor]]
board = "cellar"
name = "Sun"
type = "electricity"
direction = "export"
port = 4
constant = 1.25
"""


def test_several_boards_and_what_is_set_up_on_spi() -> None:
    config = parse(SPI, Path("/etc"))
    attic, cellar = config.boards
    assert attic == BoardConfig("attic", "/dev/ttyUSB0")
    assert cellar == BoardConfig(
        "cellar", "/dev/spidev0.0", BoardLink.SPI, HardwareVersion(2, 1), 250, 0.02, reset_counters=True
    )
    main, sun = config.board_sensors
    assert main.place == BoardSensor(0, (1, 3), 10327), "the lowest port is the index"
    assert (main.board, main.sensor_class, main.id) == ("cellar", SensorClass.ANALOG, None)
    assert sun.place == BoardSensor(3, (4,), 1, 250)
    assert (sun.sensor_class, sun.direction) == (SensorClass.PULSE, Direction.EXPORT)
    assert config.sensors == ()


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (
            "current = 100",
            "current = 635",
            "line 17: current in [[sensor]] number 1: 0.449 x voltage x current is 65576",
        ),
        ("port = [3, 1]", "port = [3, 4]", "line 15: port in [[sensor]] number 1: a pulse sensor has one of the ports"),
        ("port = 4", "port = 7", "line 23: port in [[sensor]] number 2: a board has the ports 1 to 6"),
        ("port = 4", "port = 6", "line 23: port in [[sensor]] number 2: port 6 is the RS-485 bus"),
        ("port = 4", "port = [4, 4]", "line 23: port in [[sensor]] number 2: give the number of a port"),
        ("port = 4", "port = true", "line 23: port in [[sensor]] number 2: give the number of a port"),
        ("port = 4", 'port = 4\nclass = "analog"', "line 23: port in [[sensor]] number 2: only the ports 1 to 3"),
        ("port = 4", "port = 1", "line 23: port in [[sensor]] number 2: port 1 belongs to [[sensor]] number 1 already"),
        ("constant = 1.25", "constant = 1.2345", "line 24: constant in [[sensor]] number 2: give a number above 0"),
        ("constant = 1.25", "constant = 65536", "line 24: constant in [[sensor]] number 2: give a number above 0"),
        ("constant = 1.25", "constant = 0", "line 24: constant in [[sensor]] number 2: give a number above 0"),
        ("constant = 1.25", "voltage = 230", "line 24: voltage in [[sensor]] number 2: is for clamps"),
        ("voltage = 230", "constant = 1", "line 16: constant in [[sensor]] number 1: is for pulse sensors"),
        ('type = "electricity"\nport', 'type = "gas"\nport', "line 14: type in [[sensor]] number 1: a clamp measures"),
        ("port = 4\n", "", "id in [[sensor]] number 2: is missing; add it, or a port"),
        (
            'board = "cellar"',
            'board = "attic"',
            "line 19: board in [[sensor]] number 2: there is no [[board]] of this name",
        ),
        (
            'name = "cellar"',
            'name = "attic"',
            "line 5: name in [[board]] number 2: the same name as [[board]] number 1",
        ),
        ('link = "spi"', 'link = "i2c"', 'line 7: link in [[board]] number 2: give one of "uart", "spi"'),
        (
            'hardware = "2.1"',
            "hardware = 2.1",
            "line 8: hardware in [[board]] number 2: give the newest hardware version",
        ),
        ('link = "spi"', "", 'line 8: hardware in [[board]] number 2: is for boards with link = "spi"'),
        (
            "byte_delay_us = 250",
            "byte_delay_us = -1",
            "line 9: byte_delay_us in [[board]] number 2: give a whole number",
        ),
        (
            'port = "/dev/spidev0.0"',
            'port = "/dev/ttyUSB0"',
            "line 6: port in [[board]] number 2: another [[board]] has",
        ),
    ],
)
def test_a_board_that_cannot_be_set_up_so_is_refused(old: str, new: str, complaint: str) -> None:
    """Analog index rule, largest port, largest constant: sections 4.3 and 4.4 of the protocol reference."""
    assert SPI.count(old) == 1
    with pytest.raises(ConfigError) as refused:
        parse(SPI.replace(old, new), Path("/etc"))
    assert complaint in str(refused.value)
