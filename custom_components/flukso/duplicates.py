"""Whether two addresses lead to the same Fluksometer, or to two that use one id, as after a restored backup."""

from aiohttp import ClientSession

from .client import Address, FluksoError, FluksometerV2, Snapshot


async def answers_as(
    session: ClientSession, address: Address, device_id: str, token: str | None = None
) -> Snapshot | None:
    """Return what a Fluksometer with this id tells at an address, None if none answers there."""
    try:
        snapshot = await FluksometerV2(session, address, token).fetch()
    except FluksoError:
        return None
    return snapshot if snapshot.device.id == device_id else None


async def are_two(session: ClientSession, known: Address, other: Address, device_id: str) -> bool | None:
    """Tell whether two devices answer with one id; None when nobody does at the known address.

    The other one is asked in between two looks at the known one. A single device cannot have counted more than it
    shows afterwards, nor less than it showed before.
    """
    before = await answers_as(session, known, device_id)
    if before is None:
        return None
    between = await answers_as(session, other, device_id)
    after = await answers_as(session, known, device_id)
    if after is None:
        return None
    return between is not None and not _fits(before, between, after)


def _fits(before: Snapshot, between: Snapshot, after: Snapshot) -> bool:
    if not before.sensors.keys() <= between.sensors.keys() <= after.sensors.keys():
        return False
    for sensor_id, sensor in between.sensors.items():
        early, late = before.sensors.get(sensor_id), after.sensors[sensor_id]
        readings = [look.reading for look in (early, sensor, late) if look is not None and look.reading is not None]
        counters = [reading.counter for reading in readings if reading.counter is not None]
        if counters != sorted(counters):
            return False
    return True
