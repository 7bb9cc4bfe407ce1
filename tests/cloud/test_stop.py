"""The stop under load: many upload, some listen, some never finish what they send, on both listeners."""

from __future__ import annotations

import signal
import socket
import threading
import time

import pytest

from flukso_cloud.home import Home
from flukso_cloud.server import STOP_SECONDS
from tests.cloud.fluksometer import Fluksometer
from tests.cloud.process import Server, Wire
from tests.cloud.test_operating import listening, until
from tests.cloud.test_strangers import Listener, head_of
from tests.cloud.uploaders import Uploader, assert_all_is_there_once

UPLOADERS = 32


def dawdlers(listener: Listener, device: Fluksometer) -> list[socket.socket]:
    """Connections that have begun something: a handshake, a head, a body."""
    hello, head, body = listener.plain(), listener.connect(), listener.connect()
    hello.sendall(b"\x16\x03\x01\x02\x00")
    head.send(b"POST /device/")
    body.send(head_of(device, b"{" + b" " * 100) + b"{")
    return [listener.plain(), hello, listener.connect().sock, head.sock, body.sock]


def reads_to_the_end(stream: Wire) -> bool:
    """Tell whether a stream ends, instead of going silent."""
    stream.sock.settimeout(20)
    try:
        while stream.sock.recv(65536):
            pass
    except TimeoutError:
        return False
    except OSError:
        pass
    return True


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_nothing_acknowledged_is_lost_by_a_stop_under_load(home: Home, sign: signal.Signals) -> None:
    home.settings.write_text("[legacy]\nenabled = true\nport = 0\n")
    with Server(home.root) as server:
        uploaders = [Uploader(server) for _ in range(UPLOADERS)]
        for one in uploaders:
            one.register()
        streams = [listening(server, home) for _ in range(2)]
        left = [sock for kind in ("modern", "legacy") for sock in dawdlers(Listener(server, kind), uploaders[0].device)]
        for one in uploaders:
            one.start()
        until(lambda: min(len(one.acknowledged) for one in uploaders) >= 25, server, 60)
        began = time.monotonic()
        server.process.send_signal(sign)
        ends: list[bool] = []
        readers = [threading.Thread(target=lambda one=one: ends.append(reads_to_the_end(one))) for one in streams]
        for reader in readers:
            reader.start()
        assert server.process.wait(2 * STOP_SECONDS + 5) == -sign
        took = time.monotonic() - began
        for one in (*uploaders, *readers):
            one.join()
        for sock in left:
            sock.close()
    print(f"stopped in {took:.2f} s")
    assert ends == [True, True]
    assert "Traceback" not in server.log
    assert not home.database.with_name("cloud.db-wal").exists(), "all of it is in the database"
    assert {status for one in uploaders for status in one.statuses} <= {200, 503}
    assert_all_is_there_once(home.database, uploaders)


def test_a_stop_that_is_told_again_and_again_is_the_same_stop(home: Home) -> None:
    with Server(home.root) as server:
        uploaders = [Uploader(server) for _ in range(4)]
        for one in uploaders:
            one.register()
            one.start()
        until(lambda: min(len(one.acknowledged) for one in uploaders) >= 25, server)
        while server.process.poll() is None:
            server.process.terminate()
            time.sleep(0.05)
        assert server.process.returncode == -signal.SIGTERM
        for one in uploaders:
            one.join()
    assert_all_is_there_once(home.database, uploaders)
