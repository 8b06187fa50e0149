"""Log lines say the facts they were logged with."""

from __future__ import annotations

import logging
import sys

from sd35graph.logs import FactsFormatter


def _line(**extra: object) -> str:
    record = logging.LogRecord("sd35graph.packs", logging.WARNING, __file__, 1, "pack left out", (), None)
    for name, value in extra.items():
        setattr(record, name, value)
    return FactsFormatter("%(levelname)s %(name)s: %(message)s").format(record)


def test_extra_fields_follow_the_message() -> None:
    assert _line(pack="toy", reason="broken") == "WARNING sd35graph.packs: pack left out (pack=toy, reason=broken)"


def test_line_without_facts_stays_plain() -> None:
    assert _line() == "WARNING sd35graph.packs: pack left out"


def test_facts_stand_before_the_traceback() -> None:
    try:
        raise ValueError("no")
    except ValueError:
        lines = _line(job="7", exc_info=sys.exc_info()).splitlines()
    assert lines[0].endswith("pack left out (job=7)")
    assert lines[1].startswith("Traceback")
