"""The topics: which fact goes where, what it means, and the JSON Schema of its payload.

    <root>/<node>/visits/<visit_id>/<kind>      a fact, QoS 1, not retained
    <root>/<node>/node/<kind>                   a fact of the node as a whole: its visit_id is empty
    <root>/<node>/status                        `online` or `offline`, retained; the broker itself says `offline`
                                                when the node is gone without a word (last will)

TOPICS is the one table: `encode` writes by it, docs/events.md is generated from it (`python -m gateway.events.topics`).
Payloads carry ids, never names or numbers.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from gateway.call.facts import Fact, FactKind

VERSION = 1
ONLINE, OFFLINE = "online", "offline"


@dataclass(frozen=True, slots=True)
class Key:
    """A key of `detail`. type: a type of JSON Schema."""

    name: str
    type: str
    meaning: str
    example: str | int | bool


@dataclass(frozen=True, slots=True)
class Topic:
    kind: FactKind
    meaning: str
    state: str  # what the payload's `state` usually says, for the example in the docs
    keys: tuple[Key, ...] = ()


_REASON = Key("reason", "string", "why, a word of the closed list in docs/cdr.md", "balance_exhausted")
_SOURCE = Key("source", "string", "`sip` (the station) or `web` (the family)", "sip")
_WATCHING = Key("watching_id", "string", "as in GET /api/v1/audit/watchings", "w-4c1d2e3f4a5b6c7d")
_WEBHOOK = (
    Key("delivery_id", "string", "the message's `webhook-id`", "msg_2b7e151628aed2a6abf7158809cf4f3c"),
    Key("receiver", "string", "its name in the configuration", "sms"),
    Key("attempts", "integer", "how often it was sent", 3),
)
_AFTER = Key("after_accept_ms", "integer", "milliseconds since the family accepted", 740)

TOPICS: tuple[Topic, ...] = (
    Topic(FactKind.REQUESTED, "A station called; nothing is decided yet.", "dialing"),
    Topic(FactKind.IDENTIFYING, "The gateway's own voice has answered the station and asks who calls.", "identifying"),
    Topic(FactKind.ANNOUNCING, "The voice says what the visit is, before anybody is rung.", "announcement"),
    Topic(
        FactKind.REFUSED,
        "A rule, the money or the node said no; nobody was rung.",
        "ending",
        (
            Key("refusal", "string", "the rule that refused: `hours`, `blocked`, `balance`, ...", "hours"),
            Key("sip_code", "integer", "the SIP status that the station got", 403),
        ),
    ),
    Topic(FactKind.RINGING, "The visit is allowed and its money held; the family is being rung.", "ringing"),
    Topic(
        FactKind.TRUNK_FAILED,
        "The family's telephone could not be called over this trunk; the next one is tried.",
        "ringing",
        (
            Key("trunk", "string", "its name in the configuration", "carrier-a"),
            Key("sip_code", "integer", "the SIP status that it gave, 0: none", 503),
        ),
    ),
    Topic(
        FactKind.ANSWERED,
        "The family's telephone was answered; it is asked to press a key.",
        "accepting",
        (Key("trunk", "string", "which took the call: its name in the configuration", "carrier-a"),),
    ),
    Topic(FactKind.ACCEPTED, "The family accepted; media is being joined.", "connecting"),
    Topic(FactKind.CONNECTED, "Sound goes both ways: the meter started.", "talking", (_AFTER,)),
    Topic(FactKind.FIRST_PICTURE, "The first picture of one side was passed on.", "talking", (_SOURCE, _AFTER)),
    Topic(FactKind.HELD, "The station, or the family's telephone, put the visit on hold; the meter stands.", "held"),
    Topic(FactKind.RESUMED, "Who held took the visit back from hold.", "talking"),
    Topic(
        FactKind.WARNED,
        "Both sides were told that the visit ends soon.",
        "talking",
        (Key("seconds_left", "integer", "seconds until the end", 60), _REASON),
    ),
    Topic(FactKind.DTMF, "A key was pressed; which one is not said.", "talking", (_SOURCE,)),
    Topic(FactKind.TRANSFER_REFUSED, "The station tried to transfer the visit (REFER); it was refused.", "talking"),
    Topic(FactKind.WATCHED, "An officer began to watch; who it is, the audit says.", "talking", (_WATCHING,)),
    Topic(
        FactKind.UNWATCHED,
        "An officer watches no more.",
        "talking",
        (_WATCHING, Key("reason", "string", "why, a word of the list in docs/watching.md", "officer_left")),
    ),
    Topic(FactKind.MESSAGE, "An officer wrote to the family; what was written is not said.", "talking"),
    Topic(
        FactKind.RECORDING_FAILED,
        "The recording ended before the visit did, which goes on.",
        "talking",
        (Key("word", "string", "`disk`, `refused` (no key or no database) or `bug`", "disk"),),
    ),
    Topic(
        FactKind.ENDED,
        "The visit is over.",
        "ending",
        (_REASON, Key("fault", "string", "whose doing it was: `station`, `family`, `officer`, ...", "money")),
    ),
    Topic(
        FactKind.RECORDED,
        "The charge and the CDR are written, in one transaction.",
        "ended",
        (
            Key("sequence", "integer", "the CDR's number on this node: the export cursor", 1042),
            Key("billable_s", "integer", "whole seconds that were charged", 37),
            _REASON,
        ),
    ),
    Topic(
        FactKind.LOW_BALANCE,
        "The visit's charge has brought an account below its mark; once, until it was at the mark again.",
        "ended",
        (
            Key("account", "string", "the account; empty when the visit was privileged", "family-1"),
            Key("balance", "string", "what is left, decimal text", "4.12"),
            Key("currency", "string", "ISO 4217", "USD"),
        ),
    ),
    Topic(
        FactKind.WEBHOOK_DELIVERED,
        "A receiver of `webhooks` has taken a message about the visit ([reaching](reaching.md)).",
        "",
        (*_WEBHOOK, Key("outcome", "string", "the HTTP status", "204")),
    ),
    Topic(
        FactKind.WEBHOOK_GIVEN_UP,
        "A message about the visit is not sent any more.",
        "",
        (
            *_WEBHOOK,
            Key("outcome", "string", "how the last attempt went: a status, or a word of docs/reaching.md", "timeout"),
        ),
    ),
    Topic(FactKind.LINK_OPENED, "A join link of the visit was opened; its device has it from now on.", "ringing"),
    Topic(
        FactKind.SIP_REFUSED,
        "SIP requests were not let through; of the node, told at most once a second ([SIP](sip.md)).",
        "",
        (
            Key("why", "string", "`stranger`, `scanner`, `trunk-rate` or `source-rate`", "stranger"),
            Key("method", "string", "INVITE, OPTIONS, REGISTER ... or OTHER", "REGISTER"),
            Key("trunk", "string", "its name; empty for a stranger", ""),
            Key("number", "integer", "how many since the last time", 212),
        ),
    ),
    Topic(
        FactKind.RULES_CHANGED,
        "Another dialplan or other tariffs are in force; of the node ([dialplan](dialplan.md)).",
        "",
        (Key("differences", "integer", "in how many points they differ from those before", 3),),
    ),
    Topic(
        FactKind.RULES_REFUSED,
        "Dialplan and tariffs were read again and have mistakes; the old ones stay. Of the node.",
        "",
        (Key("mistakes", "integer", "how many; `kinbridge dialplan check` names them", 2),),
    ),
    Topic(
        FactKind.IDENTITY_IGNORED,
        "The INVITE said by P-Asserted-Identity who calls; its trunk is not `trusted_identity`, so From was taken.",
        "dialing",
    ),
    Topic(
        FactKind.WATCHED_NUMBER,
        "What was dialled is on the facility's watch list ([people](people.md)); the visit goes on.",
        "dialing",
    ),
    Topic(
        FactKind.THREE_WAY,
        "A sign that somebody else is to be brought into the visit ([SIP](sip.md)); the visit goes on.",
        "talking",
        (
            _SOURCE,
            Key("sign", "string", "`flash`, `code` (keys of `sip.three_way`) or `focus` (a conference)", "flash"),
        ),
    ),
)
BY_KIND = {each.kind: each for each in TOPICS}


def topic(root: str, fact: Fact) -> str:
    if not fact.visit_id:
        return f"{root}/{fact.node}/node/{fact.kind}"
    return f"{root}/{fact.node}/visits/{fact.visit_id}/{fact.kind}"


def status_topic(root: str, node: str) -> str:
    return f"{root}/{node}/status"


def payload(fact: Fact) -> dict[str, Any]:
    """The fact as JSON values: what goes to MQTT and to the staff's live feed."""
    return {
        "v": VERSION,
        "kind": str(fact.kind),
        "node": fact.node,
        "visit_id": fact.visit_id,
        "facility": fact.facility,
        "state": fact.state,
        "at": fact.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "privileged": fact.privileged,
        "detail": dict(fact.detail),
    }


