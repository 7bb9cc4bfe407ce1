"""tmpo by MQTT: a real mosquitto of the cloud's, and clients that speak MQTT 3.1 as FLM02's bridge (section 3.5)."""

from __future__ import annotations

import asyncio
import getpass
import itertools
import json
import os
import queue
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import paho.mqtt.client as paho
import pytest
from starlette.testclient import TestClient

from flukso_cloud.claim import claim_code
from flukso_cloud.home import Home
from flukso_cloud.mqtt import broker_files
from flukso_cloud.tmpo import Place
from fluksod.identity import StateDirectory
from tests.cloud.fluksometer import Fluksometer
from tests.cloud.owner import Owner
from tests.cloud.process import COMMAND, Server, run
from tests.cloud.test_tmpo import START, block, minute_by_minute
from tests.device.board import CLAMP
from tests.device.daemon_process import configuration, running, sensor_table
from tests.device.test_tmpo import fill

MOSQUITTO = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
pytestmark = pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed: run scripts/setup broker")


def until(told: Callable[[], Any], seconds: float = 20) -> Any:
    """Wait until something is true, and return it."""
    deadline = time.monotonic() + seconds
    while not (found := told()):
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Broker:
    """A running `flukso-cloud mqtt`."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.port = free_port()
        self.log = ""

    def __enter__(self) -> Broker:
        self.process = subprocess.Popen(
            [COMMAND, "mqtt", "--dir", str(self.home.root), "--port", str(self.port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        until(lambda: "listening for tmpo blocks" in self.log or self.process.poll() is not None)
        assert self.process.poll() is None, self.log
        return self

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.log += line

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            assert self.process.wait(20) == 0, self.log


class FlmBridge:
    """The bridge of an FLM02: MQTT 3.1, a clean session, device id and key, the cloud's authority pinned."""

    def __init__(self, broker: Broker, device: Fluksometer, key: str | None = None) -> None:
        self.heard: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self.outcome: queue.Queue[str] = queue.Queue()
        self.client = paho.Client(
            paho.CallbackAPIVersion.VERSION2,
            client_id=f"OpenWrt.flukso.{device.id[:6]}",
            clean_session=True,
            protocol=paho.MQTTv31,
        )
        self.client.username_pw_set(device.id, key or device.key)
        self.client.tls_set(str(broker.home.ca_certificate), tls_version=ssl.PROTOCOL_TLS_CLIENT)
        self.client.on_connect = lambda *told: self.outcome.put(str(told[3]))
        self.client.on_message = lambda *told: self.heard.put((told[2].topic, told[2].payload))
        self.client.connect("localhost", broker.port, keepalive=60)
        self.client.loop_start()

    def publish(self, topic: str, payload: bytes = b"") -> None:
        """QoS 0, as its bridge has all topics."""
        self.client.publish(topic, payload, qos=0).wait_for_publish(10)

    def send(self, sensor: str, place: Place, data: bytes) -> None:
        self.publish(f"/sensor/{sensor}/tmpo/{place.rid}/{place.lvl}/{place.bid}/gz", data)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def broker(home: Home) -> Iterator[Broker]:
    with Broker(home) as broker:
        yield broker


@pytest.fixture
def claimed(device: Fluksometer, owner: Owner) -> Fluksometer:
    owner.claim(device)
    return device


def connected(broker: Broker, device: Fluksometer, key: str | None = None) -> tuple[FlmBridge, str]:
    bridge = FlmBridge(broker, device, key)
    return bridge, bridge.outcome.get(timeout=10)


def in_time(broker: Broker, device: Fluksometer) -> FlmBridge:
    """Connect, once the broker has been told of a device that has just registered."""
    while True:
        bridge, outcome = connected(broker, device)
        if outcome == "Success":
            return bridge
        bridge.close()


def listed(owner: Owner, sensor: str) -> list[Place]:
    answer = owner.client.get(
        f"/sensor/{sensor}/tmpo/sync",
        params={"version": "1.0", "token": owner.token, "rid": 0, "lvl": 0, "bid": 0},
    )
    return [Place(one["rid"], one["lvl"], one["bid"]) for one in answer.json()]


