"""What the v1 API is measured against: an aiohttp server whose handler does nothing.

Run as `python -m bench.device.empty_server`; it prints its port. `/kept` keeps the connection, `/closed` closes it
after each answer, as the v1 API has to.
"""

from __future__ import annotations

import asyncio
import sys

from aiohttp import web

ANSWER = b'{"ok":true}'


async def _kept(_request: web.Request) -> web.Response:
    return web.Response(body=ANSWER, content_type="application/json")


async def _closed(_request: web.Request) -> web.Response:
    answer = web.Response(body=ANSWER, content_type="application/json")
    answer.force_close()
    return answer


async def _serve() -> None:
    app = web.Application()
    app.router.add_get("/kept", _kept)
    app.router.add_get("/closed", _closed)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    sys.stdout.write(f"{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve())
