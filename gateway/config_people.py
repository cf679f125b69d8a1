"""The configuration's `people:`: how residents' PINs are guarded; docs/people.md."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gateway.documents import Document


class PeopleConfig(Document):
    """pin_tries: wrong PINs of one resident, over all calls, after which the id is locked out for lockout_minutes.

    pin_memory_mib: what argon2id takes for each comparison.
    """

    pin_tries: Annotated[int, Field(ge=2, le=100)] = 5
    lockout_minutes: Annotated[float, Field(gt=0, le=7 * 24 * 60)] = 30.0
    pin_memory_mib: Annotated[int, Field(ge=8, le=1024)] = 64
