"""Writes the OpenAPI description to a file: `python -m sd35graph.server.export_openapi [FILE]`.

The editor's types are generated from it; the default is `web/openapi.json` of the checkout.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from sd35graph.server.api import new_api
from sd35graph.server.openapi import describe

DEFAULT = Path(__file__).parents[2] / "web" / "openapi.json"


def main(arguments: list[str]) -> None:
    """Write the description to the file named in `arguments`, or to the default one."""
    path = Path(arguments[0]) if arguments else DEFAULT
    path.write_text(json.dumps(describe(new_api()), indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
