"""The log: set up once by the command, one line for each event, as text or JSON.

Only the product's own rooms speak below WARNING, however the level is set: at DEBUG the libraries underneath would
write SDP, addresses and tokens.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from enum import StrEnum
from typing import TextIO

from gateway.privacy import scrub

ROOMS = ("gateway", "sip", "bridge")


class LogFormat(StrEnum):
    TEXT = "text"
    JSON = "json"


class TextLines(logging.Formatter):
    """`2026-01-05T15:00:00.123Z INFO gateway.call.session: visit v1: ringing`"""

    def format(self, record: logging.LogRecord) -> str:
        return scrub_after(f"{_stamp(record)} {record.levelname} {record.name}: ", _message(self, record))


class JsonLines(logging.Formatter):
    """One JSON object a line: at, level, logger, message."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": _stamp(record),
            "level": record.levelname,
            "logger": record.name,
            "message": scrub(_message(self, record)),
        }
        return json.dumps(line, ensure_ascii=False)


def set_up_logging(
    level: str = "INFO", log_format: LogFormat = LogFormat.TEXT, stream: TextIO | None = None
) -> logging.Handler:
    """Replaces the root logger's handlers. Returns the new one, for whoever wants to take it away again."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines() if log_format is LogFormat.JSON else TextLines())
    root = logging.getLogger()
    for each in tuple(root.handlers):
        root.removeHandler(each)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    for room in ROOMS:
        logging.getLogger(room).setLevel(level)
    return handler


def scrub_after(head: str, message: str) -> str:
    """The head is made by us (a time would read as a number), the message by anyone."""
    return head + scrub(message)


def _message(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    text = record.getMessage()
    if record.exc_info:
        text = f"{text}\n{formatter.formatException(record.exc_info)}"
    return text


def _stamp(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
