"""The ways to the cloud: through a real proxy, over IPv6, and what breaks on the way."""

from __future__ import annotations

import asyncio
import os
import shutil
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme

from tests.device.board import CLAMP, Board, pls
from tests.device.cloud_stub import CloudStub
from tests.device.daemon_process import run_to_end, running
from tests.device.mosquitto import free_port
from tests.device.uploading import cloud_state, configured, connected, stored
from tests.device.waiting import until

TINYPROXY = shutil.which("tinyproxy") or "tinyproxy"


@asynccontextmanager
async def proxy(folder: Path, port: int, more: str = "") -> AsyncIterator[asyncio.subprocess.Process]:
    """A real tinyproxy on this port of 127.0.0.1."""
    settings = folder / "tinyproxy.conf"
    settings.write_text(f'Port {port}\nListen 127.0.0.1\nAllow 127.0.0.1\nLogFile "{folder / "proxy.log"}"\n{more}')
    process = await asyncio.create_subprocess_exec(TINYPROXY, "-d", "-c", settings)

    async def listens() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        return True

    try:
        await until(listens)
        yield process
    finally:
        process.kill()
        await process.wait()


async def test_uploads_through_a_proxy_and_goes_on_after_it_was_away(
    tmp_path: Path, board: Board, cloud: CloudStub
) -> None:
    port = free_port()
    async with running(configured(tmp_path, cloud, more=f'proxy = "http://127.0.0.1:{port}"\n')) as fluksod:
        await until(lambda: fluksod.said(f"no connection to the proxy at 127.0.0.1:{port}"))
        assert not cloud.requests, "nothing goes past the proxy"
        board.send(pls(CLAMP, 1), pls(CLAMP, 2))
        async with proxy(tmp_path, port):
            await connected(fluksod)
            await stored(cloud, CLAMP, 2)
        assert f"127.0.0.1:{cloud.port}" in (tmp_path / "proxy.log").read_text()
        board.send(pls(CLAMP, 3))
        await until(lambda: fluksod.said("cloud unreachable"))
        async with proxy(tmp_path, port):
            await stored(cloud, CLAMP, 3)


async def test_a_proxy_that_wants_a_password(tmp_path: Path, board: Board, cloud: CloudStub) -> None:
    port = free_port()
    async with proxy(tmp_path, port, "BasicAuth house correct-horse\n"):
        config = configured(tmp_path, cloud, more=f'proxy = "http://house:wrong-horse@127.0.0.1:{port}"\n')
        config.chmod(0o600)
        async with running(config) as fluksod:
            said = await until(lambda: fluksod.said("the proxy answered"))
            assert "see proxy in [cloud]" in said[0]
            assert (await cloud_state(fluksod))["state"] == "refused"
            assert not any("wrong-horse" in line for line in fluksod.log)
        config.write_text(config.read_text().replace("wrong", "correct"))
        async with running(config) as fluksod:
            await connected(fluksod)
        status, printed, _ = await run_to_end("check", "--config", str(config))
        assert status == 0
        assert f"through the proxy at 127.0.0.1:{port}" in printed
        assert "correct-horse" not in printed


async def test_a_cloud_on_ipv6(tmp_path: Path, board: Board) -> None:
    cloud = CloudStub(trustme.CA(), name="::1", address="::1")
    await cloud.start()
    async with running(configured(tmp_path, cloud)) as fluksod:
        board.send(pls(CLAMP, 1), pls(CLAMP, 2))
        await stored(cloud, CLAMP, 2)
        assert (await cloud_state(fluksod))["url"] == f"https://[::1]:{cloud.port}"
    await cloud.stop()


async def test_a_name_that_is_not_found_until_it_is(tmp_path: Path, board: Board) -> None:
    """Names are looked up in a mount namespace with files of our own: nobody on the network is asked."""
    cloud = CloudStub(trustme.CA(), name="cloud.flukso.test")
    await cloud.start()
    hosts, resolver = tmp_path / "hosts", tmp_path / "resolv.conf"
    hosts.write_text("127.0.0.1 localhost\n")
    resolver.write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    config = configured(tmp_path, cloud)
    config.write_text(config.read_text().replace("https://127.0.0.1:", "https://cloud.flukso.test:"))
    bind = f"mount --bind {hosts} /etc/hosts && mount --bind {resolver} /etc/resolv.conf"
    rights = [] if os.geteuid() == 0 else ["--map-root-user"]
    within = ["unshare", "--mount", *rights, "sh", "-c", f'{bind} && exec "$@"', "sh"]
    async with running(config, within=within) as fluksod:
        await until(lambda: fluksod.said("the name cloud.flukso.test was not found"))
        board.send(pls(CLAMP, 1), pls(CLAMP, 2))
        hosts.write_text("127.0.0.1 localhost cloud.flukso.test\n")
        await stored(cloud, CLAMP, 2)
    await cloud.stop()


@pytest.mark.parametrize(
    "half",
    [
        "",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n{",
        "\0\1\2 no HTTP at all\r\n\r\n",
    ],
)
async def test_half_an_answer_acknowledges_nothing(tmp_path: Path, board: Board, cloud: CloudStub, half: str) -> None:
    async def cut_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(half.encode())
        await writer.drain()
        writer.close()

    await cloud.stop()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    cloud.authority.issue_cert("127.0.0.1").configure_cert(context)
    async with running(configured(tmp_path, cloud)) as fluksod:
        async with await asyncio.start_server(cut_off, "127.0.0.1", cloud.port, ssl=context):
            await until(lambda: fluksod.said("broke off"))
            board.send(pls(CLAMP, 1), pls(CLAMP, 2))
        await cloud.start()
        assert [counter for _, counter in await stored(cloud, CLAMP, 2)] == [2]
