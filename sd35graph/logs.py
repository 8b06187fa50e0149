"""How log lines look: the constant message, then the facts it was logged with; for people, or as JSON for programs."""

from __future__ import annotations

import json
import logging
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Literal

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request that is being answered; every line logged meanwhile carries it as `request`."""


class FactsFormatter(logging.Formatter):
    """`WARNING sd35graph.packs: pack left out (pack=toy, reason=…)`."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, with the record's `extra` fields after the message."""
        facts = ", ".join(f"{name}={value}" for name, value in _facts(record).items())
        first, newline, rest = super().format(record).partition("\n")
        return f"{first} ({facts}){newline}{rest}" if facts else first + newline + rest


class JsonFormatter(logging.Formatter):
    """One JSON object a line: `time`, `level`, `logger`, `message`, the facts, and `exception` with its traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line = {
            **_facts(record),
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, separators=(",", ":"))


def _facts(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if name not in _OWN}


def _add_request(record: logging.LogRecord) -> bool:
    current = request_id.get()
    if current is not None:
        record.request = current
    return True


def configure_logging(form: Literal["pretty", "json"] = "pretty", level: str = "info") -> None:
    """Log to standard error, in this form and from this level on. Called once per process, by its entry point."""
    handler = logging.StreamHandler()
    handler.addFilter(_add_request)
    handler.setFormatter(JsonFormatter() if form == "json" else FactsFormatter("%(levelname)s %(name)s: %(message)s"))
    logging._srcfile = None  # no line says where in the code it was logged, and finding that takes a third of the time
    logging.basicConfig(level=level.upper(), handlers=[handler])