def encode(fact: Fact) -> bytes:
    return json.dumps(payload(fact), ensure_ascii=False, separators=(",", ":")).encode()


def schema(kind: FactKind) -> dict[str, Any]:
    """The JSON Schema (2020-12) of one topic's payload. Consumers must accept keys that they do not know."""
    keys = BY_KIND[kind].keys
    text = {"type": "string"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": str(kind),
        "description": BY_KIND[kind].meaning,
        "type": "object",
        "required": ["v", "kind", "node", "visit_id", "facility", "state", "at", "privileged", "detail"],
        "properties": {
            "v": {"const": VERSION},
            "kind": {"const": str(kind)},
            "node": text,
            "visit_id": text,
            "facility": text,
            "state": text,
            "at": {"type": "string", "format": "date-time"},
            "privileged": {"type": "boolean"},
            "detail": {
                "type": "object",
                "properties": {each.name: {"type": each.type, "description": each.meaning} for each in keys},
            },
        },
    }


def example(kind: FactKind) -> dict[str, Any]:
    known = BY_KIND[kind]
    return {
        "v": VERSION,
        "kind": str(kind),
        "node": "node1",
        "visit_id": "v-7f3a9c",
        "facility": "demo-jail",
        "state": known.state,
        "at": "2026-01-05T15:00:00.000Z",
        "privileged": False,
        "detail": {each.name: each.example for each in known.keys},
    }


