"""Starts the whole stream, each part as its own program with a configuration as a user would write it."""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from fluksosim import HOUSE, Household
from fluksosim.history import history as past

from . import history, home_assistant, namespace
from .home_assistant import Entities, HomeAssistant
from .house import FIRST_COUNTERS, House
from .processes import REPOSITORY, DemoError, Programs, require_free_port

ACCOUNT = "demo"
PASSWORD = "flukso-demo"  # noqa: S105 (a demo on loopback; printed on the screen)

# Which simulated household lives here; its past and its present come from the same one.
SEED = 1

_BIN = REPOSITORY / ".venv" / "bin"


@dataclass(frozen=True)
class Options:
    """What the user asked for."""

    check: bool = False
    isolated: bool = False
    board: str | None = None
    port_offset: int = 0


class Stream:
    """Board, daemon, cloud and Home Assistant, running."""

    def __init__(self, options: Options, directory: Path, say: Any = print) -> None:
        """Prepare to run in `directory` (empty); `say` gets a line at each step."""
        self.options = options
        self.directory = directory
        self.say = say
        self.programs = Programs(directory / "logs")
        self.host = namespace.HOUSE_ADDRESS if options.isolated else "127.0.0.1"
        self.lan_port, self.cloud_port, self.home_assistant_port = (
            port + options.port_offset for port in (8080, 8443, 8123)
        )
        self.lan_url = f"http://{self.host}:{self.lan_port}"
        self.cloud_url = f"https://{self.host}:{self.cloud_port}"
        self.house: House | None = None
        self.names: dict[str, str] = {}
        self.types: dict[str, str] = {}
        self.entities: dict[str, Entities] = {}
        self.claim_code = ""

    # --- life ---

    async def start(self) -> None:
        """Start every part and wait until each one has what it needs from the one before."""
        require_free_port(self.host, self.lan_port, "the daemon's local API")
        require_free_port(self.host, self.cloud_port, "the cloud")
        require_free_port(self.host, self.home_assistant_port, "Home Assistant")
        began = time.monotonic()
        self.session = aiohttp.ClientSession()
        await self._start_home_assistant()
        board, sensors = await self._start_board()
        await asyncio.gather(self._start_cloud(), self._start_daemon(board, sensors))
        await self._claim()
        filled = await self._fill_cloud()
        await self._set_up_home_assistant(filled)
        self.say(f"The stream is up after {time.monotonic() - began:.0f} s.")

    async def stop(self) -> None:
        """Stop every part, in the reverse order."""
        for name in ("home_assistant", "cloud_session", "session"):
            client = getattr(self, name, None)
            if isinstance(client, aiohttp.ClientSession):
                await client.close()
            elif isinstance(client, HomeAssistant):
                await client.__aexit__()
        await self.programs.stop()

    # --- board ---

    async def _start_board(self) -> tuple[str, list[dict[str, Any]]]:
        if self.options.board:
            if not Path(self.options.board).exists():
                raise DemoError(
                    f"There is no serial port {self.options.board}. `ls /dev/serial/by-id` lists those connected."
                )
            self.say(f"Board: the real one at {self.options.board}. Its past is not known, so the charts begin now.")
            return self.options.board, []
        simulator = [
            sys.executable,
            "-m",
            "fluksosim",
            "--seed",
            str(SEED),
            "--state",
            str(self.directory / "board.json"),
        ]
        fresh = [*simulator, "--epoch-counters", json.dumps(FIRST_COUNTERS), "--describe"]
        sensors = json.loads(await self.programs.run("The board simulator", fresh))["sensors"]
        link, socket = self.directory / "ttyFLUKSO", self.directory / "board.sock"
        await self.programs.start("board", [*simulator, "--board", "v1_1", "--pty", link, "--control", socket])
        self.house = House(socket)

        async def up() -> bool:
            return link.exists() and socket.exists()

        await self.programs.until("the simulated board", up, 20)
        self.say(f"Board: the real firmware in simavr, {len(sensors)} sensors.")
        return str(link), list(sensors)

    # --- cloud ---

    async def _start_cloud(self) -> None:
        command, directory = _BIN / "flukso-cloud", self.directory / "cloud"
        await self.programs.run(
            "flukso-cloud init",
            [command, "init", "--dir", directory, "--name", self.host, "--name", "localhost", "--account", ACCOUNT],
            {"FLUKSO_CLOUD_PASSWORD": PASSWORD},
        )
        await self.programs.start(
            "cloud", [command, "serve", "--dir", directory, "--host", self.host, "--port", str(self.cloud_port)]
        )
        # The cloud's own CA, and no other: what a Fluksometer does as well.
        trust = ssl.create_default_context(cafile=str(directory / "ca.pem"))
        self.cloud_session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=trust), cookie_jar=aiohttp.CookieJar(unsafe=True)
        )

        async def up() -> bool:
            async with self.cloud_session.get(self.cloud_url + "/login") as response:
                return response.status == 200

        await self.programs.until("the cloud", up, 20)
        self.say(f"Cloud: {self.cloud_url}, with a certificate of its own authority.")

    async def _claim(self) -> None:
        """Sign in to the cloud and claim the device, as its owner would do in a browser."""
        origin = {"Origin": self.cloud_url}
        form = {"name": ACCOUNT, "password": PASSWORD, "next": "/"}
        async with self.cloud_session.post(
            self.cloud_url + "/login", data=form, headers=origin, allow_redirects=False
        ) as response:
            if response.status != 303 or "error" in response.headers["Location"]:
                raise DemoError(f"The cloud refused the demo's account: {response.status}")

        async def connected() -> bool:
            cloud = (await self.lan("device"))["cloud"]
            self.claim_code = cloud["claim_code"]
            return bool(cloud["state"] == "connected")

        await self.programs.until("the daemon to register itself with the cloud", connected, 20)
        async with self.cloud_session.post(
            self.cloud_url + "/claim", data={"code": self.claim_code}, headers=origin, allow_redirects=False
        ) as response:
            if "claimed=" not in response.headers.get("Location", ""):
                raise DemoError(f"The cloud did not accept the claim code: {response.headers.get('Location')}")
        self.say(f"The Fluksometer registered itself, and {ACCOUNT} claimed it with the code {self.claim_code}.")

    async def cloud_counters(self) -> dict[str, int | None]:
        """Return the newest stored counter of each sensor (Wh or L)."""
        async with self.cloud_session.get(self.cloud_url + "/api/v2/devices") as response:
            response.raise_for_status()
            devices = (await response.json())["devices"]
        return {
            sensor["id"]: sensor["measurement"] and sensor["measurement"]["counter"]
            for device in devices
            for sensor in device["sensors"]
        }

    # --- daemon ---

    def _daemon_configuration(self, board: str, sensors: Sequence[dict[str, Any]]) -> str:
        text = json.dumps  # a JSON string is a TOML string
        lines = [
            "[device]", 'name = "Fluksometer"', f"state = {text(str(self.directory / 'daemon'))}",
            "[board]", f"port = {text(board)}",
            "[lan]", f"host = {text(self.host)}", f"port = {self.lan_port}", f"mdns_interfaces = [{text(self.host)}]",
            "[cloud]", f"url = {text(self.cloud_url)}", f"ca = {text(str(self.directory / 'cloud' / 'ca.pem'))}",
            "interval = 1",
        ]  # fmt: skip
        for sensor in sensors:
            lines += ["[[sensor]]", *(f"{key} = {text(sensor[key])}" for key in ("id", "name", "type"))]
        return "\n".join(lines) + "\n"

    async def _start_daemon(self, board: str, sensors: Sequence[dict[str, Any]]) -> None:
        configuration = self.directory / "fluksod.toml"
        # The cloud's CA file appears while the cloud is being set up; the daemon reads it at its start.
        while not (self.directory / "cloud" / "ca.pem").exists():
            await asyncio.sleep(0.05)
        configuration.write_text(self._daemon_configuration(board, sensors))
        await self.programs.start("daemon", [_BIN / "fluksod", "run", "--config", configuration])

        async def reading() -> bool:
            rows = (await self.lan("sensors"))["sensors"]
            return bool(rows) and all(row["reading"] and row["reading"]["counter"] is not None for row in rows)

        await self.programs.until("the daemon to know every counter of the board", reading, 40)
        await self._learn_sensors()
        self.say(f"Daemon: {self.lan_url}/api/v2/sensors")

    async def _learn_sensors(self) -> None:
        for row in (await self.lan("sensors"))["sensors"]:
            self.names[row["id"]] = row["name"]
            self.types[row["id"]] = row["type"]

    async def lan(self, what: str) -> dict[str, Any]:
        """Return an object of the daemon's local API."""
        async with self.session.get(f"{self.lan_url}/api/v2/{what}") as response:
            response.raise_for_status()
            return dict(await response.json())

    async def lan_counters(self) -> dict[str, dict[str, Any]]:
        """Return each sensor's newest reading."""
        rows = (await self.lan("sensors"))["sensors"]
        return {row["id"]: row["reading"] or {"counter": None, "gauge": None} for row in rows}

    def as_json(self) -> str:
        """Return the addresses and the log-ins as JSON, for tests that drive the running demo."""
        return json.dumps(
            {
                "lan": self.lan_url,
                "cloud": self.cloud_url,
                "cloud_ca": str(self.directory / "cloud" / "ca.pem"),
                "home_assistant": self.home_assistant.url,
                "home_assistant_tokens": self.home_assistant.tokens,
                "control": str(self.house.socket) if self.house else None,
                "names": self.names,
                "entities": {sensor: vars(pair) for sensor, pair in self.entities.items()},
            }
        )

    def kettle_sensor(self) -> str:
        """Return the sensor of the circuit that the kettle hangs on (of a real board: its first sensor)."""
        for sensor, name in self.names.items():
            if name == "Kitchen":
                return sensor
        return next(iter(self.names))

    # --- history ---

    async def _fill_cloud(self) -> dict[str, list[history.Sample]]:
        """Upload the simulated household's last 30 days and return them."""
        if not self.house:
            return {}
        key = (self.directory / "daemon" / "key").read_text().strip()
        household = Household(SEED)
        inputs = {sensor.input: sensor for sensor in HOUSE}
        filled = {}
        for row in (await self.house.sensors()).values():
            # Up to the last line of the board, where its counter stood as it says.
            end = int(row["line_at"] or time.time())
            start = end // 60 * 60 - history.DAYS * 86400
            filled[row["id"]] = list(past(household, inputs[row["input"]], start, end, row["counter"]))
        counts = await asyncio.gather(
            *(
                history.upload(self.cloud_session, self.cloud_url, key, sensor, samples)
                for sensor, samples in filled.items()
            )
        )
        self.say(
            f"History: {sum(counts):,} measurements of the past {history.DAYS} days, uploaded as a Fluksometer would."
        )
        return filled

    # --- Home Assistant ---

    async def _start_home_assistant(self) -> None:
        directory = self.directory / "home-assistant"
        home_assistant.write_configuration(
            directory, self.host, self.home_assistant_port, loopback_only=not self.options.isolated
        )
        await self.programs.start("home-assistant", home_assistant.command(directory))
        self.home_assistant = HomeAssistant(self.session, f"http://{self.host}:{self.home_assistant_port}")
        self.say("Home Assistant is starting (the slowest part).")

    async def _set_up_home_assistant(self, filled: dict[str, list[history.Sample]]) -> None:
        client = self.home_assistant
        await self.programs.until("Home Assistant to answer", client.answers, 120)
        await client.onboard()
        if self.options.isolated:
            await self.programs.until("Home Assistant to discover the Fluksometer", client.accept_discovered, 30)
        else:
            # No mDNS in the open: the daemon announces itself on loopback only, where Home Assistant does not listen.
            await client.add_flukso(self.host, self.lan_port)
        await self.programs.until("Home Assistant to have the Flukso integration", client.flukso_entry, 30)

        async def entities() -> dict[str, Entities] | None:
            await self._learn_sensors()  # a real board's sensors show themselves one after the other
            found = await client.entities()
            return found if set(found) >= set(self.names) else None

        self.entities = await self.programs.until("Home Assistant's entities", entities, 30)
        for sensor, samples in filled.items():
            await self._import_history(sensor, samples)
        of_type = {
            kind: [pair for sensor, pair in self.entities.items() if self.types.get(sensor) == kind]
            for kind in ("electricity", "gas", "water")
        }
        parts = [pair for sensor, pair in self.entities.items() if self.names.get(sensor) == "Kitchen"]
        grid = [pair for pair in of_type["electricity"] if pair not in parts]
        await client.save_energy_dashboard(grid, of_type["gas"], of_type["water"], of_type["electricity"][1:])
        self.say(f"Home Assistant: {client.url}, {len(self.entities)} sensors, energy dashboard filled.")

    async def _import_history(self, sensor: str, samples: list[history.Sample]) -> None:
        """Give the entity the past that the cloud has too; in kWh and m³ as the entity shows it."""
        entity = self.entities[sensor].energy

        async def first() -> float | None:
            return await self.home_assistant.first_recorded(entity)

        register = await self.programs.until(f"the first recording of {entity}", first, 30)
        unit = "kWh" if self.types[sensor] == "electricity" else "m³"
        hours = [(start, counter / 1000) for start, counter in history.by_hour(samples)]
        await self.home_assistant.import_history(entity, unit, hours, register)
