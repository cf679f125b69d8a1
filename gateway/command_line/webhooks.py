"""`kinbridge webhooks ...`: messages to receivers, as docs/reaching.md tells of them."""

from __future__ import annotations

import asyncio
import secrets
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.command_line.options import DEFAULT_CONFIG, ConfigFile
from gateway.errors import KinbridgeError

if TYPE_CHECKING:
    from gateway.config import Config
    from gateway.reaching import Outcome
    from gateway.store import Delivery, Store, Work

webhooks_app = typer.Typer(help="Messages to SMS and push providers.", no_args_is_help=True)
_ALL = 10_000


class State(StrEnum):
    """As gateway.store.DeliveryState, which takes a while to load."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given-up"


@webhooks_app.command("list")
def webhooks_list(
    state: Annotated[State | None, typer.Option(help="Only those.")] = None,
    receiver: Annotated[str, typer.Option(help="Only this receiver's.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=_ALL, help="The newest so many.")] = 50,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Show messages, the newest first: id, state, receiver, type, visit, attempts, how the last one went, when next."""
    from gateway.config import load_config

    loaded = load_config(config)
    _known(loaded, receiver)

    async def listed() -> list[Delivery]:
        async with _store(loaded) as store:
            return await store.read(
                lambda work: work.deliveries.find(state=state.value if state else "", receiver=receiver, limit=limit)
            )

    found = asyncio.run(listed())
    for each in found:
        print(line_of(each))
    if not found:
        print("no messages")


def line_of(delivery: Delivery) -> str:
    """Ids and closed words: neither the contact nor the link."""
    attempts = f"{delivery.attempts} attempt{'' if delivery.attempts == 1 else 's'}"
    parts = [delivery.delivery_id, delivery.state, delivery.receiver, delivery.kind, delivery.visit_id, attempts]
    if delivery.outcome:
        parts.append(f"last: {delivery.outcome}")
    if delivery.state.value == State.WAITING.value:
        parts.append(f"next: {_stamp(delivery.next_at)}")
    elif delivery.settled_at:
        parts.append(f"at: {_stamp(delivery.settled_at)}")
    return "  ".join(parts)


@webhooks_app.command("retry")
def webhooks_retry(
    names: Annotated[list[str] | None, typer.Argument(metavar="ID...", help="Messages, as `list` names them.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Everything that was given up.")] = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Let messages be sent again, by the gateway that runs: now, and from now on for as long as a new one.

    Also those whose link has ended: whoever asks for this knows why.
    """
    from gateway.config import load_config

    if bool(names) == every:
        raise KinbridgeError("say which: the ids of messages, or --all for everything that was given up")
    loaded = load_config(config)
    done = asyncio.run(_retried(loaded, tuple(names or ())))
    print(f"{done} message{'' if done == 1 else 's'} will be sent again")


async def _retried(config: Config, names: tuple[str, ...]) -> int:
    from gateway.clock import SystemClock
    from gateway.reaching import patience_of

    now = SystemClock().now()
    give_up_at = now + patience_of(config.webhooks).give_up_after

    def again(work: Work) -> int:
        for each in names:
            found = work.deliveries.one(each)
            if found is None:
                raise KinbridgeError(f"there is no message {each!r}; `kinbridge webhooks list` shows them")
            if found.state.value == State.DELIVERED.value:
                raise KinbridgeError(f"{each} was delivered, and what it said is no longer kept")
        chosen = names or tuple(each.delivery_id for each in work.deliveries.find(state=State.GIVEN_UP, limit=_ALL))
        return work.deliveries.retry(chosen, now, give_up_at)

    async with _store(config) as store:
        return await store.write(again)


@webhooks_app.command("test")
def webhooks_test(
    receiver: Annotated[str, typer.Argument(help="Its name in the configuration.")],
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Send one signed message of type webhook.test now, and say what came back. Exit code 1 unless it was taken."""
    from gateway.config import load_config

    loaded = load_config(config)
    _known(loaded, receiver)
    outcome = asyncio.run(_tried(loaded, receiver))
    print(f"{receiver}: {outcome.word}{' (taken)' if outcome.taken else ''}")
    if not outcome.taken:
        raise typer.Exit(1)


async def _tried(config: Config, name: str) -> Outcome:
    from gateway.clock import SystemClock
    from gateway.reaching import Kind, Post, receivers_of
    from gateway.reaching.message import body_of
    from gateway.reaching.signature import headers_of

    (receiver,) = (each for each in receivers_of(config.webhooks) if each.name == name)
    now = SystemClock().now()
    body = body_of(Kind.TEST, now, {"node": config.node}).encode()
    headers = headers_of(f"msg_{secrets.token_hex(16)}", now, body, receiver.keys)
    async with Post(timeout_s=config.webhooks.timeout_s, ca=config.webhooks.ca) as post:
        return await post(receiver.url, headers, body, private=receiver.private)


def _known(config: Config, receiver: str) -> None:
    names = [each.name for each in config.webhooks.receivers]
    if receiver and receiver not in names:
        known = ", ".join(names) or "webhooks.receivers is empty"
        raise KinbridgeError(f"there is no receiver {receiver!r} in the configuration ({known})")


def _store(config: Config) -> Store:
    from gateway.store import Store

    return Store(config.store.url)


def _stamp(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