def test_an_old_bridge_brings_its_blocks(
    client: TestClient, claimed: Fluksometer, owner: Owner, broker: Broker
) -> None:
    """Trap 26: MQTT 3.1. Blocks come out by HTTP as they came in, and have filled the history; noise does no harm."""
    bridge = in_time(broker, claimed)
    children = [Place(0, 8, START + 256 * index) for index in range(3)]
    for child in children:
        bridge.send(claimed.sensor, child, minute_by_minute(child))
    bridge.send(claimed.sensor, Place(0, 8, START + 1024), b"noise")
    bridge.send(claimed.sensor, Place(0, 9, START), minute_by_minute(children[0]))
    until(lambda: listed(owner, claimed.sensor) == children)
    path = f"/sensor/{claimed.sensor}/tmpo/0/8/{START}"
    query = {"version": "1.0", "token": owner.token}
    assert client.get(path, params=query).content == minute_by_minute(children[0])
    parent = Place(0, 12, START)
    bridge.send(claimed.sensor, parent, minute_by_minute(parent))
    until(lambda: listed(owner, claimed.sensor) == [parent])
    points = owner.series(claimed.sensor, start=START, end=START + 3000, resolution="minute").json()
    assert all(abs(value - 1200) < 40 for _, value in points[1:])  # whole Wh at odd seconds
    until(lambda: re.search("refused .*/tmpo/0/8/.*gzip", broker.log))
    bridge.close()


class FlmMosquitto:
    """The mosquitto on an FLM02, with the bridge that its fmosq.sh writes (section 3.5)."""

    def __init__(self, folder: Path, broker: Broker, device: Fluksometer, *more: str) -> None:
        self.port = free_port()
        self.log = folder / "flm.log"
        lines = [
            f"user {getpass.getuser()}",
            f"listener {self.port} 127.0.0.1",
            "allow_anonymous true",
            "connection flukso",
            f"address localhost:{broker.port}",
            f"username {device.id}",
            f"password {device.key}",
            "local_clientid localhost",
            "bridge_attempt_unsubscribe false",
            "bridge_protocol_version mqttv31",
            f"bridge_cafile {broker.home.ca_certificate}",
            "start_type automatic",
            "try_private false",
            "cleansession true",
            "keepalive_interval 60",
            "restart_timeout 1",
            'topic /device/+/config/sensor out 0 "" ""',
            'topic /device/+/config/kube out 0 "" ""',
            'topic /device/+/tmpo/sync out 0 "" ""',
            'topic /sensor/+/tmpo/# out 0 "" ""',
            *more,
        ]
        (folder / "flm.conf").write_text("\n".join(lines) + "\n")
        assert MOSQUITTO is not None
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([MOSQUITTO, "-v", "-c", folder / "flm.conf"], stderr=log, stdout=log)
        until(lambda: self.log.stat().st_size)

    def publish(self, topic: str, payload: bytes) -> None:
        """As tmpod does, on the device."""
        client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv31)
        client.connect("127.0.0.1", self.port)
        client.loop_start()
        client.publish(topic, payload).wait_for_publish(10)
        client.disconnect()
        client.loop_stop()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)


def test_a_real_mosquitto_bridges_as_on_the_device(
    client: TestClient, claimed: Fluksometer, owner: Owner, broker: Broker, tmp_path: Path
) -> None:
    """Trap 26 with the original's own program and configuration, but for its version."""
    flm = FlmMosquitto(tmp_path, broker, claimed)
    try:
        place = Place(0, 8, START)
        path = f"/sensor/{claimed.sensor}/tmpo/0/8/{START}/gz"

        def arrived() -> bool:
            flm.publish(path, minute_by_minute(place))
            return listed(owner, claimed.sensor) == [place]

        until(arrived)
        assert re.search(r"New client connected .*\.flukso \(p1, c1", broker.log)  # protocol level 3, a clean session
    finally:
        flm.stop()


async def test_fluksod_brings_what_the_cloud_lacks(home: Home, tmp_path: Path) -> None:
    """Through its owner's broker, which bridges to the cloud: it asks, is told, and sends its past of six hours.

    Its board is not plugged in: what it measures now would come in 256 s only.
    """
    state = tmp_path / "state"
    began = int(time.time()) - 6 * 3600
    await asyncio.to_thread(fill, state, time.time(), 6 * 3600)
    identity = StateDirectory(state).identity()
    device = Fluksometer(identity.device, identity.key, CLAMP)
    with Server(home.root) as server, Broker(home) as broker:
        flm = FlmMosquitto(tmp_path, broker, device, 'topic /d/device/+/tmpo/sync in 0 "" ""')
        config = configuration(
            tmp_path,
            sensors=sensor_table(CLAMP, "Main", "electricity"),
            cloud=f'[cloud]\nurl = "{server.url}"\nca = "{home.ca_certificate}"\n',
            mqtt=f'[mqtt]\nhost = "127.0.0.1"\nport = {flm.port}\n',
        )
        try:
            claim_it = ("claim", claim_code(device.key.encode(), device.id), "--account", "kees", "--dir", home.root)
            async with running(config):
                while (await asyncio.to_thread(run, *claim_it)).returncode:
                    await asyncio.sleep(0.1)
                made = await asyncio.to_thread(run, "token", "--account", "kees", "--dir", home.root)
                token = made.stdout.strip()
                await asyncio.to_thread(until, lambda: "/tmpo/sync" in flm.log.read_text())

                def asked() -> list[Any]:
                    """What has arrived. It asks again, as at a start of its own: the first time it was too early."""
                    flm.publish(f"/device/{device.id}/tmpo/sync", b"")
                    found: list[Any] = server.get_json(
                        f"/sensor/{CLAMP}/tmpo/sync?version=1.0&rid=0&lvl=0&bid=0", token
                    )
                    blocks = [Place(one["rid"], one["lvl"], one["bid"]) for one in found]
                    covered = sum(block.end - max(block.bid, began) for block in blocks)
                    return found if covered > 5.5 * 3600 else []

                found = await asyncio.to_thread(until, asked)
                assert {one["lvl"] for one in found} & {12, 16}, "by the time of day they are in one of level 16"
                places = [Place(one["rid"], one["lvl"], one["bid"]) for one in found]
                assert all(before.end <= after.bid for before, after in itertools.pairwise(places))
        finally:
            flm.stop()


