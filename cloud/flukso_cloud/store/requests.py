"""Requests to see somebody's sensors, and blocks, in SQLite."""

from __future__ import annotations

from collections.abc import Sequence

from sqlite_utils import Database

from .limits import MOST_REQUESTS
from .model import Asked, Plan
from .presence import check_account
from .schema import table
from .sharing import add_share, subscribe

_REQUESTS = """
SELECT requests.id, requests.asker, askers.name AS asker_name, requests.owner, owners.name AS owner_name,
  requests.message, requests.created FROM requests
JOIN accounts AS askers ON askers.number = requests.asker JOIN accounts AS owners ON owners.number = requests.owner
WHERE requests.asker = :account OR (requests.owner = :account AND NOT EXISTS (
  SELECT 1 FROM blocked WHERE blocked.account = :account AND blocked.other = requests.asker))
ORDER BY requests.number
"""


def ask(db: Database, asked: Asked) -> bool:
    """Note a request, in place of one that waits for the same owner; False if too many wait."""
    check_account(db, asked.asker)
    check_account(db, asked.owner)
    table(db, "requests").delete_where("asker = ? AND owner = ?", [asked.asker, asked.owner])
    if table(db, "requests").count_where("asker = ?", [asked.asker]) >= MOST_REQUESTS:
        return False
    members = ("id", "asker", "owner", "message", "created")
    table(db, "requests").insert({name: getattr(asked, name) for name in members})
    return True


def requests(db: Database, account: int) -> list[Asked]:
    """Return the requests of an account and those to it, oldest first; not those of people it has blocked."""
    return [Asked(**row) for row in db.query(_REQUESTS, {"account": account})]


def delete_request(db: Database, request_id: str) -> None:
    """Forget a request: it was answered or taken back."""
    table(db, "requests").delete_where("id = ?", [request_id])


def grant(db: Database, request_id: str, asker: int, plans: Sequence[tuple[int, Plan]], now: int) -> None:
    """Share sensors (their numbers) with who has asked, subscribe him to them, and forget the request."""
    for sensor, plan in plans:
        add_share(db, sensor, plan, now)
        subscribe(db, asker, sensor, now)
    delete_request(db, request_id)


def block(db: Database, account: int, other: int) -> None:
    """Let nothing pass between two accounts any more; subscriptions to each other end."""
    check_account(db, account)
    check_account(db, other)
    table(db, "blocked").insert({"account": account, "other": other}, ignore=True)
    for subscriber, owner in ((account, other), (other, account)):
        db.execute(
            "DELETE FROM subscriptions WHERE account = ? AND sensor IN (SELECT sensors.number FROM sensors"
            " JOIN devices ON devices.number = sensors.device WHERE devices.account = ?)",
            [subscriber, owner],
        )


def unblock(db: Database, account: int, other: int) -> None:
    """Take a block back. Subscriptions have to be made anew."""
    table(db, "blocked").delete_where("account = ? AND other = ?", [account, other])


def blocked(db: Database, account: int) -> list[str]:
    """Return the names of those an account has blocked."""
    rows = db.execute(
        "SELECT accounts.name FROM blocked JOIN accounts ON accounts.number = blocked.other"
        " WHERE blocked.account = ? ORDER BY accounts.name COLLATE NOCASE",
        [account],
    )
    return [name for (name,) in rows]
