"""A real Home Assistant, set up without a click: user, Flukso integration, history and energy dashboard."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import aiohttp

from .processes import REPOSITORY, DemoError

USER = "demo"
PASSWORD = "flukso-demo"  # noqa: S105 (a demo on loopback; printed on the screen)

# The demo has no use for the rest of Home Assistant; fewer integrations start faster and look nowhere outside.
CONFIGURATION = """\
homeassistant:
  name: Flukso demo
  country: BE
  currency: EUR
  unit_system: metric
  time_zone: {time_zone}
  internal_url: "{url}"
  external_url: "{url}"
frontend:
config:
automation: !include automations.yaml
energy:
history:
recorder:
  commit_interval: 1
"""


def local_time_zone() -> str:
    """Return the machine's time zone as an IANA name, UTC when it has none."""
    link = Path("/etc/localtime")
    parts = link.resolve().parts if link.is_symlink() else ()
    return "/".join(parts[parts.index("zoneinfo") + 1 :]) if "zoneinfo" in parts else "UTC"


def write_configuration(directory: Path, host: str, port: int, *, loopback_only: bool) -> None:
    """Write a fresh configuration directory that holds this repository's integration."""
    storage = directory / ".storage"
    storage.mkdir(parents=True)
    url = f"http://{host}:{port}"
    discovery = "" if loopback_only else "zeroconf:\n"
    configuration = CONFIGURATION.format(time_zone=local_time_zone(), url=url) + discovery
    (directory / "configuration.yaml").write_text(configuration)
    (directory / "automations.yaml").write_text("[]\n")  # the editor of automations writes here
    (directory / "custom_components").mkdir()
    (directory / "custom_components" / "flukso").symlink_to(REPOSITORY / "custom_components" / "flukso")
    # An `http:` in configuration.yaml is on probation for five minutes in 2026.11, then it is taken back.
    http = {
        "server_host": [host],
        "server_port": port,
        "cors_allowed_origins": [],
        "login_attempts_threshold": -1,
        "ip_ban_enabled": True,
        "ssl_profile": "intermediate_v6",
        "use_x_frame_options": True,
        "created_at": datetime.now(UTC).isoformat(),
        "error": None,
        "error_message": None,
    }
    _store(storage / "http", 3, {"stable": http, "pending": None, "yaml_migration_done": True})
    # Home Assistant's own marketplace would ask the internet for its catalogue; switched off by its user it does not.
    now = datetime.now(UTC).isoformat()
    marketplace: dict[str, Any] = {
        "entry_id": "marketplace", "domain": "marketplace", "title": "", "unique_id": None, "source": "system",
        "disabled_by": "user", "version": 1, "minor_version": 1, "data": {}, "options": {}, "subentries": [],
        "discovery_keys": {}, "pref_disable_new_entities": False, "pref_disable_polling": False,
        "created_at": now, "modified_at": now,
    }  # fmt: skip
    _store(storage / "core.config_entries", 1, {"entries": [marketplace]}, minor_version=5)
    # A person's onboarding would also set up a weather service and the like, which ask the internet.
    _store(storage / "onboarding", 4, {"done": ["core_config", "analytics"]})
    if loopback_only:
        # Home Assistant's own mDNS then has no interface to speak on: the demo sends nothing into the network.
        _store(storage / "core.network", 1, {"configured_adapters": ["lo"]})


def _store(path: Path, version: int, data: Mapping[str, Any], minor_version: int = 1) -> None:
    path.write_text(json.dumps({"version": version, "minor_version": minor_version, "key": path.name, "data": data}))


def command(directory: Path) -> list[str | Path]:
    """Return the command that runs Home Assistant on `directory`."""
    executable = REPOSITORY / ".venv-ha" / "bin" / "hass"
    if not executable.exists():
        raise DemoError("Home Assistant is not installed yet. Run: scripts/setup home-assistant")
    return [executable, "--config", directory, "--skip-pip"]


@dataclass(frozen=True)
class Entities:
    """The entities of one sensor: `energy` is the total (energy or volume), `power` the rate (power or flow)."""

    energy: str
    power: str

    @property
    def pair(self) -> tuple[str, str]:
        """Both."""
        return self.energy, self.power


