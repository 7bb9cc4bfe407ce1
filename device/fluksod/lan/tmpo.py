"""tmpo over HTTP as the old cloud serves it: the list of blocks, and each of them (section 2.9 of the reference)."""

from __future__ import annotations

import json
import re

from aiohttp import web

from fluksod.tmpo.blocks import RID, Blocks
from fluksod.tmpo.spans import Span, missing

_NUMBER = re.compile(r"[0-9]{1,12}")
_CALLBACK = re.compile(r"[0-9a-zA-Z_]{1,100}")


class TmpoApi:
    """Serves `/sensor/<id>/tmpo/sync` and `/sensor/<id>/tmpo/<rid>/<level>/<start>`."""

    def __init__(self, blocks: Blocks) -> None:
        self._blocks = blocks

    async def sync(self, request: web.Request) -> web.Response:
        """Answer with the blocks that end behind the one the client has as its last."""
        texts = [request.query.get(name, "0") for name in ("rid", "lvl", "bid")]
        callback = request.query.get("callback")
        if not all(map(_NUMBER.fullmatch, texts)) or (callback is not None and not _CALLBACK.fullmatch(callback)):
            return web.Response(status=400, text="rid, lvl and bid are numbers, of the last block that you have\n")
        rid, level, start = map(int, texts)
        known = await self._blocks.spans(request.match_info["sensor"]) if rid <= RID and level <= 62 else []
        listed = [
            {"rid": RID, "lvl": span.level, "bid": span.start, "ext": "gz"} for span in missing(known, level, start)
        ]
        body = json.dumps(listed, separators=(",", ":"))
        if callback is not None:
            return web.Response(text=f"{callback}({body});", content_type="text/javascript")
        return web.Response(text=body, content_type="application/json", headers={"Cache-Control": "no-store"})

    async def block(self, request: web.Request) -> web.Response:
        """Answer with a block: as it is, or as JSON that is compressed on the way; 404 where there is none."""
        texts = [request.match_info[name] for name in ("rid", "level", "start")]
        found = None
        if all(map(_NUMBER.fullmatch, texts)) and int(texts[0]) == RID and int(texts[1]) <= 62:
            found = await self._blocks.read(request.match_info["sensor"], Span(int(texts[1]), int(texts[2])))
        if found is None:
            return web.Response(status=404, text="there is no such block; /tmpo/sync lists them\n")
        if "application/json" in request.headers.get("Accept", ""):
            return web.Response(body=found, content_type="application/json", headers={"Content-Encoding": "gzip"})
        return web.Response(body=found, content_type="application/gzip")
