"""The command behind scripts/demo."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from . import check, home_assistant, namespace
from .processes import REPOSITORY, DemoError
from .stream import ACCOUNT, PASSWORD, Options, Stream


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/demo", description="Runs the whole stream: board, daemon, cloud, Home Assistant. Ctrl-C stops it."
    )
    parser.add_argument("--check", action="store_true", help="verify each hop, print one JSON object, end")
    parser.add_argument("--isolated", action="store_true", help="run in a network namespace of its own (Linux)")
    parser.add_argument("--board", metavar="PORT", help="use the real board at this serial port, not the simulated one")
    parser.add_argument(
        "--port-offset", type=int, default=0, metavar="N", help="add N to the ports 8080, 8443 and 8123"
    )
    parser.add_argument(
        "--ready-file", type=Path, metavar="FILE", help="write the addresses to FILE as JSON once all is up"
    )
    return parser.parse_args()


def _greeting(stream: Stream) -> str:
    where = " (inside the demo's own network namespace)" if stream.options.isolated else ""
    return f"""
    Home Assistant  {stream.home_assistant.url}/energy   user {home_assistant.USER}, password {home_assistant.PASSWORD}
    Cloud           {stream.cloud_url}/   user {ACCOUNT}, password {PASSWORD}
                    (your browser does not know the demo's certificate authority: {stream.directory}/cloud/ca.pem)
    Daemon          {stream.lan_url}/api/v2/sensors
    Logs            {stream.directory}/logs{where}

Ctrl-C stops everything."""


async def _run(options: Options, ready_file: Path | None) -> int:
    began = time.monotonic()

    def say(line: str) -> None:
        sys.stderr.write(f"demo: {time.monotonic() - began:5.1f} s  {line}\n")

    runs = REPOSITORY / ".demo"
    runs.mkdir(exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix="run-", dir=runs))
    stream = Stream(options, directory, say)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task  # noqa: S101 (there is one inside a coroutine)
    status = 1
    try:
        # Before all is up a signal cancels the start, afterwards it ends the waiting.
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, task.cancel)
        await stream.start()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopped.set)
        if ready_file:
            ready_file.write_text(stream.as_json())
        if options.check:
            report = await check.run(stream)
            print(report.as_json())
            status = 0 if report.ok else 1
        else:
            print(_greeting(stream), flush=True)
            await stopped.wait()
            status = 0
    except DemoError as error:
        say(str(error))
    except asyncio.CancelledError:
        say("interrupted")
    finally:
        with contextlib.suppress(asyncio.CancelledError):
            await stream.stop()
        if status == 0:
            shutil.rmtree(directory, ignore_errors=True)
        else:
            say(f"the logs stay in {directory.relative_to(REPOSITORY)}/logs")
    return status


def main() -> int:
    """Run the demo and return the exit status."""
    arguments = _arguments()
    try:
        if arguments.isolated and namespace.INSIDE not in os.environ:
            namespace.enter([sys.executable, "-m", "demo", *sys.argv[1:]])
        options = Options(arguments.check, arguments.isolated, arguments.board, arguments.port_offset)
        return asyncio.run(_run(options, arguments.ready_file))
    except DemoError as error:
        sys.stderr.write(f"demo: {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
