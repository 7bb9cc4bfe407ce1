"""Groups of people, and who is invited to them or a member, in SQLite."""

from __future__ import annotations

from sqlite_utils import Database

from .limits import MOST_MEMBERS
from .model import Group, Member
from .presence import check_account, check_group
from .registry import next_number, retire
from .schema import table

_OF = (
    "SELECT groups.* FROM groups JOIN memberships ON memberships.group_number = groups.number"
    " WHERE memberships.account = :account AND (memberships.accepted OR NOT EXISTS (SELECT 1 FROM blocked"
    " WHERE blocked.account = :account AND blocked.other = groups.founder)) ORDER BY groups.number"
)
_MEMBERS = (
    "SELECT accounts.number, accounts.name, memberships.accepted FROM memberships"
    " JOIN accounts ON accounts.number = memberships.account"
    " WHERE memberships.group_number = ? ORDER BY memberships.created, accounts.number"
)
_SHARES = (
    "DELETE FROM shares WHERE group_number = ? AND sensor IN (SELECT sensors.number FROM sensors"
    " JOIN devices ON devices.number = sensors.device WHERE devices.account = ?)"
)


def add_group(db: Database, group_id: str, name: str, founder: int, now: int) -> Group:
    """Add a group with its founder as its only member."""
    check_account(db, founder)
    number = next_number(db, "groups")
    group = {"number": number, "id": group_id, "name": name, "founder": founder, "created": now}
    table(db, "groups").insert(group)
    table(db, "memberships").insert({"group_number": number, "account": founder, "accepted": 1, "created": now})
    [made] = [one for one in groups_of(db, founder) if one.id == group_id]
    return made


def groups_of(db: Database, account: int) -> list[Group]:
    """Return the groups an account is a member of, or invited to by people it has not blocked, oldest first."""
    return [
        Group(
            number=row["number"],
            id=row["id"],
            name=row["name"],
            founder=row["founder"],
            members=[
                Member(number, name, bool(accepted)) for number, name, accepted in db.execute(_MEMBERS, [row["number"]])
            ],
        )
        for row in list(db.query(_OF, {"account": account}))
    ]


def rename_group(db: Database, group: int, name: str) -> None:
    """Give a group another name."""
    check_group(db, group)
    table(db, "groups").update(group, {"name": name})


def invite(db: Database, group: int, account: int, now: int) -> bool:
    """Invite an account, which changes nothing for who is invited already; False if the group is full."""
    check_group(db, group)
    check_account(db, account)
    if table(db, "memberships").count_where("group_number = ? AND account = ?", [group, account]):
        return True
    if table(db, "memberships").count_where("group_number = ?", [group]) >= MOST_MEMBERS:
        return False
    table(db, "memberships").insert({"group_number": group, "account": account, "accepted": 0, "created": now})
    return True


def accept(db: Database, group: int, account: int, now: int) -> None:
    """Make a member of who is invited."""
    db.execute(
        "UPDATE memberships SET accepted = 1, created = ? WHERE group_number = ? AND account = ? AND NOT accepted",
        [now, group, account],
    )


def leave_group(db: Database, group: int, account: int) -> None:
    """End a membership or an invitation, and what the account shares with the group.

    Of a founder who leaves the one who is a member longest takes the place; a group without members is deleted.
    """
    db.execute(_SHARES, [group, account])
    table(db, "memberships").delete_where("group_number = ? AND account = ?", [group, account])
    left = [number for number, _, accepted in db.execute(_MEMBERS, [group]) if accepted]
    if not left:
        delete_group(db, group)
    else:
        db.execute("UPDATE groups SET founder = ? WHERE number = ? AND founder = ?", [left[0], group, account])


def leave_all_groups(db: Database, account: int) -> None:
    """End all memberships and invitations of an account."""
    for row in list(table(db, "memberships").rows_where("account = ?", [account])):
        leave_group(db, row["group_number"], account)


def delete_group(db: Database, group: int) -> None:
    """Delete a group, and all that is shared with it. Its number is never given again."""
    if not table(db, "groups").count_where("number = ?", [group]):
        return
    retire(db, "groups", group)
    for name in ("shares", "memberships", "benchmarks"):
        table(db, name).delete_where("group_number = ?", [group])
    table(db, "groups").delete_where("number = ?", [group])
