"""What is known of a recording stays: only its key may be wrapped anew, and thrown away when its time is over."""

from __future__ import annotations

from gateway.store.migrations.append_only import guard_changes

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

IDENTITY = ("recording_id", "node", "facility", "visit_id", "part", "file_name", "retention_days")
OUTCOME = ("started_at_ms", "ended_at_ms", "bytes", "sha256", "state", "dropped")


def upgrade() -> None:
    other = " OR ".join(f"NEW.{name} <> OLD.{name}" for name in IDENTITY)
    outcome = " OR ".join(f"NEW.{name} IS NOT OLD.{name}" for name in OUTCOME)
    finished = f"OLD.ended_at_ms > 0 AND ({outcome})"
    purged = "OLD.purged_at_ms > 0 AND (NEW.wrapped_key <> OLD.wrapped_key OR NEW.purged_at_ms IS NOT OLD.purged_at_ms)"
    there = "recording_id = NEW.recording_id OR (visit_id = NEW.visit_id AND part = NEW.part)"
    guard_changes("recordings", there, f"{other} OR ({finished}) OR ({purged})")
