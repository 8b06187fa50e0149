"""Error answers, in one shape: `{"error": {type, message, details, extra_info}, "node_errors": {}}`.

Under `/v1` it is that of RFC 9457, `application/problem+json`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import JsonValue
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from sd35graph.engine.jobs import StoreError
from sd35graph.server.encoding import Json, dumps

logger = logging.getLogger(__name__)


class ApiError(Exception):
    """A request that cannot be answered: HTTP status, stable type, and a sentence with the way out."""

    def __init__(
        self,
        status: int,
        error_type: str,
        message: str,
        *,
        details: str = "",
        extra_info: Mapping[str, JsonValue] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.type = error_type
        self.message = message
        self.details = details
        self.extra_info = dict(extra_info or {})
        self.headers = dict(headers or {})

    def response(self, path: str) -> Response:
        """The error as an HTTP answer to a request for `path`."""
        if is_resource(path):
            return self._problem()
        error = {
            "type": self.type,
            "message": self.message,
            "details": self.details,
            "extra_info": self.extra_info,
        }
        return Json({"error": error, "node_errors": {}}, status_code=self.status, headers=self.headers)

    def _problem(self) -> Response:
        problem = {
            "type": f"urn:sd35graph:problem:{self.type}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.message,
            "code": self.type,
            **self.extra_info,
        }
        return Response(dumps(problem), self.status, self.headers, "application/problem+json")


def is_resource(path: str) -> bool:
    """Whether a path belongs to our own interface, `/v1`."""
    return path.removeprefix("/api").startswith("/v1/")


def install_error_handlers(api: FastAPI) -> None:
    """Make every error of `api` answer in our shape, whoever raised it."""
    api.add_exception_handler(ApiError, _answer_api_error)
    api.add_exception_handler(RequestValidationError, _answer_bad_parameters)
    api.add_exception_handler(HTTPException, _answer_http_exception)
    api.add_exception_handler(StoreError, _answer_store_error)
    api.add_exception_handler(ClientDisconnect, _answer_nobody)
    api.add_exception_handler(Exception, _answer_our_mistake)


async def _answer_api_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return error.response(request.url.path)


async def _answer_bad_parameters(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    problems = [f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}" for problem in error.errors()]
    return ApiError(400, "bad_request", "; ".join(problems)).response(request.url.path)


async def _answer_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    types = {404: "not_found", 405: "method_not_allowed"}
    sentences = {
        404: f"there is nothing at {request.url.path}; the routes are listed at /docs",
        405: f"{request.method} is not possible at {request.url.path}; the routes are listed at /docs",
    }
    message = sentences.get(error.status_code, str(error.detail))
    answer = ApiError(error.status_code, types.get(error.status_code, "bad_request"), message).response(
        request.url.path
    )
    answer.headers.update(error.headers or {})
    return answer


async def _answer_store_error(request: Request, error: Exception) -> Response:
    logger.error("job store refused", extra={"path": request.url.path, "reason": str(error)})
    return ApiError(503, "store_unavailable", str(error)).response(request.url.path)


async def _answer_nobody(request: Request, error: Exception) -> Response:
    """A client that went away before its request was whole reads no answer; that is no mistake of ours."""
    return ApiError(400, "body_incomplete", "the request ended before its body was whole").response(request.url.path)


async def _answer_our_mistake(request: Request, error: Exception) -> Response:
    logger.error("request failed", exc_info=error, extra={"path": request.url.path})
    sentence = "the server made a mistake; its log says where"
    return ApiError(500, "internal_error", sentence, details=type(error).__name__).response(request.url.path)
