"""SQL of recordings, and of the trail of who looked at what."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from gateway.errors import StoreError
from gateway.store.postgresql import in_order
from gateway.store.rows import Access, Recording, RecordingState, from_ms, maybe_ms, maybe_time, to_ms
from gateway.store.tables import accesses, recordings


class Recordings:
    """Recordings in one transaction. Made by Work; lives as long as its transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, recording: Recording) -> None:
        self._connection.execute(
            insert(recordings).values(
                recording_id=recording.recording_id,
                node=recording.node,
                facility=recording.facility,
                visit_id=recording.visit_id,
                part=recording.part,
                file_name=recording.file_name,
                key_id=recording.key_id,
                wrapped_key=recording.wrapped_key,
                retention_days=recording.retention_days,
                started_at_ms=to_ms(recording.started_at),
                ended_at_ms=maybe_ms(recording.ended_at),
                bytes=recording.bytes,
                sha256=recording.sha256,
                state=recording.state,
                dropped=recording.dropped,
                retain_until_ms=maybe_ms(recording.retain_until),
                purged_at_ms=maybe_ms(recording.purged_at),
            )
        )

    def finish(
        self,
        recording_id: str,
        *,
        started_at: datetime,
        ended_at: datetime,
        size: int,
        sha256: str,
        state: RecordingState,
        dropped: int,
    ) -> None:
        """What it came to. One that is finished stays as it is, so that this may be repeated. size: bytes."""
        row = self._connection.execute(
            select(recordings.c.retention_days).where(recordings.c.recording_id == recording_id)
        ).first()
        if row is None:
            raise StoreError(f"there is no recording {recording_id}")
        statement = update(recordings).where(
            recordings.c.recording_id == recording_id, recordings.c.ended_at_ms.is_(None)
        )
        self._connection.execute(
            statement.values(
                started_at_ms=to_ms(started_at),
                ended_at_ms=to_ms(ended_at),
                bytes=size,
                sha256=sha256,
                state=state,
                dropped=dropped,
                retain_until_ms=to_ms(ended_at + timedelta(days=row.retention_days)),
            )
        )

    def get(self, recording_id: str) -> Recording | None:
        row = self._connection.execute(select(recordings).where(recordings.c.recording_id == recording_id)).first()
        return None if row is None else _recording(row)

    def of_visit(self, visit_id: str) -> tuple[Recording, ...]:
        statement = select(recordings).where(recordings.c.visit_id == visit_id).order_by(recordings.c.part)
        return tuple(_recording(row) for row in self._connection.execute(statement))

    def left_open(self, node: str) -> tuple[Recording, ...]:
        """Those of a node that nobody has finished."""
        statement = select(recordings).where(recordings.c.node == node, recordings.c.ended_at_ms.is_(None))
        rows = self._connection.execute(statement.order_by(recordings.c.started_at_ms))
        return tuple(_recording(row) for row in rows)

    def find(
        self, facility: str = "", since: datetime | None = None, until: datetime | None = None, limit: int = 500
    ) -> tuple[Recording, ...]:
        """Those that began in [since, until), oldest first."""
        statement = select(recordings)
        if facility:
            statement = statement.where(recordings.c.facility == facility)
        if since is not None:
            statement = statement.where(recordings.c.started_at_ms >= to_ms(since))
        if until is not None:
            statement = statement.where(recordings.c.started_at_ms < to_ms(until))
        rows = self._connection.execute(
            statement.order_by(recordings.c.started_at_ms, recordings.c.recording_id).limit(limit)
        )
        return tuple(_recording(row) for row in rows)

    def due(self, now: datetime) -> tuple[Recording, ...]:
        """Those whose time to be kept is over and that are still there."""
        statement = select(recordings).where(
            recordings.c.retain_until_ms <= to_ms(now), recordings.c.purged_at_ms.is_(None)
        )
        return tuple(
            _recording(row) for row in self._connection.execute(statement.order_by(recordings.c.started_at_ms))
        )

    def purge(self, recording_id: str, at: datetime) -> None:
        """Forgets the wrapped key: whatever copy of the file is left somewhere cannot be opened any more."""
        statement = update(recordings).where(
            recordings.c.recording_id == recording_id, recordings.c.purged_at_ms.is_(None)
        )
        self._connection.execute(statement.values(purged_at_ms=to_ms(at), wrapped_key=""))

    def rewrap(self, recording_id: str, key_id: str, wrapped_key: str) -> None:
        """The same key under another facility key."""
        statement = update(recordings).where(
            recordings.c.recording_id == recording_id, recordings.c.purged_at_ms.is_(None)
        )
        self._connection.execute(statement.values(key_id=key_id, wrapped_key=wrapped_key))


AccessPage = tuple[tuple[int, Access], ...]  # each with its number, the cursor of who reads them


class Accesses:
    """The trail, in one transaction. Made by Work; lives as long as its transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def write(self, access: Access) -> None:
        in_order(self._connection, "accesses")
        self._connection.execute(
            insert(accesses).values(
                at_ms=to_ms(access.at),
                who=access.who,
                act=access.act,
                subject=access.subject,
                reason=access.reason,
                detail=access.detail,
            )
        )

    def of(self, subject: str = "", limit: int = 500) -> tuple[Access, ...]:
        """What was done with `subject` (empty: with anything), oldest first."""
        statement = select(accesses).order_by(accesses.c.access_id).limit(limit)
        if subject:
            statement = statement.where(accesses.c.subject == subject)
        return tuple(_access(row) for row in self._connection.execute(statement))

    def page(self, since: int, limit: int, *, who: str = "", act: str = "", subject: str = "") -> AccessPage:
        """Those with a number above `since`, oldest first. An empty word asks for any."""
        statement = select(accesses).where(accesses.c.access_id > since).order_by(accesses.c.access_id).limit(limit)
        for column, word in ((accesses.c.who, who), (accesses.c.act, act), (accesses.c.subject, subject)):
            if word:
                statement = statement.where(column == word)
        return tuple((row.access_id, _access(row)) for row in self._connection.execute(statement))


def _recording(row: Row[Any]) -> Recording:
    return Recording(
        recording_id=row.recording_id,
        node=row.node,
        facility=row.facility,
        visit_id=row.visit_id,
        part=row.part,
        file_name=row.file_name,
        key_id=row.key_id,
        wrapped_key=row.wrapped_key,
        retention_days=row.retention_days,
        started_at=from_ms(row.started_at_ms),
        ended_at=maybe_time(row.ended_at_ms),
        bytes=row.bytes,
        sha256=row.sha256,
        state=RecordingState(row.state),
        dropped=row.dropped,
        retain_until=maybe_time(row.retain_until_ms),
        purged_at=maybe_time(row.purged_at_ms),
    )


def _access(row: Row[Any]) -> Access:
    return Access(from_ms(row.at_ms), row.who, row.act, row.subject, row.reason, row.detail)
