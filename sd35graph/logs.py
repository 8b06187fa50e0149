"""How log lines look: the constant message, then the facts it was logged with."""

from __future__ import annotations

import logging

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class FactsFormatter(logging.Formatter):
    """`WARNING sd35graph.packs: pack left out (pack=toy, reason=…)`."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, with the record's `extra` fields after the message."""
        facts = ", ".join(f"{name}={value}" for name, value in vars(record).items() if name not in _OWN)
        first, newline, rest = super().format(record).partition("\n")
        return f"{first} ({facts}){newline}{rest}" if facts else first + newline + rest


def configure_logging() -> None:
    """Log to standard error from level INFO on. Called once per process, by its entry point."""
    handler = logging.StreamHandler()
    handler.setFormatter(FactsFormatter("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
