"""The command line: one function a command."""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import signal
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from fluksod.asking import ask
from fluksod.command_error import CommandError
from fluksod.config import Config, load
from fluksod.identity import StateDirectory
from fluksod.journald import log_to_stderr
from fluksod.reports import needs_attention, sensor_lines, status_lines
from fluksod.trust import trust
from fluksod.uplink.signature import claim_code
from fluksod.url import http_url

Command = Callable[[Config, argparse.Namespace], int]
DEFAULT_CONFIG = Path("/etc/fluksod.toml")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status: 0 done, 1 refused for the reason printed, 2 wrong usage."""
    chosen = _parser().parse_args(arguments)
    try:
        config = load(chosen.config)
        status: int = chosen.command(config, chosen)
    except CommandError as error:
        print(f"fluksod: {error}", file=sys.stderr)
        return 1
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fluksod", description="The Fluksometer's daemon.")
    parser.add_argument("--version", action="version", version=f"fluksod {version('fluksod')}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, command, text in (
        ("run", _run, "run the daemon until SIGTERM or SIGINT"),
        ("check", _check, "check the configuration and print what would be done"),
        ("identity", _identity, "print the device id and the claim code, made at the first call"),
    ):
        _command(commands, name, command, text)
    asking: tuple[tuple[str, Command, str], ...] = (
        ("status", _status, "tell how the running fluksod stands; exit status 1 when something is wrong"),
        ("sensors", _sensors, "list the sensors of the running fluksod with their newest readings"),
    )
    for name, asks, text in asking:
        asked = _command(commands, name, asks, text)
        asked.add_argument("--json", action="store_true", help="print what the local API tells, for scripts")
    _command(commands, "unit", _unit, "print a systemd unit that runs this fluksod with the configuration")
    firmware = _command(
        commands, "firmware", _firmware, "write the firmware that ships with fluksod, or a file, to a board"
    )
    firmware.add_argument("action", choices=["update"])
    firmware.add_argument(
        "--board", metavar="NAME", help="its name in the configuration; needed where there are several"
    )
    firmware.add_argument(
        "--image", type=Path, metavar="FILE", help="in Intel's hexadecimal format; with fluksod stopped"
    )
    backup = _command(
        commands, "backup", _back_up, "write id, key, counters and history to a new FILE, also while it runs"
    )
    backup.add_argument("file", type=Path, metavar="FILE")
    restored = _command(commands, "restore", _restore, "take a backup back; fluksod has to be stopped")
    restored.add_argument("file", type=Path, metavar="FILE")
    restored.add_argument("--replace", action="store_true", help="move aside what is there")
    return parser


def _command(commands: Any, name: str, command: Command, text: str) -> argparse.ArgumentParser:
    sub: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    sub.add_argument("--config", type=Path, default=DEFAULT_CONFIG, metavar="FILE", help="default: %(default)s")
    sub.set_defaults(command=command)
    return sub


def _status(config: Config, chosen: argparse.Namespace) -> int:
    device = ask(config, "/api/v2/device")
    print(json.dumps(device, indent=1) if chosen.json else "\n".join(status_lines(device)))
    return int(needs_attention(device))


def _sensors(config: Config, chosen: argparse.Namespace) -> int:
    sensors = ask(config, "/api/v2/sensors")
    print(json.dumps(sensors, indent=1) if chosen.json else "\n".join(sensor_lines(sensors["sensors"], time.time())))
    return 0


def _unit(_config: Config, chosen: argparse.Namespace) -> int:
    template = files("fluksod").joinpath("fluksod.service").read_text(encoding="utf-8")
    print(template.format(program=Path(sys.argv[0]).absolute(), config=chosen.config.absolute()), end="")
    return 0


def _firmware(config: Config, chosen: argparse.Namespace) -> int:
    from fluksod.firmware.by_hand import update_firmware

    return update_firmware(config, chosen)


def _back_up(config: Config, chosen: argparse.Namespace) -> int:
    from fluksod.backup import back_up

    size = back_up(config.state, chosen.file, version=version("fluksod"))
    print(f"{chosen.file}: {size / 1e6:.1f} MB. It holds the key of this device: keep it where only you can read it.")
    return 0


def _restore(config: Config, chosen: argparse.Namespace) -> int:
    from fluksod.backup import restore

    state = StateDirectory(config.state)
    state.prepare()
    state.lock()
    restore(chosen.file, config.state, replace=chosen.replace)
    print(f"{config.state} is what it was when {chosen.file} was made. Start fluksod now.")
    return 0


def _run(config: Config, _chosen: argparse.Namespace) -> int:
    log_to_stderr()
    asyncio.run(_serve(config))
    return 0


async def _serve(config: Config) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    from fluksod.daemon import Daemon  # half a second on a small machine, which the other commands need not wait

    await Daemon(config).run(stop)


def _check(config: Config, _chosen: argparse.Namespace) -> int:
    lan, cloud = config.lan, config.cloud
    if cloud is not None:
        trust(cloud.ca, "cloud")
    print("The configuration is right. fluksod would")
    for board in config.boards:
        print(f"- read the board on {board.port}{_absence(board.port)}")
        if board.model is not None and board.programmer_port is not None:
            way = f"avrdude's {board.programmer.value} at {board.programmer_port}"
            missing = "" if shutil.which("avrdude") else " (not installed now: sudo apt-get install avrdude)"
            print(f"- update its firmware, a {board.model.value}'s, with {way}{missing}")
    for meter in config.p1:
        where = f"the bus of {meter.board!r}" if meter.port is None else f"{meter.port}{_absence(meter.port)}"
        print(f"- read the P1 meter {meter.name!r} on {where}")
    for asked in config.modbus:
        where = f"address {asked.address} on {asked.port}{_absence(asked.port)}"
        print(f"- ask the meter {asked.name!r}, a {asked.model.value}, at {where}")
    print(f"- serve the local API on {http_url(lan.host, lan.port)}")
    if lan.mdns:
        print(f"- announce it by mDNS on {', '.join(lan.mdns_interfaces) or 'all interfaces'}")
    print(f"- keep its identity and counters in {config.state}")
    for sensor in config.sensors:
        print(f"- serve {sensor.id} as {sensor.name!r}, {sensor.type.value}, {sensor.sensor_class.value}")
    for placed in config.board_sensors:
        ports = ", ".join(str(port) for port in placed.place.ports)
        kind = f"{placed.type.value}, {placed.sensor_class.value}"
        print(f"- set up port {ports} of {placed.board!r} as {placed.name!r}, {kind}")
    if cloud is None:
        print("- send nothing to any cloud")
    else:
        trusted = f"trusting only {cloud.ca}" if cloud.ca else "trusting the system's authorities"
        plain = " without encryption (allow_plain_http)" if cloud.url.startswith("http:") else f", {trusted}"
        way = "" if cloud.proxy is None else f" through the proxy at {cloud.proxy.rsplit('@', 1)[-1].split('//')[-1]}"
        print(f"- upload to {cloud.url}{way} every {cloud.interval:g} s{plain}")
        if cloud.firmware:
            print("- write firmware that this cloud offers and signs to the boards")
    mqtt = config.mqtt
    if mqtt is not None:
        if mqtt.tls:
            trust(mqtt.ca, "mqtt")
        secured = f"trusting {mqtt.ca or 'the authorities of the system'}" if mqtt.tls else "without encryption"
        found = ", where Home Assistant finds the sensors" if mqtt.home_assistant else ""
        print(f"- publish to the broker at {mqtt.host}:{mqtt.port}, {secured}{found}")
    return 0


def _absence(port: str) -> str:
    return "" if Path(port).exists() else " (not there now; it is waited for)"


def _identity(config: Config, _chosen: argparse.Namespace) -> int:
    state = StateDirectory(config.state)
    state.prepare()
    from fluksod.backup import finish_restore, is_restoring

    if is_restoring(config.state):
        state.lock()
        finish_restore(config.state)
    identity = state.identity()
    print(f"device     {identity.device}")
    print(f"claim code {claim_code(identity.key, identity.device)}")
    return 0
