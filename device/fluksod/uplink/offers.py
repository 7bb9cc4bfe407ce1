"""Firmware that the cloud offers for the boards: asked for with our signature, taken only with the cloud's. Pure.

The cloud signs with the device's key, which only it and the device know; the owner has to have allowed it besides. The
answer repeats the time of the question, so that nobody can play an old one to us.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from fluksod.config.boards import BoardModel
from fluksod.firmware.images import Image, ImageError, checked
from fluksod.uplink.signature import digest_is_right


class OfferError(Exception):
    """An offer that is not to be taken; the text says why."""


def question(written: Mapping[BoardModel, str | None], now: int) -> bytes:
    """The request's body: the models of our boards with the SHA-256 of what was written to them last, unix seconds."""
    boards = [{"model": model.value, "sha256": sha256} for model, sha256 in written.items()]
    return json.dumps({"boards": boards, "time": now}, separators=(",", ":")).encode()


def offered(
    key: str, body: bytes, digest: str | None, asked: int, written: Mapping[BoardModel, str | None], source: str
) -> dict[BoardModel, Image]:
    """The images of an answer that are for our models and not written yet; `asked` is the time of the question.

    Raises `OfferError` for a wrong one.
    """
    if not digest_is_right(key, body, digest):
        raise OfferError("the offer of firmware is not signed with our key; it is discarded")
    try:
        answer = json.loads(body)
        repeated, offers = answer["time"], answer["offers"]
        told = [(offer["model"], offer["sha256"], offer["image"].encode("ascii")) for offer in offers]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise OfferError("the offer of firmware cannot be read") from error
    if repeated != asked:
        raise OfferError("the offer of firmware is the answer to another question; it is discarded")
    taken: dict[BoardModel, Image] = {}
    for name, sha256, content in told:
        model = next((model for model in written if model.value == name), None)
        if model is None:
            continue
        try:
            image = checked(content, model, f"the offer of {source} for {name}")
        except ImageError as error:
            raise OfferError(str(error)) from error
        if image.sha256 != sha256:
            raise OfferError(f"the image offered for {name} is another than its digest says; it is discarded")
        if sha256 != written[model]:
            taken[model] = image
    return taken
