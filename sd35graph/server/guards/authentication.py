"""Stands before the routes and finds out who makes a request; strangers only see the page to log in."""

from __future__ import annotations

from urllib.parse import parse_qsl, quote, urlencode

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.status import WS_1008_POLICY_VIOLATION
from starlette.types import ASGIApp, Receive, Scope, Send

from sd35graph.server.errors import ApiError
from sd35graph.server.guards.access import Access, TooManyAttempts
from sd35graph.server.guards.roles import ANONYMOUS, OPERATOR, PUBLIC_PATHS

COOKIE = "sd35graph_token"
_COOKIE_AGE_S = 30 * 24 * 3600


class Authentication:
    """ASGI middleware: puts the `User` into `scope["user"]` and the token shown into `scope["secret"]`, or refuses.

    A token is taken from the header `Authorization: Bearer …`, from the cookie, and from `?token=` on the socket and
    on the first page, which then answers with the cookie and its address without the token.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        if self._access.is_open:
            await self._app({**scope, "user": OPERATOR, "secret": None}, receive, send)
            return
        headers = Headers(scope=scope)
        in_address, query = _token_in_address(scope)
        secret = in_address or _bearer(headers) or _cookie(headers)
        try:
            user = self._access.user_of(secret, client_address(scope)) if secret else None
        except TooManyAttempts as error:
            await _refuse(too_many_attempts(error).response(scope["path"]), scope, receive, send)
            return
        scope = {**scope, "query_string": query, "user": user or ANONYMOUS, "secret": secret if user else None}
        if in_address and user and scope["type"] == "http":
            answer = RedirectResponse(f"/?{query.decode()}" if query else "/", 303)
            set_cookie(answer, in_address, scope, headers)
            await answer(scope, receive, send)
        elif user is None and (scope["type"] == "websocket" or scope["path"] not in PUBLIC_PATHS):
            await _refuse(_ask_for_login(scope, headers, secret), scope, receive, send)
        else:
            await self._app(scope, receive, send)


def client_address(scope: Scope) -> str:
    """The address a request comes from."""
    return str(scope["client"][0]) if scope.get("client") else "unknown"


def too_many_attempts(error: TooManyAttempts) -> ApiError:
    """The answer to one who guesses."""
    return ApiError(429, "too_many_attempts", str(error), headers={"retry-after": str(round(error.wait_s) + 1)})


def set_cookie(answer: Response, secret: str, scope: Scope, headers: Headers) -> None:
    """Have the browser show the token from now on: to nobody else, and no script can read it."""
    is_secure = "https" in (scope["scheme"], headers.get("origin", "").partition(":")[0])
    answer.set_cookie(COOKIE, secret, max_age=_COOKIE_AGE_S, httponly=True, samesite="strict", secure=is_secure)


def forget_cookie(answer: Response) -> None:
    """Have the browser forget the token."""
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")


def _ask_for_login(scope: Scope, headers: Headers, secret: str | None) -> Response:
    """401, or for a page the way to the login. A token that does not count any more is taken from the browser."""
    answer: Response
    if scope["type"] == "http" and scope["method"] == "GET" and "text/html" in headers.get("accept", ""):
        wanted = scope["path"] + (f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else "")
        answer = RedirectResponse("/login" if wanted == "/" else f"/login?next={quote(wanted, safe='')}", 303)
    else:
        what = "this token is wrong, was revoked or has expired" if secret else "this server needs a token"
        sentence = f'{what}; log in at /login, or send the header "Authorization: Bearer TOKEN"'
        answer = ApiError(401, "login_needed", sentence, headers={"www-authenticate": "Bearer"}).response(scope["path"])
    if _cookie(headers):
        forget_cookie(answer)
    return answer


async def _refuse(answer: Response, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": WS_1008_POLICY_VIOLATION, "reason": "this server needs a token"})
    else:
        await answer(scope, receive, send)


def _token_in_address(scope: Scope) -> tuple[str | None, bytes]:
    """(the token in the query, the query without it); only where one may stand."""
    query: bytes = scope["query_string"]
    if b"token=" not in query or not (scope["type"] == "websocket" or (scope["path"] == "/" and _is_get(scope))):
        return None, query
    fields = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    token = next((value for name, value in fields if name == "token"), None)
    return token, urlencode([(name, value) for name, value in fields if name != "token"]).encode()


def _is_get(scope: Scope) -> bool:
    return bool(scope["method"] == "GET")


def _bearer(headers: Headers) -> str | None:
    kind, _, secret = headers.get("authorization", "").partition(" ")
    return secret.strip() or None if kind.lower() == "bearer" else None


def _cookie(headers: Headers) -> str | None:
    for part in headers.get("cookie", "").split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            return value.strip('"') or None
    return None
