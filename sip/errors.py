"""What can go wrong in SIP signalling.

    SipError
    ├── SipConfigError        a trunk, port or certificate that cannot work; says which field and the remedy
    ├── SipPortTaken          a listening port is in use; names the port and transport
    ├── BadDescription        a session description of ours that the SIP stack could not carry
    ├── SipBusy               every agent has its calls: no room for one more outgoing dialog
    ├── AgentDied             the agent process that owned this dialog is gone
    └── DialogGone            the dialog has ended; the command came too late

Exceptions of pjsua2 are translated in `sip/_pj.py`, the one file that imports it.
"""

from __future__ import annotations


class SipError(Exception):
    """The root: catch this to catch all of the package."""


class SipConfigError(SipError):
    """A setting that cannot work. The message names the field and what would be right."""


class SipPortTaken(SipError):
    """Another program holds the listening port."""


class BadDescription(SipError):
    """A session description of ours that the SIP stack could not carry; says what is wrong with it."""


class SipBusy(SipError):
    """No agent has room for one more dialog."""


class AgentDied(SipError):
    """The agent process that owned the dialog is gone."""


class DialogGone(SipError):
    """The dialog has ended; the command came too late."""