def test_a_wrong_key_is_refused(claimed: Fluksometer, broker: Broker) -> None:
    """Section 3.5: forbidden, which is CONNACK 5. An unknown device is too, and who says that he is the cloud."""
    in_time(broker, claimed).close()
    for device, key in ((claimed, "0" * 32), (Fluksometer(), None), (Fluksometer(id="cloud"), "")):
        bridge, outcome = connected(broker, device, key)
        assert outcome == "Not authorized"
        bridge.close()


def test_a_burst_of_blocks_arrives_whole(claimed: Fluksometer, owner: Owner, broker: Broker) -> None:
    """All devices cut their blocks in the same seconds; mosquitto by itself keeps 1,000 messages for one listener."""
    bridge = in_time(broker, claimed)
    places = [Place(0, 8, START + 256 * index) for index in range(2500)]
    for place in places:
        data = block([(place.bid, place.bid)])
        bridge.client.publish(f"/sensor/{claimed.sensor}/tmpo/0/8/{place.bid}/gz", data, qos=0)
    until(lambda: len(listed(owner, claimed.sensor)) == len(places))
    bridge.close()


def test_nobody_writes_for_the_sensor_of_another(
    client: TestClient, claimed: Fluksometer, owner: Owner, broker: Broker
) -> None:
    other = Fluksometer()
    body = other.registration()
    assert client.post(f"/device/{other.id}", content=body, headers=other.headers(body)).status_code == 200
    bridge, thief = in_time(broker, claimed), in_time(broker, other)
    thief.client.subscribe("#")
    thief.client.subscribe("/d/device/+/tmpo/sync")
    place = Place(0, 8, START)
    thief.send(claimed.sensor, place, block([(START, 666)]))
    thief.publish(f"/device/{claimed.id}/tmpo/sync")
    content = {"1": {"id": claimed.sensor, "enable": 0}, "2": {"id": other.sensor, "enable": 1, "type": "water"}}
    thief.publish(f"/device/{other.id}/config/sensor", json.dumps(content).encode())
    until(lambda: owner.store(owner.cloud.store.sensor, other.sensor).type == "water")  # so all before is done
    bridge.send(claimed.sensor, place, block([(START, 1)]))
    until(lambda: listed(owner, claimed.sensor) == [place])
    path = f"/sensor/{claimed.sensor}/tmpo/0/8/{START}"
    kept = client.get(path, params={"version": "1.0", "token": owner.token})
    assert kept.content == block([(START, 1)])
    assert owner.store(owner.cloud.store.sensor, claimed.sensor).enabled == 1
    assert thief.heard.empty()
    bridge.close()
    thief.close()


def test_a_device_is_told_what_is_here(client: TestClient, claimed: Fluksometer, owner: Owner, broker: Broker) -> None:
    """The last block of each enabled sensor, zeros where there is none."""
    gas = Fluksometer(claimed.id, claimed.key, "ab" * 16, "gas", "pulse")
    body = claimed.heartbeat(sensors=claimed.sensors | gas.sensors)
    assert client.post(f"/device/{claimed.id}", content=body, headers=claimed.headers(body)).status_code == 200
    place = Place(2, 8, START + 512)
    for sent in (Place(0, 12, START + 8192), place):
        data = block([(sent.bid, 1)])
        path = f"/sensor/{claimed.sensor}/tmpo/{sent.rid}/{sent.lvl}/{sent.bid}"
        assert client.post(path, content=data, headers=claimed.headers(data)).status_code == 200
    bridge = in_time(broker, claimed)
    bridge.client.subscribe(f"/d/device/{claimed.id}/tmpo/sync")
    bridge.publish(f"/device/{claimed.id}/tmpo/sync")
    topic, payload = bridge.heard.get(timeout=10)
    assert topic == f"/d/device/{claimed.id}/tmpo/sync"
    none = {"rid": 0, "lvl": 0, "bid": 0}
    assert json.loads(payload) == [{"sid": claimed.sensor} | place._asdict(), {"sid": gas.sensor} | none]
    bridge.close()


