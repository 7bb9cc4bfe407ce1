"""The daemon: puts link, meter, store, local API, discovery and uplink together and runs them until told to stop."""

from __future__ import annotations

import asyncio
import logging
import time
from importlib.metadata import version
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from fluksod.addresses import address_towards
from fluksod.backup import finish_restore
from fluksod.config import Config
from fluksod.demand import Demand
from fluksod.discovery import Announcement
from fluksod.firmware.boards import BoardFirmware
from fluksod.firmware.update import FirmwareUpdates
from fluksod.free_memory import keep_giving_back, settle
from fluksod.identity import StateDirectory, StateError
from fluksod.inputs import Inputs, Outlets
from fluksod.lan.access import Access
from fluksod.lan.app import LanServer, Sources, make_app
from fluksod.lan.firmware import FirmwareApi
from fluksod.lan.tmpo import TmpoApi
from fluksod.link.lines import Line
from fluksod.meter.metering import Metering
from fluksod.meter.register import Mark
from fluksod.registers_file import RegistersFile
from fluksod.sensor import Sensor
from fluksod.service_notify import notify, watchdog_interval
from fluksod.store import Store
from fluksod.store.archive import Archive
from fluksod.store.clock import machine_clock
from fluksod.supervision import keep_running
from fluksod.tmpo.blocks import Blocks
from fluksod.uplink.peers import Peers
from fluksod.uplink.signature import claim_code
from fluksod.uplink.uplink import Uplink
from fluksod.url import http_url

if TYPE_CHECKING:
    from fluksod.mqtt_outlet import MqttOutlet

_LOG = logging.getLogger(__name__)

LAST_UPLOAD = 0.5
"""Seconds that a last upload may take when the daemon is told to stop."""
LONGEST_END = 0.9
"""Seconds after which the daemon ends although some part has not."""
SAVE_EVERY = 3600.0
"""Seconds between writes of the registers beside the journal, which has every change of them."""


