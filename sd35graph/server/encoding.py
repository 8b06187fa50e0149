"""JSON as it leaves the server."""

from __future__ import annotations

import json

from pydantic_core import to_json
from starlette.responses import Response


def dumps(value: object) -> bytes:
    """Compact JSON; lone surrogates, which UTF-8 cannot carry, are escaped, NaN and infinities become null."""
    try:
        return to_json(value, inf_nan_mode="null")
    except ValueError:
        return json.dumps(value, separators=(",", ":")).encode()


class Json(Response):
    """A JSON answer, encoded in one go."""

    media_type = "application/json"

    def render(self, content: object) -> bytes:
        return dumps(content)
