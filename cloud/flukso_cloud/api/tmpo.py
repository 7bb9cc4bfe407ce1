"""tmpo blocks over HTTP: out as the original (section 2.9), and in from devices (docs/protocol.md)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from flukso_cloud.tmpo import MOST_BYTES, BlockError, Place, behind, listed
from flukso_cloud.upload import MalformedError

from .access import sensor_for, viewer_of
from .documented import documented
from .request import bad_request, cloud_of, read_body, unix_now
from .signed import id_in, signature_of, taken
from .v1_described import SIGNED, BlockQuery, Done, Places, TmpoQuery, Upload
from .v1_get import FRESH, GZIP, JSON, OPEN, answer, open_to_all, padding_of, wanted_of

BLOCK_SECONDS = 60
"""For what a block of 12 days may hold. No original sends blocks this way, whose patience is shorter."""
_NUMBER = re.compile(r"[0-9]{1,10}")


def _place(parts: Mapping[str, str]) -> Place:
    """Return what rid, lvl and bid say; 400 if they are no numbers."""
    numbers = [parts.get(name, "") for name in ("rid", "lvl", "bid")]
    if not all(map(_NUMBER.fullmatch, numbers)) or int(numbers[1]) > 62:
        raise bad_request("send rid, lvl and bid, three numbers")
    return Place(*map(int, numbers))


@documented(
    "GET",
    "The tmpo blocks that a client lacks",
    query=TmpoQuery,
    answer=Places,
    media=(JSON, "text/javascript"),
    refuses=(403, 406),
)
@open_to_all
async def get_list(request: Request) -> Response:
    """The blocks that somebody lacks who has the one at rid, lvl, bid; all, when these are 0."""
    sensor_id, known, padding = id_in(request, "sensor"), _place(request.query_params), padding_of(request)
    sensor = await sensor_for(request, await viewer_of(request), sensor_id)
    wanted_of(request, [JSON])
    places = await cloud_of(request).store.blocks(sensor.number, known.rid)
    return answer(listed(behind(places, known)), padding)


@open_to_all
async def get_block(request: Request) -> Response:
    """One block: its bytes as gzip, or the same bytes as JSON in gzip's encoding."""
    sensor_id, place = id_in(request, "sensor"), _place(request.path_params)
    sensor = await sensor_for(request, await viewer_of(request), sensor_id)
    wanted = wanted_of(request, [GZIP, JSON])
    data = await cloud_of(request).store.block(sensor.number, place)
    if data is None:
        raise HTTPException(404, "there is no such block\n")
    headers = FRESH | ({"Content-Encoding": "gzip"} if wanted == JSON else {})
    return Response(data, headers=headers, media_type=wanted)


async def post_block(request: Request) -> Response:
    """Take a block, signed as an upload is; 200 once it is on disk, whether or not it was there before."""
    sensor_id, signature, place = id_in(request, "sensor"), signature_of(request), _place(request.path_params)
    body = await read_body(request, MOST_BYTES)
    cloud = cloud_of(request)

    async def take() -> None:
        sensor = await cloud.senders.sensor(sensor_id, body, signature)
        try:
            await cloud.blocks.take(sensor, place, body, unix_now())
        except BlockError as error:
            raise MalformedError(str(error)) from None

    await taken(take(), BLOCK_SECONDS)
    return Response(b'{"response":"ok"}', headers=OPEN, media_type=JSON)


@documented("GET", "A tmpo block", query=BlockQuery, answer=Upload, media=(JSON, GZIP), refuses=(403, 404, 406))
@documented("POST", "Take a tmpo block: gzip", headers=SIGNED, answer=Done, refuses=(408, 413))
async def _block(request: Request) -> Response:
    return await (post_block if request.method == "POST" else get_block)(request)


routes: list[BaseRoute] = [
    Route("/sensor/{sensor}/tmpo/sync", get_list, methods=["GET"]),
    Route("/sensor/{sensor}/tmpo/{rid}/{lvl}/{bid}", _block, methods=["GET", "POST"]),
]
