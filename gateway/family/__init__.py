"""The families' own accounts: signing in without a password."""

from gateway.family.configured import family_desk
from gateway.family.desk import FamilyDesk, Session, Started, Ticket
from gateway.family.mail import Mail, Mailer, address_of
from gateway.family.rules import FamilyRules

__all__ = ["family_desk", "FamilyDesk", "FamilyRules", "Session", "Started", "Ticket", "Mail", "Mailer", "address_of"]
