"""The people whom policy asks about: who they are, who changed them, and their PINs."""

from __future__ import annotations

from gateway.people.desk import PeopleDesk
from gateway.people.pins import PinRules

__all__ = ["PeopleDesk", "PinRules"]
