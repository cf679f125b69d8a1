"""What the API needs of residents and contacts. gateway/app.py gives it gateway.people.PeopleDesk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from gateway.policy.people import Standing
from gateway.store import By
from gateway.store.people import Peoples

T = TypeVar("T")


class People(Protocol):
    """Each method raises StoreUnavailable, and PeopleError for what does not fit."""

    async def read(self, look: Callable[[Peoples], T]) -> T: ...

    async def change(self, act: Callable[[Peoples, By], T], who: str) -> T:
        """All of it or nothing, each with a line in the log."""
        ...

    async def set_pin(self, facility: str, resident: str, pin: str, who: str) -> None: ...

    async def put_on_list(
        self, facility: str, resident: str, contact: str, standing: Standing | None, *, who: str
    ) -> bool | None:
        """Within the facility's `most_contacts`."""
        ...
