"""How families are reached beside their open pages: signed webhooks, and links that open one visit's page once."""

from gateway.reaching.configured import patience_of, receivers_of
from gateway.reaching.delivering import Courier, Patience, Receiver
from gateway.reaching.links import Guest, JoinLinks, Opened
from gateway.reaching.message import Kind
from gateway.reaching.posting import Outcome, Post
from gateway.reaching.reaching import Call, Reaching

__all__ = [
    "Reaching",
    "Call",
    "Kind",
    "JoinLinks",
    "Guest",
    "Opened",
    "Courier",
    "Receiver",
    "Patience",
    "Post",
    "Outcome",
    "receivers_of",
    "patience_of",
]
