"""Pages of ours, and what a browser may do on each: nothing but what is in the page itself or comes from here."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode

from starlette.responses import HTMLResponse

POLICY = (
    "default-src 'self'; script-src 'self'{scripts}; style-src 'self'{styles}; img-src 'self' data: blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""Content-Security-Policy of our pages."""
STRICT_POLICY = POLICY.format(scripts="", styles="")
FRONT_END_POLICY = (
    "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; "
    "form-action 'self'; frame-ancestors 'none'"
)
"""That of another front end, which its operator has chosen to trust: it may make scripts, but reach no other site."""
FILE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; media-src 'self'; sandbox"
"""That of users' files: whatever they hold, no script of it runs, and it acts in nobody's name."""


def page(html: str, status: int = 200) -> HTMLResponse:
    """An answer with a page whose own scripts and styles are allowed, by their hashes, and no others."""
    policy = POLICY.format(scripts=_hashes(html, "script"), styles=_hashes(html, "style"))
    headers = {"content-security-policy": policy, "cache-control": "no-store"}
    return HTMLResponse(html, status, headers=headers)


def _hashes(html: str, tag: str) -> str:
    contents = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
    return "".join(f" 'sha256-{b64encode(hashlib.sha256(each.encode()).digest()).decode()}'" for each in contents)