class HomeAssistant:
    """A client of Home Assistant's own REST and WebSocket APIs, as its front end uses them."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        """Talk to the Home Assistant at `url` (no trailing slash)."""
        self.session = session
        self.url = url
        self.token = ""
        self.tokens: dict[str, Any] = {}
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._events: dict[int, asyncio.Queue[Any]] = {}
        self._reader: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._reader:
            self._reader.cancel()
        if self._socket:
            await self._socket.close()

    # --- REST ---

    async def _rest(self, method: str, path: str, **arguments: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        async with self.session.request(method, self.url + path, headers=headers, **arguments) as response:
            if response.status >= 400:
                raise DemoError(
                    f"Home Assistant answered {response.status} to {method} {path}: {await response.text()}"
                )
            return await response.json()

    async def answers(self) -> bool:
        """Return whether onboarding can begin."""
        try:
            async with self.session.get(self.url + "/api/onboarding", timeout=aiohttp.ClientTimeout(3)) as response:
                return response.status == 200
        except aiohttp.ClientError:
            return False

    async def onboard(self) -> None:
        """Make the user, sign in, and end the onboarding."""
        client = f"{self.url}/"
        user = {"client_id": client, "name": "Demo", "username": USER, "password": PASSWORD, "language": "en"}
        code = (await self._rest("POST", "/api/onboarding/users", json=user))["auth_code"]
        form = {"client_id": client, "grant_type": "authorization_code", "code": code}
        self.tokens = await self._rest("POST", "/auth/token", data=form)
        self.token = self.tokens["access_token"]
        await self._rest("POST", "/api/onboarding/integration", json={"client_id": client, "redirect_uri": client})

    async def flukso_entry(self) -> Mapping[str, Any] | None:
        """Return the integration's loaded config entry, if there is one."""
        for entry in await self._rest("GET", "/api/config/config_entries/entry?domain=flukso"):
            if entry["state"] == "loaded":
                return dict(entry)
        return None

    async def add_flukso(self, host: str, port: int) -> None:
        """Set the integration up through its own config flow, by address."""
        flow = await self._rest("POST", "/api/config/config_entries/flow", json={"handler": "flukso"})
        step = await self._rest(
            "POST", f"/api/config/config_entries/flow/{flow['flow_id']}", json={"host": f"{host}:{port}"}
        )
        if step["type"] not in ("create_entry", "abort"):
            raise DemoError(f"The integration's config flow did not accept {host}:{port}: {step.get('errors')}")

    async def reload(self, entry_id: str) -> None:
        """Unload a config entry and set it up again."""
        await self._rest("POST", f"/api/config/config_entries/entry/{entry_id}/reload")

    async def accept_discovered(self) -> bool:
        """Confirm the Fluksometer that Home Assistant has discovered by itself; False while there is none.

        What is discovered before the onboarding is over needs nobody's confirmation.
        """
        if await self.flukso_entry():
            return True
        for flow in await self.call("config_entries/flow/progress"):
            if flow["handler"] == "flukso" and flow["context"]["source"] == "zeroconf":
                step = await self._rest("POST", f"/api/config/config_entries/flow/{flow['flow_id']}", json={})
                return bool(step["type"] == "create_entry")
        return False

    async def states(self) -> dict[str, str]:
        """Return every entity's state."""
        return {state["entity_id"]: state["state"] for state in await self._rest("GET", "/api/states")}

    # --- WebSocket ---

    async def connect(self) -> None:
        """Open the WebSocket with the user's token."""
        socket = await self.session.ws_connect(self.url + "/api/websocket", heartbeat=20, max_msg_size=0)
        await socket.receive_json()
        await socket.send_json({"type": "auth", "access_token": self.token})
        if (await socket.receive_json())["type"] != "auth_ok":
            raise DemoError("Home Assistant refused its own token.")
        self._socket = socket
        self._reader = asyncio.create_task(self._read(socket))

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            content = json.loads(message.data)
            if content["type"] == "event" and (queue := self._events.get(content["id"])):
                queue.put_nowait(content["event"])
            elif (
                content["type"] == "result" and (answer := self._answers.pop(content["id"], None)) and not answer.done()
            ):
                answer.set_result(content)

    async def call(self, kind: str, *, number: int | None = None, **arguments: Any) -> Any:
        """Send a WebSocket command and return its result."""
        if self._socket is None:
            await self.connect()
        assert self._socket is not None  # noqa: S101 (connect() has just set it)
        number = number or next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "type": kind, **arguments})
        content = await asyncio.wait_for(answer, 30)
        if not content["success"]:
            raise DemoError(f"Home Assistant refused {kind}: {content['error']['message']}")
        return content["result"]

    @asynccontextmanager
    async def changes(self) -> AsyncIterator[asyncio.Queue[Any]]:
        """Subscribe to state changes; the queue holds Home Assistant's events."""
        number = next(self._numbers)
        queue = self._events[number] = asyncio.Queue()
        await self.call("subscribe_events", number=number, event_type="state_changed")
        try:
            yield queue
        finally:
            del self._events[number]
            await self.call("unsubscribe_events", subscription=number)

    # --- what the demo needs ---

    async def entities(self) -> dict[str, Entities]:
        """Return each sensor's entities by sensor id."""
        found: dict[str, dict[str, str]] = {}
        for entity in await self.call("config/entity_registry/list"):
            if entity["platform"] != "flukso":
                continue
            sensor, _, quantity = str(entity["unique_id"]).partition("_")
            found.setdefault(sensor, {})[quantity] = entity["entity_id"]
        return {
            sensor: Entities(
                energy=quantities.get("energy") or quantities["volume"],
                power=quantities.get("power") or quantities["flow"],
            )
            for sensor, quantities in found.items()
            if quantities.keys() & {"energy", "volume"} and quantities.keys() & {"power", "flow"}
        }

    async def first_recorded(self, entity: str) -> float | None:
        """Return the first number that the recorder has of `entity`, None before there is one."""
        result = await self.call(
            "history/history_during_period",
            start_time=(datetime.now(UTC) - timedelta(hours=1)).isoformat(),
            entity_ids=[entity],
            minimal_response=True,
            no_attributes=True,
            include_start_time_state=False,
        )
        for row in result.get(entity, []):
            try:
                return float(row["s"])
            except ValueError:
                continue  # unavailable or unknown
        return None

    async def import_history(self, entity: str, unit: str, hours: Sequence[tuple[int, float]], now: float) -> None:
        """Put the hours before the installation into the entity's own statistics.

        `hours` are (start of the hour, register at its end); `now` is the register at Home Assistant's first recording.
        Home Assistant lets the sum begin at 0 there, so earlier sums are negative and rise to it without a step.
        """
        await self.call(
            "recorder/import_statistics",
            metadata={
                "has_sum": True,
                "mean_type": 0,
                "name": None,
                "source": "recorder",
                "statistic_id": entity,
                "unit_class": "energy" if unit == "kWh" else "volume",
                "unit_of_measurement": unit,
            },
            stats=[
                {"start": datetime.fromtimestamp(start, UTC).isoformat(), "state": register, "sum": register - now}
                for start, register in hours
            ],
        )

    async def save_energy_dashboard(
        self, grid: Sequence[Entities], gas: Sequence[Entities], water: Sequence[Entities], devices: Sequence[Entities]
    ) -> None:
        """Tell the energy dashboard what belongs where."""
        no_import_price = {"stat_cost": None, "entity_energy_price": None, "number_energy_price": None}
        await self.call(
            "energy/save_prefs",
            energy_sources=[
                *(
                    {
                        "type": "grid",
                        "stat_energy_from": entities.energy,
                        "stat_energy_to": None,
                        "stat_rate": entities.power,
                        **no_import_price,
                        "stat_compensation": None,
                        "entity_energy_price_export": None,
                        "number_energy_price_export": None,
                        "cost_adjustment_day": 0,
                    }
                    for entities in grid
                ),
                *(
                    {
                        "type": kind,
                        "stat_energy_from": entities.energy,
                        "stat_rate": entities.power,
                        "stat_cost": None,
                        "entity_energy_price": None,
                        "number_energy_price": None,
                    }
                    for kind, group in (("gas", gas), ("water", water))
                    for entities in group
                ),
            ],
            device_consumption=[
                {"stat_consumption": entities.energy, "stat_rate": entities.power} for entities in devices
            ],
            device_consumption_water=[],
        )
