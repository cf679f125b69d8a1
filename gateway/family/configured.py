"""From the configuration's `family:` to the desk."""

from __future__ import annotations

from collections.abc import Callable

from gateway.clock import Clock
from gateway.config_family import FamilyConfig
from gateway.family.desk import FamilyDesk
from gateway.family.mail import SmtpMailer
from gateway.family.rules import FamilyRules
from gateway.store import Store


def family_desk(
    config: FamilyConfig, store: Store, clock: Clock, secret: str, public_url: Callable[[], str]
) -> FamilyDesk:
    """secret: as for contact links. public_url: what links begin with; asked when one is made.

    Raises StartError for a password that is not in the environment."""
    mailer = SmtpMailer(config.mail, clock) if config.mail is not None else None
    return FamilyDesk(
        store, clock, FamilyRules.of(config), mailer=mailer, secret=secret, page=lambda: f"{public_url()}/family"
    )