def test_a_configuration_of_flm02(client: TestClient, claimed: Fluksometer, owner: Owner, broker: Broker) -> None:
    """Section 3.4: sections that are no sensors, or not provisioned, are left alone; a name may look like a number."""
    bridge = in_time(broker, claimed)
    section = {
        "id": claimed.sensor,
        "type": "gas",
        "class": "pulse",
        "function": 7,
        "port": [5],
        "constant": 10,
        "enable": 1,
        "data_type": "counter",
        "rid": 0,
    }
    content = {"5": section, "7": {"id": "ab" * 16}, "main": {"max_sensors": 6, "phase": 1}, "8": 4}
    for payload in (
        b"\xff",
        b"[]",
        b"[" * 100_000,
        b'{"1":{"enable":1,"id":[]}}',
        b'{"1":{"enable":"x","id":"%s"}}' % claimed.sensor.encode(),
    ):
        bridge.publish(f"/device/{claimed.id}/config/sensor", payload)
    bridge.publish(f"/device/{claimed.id}/config/sensor", json.dumps(content).encode())
    until(lambda: owner.store(owner.cloud.store.sensor, claimed.sensor).type == "gas")
    found = client.get(f"/device/{claimed.id}/sensor", params={"version": "1.0", "token": owner.token}).json()
    assert [(one["port"], one["function"], one["data_type"]) for one in found] == [(5, "7", "counter")]
    bridge.close()


def test_its_files_hold_no_key_and_are_private(claimed: Fluksometer, home: Home, broker: Broker) -> None:
    in_time(broker, claimed).close()
    folder = home.private / "mqtt"
    assert {path.name for path in folder.iterdir()} >= {"mosquitto.conf", "passwords", "access", "broker.sock"}
    assert folder.stat().st_mode & 0o777 == 0o700
    for name in ("mosquitto.conf", "passwords", "access"):
        assert (folder / name).stat().st_mode & 0o777 == 0o600
        assert claimed.key not in (folder / name).read_text()
    assert claimed.id in (folder / "passwords").read_text()
    assert claimed.key not in broker.log


def test_it_ends_with_its_mosquitto_and_mosquitto_with_it(home: Home) -> None:
    with Broker(home) as broker:
        broker.process.kill()
        broker.process.wait(10)
        until(lambda: socket.socket().connect_ex(("127.0.0.1", broker.port)) != 0)
    with Broker(home) as broker:
        children = Path(f"/proc/{broker.process.pid}/task/{broker.process.pid}/children").read_text().split()
        os.kill(int(children[0]), 15)
        assert broker.process.wait(20) == 1
        until(lambda: "mosquitto has ended" in broker.log)


def test_a_port_that_is_taken_is_told(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run("mqtt", "--dir", home.root, "--port", str(taken.getsockname()[1]))
    assert done.returncode == 1
    assert "mosquitto does not start" in done.stderr


def test_the_password_line_is_mosquittos_own(tmp_path: Path) -> None:
    """Against mosquitto_passwd: same form, same iterations, a salt of the same length."""
    program = shutil.which("mosquitto_passwd")
    if program is None:
        pytest.skip("mosquitto_passwd is not installed")
    subprocess.run([program, "-c", "-b", tmp_path / "users", "me", "secret"], check=True, capture_output=True)
    theirs, ours = (tmp_path / "users").read_text(), broker_files.password("me", b"secret")
    assert [len(part) for part in theirs.split("$")] == [len(part) for part in ours.split("$")]
    assert theirs.split("$")[:3] == ours.split("$")[:3]


def test_an_upgrade_is_ordered_by_command(client: TestClient, device: Fluksometer, home: Home) -> None:
    told = run("upgrade", device.id, "--to", "251", "--dir", home.root)
    assert told.returncode == 0, told.stderr
    answers = []
    for _ in range(2):
        body = device.heartbeat()
        answers.append(
            client.post(f"/device/{device.id}", content=body, headers=device.headers(body)).json()["upgrade"]
        )
    assert answers == [251, 0]
    for wrong in (["0" * 32, "--to", "1"], [device.id, "--to", "-1"], [device.id, "--to", "9999999999"]):
        assert run("upgrade", *wrong, "--dir", home.root).returncode == 1
