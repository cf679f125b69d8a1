"""Who may come in: staff accounts with passwords, sessions of browsers, keys of other systems; docs/access.md."""

from gateway.access.desk import AccessDesk, Session, Ticket
from gateway.access.keys import Holder, KeyDesk, MadeKey
from gateway.access.rules import AccessRules
from gateway.access.scopes import Scope

__all__ = ["AccessDesk", "AccessRules", "Holder", "KeyDesk", "MadeKey", "Scope", "Session", "Ticket"]