def document() -> str:
    """docs/events.md."""
    return "\n".join([*_HEAD, *_overview(), *(line for each in TOPICS for line in _section(each))]).rstrip() + "\n"


_HEAD = (
    "<!-- Generated from gateway/events/topics.py by `python -m gateway.events.topics`; a test compares them. -->",
    "# Events",
    "",
    "Every node publishes what happens to its visits on MQTT (QoS 1). Without a broker in the configuration the node",
    "runs one itself, on `mqtt.embedded_port`. Topics, with the default `mqtt.topic_root`:",
    "",
    "    kinbridge/<node>/visits/<visit_id>/<kind>",
    "    kinbridge/<node>/node/<kind>                   of the node as a whole; `visit_id` is empty",
    "    kinbridge/<node>/status",
    "",
    "`status` is retained and says `online` or `offline`; when a node is gone without a word, the broker says",
    "`offline` in its place (last will). To see everything: `mosquitto_sub -v -t 'kinbridge/#'`.",
    "",
    "Payloads are JSON objects. They carry ids and closed words, never a name, a number or a key that was pressed.",
    "`v` is the version of this format; consumers must accept keys that they do not know. QoS 1 may deliver a message",
    "twice: (`visit_id`, `kind`, `at`) tells.",
    "While the broker is away, up to 10,000 facts wait in memory; beyond that the oldest are dropped and counted.",
    "",
)


def _overview() -> list[str]:
    rows = [f"| [`{each.kind}`](#{each.kind}) | {each.meaning} | {_keys(each)} |" for each in TOPICS]
    return ["| kind | meaning | keys of `detail` |", "| --- | --- | --- |", *rows, ""]


def _keys(known: Topic) -> str:
    return ", ".join(f"`{each.name}`" for each in known.keys) or "none"


def _section(known: Topic) -> list[str]:
    keys = [f"- `{each.name}` ({each.type}): {each.meaning}" for each in known.keys]
    shown = json.dumps(example(known.kind), indent=2)
    rules = json.dumps(schema(known.kind), indent=2)
    return [
        f"## {known.kind}",
        "",
        known.meaning,
        "",
        *keys,
        *([""] if keys else []),
        "```json",
        shown,
        "```",
        "",
        "<details><summary>JSON Schema</summary>",
        "",
        "```json",
        rules,
        "```",
        "",
        "</details>",
        "",
    ]


if __name__ == "__main__":
    sys.stdout.write(document())
