"""The people whom policy asks about: who they are, who changed them, and their PINs."""

from __future__ import annotations

from gateway.people.desk import PeopleDesk
from gateway.people.importing import Outcome, bring_in
from gateway.people.pins import PinRules
from gateway.people.rows import Kind

__all__ = ["Kind", "Outcome", "PeopleDesk", "PinRules", "bring_in"]
