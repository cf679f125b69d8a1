"""The people of the store, as policy and the gateway's voice ask for them.

    people = await desk.snapshot()                      # the present state; read anew only after a change
    answer = await desk.check_pin("north", "4711", pin)
    await desk.change(lambda people, by: people.put_resident(resident, by), who="badge-1138")

Several nodes share the store: a change on one is seen by the next question on every other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

from gateway.clock import Clock
from gateway.errors import PeopleError
from gateway.ivr.values import PinLocked, PinRight, PinWrong
from gateway.people.pins import PinHashes, PinRules
from gateway.policy.people import NOBODY, People, Standing
from gateway.store import By, Store, Work
from gateway.store.people import Peoples

T = TypeVar("T")
_REACHABLE = (Standing.APPROVED, Standing.PRIVILEGED)
_NEVER = datetime.fromtimestamp(0).astimezone()


def check_room(people: Peoples, facility: str, resident: str, most: int | None) -> None:
    """Raises PeopleError where a list has more contacts than it may, banned ones apart."""
    if most is None:
        return
    listed = [each for _, each in people.standings(facility, resident) if each is not Standing.BANNED]
    if len(listed) > most:
        raise PeopleError(f"the list of resident {resident!r} is full: {most} contacts; take one from it first")


class PeopleDesk:
    """Every method raises StoreError when the store does not answer. most_contacts: of a list, by facility."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        rules: PinRules = PinRules(),  # noqa: B008 - a frozen value
        most_contacts: Callable[[str], int | None] = lambda _: None,
    ) -> None:
        self._store = store
        self._most_contacts = most_contacts
        self._clock = clock
        self._rules = rules
        self._people = NOBODY
        self._version = 0
        self._reading = asyncio.Lock()
        self._hashing = asyncio.Semaphore(1)  # one at a time: each takes a core and 64 MiB for a while
        self._hashes: PinHashes | None = None

    # ---- who is there ----

    async def snapshot(self) -> People:
        if await self._store.read(lambda work: work.people.version()) == self._version:
            return self._people
        async with self._reading:  # of many who find it stale, one reads
            version, people = await self._store.read(self._newer)
            if people is not None:
                self._people, self._version = people, version
        return self._people

    @property
    def last(self) -> People:
        """As the last snapshot had them."""
        return self._people

    def _newer(self, work: Work) -> tuple[int, People | None]:
        version = work.people.version()
        return version, None if version == self._version else work.people.since(self._version, self._people)

    # ---- changes ----

    async def read(self, look: Callable[[Peoples], T]) -> T:
        return await self._store.read(lambda work: look(work.people))

    async def put_on_list(
        self, facility: str, resident: str, contact: str, standing: Standing | None, *, who: str
    ) -> bool | None:
        """True: it is new, False: it has changed, None: it was so. Raises PeopleError, also for a list that is full."""
        most = self._most_contacts(facility)

        def act(people: Peoples, by: By) -> bool | None:
            changed = people.set_standing(facility, resident, contact, standing, by=by)
            if changed is not None and standing is not None:
                check_room(people, facility, resident, most)
            return changed

        return await self.change(act, who)

    async def change(self, act: Callable[[Peoples, By], T], who: str) -> T:
        """All that `act` does is done together, or none of it. Raises what it raises (PeopleError)."""
        by = By(who, self._clock.now())
        return await self._store.write(lambda work: act(work.people, by))

    async def set_pin(self, facility: str, resident: str, pin: str, who: str) -> None:
        """pin "": it is taken away. Raises PeopleError for an unknown resident, and for what is no PIN."""
        pin_hash = await self.pin_hash(pin) if pin else ""
        await self.change(lambda people, by: people.set_pin(facility, resident, pin_hash, by), who)

    # ---- PINs ----

    async def pin_hash(self, pin: str) -> str:
        """Raises PeopleError for what is no PIN."""
        return await self._hash(lambda hashes: hashes.hash(pin))

    async def check_pin(self, facility: str, resident: str, pin: str) -> PinRight | PinWrong | PinLocked:
        """A try is counted before it is compared: many at once are no more than as many one after the other."""
        now = self._clock.now()
        pin_hash, locked = await self._store.write(lambda work: self._try(work, facility, resident, now))
        fits = await self._hash(lambda hashes: hashes.fits(pin_hash, pin))
        if locked:
            return PinLocked()
        if not fits:
            return PinWrong()
        return await self._store.write(lambda work: self._right(work, facility, resident))

    def _try(self, work: Work, facility: str, resident: str, now: datetime) -> tuple[str, bool]:
        """The hash to compare with, "" for nobody's, and whether the resident is locked out."""
        state = work.people.pin(facility, resident)
        if state is None:
            return "", False
        if state.locked_until > now:
            return state.hash, True
        tries = state.tries + 1 if state.tries < self._rules.tries else 1  # a lock-out that is over begins anew
        locked_until = _NEVER
        if tries >= self._rules.tries:
            locked_until = now + timedelta(seconds=self._rules.lockout_s)
        work.people.set_tries(facility, resident, tries, locked_until)
        return state.hash, False

    @staticmethod
    def _right(work: Work, facility: str, resident: str) -> PinRight:
        work.people.set_tries(facility, resident, 0, _NEVER)
        found = work.people.resident(facility, resident)
        listed = work.people.standings(facility, resident)
        numbers = tuple(contact.number for contact, standing in listed if standing in _REACHABLE)
        return PinRight(found.language if found else "", numbers)

    async def _hash(self, work: Callable[[PinHashes], T]) -> T:
        async with self._hashing:
            return await asyncio.to_thread(self._with_hashes, work)

    def _with_hashes(self, work: Callable[[PinHashes], T]) -> T:
        if self._hashes is None:
            self._hashes = PinHashes(self._rules)
        return work(self._hashes)
