"""What the commands do with a configuration while no gateway runs, or beside one: the books, the rules, the links.

It loads neither media nor signalling nor the API, so that a command answers at once.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from gateway.api.links import Links
from gateway.billing.accounting import Accounting
from gateway.billing.cap_check import under_caps
from gateway.billing.caps import load_caps
from gateway.billing.rules import AccountRules
from gateway.billing.tariff import Tariffs, load_tariffs
from gateway.config import Config
from gateway.errors import PeopleError, StartError
from gateway.policy.dialplan import load
from gateway.policy.plan import Dialplan
from gateway.store import Store


def load_policy(config: Config) -> tuple[Dialplan, Tariffs]:
    """Dialplan and tariffs, each tariff bound by the caps of the facilities. Raises DocumentError."""
    tariffs = load_tariffs(config.tariffs)
    caps = load_caps(config.caps)
    plan = load(Path(config.dialplan), tariffs, caps)
    return plan, under_caps(tariffs, caps, plan)


@contextlib.asynccontextmanager
async def open_accounting(config: Config) -> AsyncIterator[Accounting]:
    """Money and records without a gateway, for commands; one may run beside."""
    async with open_books(config) as (_, accounting):
        yield accounting


@contextlib.asynccontextmanager
async def open_books(config: Config) -> AsyncIterator[tuple[Store, Accounting]]:
    """The same, with the store that they are in."""
    _, tariffs = load_policy(config)
    async with Store(config.store.url) as store:
        yield store, Accounting(store, tariffs, node=config.node, rules=account_rules(config))


def account_rules(config: Config) -> AccountRules:
    billing = config.billing
    return AccountRules(
        slice_s=billing.slice_s,
        least_slice_s=billing.least_slice_s,
        deposit_max=billing.deposit_max,
        low_balance=billing.low_balance,
        credit_unusable_percent=billing.credit_unusable_percent,
        credit_at_most_s=billing.credit_at_most_s,
    )


async def assert_contact(config: Config, contact: str) -> None:
    """Raises PeopleError where neither the dialplan nor the store knows the contact."""
    dialplan, _ = load_policy(config)
    known = sorted(each.id for each in dialplan.numbers.values())
    if contact in known:
        return
    async with Store(config.store.url) as store:
        if await store.read(lambda work: work.people.contact(contact)) is not None:
            return
    listed = ", ".join(known)
    raise PeopleError(f"there is no contact {contact!r}, neither in the store nor in the dialplan, which has: {listed}")


def family_link(config: Config, contact: str) -> str:
    """A contact's page, as a running gateway with this configuration serves it. Raises StartError without a secret."""
    secret = config.http.link_secret.get_secret_value()
    if not secret:
        raise StartError("http.link_secret is empty, so links end with the gateway; write a long random text there")
    base = config.http.public_url.rstrip("/") or f"http://{config.http.host}:{config.http.port}"
    return f"{base}/family/{Links(secret).sign(contact)}"


def assert_trunks_reach_out(dialplan: Dialplan, config: Config) -> None:
    """Raises StartError where telephones, or stations at the time of a booking, could not be called."""
    reach = {each.name for each in config.sip.trunks if each.server}
    booked = {each.facility for each in config.booking.facilities if each.call_station}
    for facility in dialplan.facilities.values():
        for trunk in facility.out_trunks:
            if trunk not in reach:
                where = f"the dialplan has {facility.id} call telephones over {trunk}"
                raise StartError(f"{where}: set sip.trunks with that name and a `server`")
        if facility.id in booked and facility.trunks[0] not in reach:
            where = f"booked visits of {facility.id} begin with a call to its station over {facility.trunks[0]}"
            raise StartError(f"{where}: give that one of sip.trunks a `server`, or write call_station: false")
