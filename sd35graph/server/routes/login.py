"""`/login` and `/logout`: a page that turns a token into a cookie. It works without scripts."""

from __future__ import annotations

from html import escape
from pathlib import Path
from string import Template
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from sd35graph.server.guards.access import TooManyAttempts
from sd35graph.server.guards.authentication import client_address, forget_cookie, set_cookie, too_many_attempts
from sd35graph.server.guards.roles import ANONYMOUS, Caller, User
from sd35graph.server.pages import page
from sd35graph.server.parts import Parts

router = APIRouter(include_in_schema=False)

_PAGE = Path(__file__).parents[1] / "login.html"
_MAX_FORM_BYTES = 4096
_FORM = """<p class="quiet">This server is not open to everybody. Who runs it can give you a token.</p>
$notice<form method="post" action="/login">
<input type="hidden" name="next" value="$next">
<label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<button>Log in</button>
</form>"""
_ENDED = """<p role="status">Your login has ended. What you changed in the editor is kept in this browser and comes back
once you have logged in.</p>
"""
_INSIDE = """<p>You are logged in as <strong>$name</strong>, in the role “$role”. <a href="/">To the editor</a></p>
<form method="post" action="/logout"><button>Log out</button></form>"""
_OPEN = '<p>This server is only for its own machine and needs no token. <a href="/">To the editor</a></p>'


@router.get("/login")
async def login_page(request: Request, user: Caller) -> Response:
    """The form, or for one who is logged in the way out."""
    notice = _ENDED if "ended" in request.query_params else ""
    return _answer(user, _inside(request.query_params.get("next", "/")), notice)


@router.post("/login")
async def log_in(request: Request, parts: Parts) -> Response:
    """Take a token from the form; if it is right, keep it in a cookie and go on to where one wanted to go."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _MAX_FORM_BYTES:
            return _answer(ANONYMOUS, "/", _error("That is no token."), 413)
    form = parse_qs(body.decode("utf-8", "replace"), max_num_fields=8)
    secret, wanted = form.get("token", [""])[0].strip(), _inside(form.get("next", ["/"])[0])
    try:
        user = parts.access.user_of(secret, client_address(request.scope))
    except TooManyAttempts as error:
        answer = _answer(ANONYMOUS, wanted, _error(f"{str(error).capitalize()}."), 429)
        answer.headers.update(too_many_attempts(error).headers)
        return answer
    if user is None:
        return _answer(ANONYMOUS, wanted, _error("This token is wrong, was revoked or has expired."), 401)
    welcome = RedirectResponse(wanted, 303)
    set_cookie(welcome, secret, request.scope, request.headers)
    return welcome


@router.post("/logout")
async def log_out() -> Response:
    """Have the browser forget its token."""
    answer = RedirectResponse("/login", 303)
    forget_cookie(answer)
    return answer


def _error(sentence: str) -> str:
    return f'<p class="error" role="alert">{escape(sentence)}</p>\n'


def _answer(user: User, wanted: str, notice: str = "", status: int = 200) -> Response:
    if user.role is None:
        content = Template(_FORM).substitute(notice=notice, next=escape(wanted))
    elif user.name is None:
        content = _OPEN
    else:
        content = Template(_INSIDE).substitute(name=escape(user.name), role=user.role)
    html = Template(_PAGE.read_text(encoding="utf-8")).substitute(content=content)
    return page(html, status)


def _inside(address: str) -> str:
    """The address if it stays on this server, else `/`: nobody is sent elsewhere after the login."""
    is_ours = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return address if is_ours else "/"
