"""Reads request bodies: JSON once, strictly, with an answer that says what is wrong."""

from __future__ import annotations

import json
import re
from typing import TypeVar

from fastapi import Request
from pydantic import BaseModel, JsonValue, ValidationError
from pydantic_core import from_json

from sd35graph.server.errors import ApiError

Body = TypeVar("Body", bound=BaseModel)

_MAY_OVERFLOW = re.compile(rb"[eE]\+?\d{3}|\d{300}")
"""Only a number with such an exponent or so many digits can be too large for a float."""


async def read_json(request: Request) -> JsonValue:
    """The body as JSON. Raises `ApiError` for anything else: NaN, infinity, lone surrogates, nesting beyond 200."""
    return parse_json(await request.body())


def parse_json(body: bytes) -> JsonValue:
    """Parse a body; see `read_json`."""
    try:
        value: JsonValue = from_json(body.removeprefix(b"\xef\xbb\xbf"), allow_inf_nan=False)
        if _MAY_OVERFLOW.search(body):
            json.dumps(value, allow_nan=False)
    except ValueError as error:
        what = "it is empty" if not body.strip() else str(error)
        raise ApiError(400, "invalid_json", f"the request body must be JSON: {what}", details=str(error)) from error
    return value


async def read_model(request: Request, model: type[Body]) -> Body:
    """The body as `model`; an empty one counts as `{}`. Raises `ApiError`."""
    body = await request.body()
    return as_model(parse_json(body) if body.strip() else {}, model)


def as_model(value: JsonValue, model: type[Body]) -> Body:
    """A parsed body as `model`. Raises `ApiError` that names every field that does not fit."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        problems = "; ".join(_sentence(problem["loc"], problem["msg"]) for problem in error.errors())
        raise ApiError(400, "bad_request", f"the request body does not fit: {problems}", details=problems) from error


def _sentence(location: tuple[int | str, ...], message: str) -> str:
    where = ".".join(str(part) for part in location)
    return f"{where}: {message}" if where else message