class Daemon:
    """One Fluksometer as configured. `run` returns after `stop` was set; errors of the start come out of it."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._state = StateDirectory(config.state)
        self._state.prepare()
        self._state.lock()
        finish_restore(config.state)
        self._identity = self._state.identity()
        self._store = Store()
        self._peer_store = Store()
        self._registers = RegistersFile(config.state / "registers.json")
        self._inputs = Inputs(config, self._identity.device, Outlets(self._take_line, self._take_sensor))
        self._archive = Archive(config.state, config.store, machine_clock(), self._store.put)
        saved = self._registers.load()
        for sensor, mark in self._opened_archive().items():
            if sensor not in saved or (mark.total, mark.at) >= (saved[sensor].total, saved[sensor].at):
                saved[sensor] = mark
        self._metering = Metering(
            self._inputs.sensors,
            on_sensor=self._store.put_sensor,
            on_reading=self._archive.take,
            wall=time.time,
            steady=time.monotonic,
            saved=saved,
        )
        self._archive.follow(self._metering.mark)
        self._demand = Demand(self._store, self._archive, config.timezone, self._inputs.demand)
        self._firmware = BoardFirmware(
            config.boards,
            self._inputs,
            FirmwareUpdates(config.state / "firmware"),
            by_cloud=config.cloud is not None and config.cloud.firmware,
        )
        self._tmpo = Blocks(self._store, self._archive)
        self._lan = LanServer(
            make_app(
                self._sources(), Access(config.lan.token, open_reading=config.lan.open_reading), version("fluksod")
            ),
            config.lan.host,
            config.lan.port,
        )
        self._uplink: Uplink | None = None
        self._peers: Peers | None = None
        if config.cloud is not None:
            self._uplink = uplink = Uplink(
                config.cloud,
                self._identity,
                self._store,
                self._archive,
                version=version("fluksod"),
                registered_file=config.state / "registered",
                address=self._address,
                firmware=self._firmware if config.cloud.firmware else None,
            )
            self._peers = Peers(
                config.cloud,
                self._identity,
                self._peer_store,
                version=version("fluksod"),
                is_claimed=lambda: uplink.claimed is True,
                is_own=self._store.streams.__contains__,
            )
        self._mqtt = self._mqtt_outlet()
        self._announced: Announcement | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set. Raises `PortInUseError` or `AddressInUseError` when it cannot start."""
        self._inputs.open()
        try:
            await self._lan.start()
        except BaseException:
            self._inputs.close()
            raise
        parts = {"the clockwork": self._tick, "the store": self._archive.run, **dict(self._inputs.parts())}
        parts["the quarter hours"] = self._demand.run
        parts["free memory"] = keep_giving_back
        if self._config.lan.mdns:
            self._announced = self._announcement()
            parts["mDNS"] = self._announced.run
        if self._uplink is not None:
            parts["the uplink"] = self._uplink.run
        if self._peers is not None:
            parts["peers"] = self._peers.run
        if self._mqtt is not None:
            parts |= self._mqtt.parts()
        settle()
        tasks = [asyncio.create_task(keep_running(part, run)) for part, run in parts.items()]
        if (interval := watchdog_interval()) is not None:
            tasks.append(asyncio.create_task(_feed_watchdog(interval)))
        url = http_url(self._config.lan.host, self._lan.port)
        _LOG.info("fluksod ready: %s", url)
        notify("READY=1", f"STATUS={url}")
        try:
            await stop.wait()
        finally:
            notify("STOPPING=1")
            for task in tasks:
                task.cancel()
            self._registers.save(self._metering.marks())
            last = [] if self._uplink is None else [self._uplink.close(LAST_UPLOAD)]
            ends = [asyncio.ensure_future(end) for end in (self._lan.stop(), *last)]
            await asyncio.wait([*ends, *tasks], timeout=LONGEST_END)
            self._archive.close()

    def device(self) -> dict[str, Any]:
        """The content of /api/v2/device (docs/protocol.md)."""
        return {
            "id": self._identity.device,
            "name": self._config.name,
            "model": "fluksod",
            "software": version("fluksod"),
            "api": "2.0",
            "time": int(time.time()),
            **self._inputs.describe(),
            "cloud": self._cloud(),
            "mqtt": None if self._mqtt is None else self._mqtt.describe(),
            "storage": self._storage(),
            "siblings": [] if self._announced is None else self._announced.siblings.describe(),
        }

    def _sources(self) -> Sources:
        return Sources(
            store=self._store,
            device=self.device,
            history=self._archive.history,
            kept=self._archive,
            details=self._sensor_details,
            peers=self._peer_store,
            peers_error=lambda: None if self._peers is None else self._peers.state.error,
            tmpo=TmpoApi(self._tmpo),
            firmware=FirmwareApi(self._firmware.describe, self._firmware.begin),
        )

    def _storage(self) -> dict[str, Any]:
        state = self._archive.state
        return {
            "state": "ok" if state.error is None else "failing",
            "bytes": state.bytes,
            "oldest_minute": state.oldest_minute,
            "error": state.error,
        }

    def _opened_archive(self) -> dict[str, Mark]:
        try:
            return self._archive.open()
        except OSError as error:
            raise StateError(
                f"the state directory {self._config.state} cannot be used: {error}; make room on its disk, or mend it"
            ) from error

    def _take_line(self, line: Line, source: str) -> None:
        self._metering.line(line, source)

    def _take_sensor(self, sensor: Sensor) -> None:
        self._metering.add(sensor)

    def _sensor_details(self, sensor: str) -> dict[str, Any]:
        """Members of a sensor in /api/v2/sensors that its meter knows (docs/protocol.md)."""
        peer = None if self._peers is None else self._peers.peer(sensor)
        shared = {} if peer is None else {"owner": peer.owner, "resolution": peer.resolution}
        measured = {"source": self._metering.source(sensor), "phases": self._inputs.phases(sensor)}
        return {**measured, "demand": self._demand.of(sensor), **shared}

    def _cloud(self) -> dict[str, Any] | None:
        if self._uplink is None or self._config.cloud is None:
            return None
        state = self._uplink.state
        return {
            "url": self._config.cloud.url,
            "state": state.state,
            "claim_code": claim_code(self._identity.key, self._identity.device),
            "claimed": self._uplink.claimed,
            "last_upload": state.last_upload,
            "pending": self._uplink.pending,
            "error": state.error,
        }

    def _mqtt_outlet(self) -> MqttOutlet | None:
        config = self._config
        if config.mqtt is None:
            return None
        # aiomqtt takes 7 MiB and a twentieth of a second: only for those who have a broker.
        from fluksod.mqtt_outlet import MqttOutlet

        return MqttOutlet(config, config.mqtt, self._identity, self._store, self._tmpo, self._address)

    def _address(self) -> tuple[str | None, int]:
        host = ip_address(self._config.lan.host)
        towards_internet = address_towards("192.0.2.1")  # RFC 5737: nobody has this address, and nothing is sent
        return (towards_internet if host.is_unspecified else str(host), self._lan.port)

    def _announcement(self) -> Announcement:
        lan, identity = self._config.lan, self._identity
        announcement = Announcement(identity.hostname, identity.device, lan.host, self._lan.port, lan.mdns_interfaces)
        announcement.set_sensors(self._store.streams)
        self._store.on_sensor(lambda _sensor: announcement.set_sensors(self._store.streams))
        return announcement

    async def _tick(self) -> None:
        next_save = time.monotonic() + SAVE_EVERY
        while True:
            await asyncio.sleep(1.0)
            self._metering.tick(self._inputs.away)
            if time.monotonic() >= next_save:
                next_save = time.monotonic() + SAVE_EVERY
                await asyncio.to_thread(self._registers.save, self._metering.marks())  # an SD card takes its time


async def _feed_watchdog(interval: float) -> None:
    """Tell systemd that the event loop turns: it starts us again when it does not."""
    while True:
        notify("WATCHDOG=1")
        await asyncio.sleep(interval)
