"""SQL of join links. Only hashes are kept: of the link's token, and of the secret of the device that opened it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from gateway.store.rows import from_ms, maybe_time, to_ms
from gateway.store.tables import join_links


@dataclass(frozen=True, slots=True)
class JoinLink:
    """Opens the page of one visit, for one contact, on the device that opens it first. Hashes: SHA-256, hexadecimal.

    expires_at: from then on it cannot be opened for the first time.
    """

    link_hash: str
    node: str
    visit_id: str
    facility: str
    contact: str
    made_at: datetime
    expires_at: datetime
    privileged: bool = False
    device_hash: str = ""
    opened_at: datetime | None = None


class Joins:
    """Made by Work; lives as long as its transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, link: JoinLink) -> None:
        self._connection.execute(
            insert(join_links).values(
                link_hash=link.link_hash,
                node=link.node,
                visit_id=link.visit_id,
                facility=link.facility,
                privileged=link.privileged,
                contact=link.contact,
                made_at_ms=to_ms(link.made_at),
                expires_at_ms=to_ms(link.expires_at),
                device_hash="",
            )
        )

    def bind(self, link_hash: str, device_hash: str, now: datetime) -> bool:
        """The first device to come, in time, has it; whether that was this one, just now.

        One statement, and the same for each link that there is or is not.
        """
        free = update(join_links).where(
            join_links.c.link_hash == link_hash,
            join_links.c.device_hash == "",
            join_links.c.expires_at_ms > to_ms(now),
        )
        bound = self._connection.execute(free.values(device_hash=device_hash, opened_at_ms=to_ms(now)))
        return bound.rowcount == 1

    def of_device(self, link_hash: str, device_hash: str) -> JoinLink | None:
        """The link, when this device has it."""
        statement = select(join_links).where(
            join_links.c.link_hash == link_hash, join_links.c.device_hash == device_hash, join_links.c.device_hash != ""
        )
        row = self._connection.execute(statement).first()
        if row is None:
            return None
        return JoinLink(
            link_hash=row.link_hash,
            node=row.node,
            visit_id=row.visit_id,
            facility=row.facility,
            privileged=row.privileged,
            contact=row.contact,
            made_at=from_ms(row.made_at_ms),
            expires_at=from_ms(row.expires_at_ms),
            device_hash=row.device_hash,
            opened_at=maybe_time(row.opened_at_ms),
        )

    def end(self, visit_id: str, now: datetime) -> int:
        """What was not opened yet can be opened no more; how many these were."""
        unopened = update(join_links).where(
            join_links.c.visit_id == visit_id,
            join_links.c.device_hash == "",
            join_links.c.expires_at_ms > to_ms(now),
        )
        return self._connection.execute(unopened.values(expires_at_ms=to_ms(now))).rowcount

    def forget(self, before: datetime) -> int:
        """Takes away what expired before then."""
        return self._connection.execute(delete(join_links).where(join_links.c.expires_at_ms < to_ms(before))).rowcount
