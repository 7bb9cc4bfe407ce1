"""`flukso-cloud mqtt`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal

from flukso_cloud.home import Home
from flukso_cloud.store.sqlite import SqliteStore

from .command import Parsers, UsageError, add_command, home_of


def add_to(parsers: Parsers) -> None:
    """Describe it to the command line."""
    text = "Run a mosquitto that takes tmpo blocks from devices. Beside `serve`, or without it."
    added = add_command(parsers, "mqtt", run, text)
    added.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1; :: or 0.0.0.0 for all)")
    added.add_argument("--port", type=int, default=8883, help="port to listen on (8883)")


def run(arguments: argparse.Namespace) -> None:
    """Run it until SIGTERM or SIGINT."""
    home = home_of(arguments)
    with home.in_use():
        asyncio.run(_run(home, arguments.host, arguments.port))


async def _run(home: Home, host: str, port: int) -> None:
    from flukso_cloud.blocks import Blocks  # the other commands need none of it
    from flukso_cloud.mqtt.bridge import Bridge
    from flukso_cloud.mqtt.broker import Broker, BrokerError
    from flukso_cloud.senders import Senders
    from flukso_cloud.vault import Vault

    store = SqliteStore.open(home.database)
    broker = Broker(home, store, Senders(store, Vault.open(home)), host, port)
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    try:
        await broker.start()
        bridge = Bridge(store, Blocks(store), broker.socket, broker.password)
        print(f"Flukso cloud's broker on mqtts://{f'[{host}]' if ':' in host else host}:{port}", flush=True)
        tasks = [asyncio.create_task(work) for work in (broker.follow(), bridge.run(), stopped.wait())]
        done, others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in others:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        for task in done:
            task.result()
    except BrokerError as error:
        raise UsageError(str(error)) from error
    finally:
        await broker.stop()
        await store.close()
