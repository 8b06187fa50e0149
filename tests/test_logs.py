"""Log lines say the facts they were logged with."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

from sd35graph.logs import FactsFormatter, JsonFormatter


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


def _json(message: str = "job ended", **extra: object) -> dict[str, object]:
    record = logging.LogRecord("sd35graph.engine", logging.INFO, __file__, 1, message, (), None)
    for name, value in extra.items():
        setattr(record, name, value)
    line = JsonFormatter().format(record)
    assert "\n" not in line
    shown: dict[str, object] = json.loads(line)
    return shown


def test_json_lines_hold_time_level_and_facts_and_are_one_line_each() -> None:
    line = _json("two\nlines", job="7", path=Path("/a"), created=0.25)
    assert line == {
        "job": "7",
        "path": "/a",
        "time": "1970-01-01T00:00:00.250+00:00",
        "level": "info",
        "logger": "sd35graph.engine",
        "message": "two\nlines",
    }


def test_json_lines_hold_the_traceback() -> None:
    try:
        raise ValueError("no")
    except ValueError:
        line = _json(exc_info=sys.exc_info())
    assert str(line["exception"]).splitlines()[-1] == "ValueError: no"


def test_no_fact_takes_the_place_of_the_message() -> None:
    assert _json(level="mine", logger="mine")["logger"] == "sd35graph.engine"
